//! Places in a text, and how a text is shown in a message.

/// Most characters of a source line that a fault shows.
const EXCERPT_CHARACTERS: usize = 200;

/// A stretch of text in a file that the context knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Characters; 0 means "to the end of the line".
    pub length: u32,
}

/// A line as a fault shows it.
pub fn excerpt(line: &str) -> String {
    line.chars().take(EXCERPT_CHARACTERS).collect()
}

/// The lines as the YAML scanner counts them: `\n`, `\r\n` and a lone `\r` each end one.
pub fn split_lines(body: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = body;
    while let Some(end) = rest.find(['\n', '\r']) {
        let (line, tail) = rest.split_at(end);
        lines.push(line);
        rest = tail.strip_prefix("\r\n").or_else(|| tail.get(1..)).unwrap_or("");
    }
    lines.push(rest);
    lines
}

/// A value cut for a message, quoted as code.
pub fn shown(text: &str) -> String {
    let mut cut: String = text
        .chars()
        .take(60)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    if text.chars().nth(60).is_some() {
        cut.push('…');
    }
    format!("`{cut}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_the_way_the_scanner_counts_them() {
        assert_eq!(split_lines("a\r\nb\nc\rd"), ["a", "b", "c", "d"]);
        assert_eq!(split_lines(""), [""]);
    }

    #[test]
    fn long_and_odd_values_are_cut_for_messages() {
        assert_eq!(shown("a\nb"), "`a b`");
        assert_eq!(shown(&"x".repeat(61)), format!("`{}…`", "x".repeat(60)));
    }
}
