//! The source texts, places in them, and the faults found at those places.

use std::cell::OnceCell;
use std::path::PathBuf;

use enact_core::diagnostic::{Diagnostic, Place, Position, Severity};
pub(super) use enact_core::yaml::{Span, excerpt, shown, split_lines};

/// One input, read and known to be UTF-8.
#[derive(Debug)]
pub(super) struct Text {
    /// The file as the user named it, or `<stdin>`.
    pub(super) name: String,
    /// Its content without byte-order mark.
    pub(super) body: String,
    /// The directory that `!file` paths start from.
    pub(super) directory: PathBuf,
    /// The directory that `!file` must not leave.
    pub(super) base: PathBuf,
}

/// A stretch of text and its file, as an index into the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct At {
    pub(super) file: usize,
    pub(super) span: Span,
}

/// Collects faults with their places.
pub(super) struct Faults<'t> {
    texts: &'t [Text],
    lines: Vec<OnceCell<Vec<&'t str>>>,
    list: Vec<Diagnostic>,
}

impl<'t> Faults<'t> {
    /// A collector that starts with the faults found while reading.
    pub(super) fn new(texts: &'t [Text], list: Vec<Diagnostic>) -> Self {
        Self {
            texts,
            lines: texts.iter().map(|_| OnceCell::new()).collect(),
            list,
        }
    }

    /// Is there no fault yet?
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Records a fault at a place.
    pub(super) fn push(&mut self, at: At, fault: Diagnostic) {
        let place = self.place(at);
        self.list.push(fault.at(place));
    }

    /// Records a fault that has no place, or has one already.
    pub(super) fn push_bare(&mut self, fault: Diagnostic) {
        self.list.push(fault);
    }

    /// `file:line:column`, to name a second place inside a message.
    pub(super) fn locate(&self, at: At) -> String {
        let file = self.name(at.file);
        format!("{file}:{}:{}", at.span.line, at.span.column)
    }

    /// The place of something sound: without excerpt, which only faults need.
    pub(super) fn bare_place(&self, at: At) -> Place {
        Place {
            file: self.name(at.file).to_owned(),
            position: Some(Position {
                line: at.span.line,
                column: at.span.column,
            }),
            excerpt: String::new(),
            length: at.span.length.max(1),
        }
    }

    /// Every fault, sorted by file and position: the errors, then the warnings.
    pub(super) fn finish(mut self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        self.list.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        // What stands behind an anchor is checked wherever its alias is, and is wrong once.
        self.list.dedup();
        self.list
            .into_iter()
            .partition(|fault| fault.severity == Severity::Error)
    }

    fn name(&self, file: usize) -> &'t str {
        self.texts
            .get(file)
            .map_or("<unknown>", |text| text.name.as_str())
    }

    fn place(&self, at: At) -> Place {
        let line = self.line(at.file, at.span.line);
        let rest = line
            .chars()
            .count()
            .saturating_sub(at.span.column.saturating_sub(1) as usize);
        let rest = u32::try_from(rest).unwrap_or(u32::MAX).max(1);
        let length = match at.span.length {
            0 => rest,
            length => length.min(rest),
        };
        Place {
            excerpt: excerpt(line),
            length,
            ..self.bare_place(at)
        }
    }

    fn line(&self, file: usize, line: u32) -> &'t str {
        let (Some(text), Some(lines)) = (self.texts.get(file), self.lines.get(file)) else {
            return "";
        };
        let lines = lines.get_or_init(|| split_lines(&text.body));
        lines.get(line.saturating_sub(1) as usize).copied().unwrap_or("")
    }
}

fn sort_key(fault: &Diagnostic) -> (Option<(&str, Option<Position>)>, &str) {
    let place = fault
        .place
        .as_ref()
        .map(|place| (place.file.as_str(), place.position));
    (place, fault.summary.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_zero_reaches_to_the_end_of_the_line() {
        let texts = [Text {
            name: "a.yaml".into(),
            body: "ab\ncdé\n".into(),
            directory: PathBuf::new(),
            base: PathBuf::new(),
        }];
        let faults = Faults::new(&texts, Vec::new());
        let span = Span {
            line: 2,
            column: 2,
            length: 0,
        };
        let place = faults.place(At { file: 0, span });
        assert_eq!((place.excerpt.as_str(), place.length), ("cdé", 2));
    }
}
