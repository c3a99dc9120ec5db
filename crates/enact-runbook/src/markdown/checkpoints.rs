//! Checkpoints that are not written as one. A safeguard does not vanish: a heading, a label or an item that begins like one is asked about.

use std::ops::Range;

use super::Translation;
use super::blocks::{Block, Content, Line};
use super::sections::{Region, Section, opening};
use super::steps::checkpoint;
use super::titles::lower;

impl Translation<'_> {
    /// Asks about each checkpoint at which nobody would be asked: one that is not written as one, and one that is not in a step.
    pub(super) fn checkpoints(&mut self, regions: &[Region<'_>]) {
        // A transcript tells of checkpoints that were.
        let regions = regions
            .iter()
            .filter(|region| region.section != Section::Transcript);
        for region in regions {
            let blocks = region.heading.into_iter().chain(region.blocks.iter().copied());
            blocks.for_each(|block| self.stray_checkpoints(std::slice::from_ref(block)));
            let begins = |block: &&&Block| opening(block, "step").is_some();
            let outside = if region.section == Section::Task {
                0
            } else if region.section == Section::Steps {
                region.blocks.iter().take_while(|block| !begins(block)).count()
            } else {
                region.blocks.len()
            };
            for block in region.blocks.iter().take(outside) {
                if let Content::Quote(inner) = &block.content
                    && checkpoint(inner).is_some()
                {
                    self.nobody_asked(&block.range);
                }
            }
        }
    }

    fn nobody_asked(&mut self, at: &Range<usize>) {
        let what = "as it stands nobody would be asked at this checkpoint";
        let hint = "write it as a quote in the step: `> Checkpoint: what to confirm`";
        self.ambiguous(at, what, hint);
    }

    /// Asks about everything in these blocks that begins like a checkpoint and is none.
    fn stray_checkpoints(&mut self, blocks: &[Block]) {
        for block in blocks {
            match &block.content {
                Content::Heading(_, lines) | Content::Paragraph(lines) => self.stray_lines(lines),
                Content::List(items) => {
                    for item in items {
                        self.stray_checkpoints(&item.blocks);
                    }
                }
                Content::Quote(inner) if checkpoint(inner).is_none() => self.stray_checkpoints(inner),
                Content::Quote(_) | Content::Fence(_) | Content::Html | Content::Rule => {}
            }
        }
    }

    fn stray_lines(&mut self, lines: &[Line]) {
        for line in lines.iter().filter(|line| begins_like_one(&line.text)) {
            self.nobody_asked(&line.range);
        }
    }
}

/// `Checkpoint`, `**Checkpoint:** Dana confirms`, `Human checkpoint - look at it`; not `Checkpoint files are kept`.
fn begins_like_one(text: &str) -> bool {
    let text = lower(text);
    let whose = ["human ", "manual ", "approval "];
    let text = whose
        .iter()
        .find_map(|word| text.strip_prefix(word))
        .unwrap_or(&text);
    let Some(rest) = text.strip_prefix("checkpoint") else {
        return false;
    };
    let rest = rest.trim_matches(['*', '_', ' ']);
    rest.is_empty() || rest.starts_with([':', '-', '–', '—', '('])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_told_from_what_is_called_so() {
        for text in [
            "Checkpoint",
            "## Checkpoint: Dana looks",
            "**Checkpoint:** Dana confirms before this task.",
            "⏸️ CHECKPOINT",
            "Human checkpoint: look",
            "Checkpoint — look",
        ] {
            assert!(begins_like_one(text), "{text}");
        }
        for text in [
            "Checkpoint files are kept",
            "Checkpoints",
            "Write the checkpoint: x",
            "",
        ] {
            assert!(!begins_like_one(text), "{text}");
        }
    }
}
