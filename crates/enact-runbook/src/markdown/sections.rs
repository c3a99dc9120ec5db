//! The parts of a plan: which heading begins what.

use std::ops::Range;

use super::blocks::{Block, Line, extent, joined};
use super::outline;

/// A shape of plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Ours: front matter and sections.
    A,
    /// Phases, with steps that are only described.
    B,
    /// An implementation plan of tasks.
    C,
}

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Requirements,
    Questions,
    Assumptions,
    Steps,
    Acceptance,
    Rollback,
    Verification,
    /// `User Approval Requested`.
    Approval,
    /// `Phase 2: EXECUTE ALL`: what somebody says was done.
    Transcript,
    /// `Phase 3: VERIFY`.
    Verify,
    /// `Task 1: …`.
    Task,
    /// Everything else.
    Prose,
}

/// The level of a step whose title is a line in bold: deeper than any heading.
pub(super) const BOLD: usize = 7;

/// A part of a plan.
#[derive(Debug)]
pub(super) struct Region<'b> {
    pub(super) section: Section,
    pub(super) heading: Option<&'b Block>,
    pub(super) level: usize,
    /// For tasks and steps: the heading above them below which nothing is run in any case.
    pub(super) below: Option<String>,
    pub(super) blocks: Vec<&'b Block>,
}

impl Region<'_> {
    /// Where its heading stands, or its first block.
    pub(super) fn start(&self) -> Range<usize> {
        let first = self.heading.or_else(|| self.blocks.first().copied());
        match first {
            Some(block) => {
                let lines = block.heading().map(|(_, lines)| lines).or(block.paragraph());
                extent(lines.unwrap_or(&[]), &block.range)
            }
            None => 0..0,
        }
    }

    /// All of it.
    pub(super) fn range(&self) -> Range<usize> {
        let start = self.start();
        let end = self.blocks.last().map_or(start.end, |block| block.range.end);
        start.start..end.max(start.end)
    }
}

/// The section that a heading begins.
fn section(title: &str) -> Option<Section> {
    let title = title.trim_matches(['*', ' ', ':', '#']).to_ascii_lowercase();
    let known = TITLES.iter().find(|(known, _)| *known == title);
    known.map(|(_, section)| *section)
}

/// The headings that begin a section, in small letters.
pub(super) const TITLES: [(&str, Section); 10] = [
    ("requirements", Section::Requirements),
    ("requirements gathered", Section::Requirements),
    ("questions", Section::Questions),
    ("assumptions", Section::Assumptions),
    ("steps", Section::Steps),
    ("execution plan", Section::Steps),
    ("acceptance criteria", Section::Acceptance),
    ("rollback", Section::Rollback),
    ("verification", Section::Verification),
    ("user approval requested", Section::Approval),
];

/// Is it a heading of one of the three phases?
pub(super) fn is_phase(title: &str) -> bool {
    phase(title).is_some()
}

/// A heading of the three phases: its number.
fn phase(title: &str) -> Option<Section> {
    let title = title.trim_matches(['*', ' ']).to_ascii_lowercase();
    let (number, name) = title.strip_prefix("phase ")?.split_once([':', ' '])?;
    let name = name.trim();
    match number.trim() {
        "1" if name.starts_with("plan") => Some(Section::Prose),
        "2" if name.starts_with("execut") => Some(Section::Transcript),
        "3" if name.starts_with("verif") => Some(Section::Verify),
        _ => None,
    }
}

/// `Step 3: Title` taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbered<'l> {
    /// The number, when it is a whole one.
    pub(super) number: Option<usize>,
    pub(super) title: &'l str,
    /// Where the title begins, in bytes from the start of the line.
    pub(super) offset: usize,
    /// Does more stand behind a title in bold: `**Step 1: Title** (10 min)`?
    pub(super) behind: bool,
}

/// Reads `WORD N: Title`, with any separator.
pub(super) fn numbered<'l>(text: &'l str, word: &str) -> Option<Numbered<'l>> {
    let inner = text.trim_start_matches(['*', ' ']);
    let head = inner
        .get(..word.len())
        .filter(|head| head.eq_ignore_ascii_case(word))?;
    let rest = inner.get(head.len()..)?;
    let number_at = rest.trim_start();
    if number_at.len() == rest.len() {
        return None;
    }
    let number_at = number_at.trim_start_matches('#');
    let length = number_at
        .find(|next: char| !(next.is_ascii_alphanumeric() || next == '.'))
        .unwrap_or(number_at.len());
    let number = number_at.get(..length)?.trim_end_matches('.');
    if !number.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let after = number_at.get(length..)?;
    let title = after.trim_start_matches([':', '.', ')', '-', '–', '—', '*', ' ']);
    let offset = text.len() - title.len();
    let (title, behind) = match title.split_once("**") {
        Some((bold, rest)) if text.trim_start().starts_with("**") && !bold.is_empty() => {
            (bold, !rest.trim_matches(['*', ' ', ':', '.']).is_empty())
        }
        Some(_) | None => (title, false),
    };
    let title = title.trim_end_matches(['*', ' ']);
    let whole = text.trim_matches(['*', ' ', ':']);
    Some(Numbered {
        number: number.parse().ok(),
        behind: behind && !title.is_empty(),
        title: if title.is_empty() { whole } else { title },
        offset: if title.is_empty() {
            text.len() - inner.len()
        } else {
            offset
        },
    })
}

