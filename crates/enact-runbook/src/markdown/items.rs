//! What is asked about entries that a list gives: whether they count, or what stands below them is to be run.

use super::Translation;
use super::blocks::{Block, Content, Item, extent, joined};
use super::sentences;
use super::titles::{is_doubtful_section, mark_behind};

impl Translation<'_> {
    /// A heading within a list of entries tells apart what the plan does not: below it everything counts, or it must not stand there.
    pub(super) fn heading_within(&mut self, block: &Block, key: &str) {
        let Some((_, lines)) = block.heading() else {
            return;
        };
        let (title, at) = (joined(lines), extent(lines, &block.range));
        if is_doubtful_section(&title) || sentences::forbidden(&title).is_some() {
            let what = format!("do `{key}` below this heading count?");
            self.ambiguous(&at, what, "move what does not count out of this part of the plan");
        } else {
            let what =
                format!("this heading is not part of the plan: `{key}` below it count like all others");
            self.note(&at, what);
        }
    }

    /// Asks whether the block below an item is to be run that forbids it, or takes it back.
    pub(super) fn doubted_item(&mut self, item: &Item, text: &str) {
        let below = item.below().iter();
        let has_code = below
            .clone()
            .any(|block| matches!(block.content, Content::Fence(_)));
        let word = || sentences::forbidden(text).or_else(|| mark_behind(text));
        if let Some(word) = word().filter(|_| has_code) {
            let at = extent(item.lines(), &item.range);
            let what = format!("is this to be checked? The item says `{word}`");
            self.ambiguous(&at, what, "take the block or the words away");
        }
    }

    /// An entry that is struck through may be one that no longer holds.
    pub(super) fn struck_entry(&mut self, item: &Item) {
        if let Some(line) = item.lines().first().filter(|line| line.is_struck()) {
            let hint = "remove what is struck through, or the marks around it";
            let what = "is this part of the plan? It is struck through";
            self.ambiguous(&line.range, what, hint);
        }
    }

    /// Says that a tick counts for nothing.
    pub(super) fn ticked(&mut self, item: &Item) {
        if item.ticked == Some(true) {
            let at = extent(item.lines(), &item.range);
            self.note(&at, "this is ticked already; ticks count for nothing");
        }
    }
}
