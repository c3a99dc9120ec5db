//! Where things stand: offsets of the file to lines and columns, and stretches of it that are YAML.

use std::ops::Range;

use enact_core::yaml::Span;

/// The lines of a file, counted as the YAML scanner counts them.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (index, byte) in bytes.iter().enumerate() {
            let lone = *byte == b'\r' && bytes.get(index + 1) != Some(&b'\n');
            if *byte == b'\n' || lone {
                starts.push(index + 1);
            }
        }
        Self { text, starts }
    }

    /// A stretch of the file.
    pub(crate) fn slice(&self, range: &Range<usize>) -> &'t str {
        self.text.get(range.clone()).unwrap_or("")
    }

    /// The span of a stretch; one of several lines ends with its first.
    pub(crate) fn span(&self, range: &Range<usize>) -> Span {
        let line = self.line(range.start);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let before = self.slice(&(start..range.start.max(start))).chars().count();
        let stretch = self.slice(range).trim_end();
        Span {
            line: count(line + 1),
            column: count(before + 1),
            length: if stretch.contains(['\n', '\r']) {
                0
            } else {
                count(stretch.chars().count())
            },
        }
    }

    /// The index of the line of an offset.
    fn line(&self, offset: usize) -> usize {
        self.starts
            .partition_point(|start| *start <= offset)
            .saturating_sub(1)
    }

    /// The offset of a place.
    pub(crate) fn offset(&self, line: u32, column: u32) -> Option<usize> {
        let start = *self.starts.get(line.checked_sub(1)? as usize)?;
        let tail = self.text.get(start..)?;
        let skipped: usize = tail
            .chars()
            .take(column.saturating_sub(1) as usize)
            .map(char::len_utf8)
            .sum();
        Some(start + skipped)
    }

    /// Where the line of an offset ends, its line break left out.
    pub(crate) fn end_of_line(&self, offset: usize) -> usize {
        let tail = self.text.get(offset..).unwrap_or("");
        offset + tail.find(['\n', '\r']).unwrap_or(tail.len())
    }

    /// Where the lines of a stretch begin.
    fn starts_within(&self, range: &Range<usize>) -> Vec<usize> {
        let inner = self.starts.iter().copied();
        let inner = inner.filter(|start| *start > range.start && *start < range.end);
        std::iter::once(range.start).chain(inner).collect()
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Text from the file, maybe with the marks of lists and quotes taken off its lines, that knows where each line was.
#[derive(Debug, Clone, Default)]
pub(super) struct Fragment {
    pub(super) text: String,
    offsets: Vec<usize>,
}

impl Fragment {
    /// A stretch as it is.
    pub(super) fn of(lines: &Lines<'_>, range: &Range<usize>) -> Self {
        Self {
            text: lines.slice(range).to_owned(),
            offsets: lines.starts_within(range),
        }
    }

    /// Appends a piece that stands at `range` of the file.
    pub(super) fn push(&mut self, piece: &str, range: &Range<usize>) {
        let exact = piece.len() == range.len();
        let mut at = range.start;
        for part in piece.split_inclusive('\n') {
            if self.text.is_empty() || self.text.ends_with('\n') {
                self.offsets.push(at);
            }
            self.text.push_str(part);
            if exact {
                at += part.len();
            }
        }
    }

    /// A place in the text, as a place in the file.
    pub(super) fn moved(&self, lines: &Lines<'_>, span: Span) -> Span {
        let index = span.line.saturating_sub(1) as usize;
        let offset = self.offsets.get(index).or(self.offsets.last()).copied();
        let at = offset.unwrap_or(0);
        let start = lines.span(&(at..at));
        Span {
            line: start.line,
            column: start.column.saturating_add(span.column.saturating_sub(1)),
            length: span.length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_lines_and_columns_in_characters() {
        let lines = Lines::new("é b\r\nc\rd\n");
        let span = |range| {
            let span = lines.span(&range);
            (span.line, span.column, span.length)
        };
        assert_eq!(span(3..4), (1, 3, 1));
        assert_eq!(span(6..7), (2, 1, 1));
        assert_eq!(span(8..9), (3, 1, 1));
        assert_eq!(span(0..9), (1, 1, 0));
        assert_eq!(lines.offset(1, 3), Some(3));
        assert_eq!(lines.offset(3, 1), Some(8));
        assert_eq!(lines.offset(9, 1), None);
    }

    #[test]
    fn a_fragment_knows_where_its_lines_were() {
        let text = "- ```\n  a: 1\n  b: 2\n  ```\n";
        let lines = Lines::new(text);
        let mut fragment = Fragment::default();
        fragment.push("a: 1\n", &(8..13));
        fragment.push("b: 2\n", &(15..20));
        let span = Span {
            line: 2,
            column: 4,
            length: 1,
        };
        let moved = fragment.moved(&lines, span);
        assert_eq!((moved.line, moved.column), (3, 6));
    }
}