/// The text of a heading.
pub(super) fn heading(block: &Block) -> Option<(usize, String)> {
    block.heading().map(|(level, lines)| (level, joined(lines)))
}

/// A step or task begins with a heading, or with a line in bold.
pub(super) fn opening<'b>(block: &'b Block, word: &str) -> Option<(&'b Line, Numbered<'b>)> {
    let heading = block.heading().and_then(|(_, lines)| lines.first());
    let bold = || {
        block
            .paragraph()?
            .first()
            .filter(|line| line.bold_start().is_some())
    };
    let line = heading.or_else(bold)?;
    Some((line, numbered(&line.text, word)?))
}

/// Which shape a plan has; `None` when it is none at all.
pub(super) fn dialect(blocks: &[Block], front_matter: bool) -> Option<Dialect> {
    let titles: Vec<String> = blocks
        .iter()
        .filter_map(heading)
        .map(|(_, title)| title)
        .collect();
    let gathered = |title: &String| title.trim().eq_ignore_ascii_case("requirements gathered");
    if titles
        .iter()
        .any(|title| phase(title).is_some() || gathered(title))
    {
        return Some(Dialect::B);
    }
    if titles.iter().any(|title| section(title) == Some(Section::Steps)) {
        return Some(Dialect::A);
    }
    if titles.iter().any(|title| numbered(title, "task").is_some()) {
        return Some(Dialect::C);
    }
    front_matter.then_some(Dialect::A)
}

/// A plan as its parts, in order.
pub(super) fn split(blocks: &[Block], dialect: Option<Dialect>) -> Vec<Region<'_>> {
    let mut regions = vec![Region {
        section: Section::Prose,
        heading: None,
        level: 0,
        below: None,
        blocks: Vec::new(),
    }];
    for block in blocks {
        let next = heading(block).and_then(|(level, title)| {
            let current = regions.last()?;
            Some((begins(current, level, &title, dialect)?, level))
        });
        match (next, regions.last_mut()) {
            (Some((section, level)), _) => regions.push(Region {
                section,
                heading: Some(block),
                level,
                below: None,
                blocks: Vec::new(),
            }),
            (None, Some(current)) => current.blocks.push(block),
            (None, None) => {}
        }
    }
    outline::mark(&mut regions);
    regions
}

/// The part that a heading begins; `None` when it belongs to the current one.
fn begins(current: &Region<'_>, level: usize, title: &str, dialect: Option<Dialect>) -> Option<Section> {
    let deeper = level > current.level && current.heading.is_some();
    if dialect == Some(Dialect::B)
        && let Some(section) = phase(title)
    {
        return Some(section);
    }
    if current.section == Section::Transcript && deeper {
        return None;
    }
    if dialect == Some(Dialect::C) {
        if numbered(title, "task").is_some() {
            return Some(Section::Task);
        }
        // Where tasks are at the first level, sections are below it.
        let is_section = current.level == 1 && level == 2 && section(title).is_some();
        if current.section == Section::Task && deeper && !is_section {
            return None;
        }
    }
    if current.section == Section::Steps && numbered(title, "step").is_some() {
        return None;
    }
    match section(title) {
        Some(section) => Some(section),
        None if deeper && current.section != Section::Prose => None,
        None => Some(Section::Prose),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_titles_are_told_apart() {
        for (text, number, title) in [
            ("Step 1: Set up", Some(1), "Set up"),
            ("**STEP 2** - Go on", Some(2), "Go on"),
            ("Step 3. Stop", Some(3), "Stop"),
            ("Step 1.2: Half", None, "Half"),
            ("Step 4", Some(4), "Step 4"),
            ("**Step 5:** Bold number", Some(5), "Bold number"),
            ("**Step 6: Backup** (10 min)", Some(6), "Backup"),
            ("Step #8: Stop", Some(8), "Stop"),
            ("Step 7: Mind **this** word", Some(7), "Mind **this** word"),
        ] {
            let found = numbered(text, "step").unwrap();
            assert_eq!((found.number, found.title), (number, title), "{text}");
            assert_eq!(
                &text[found.offset..found.offset + found.title.len()],
                found.title,
                "{text}"
            );
        }
        for text in [
            "Steps",
            "Stepping 1: x",
            "Step one: x",
            "step",
            "Étape 1: x",
            "Step 日: x",
        ] {
            assert_eq!(numbered(text, "step"), None, "{text}");
        }
    }
}
