//! Parts of a plan that look like tasks, steps or commands and are called otherwise: what stands below them would not be run, and
//! the tasks around them would.

use super::Translation;
use super::blocks::{Block, Content, Item, Line, extent, joined};
use super::expected::labelled;
use super::info::SHELLS;
use super::prose::leads;
use super::sections::{Region, Section, opening};
use super::titles::{bare, is_doubtful_section, lower};

impl Translation<'_> {
    /// Asks about each part among the tasks, or behind the steps, that is none of them and would do something.
    pub(super) fn stray_tasks(&mut self, regions: &[Region<'_>], begin: Section) {
        let first = regions.iter().position(|region| region.section == begin);
        let title = regions.iter().position(|region| region.heading.is_some());
        let mut within: Option<usize> = None;
        for (index, region) in regions.iter().enumerate() {
            if within.is_some_and(|level| region.level <= level) {
                within = None;
            }
            // What the plan as a whole is called is no part of it.
            let is_part = region.section == Section::Prose && title != Some(index);
            let (Some((_, lines)), true) = (region.heading.and_then(Block::heading), is_part) else {
                continue;
            };
            let leads = leads(regions, index);
            let is_among = first.is_some_and(|first| first < index) && within.is_none();
            // Blocks in front of the first task are what is there before: `Prerequisites`.
            let acts = (is_among && self.acts(region)) || (leads && has_run(region));
            // A step that is cut off is asked about as one.
            let is_step = region
                .heading
                .is_some_and(|heading| opening(heading, "step").is_some());
            if begin == Section::Steps && is_step {
                continue;
            }
            let called = begin == Section::Task && is_called_so(&joined(lines));
            if called || acts {
                let noun = if begin == Section::Task { "task" } else { "step" };
                self.stray_task(noun, lines);
            }
            // What stands below a part that is for readers is for readers.
            if is_for_readers(&joined(lines)) {
                within = within.or(Some(region.level));
            }
        }
    }

    /// Asks about each step that stands in no section of steps, in a plan that has such a section.
    pub(super) fn stray_steps(&mut self, regions: &[Region<'_>]) {
        for region in regions.iter().filter(|region| region.section == Section::Prose) {
            let blocks = region.heading.into_iter().chain(region.blocks.iter().copied());
            let steps = blocks.filter_map(|block| opening(block, "step"));
            for (line, _) in steps.collect::<Vec<_>>() {
                let what = format!(
                    "is this a step? What stands below `{}` would not be run",
                    bare(&line.text)
                );
                let hint = "put it below the heading of the steps, which no other heading of its level may interrupt";
                self.ambiguous(&line.range, what, hint);
            }
        }
    }

    /// Asks about `Run:` lines where commands stand in blocks: below an assumption or a criterion, and under `Verification`.
    pub(super) fn stray_commands(&mut self, regions: &[Region<'_>]) {
        let sections = [
            Section::Requirements,
            Section::Questions,
            Section::Assumptions,
            Section::Acceptance,
            Section::Rollback,
            Section::Verification,
        ];
        for region in regions.iter().filter(|region| sections.contains(&region.section)) {
            for block in &region.blocks {
                self.stray_command(block);
            }
        }
    }

    fn stray_command(&mut self, block: &Block) {
        match &block.content {
            Content::Paragraph(lines) => {
                for line in lines.iter().filter(|line| is_run(line)) {
                    let hint = "write the command in a block of `bash` below the item that it checks; tests stand under `Verification` as `- tests: `command``";
                    self.ambiguous(
                        &line.range,
                        "is this to be run? Nothing here runs a `Run:` line",
                        hint,
                    );
                }
            }
            // The text of an item is its own.
            Content::List(items) => items
                .iter()
                .flat_map(Item::below)
                .for_each(|block| self.stray_command(block)),
            Content::Quote(_) | Content::Heading(..) | Content::Fence(_) | Content::Html | Content::Rule => {}
        }
    }

    /// Would something of it be run, if it were a task?
    fn acts(&self, region: &Region<'_>) -> bool {
        let title = region.heading.and_then(Block::heading);
        let is_for_readers = title.is_some_and(|(_, title)| is_for_readers(&joined(title)));
        !is_for_readers && region.blocks.iter().any(|block| self.is_command(block))
    }

    fn is_command(&self, block: &Block) -> bool {
        match &block.content {
            Content::Fence(fence) => SHELLS.contains(&self.language(fence).as_str()),
            Content::Paragraph(lines) => lines.iter().any(is_run),
            Content::List(items) => {
                let mut blocks = items.iter().flat_map(|item| &item.blocks);
                blocks.any(|block| self.is_command(block))
            }
            Content::Heading(..) | Content::Quote(_) | Content::Html | Content::Rule => false,
        }
    }

    fn stray_task(&mut self, noun: &str, title: &[Line]) {
        let what = format!(
            "is this a {noun}? What stands below `{}` would not be run",
            bare(&joined(title))
        );
        let hint = if noun == "task" {
            "call it `Task N: …` with the number of its place; or move it in front of the first task, or out of the plan"
        } else {
            "call it `Step N: …` and put it into the section of the steps; or move it out of the plan, or call it `Notes`"
        };
        self.ambiguous(&extent(title, &(0..0)), what, hint);
    }
}

/// Is a part only read, by its title?
fn is_for_readers(title: &str) -> bool {
    const READ: [&str; 11] = [
        "notes",
        "background",
        "context",
        "references",
        "appendix",
        "faq",
        "glossary",
        "overview",
        "summary",
        "resources",
        "links",
    ];
    is_doubtful_section(title) || READ.contains(&lower(title).as_str())
}

fn is_run(line: &Line) -> bool {
    labelled(line, "run").is_some() && line.code().is_some()
}

fn has_run(region: &Region<'_>) -> bool {
    let mut lines = region
        .blocks
        .iter()
        .filter_map(|block| block.paragraph())
        .flatten();
    lines.any(is_run)
}

/// Is it called like a task, but not written like one: `Step 3: Tell people`, `[x] Task 3`?
fn is_called_so(title: &str) -> bool {
    let title = lower(title);
    let title = title.trim_start_matches(|next: char| !next.is_alphanumeric());
    let title = title.strip_prefix("x]").unwrap_or(title);
    let title = title.trim_start_matches(|next: char| !next.is_alphanumeric());
    let number = ["task", "step"].iter().find_map(|word| title.strip_prefix(word));
    let number = number.map(|rest| rest.trim_start_matches([' ', '#', '-', ':']));
    number.is_some_and(|number| number.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_like_a_task_is_told_from_what_is_about_one() {
        for title in [
            "Step 3: Tell people",
            "`Task 3`: x",
            "[x] Task 3: x",
            "✅ Task #4",
            "Task-5",
        ] {
            assert!(is_called_so(title), "{title}");
        }
        for title in [
            "Notes on Task 3",
            "Tasks",
            "Steps to take",
            "Migration",
            "Step by step",
        ] {
            assert!(!is_called_so(title), "{title}");
        }
    }
}
