//! Dialect A, ours: front matter holds what is not a step, headings begin the sections.

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::Body;

use super::Translation;
use super::blocks::{Block, Content, Item, Line, Mark, extent};
use super::sections::{Region, Section, heading};
use super::steps::Manner;
use crate::reading::Node;

impl Translation<'_> {
    pub(super) fn dialect_a(&mut self, regions: &[Region<'_>]) {
        self.own_title(regions);
        self.visible(regions);
        let undos = self.rollback_sections(regions);
        self.common_sections(regions);
        let manner = Manner {
            undos: &undos,
            assignee: None,
        };
        self.step_sections(regions, &manner);
        self.prose(regions, |_| false);
    }

    /// The steps of all sections that have some.
    pub(super) fn step_sections(&mut self, regions: &[Region<'_>], manner: &Manner<'_>) {
        for region in regions.iter().filter(|region| region.section == Section::Steps) {
            let steps = self.steps(region, manner);
            let start = region.start();
            if steps.is_empty() {
                self.note(
                    &start,
                    "no step is read here: each is a heading or a bold line of its own, `**Step 1: Title**`, with what it covers \
                     in a list below it; items of a list alone are no steps",
                );
            }
            let span = self.lines.span(&start);
            self.add("steps", &start, Node::new(span, Body::Sequence(steps)));
        }
    }

    /// The first heading is the title where front matter has none; a different one is noted.
    fn own_title(&mut self, regions: &[Region<'_>]) {
        let first = regions.iter().filter(|region| region.section == Section::Prose);
        let first = first.filter_map(|region| region.heading).next();
        let Some((block, (1, title))) = first.and_then(|block| Some((block, heading(block)?))) else {
            return;
        };
        let Content::Heading(_, lines) = &block.content else {
            return;
        };
        let at = extent(lines, &block.range);
        let own = self.entries.iter().find(|entry| entry.key == "title");
        match own.and_then(|entry| entry.value.text()).map(|own| own == title) {
            Some(true) => {}
            Some(false) => self.note(
                &at,
                "the plan's title is the one in the front matter, not this heading",
            ),
            None => {
                let node = self.text(&at, &title);
                self.add_missing("title", &at, node);
            }
        }
    }

    /// What nobody sees when the file is shown must not stand where something is executed.
    pub(super) fn visible(&mut self, regions: &[Region<'_>]) {
        let plain = [Section::Prose, Section::Transcript];
        for region in regions.iter().filter(|region| !plain.contains(&region.section)) {
            let range = region.range();
            // What an agent is told of a task is all of its text, so nothing of it may be out of sight.
            let whole = region.section == Section::Task;
            let hidden = self.definitions.iter();
            let hidden =
                hidden.filter(|found| range.contains(&found.range.start) && (whole || found.comment));
            let hidden: Vec<_> = hidden.map(|found| found.range.clone()).collect();
            for hidden in hidden {
                self.hidden_text(&hidden);
            }
            let headings = region.heading.into_iter();
            for block in headings.chain(region.blocks.iter().copied()) {
                self.visible_block(block);
            }
        }
    }

    fn visible_block(&mut self, block: &Block) {
        match &block.content {
            Content::Html if self.lines.slice(&block.range).contains("<!") => self.hidden_text(&block.range),
            Content::Html => self.ambiguous(
                &block.range,
                "HTML is not read, and may hide what it holds",
                "write it as Markdown, or move it out of this section",
            ),
            Content::Heading(_, lines) | Content::Paragraph(lines) => self.visible_lines(lines),
            Content::List(items) => items.iter().for_each(|item: &Item| {
                item.blocks.iter().for_each(|block| self.visible_block(block));
            }),
            Content::Quote(blocks) => blocks.iter().for_each(|block| self.visible_block(block)),
            Content::Fence(_) | Content::Rule => {}
        }
    }

    fn visible_lines(&mut self, lines: &[Line]) {
        for part in lines.iter().flat_map(|line| &line.parts) {
            let comment = part.text.starts_with("<!") || part.text.starts_with("<?");
            if part.mark == Mark::Html && comment {
                self.hidden_text(&part.range);
            }
            if part.mark == Mark::Html && strikes(&part.text) {
                let hint = "remove what is struck through, or mark it as Markdown does: `~~so~~`";
                self.ambiguous(&part.range, "HTML that strikes text through is not read", hint);
            }
        }
    }

    fn hidden_text(&mut self, at: &std::ops::Range<usize>) {
        let span = self.lines.span(at);
        let fault = Diagnostic::error("what stands here is not seen when the file is shown")
            .detail("what a reviewer sees must be what runs")
            .hint("remove it, or write it as text");
        self.say(super::HIDDEN, span, fault);
    }
}

/// `<del>`, `<s class="x">`.
fn strikes(tag: &str) -> bool {
    let name = tag.trim_start_matches('<').to_ascii_lowercase();
    let name = name.split(|next: char| !next.is_ascii_alphanumeric()).next();
    name.is_some_and(|name| ["del", "s", "strike"].contains(&name))
}
