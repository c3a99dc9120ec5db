//! Blocks of a Markdown file, each with the stretch of the file it stands at. `commonmark` reads them; what the text says is
//! decided elsewhere.
//!
//! Text is taken as it is written, marks included, so that nothing is lost; a line break within it is a blank.

use std::ops::Range;

use super::lines::Fragment;

/// A block.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) range: Range<usize>,
    pub(super) content: Content,
}

/// What a block is.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// `## Title`, with its level.
    Heading(usize, Vec<Line>),
    /// Lines of text.
    Paragraph(Vec<Line>),
    /// A list.
    List(Vec<Item>),
    /// Code.
    Fence(Fence),
    /// A block quote.
    Quote(Vec<Block>),
    /// Raw HTML.
    Html,
    /// A rule between parts.
    Rule,
}

impl Block {
    /// The lines of a paragraph.
    pub(super) fn paragraph(&self) -> Option<&[Line]> {
        if let Content::Paragraph(lines) = &self.content {
            return Some(lines);
        }
        None
    }

    /// The lines of a heading, with its level.
    pub(super) fn heading(&self) -> Option<(usize, &[Line])> {
        if let Content::Heading(level, lines) = &self.content {
            return Some((*level, lines));
        }
        None
    }
}

/// An item of a list.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) range: Range<usize>,
    /// For `- [ ]` and `- [x]`: is it ticked?
    pub(super) ticked: Option<bool>,
    pub(super) blocks: Vec<Block>,
}

/// A line of text.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pub(super) range: Range<usize>,
    pub(super) text: String,
    pub(super) parts: Vec<Part>,
}

/// A part of a line.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) mark: Mark,
    /// For code: what it says, without its marks.
    pub(super) text: String,
    pub(super) range: Range<usize>,
}

/// How a part is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Strong,
    Code,
    Html,
    /// Struck through.
    Struck,
    Other,
}

/// A block of code.
#[derive(Debug, Clone)]
pub(super) struct Fence {
    /// What stands behind the opening mark; `None`: it is code because it is indented.
    pub(super) info: Option<Range<usize>>,
    pub(super) code: Fragment,
    /// Is there a closing mark?
    pub(super) closed: bool,
}

/// `[label]: address "title"`: it is not shown.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub(super) range: Range<usize>,
    /// Does it lead nowhere, so that it only holds a text: `[//]: # (text)`?
    pub(super) comment: bool,
}

/// The blocks of a file, and what is nowhere to be seen in it.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) blocks: Vec<Block>,
    /// `[label]: …`, which nobody sees.
    pub(super) definitions: Vec<Definition>,
    /// Where lists and quotes nest too deep.
    pub(super) too_deep: Option<Range<usize>>,
}

impl Line {
    /// Bold text that the line begins with, without its marks, and the rest of the line.
    pub(super) fn bold_start(&self) -> Option<(&str, Range<usize>, &str)> {
        let part = self.parts.first().filter(|part| part.mark == Mark::Strong)?;
        if part.range.start != self.range.start {
            return None;
        }
        let rest = self.text.get(part.text.len()..).unwrap_or("").trim();
        let bold = part.text.get(2..part.text.len().saturating_sub(2))?;
        Some((bold.trim(), part.range.clone(), rest))
    }

    /// The first inline code.
    pub(super) fn code(&self) -> Option<&Part> {
        self.parts.iter().find(|part| part.mark == Mark::Code)
    }

    /// The first text that is struck through.
    pub(super) fn struck(&self) -> Option<&Part> {
        self.parts.iter().find(|part| part.mark == Mark::Struck)
    }

    /// Is nothing of the line left that is not struck through?
    pub(super) fn is_struck(&self) -> bool {
        let struck: Vec<_> = self
            .parts
            .iter()
            .filter(|part| part.mark == Mark::Struck)
            .collect();
        let left = self.text.char_indices().filter(|(at, _)| {
            let at = self.range.start + at;
            !struck.iter().any(|part| part.range.contains(&at))
        });
        !struck.is_empty() && left.into_iter().all(|(_, next)| !next.is_alphanumeric())
    }
}

/// Lines as one text.
pub(super) fn joined(lines: &[Line]) -> String {
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    texts.join(" ")
}

/// Where lines stand.
pub(super) fn extent(lines: &[Line], otherwise: &Range<usize>) -> Range<usize> {
    match (lines.first(), lines.last()) {
        (Some(first), Some(last)) => first.range.start..last.range.end,
        _ => otherwise.clone(),
    }
}

impl Item {
    /// The item's own text: its first paragraph.
    pub(super) fn lines(&self) -> &[Line] {
        self.blocks.first().and_then(Block::paragraph).unwrap_or(&[])
    }

    /// What stands below its own text.
    pub(super) fn below(&self) -> &[Block] {
        let own = usize::from(!self.lines().is_empty());
        self.blocks.get(own..).unwrap_or(&[])
    }
}
