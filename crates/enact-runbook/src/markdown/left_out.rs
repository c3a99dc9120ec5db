//! Parts of an implementation plan that look like tasks and are called otherwise: what stands below them would not be run, and
//! the tasks around them would.

use super::Translation;
use super::blocks::{Block, Content, Line, extent, joined};
use super::expected::labelled;
use super::info::SHELLS;
use super::prose::leads;
use super::sections::{Region, Section};
use super::titles::{bare, is_doubtful_section, lower};

impl Translation<'_> {
    /// Asks about each part among the tasks that is no task and would do something.
    pub(super) fn stray_tasks(&mut self, regions: &[Region<'_>]) {
        let first = regions.iter().position(|region| region.section == Section::Task);
        let mut within: Option<usize> = None;
        for (index, region) in regions.iter().enumerate() {
            if within.is_some_and(|level| region.level <= level) {
                within = None;
            }
            let is_apart = region.section == Section::Prose && region.level > 1 && !leads(regions, index);
            let (Some((_, title)), true) = (region.heading.and_then(Block::heading), is_apart) else {
                continue;
            };
            let is_among = first.is_some_and(|first| first < index) && within.is_none();
            if is_called_so(&joined(title)) || (is_among && self.acts(region)) {
                self.stray_task(title);
            }
            // What stands below a part that is for readers is for readers.
            within = within.or(Some(region.level));
        }
    }

    /// Would something of it be run, if it were a task?
    fn acts(&self, region: &Region<'_>) -> bool {
        let title = region.heading.and_then(Block::heading);
        let is_for_readers = title.is_some_and(|(_, title)| is_doubtful_section(&joined(title)));
        !is_for_readers && region.blocks.iter().any(|block| self.is_command(block))
    }

    fn is_command(&self, block: &Block) -> bool {
        let is_run = |line: &Line| labelled(line, "run").is_some() && line.code().is_some();
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

    fn stray_task(&mut self, title: &[Line]) {
        let what = format!(
            "is this a task? What stands below `{}` would not be run",
            bare(&joined(title))
        );
        let hint = "call it `Task N: …` with the number of its place; or move it in front of the first task, or out of the plan";
        self.ambiguous(&extent(title, &(0..0)), what, hint);
    }
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
