//! What is checked on a source before the parser sees it. regorus parses what stands inside of a bracket or brace twice (it
//! tries a comprehension first), so nesting costs 2 to the power of its depth: a hundred bytes could keep a core busy for
//! hours. The measure here is that cost, an upper bound of it, in one pass. Two more things that only the engine's lexer can do:
//! it takes a NUL for the end of the file, which would hide the rules below, and looks behind every `set(` for the next one.

use enact_core::diagnostic::Diagnostic;

use super::limits::{MAX_NESTING, MAX_NESTING_COST, MAX_SET_CHAIN};
use super::syntax::place_at;

/// Refuses a source that would take too long to parse.
///
/// # Errors
/// With the place where it gets too deep or holds a NUL, or with the cost when it is spread over the file.
pub fn scan(path: &str, text: &str) -> Result<(), Diagnostic> {
    let mut scanner = Scanner::default();
    for (at, byte) in text.bytes().enumerate() {
        if byte == 0 {
            return Err(Diagnostic::error(
                "there is a NUL byte in the source, and nothing behind it would be read",
            )
            .hint("remove it; in a text it is written \\u0000")
            .at(place_at(path, text, at)));
        }
        scanner.take(byte);
        if scanner.sets > MAX_SET_CHAIN {
            return Err(Diagnostic::error(format!(
                "`set(` stands inside of itself more than {MAX_SET_CHAIN} times"
            ))
            .hint("an empty set is written set()")
            .at(place_at(path, text, at)));
        }
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
    /// How much of `set(` was read: 0 to 3 letters.
    word: usize,
    /// How many `set(` follow each other, with nothing but space and comments between.
    sets: u32,
    /// Was the byte before a part of a name?
    in_name: bool,
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
            self.count_sets(byte);
            match byte {
                b'[' | b'{' => self.depth += 1,
                b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        // Long texts and comments are read again as well.
        self.cost = self.cost.saturating_add(1 << self.depth.min(32));
    }

    fn count_sets(&mut self, byte: u8) {
        let is_name = byte.is_ascii_alphanumeric() || byte == b'_';
        match byte {
            b's' if self.word == 0 && !self.in_name => self.word = 1,
            b'e' if self.word == 1 => self.word = 2,
            b't' if self.word == 2 => self.word = 3,
            b'(' if self.word == 3 => {
                self.word = 0;
                self.sets += 1;
            }
            b' ' | b'\t' | b'\r' | b'\n' if self.word == 0 => {}
            _ => {
                self.word = 0;
                self.sets = 0;
            }
        }
        self.in_name = is_name;
    }
}
