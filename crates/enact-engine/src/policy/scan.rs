//! What is checked on a source before the parser sees it. regorus parses what stands inside of a bracket or brace twice (it
//! tries a comprehension first), so nesting costs 2 to the power of its depth: a hundred bytes could keep a core busy for
//! hours. The measure here is that cost, an upper bound of it, in one pass.

use enact_core::diagnostic::Diagnostic;

use super::limits::{MAX_NESTING, MAX_NESTING_COST};
use super::syntax::place_at;

/// Refuses a source that would take too long to parse.
///
/// # Errors
/// With the place where it gets too deep, or with the cost when it is spread over the file.
pub fn scan(path: &str, text: &str) -> Result<(), Diagnostic> {
    let mut scanner = Scanner::default();
    for (at, byte) in text.bytes().enumerate() {
        scanner.take(byte);
        if scanner.depth > MAX_NESTING {
            return Err(
                Diagnostic::error(format!("brackets are nested deeper than {MAX_NESTING}"))
                    .hint("move the inner part to a rule of its own, or to data.json")
                    .at(place_at(path, text, at)),
            );
        }
    }
    if scanner.cost > MAX_NESTING_COST {
        return Err(
            Diagnostic::error(format!("{path} is nested too deeply for its length"))
                .hint("move large literals to data.json"),
        );
    }
    Ok(())
}

#[derive(Default, PartialEq, Clone, Copy)]
enum Inside {
    #[default]
    Code,
    Text,
    Escape,
    RawText,
    Comment,
}

#[derive(Default)]
struct Scanner {
    inside: Inside,
    depth: u32,
    cost: u64,
}

impl Scanner {
    fn take(&mut self, byte: u8) {
        self.inside = match (self.inside, byte) {
            (Inside::Code, b'"') => Inside::Text,
            (Inside::Code, b'`') => Inside::RawText,
            (Inside::Code, b'#') => Inside::Comment,
            (Inside::Text, b'\\') => Inside::Escape,
            // A text cannot span lines; the parser will say so.
            (Inside::Text, b'"' | b'\n') | (Inside::RawText, b'`') | (Inside::Comment, b'\n') => Inside::Code,
            (Inside::Escape, _) => Inside::Text,
            (inside, _) => inside,
        };
        if self.inside == Inside::Code {
            match byte {
                b'[' | b'{' => self.depth += 1,
                b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        // Long texts and comments are read again as well.
        self.cost = self.cost.saturating_add(1 << self.depth.min(32));
    }
}
