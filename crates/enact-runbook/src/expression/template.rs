//! Text with `${{ … }}` in it, taken apart.

use super::Fault;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Text(String),
    /// What stands between `${{` and `}}`, and where that begins (in characters from the start of the text).
    Expression {
        /// The expression as it is written.
        source: String,
        /// Where it begins.
        at: usize,
    },
}

/// Takes a text apart. Quotes inside an expression are respected: `${{ '}}' }}` is one expression.
///
/// # Errors
/// An expression without end; its place is where it begins in the text.
pub fn pieces(text: &str) -> Result<Vec<Piece>, Fault> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut at = 0;
    while let Some(start) = rest.find("${{") {
        let (before, tail) = rest.split_at(start);
        if !before.is_empty() {
            found.push(Piece::Text(before.to_owned()));
        }
        at += before.chars().count();
        let inside = tail.get(3..).unwrap_or("");
        let Some(end) = end_of(inside) else {
            return Err(Fault::new(at, "`${{` has no `}}` after it").hint("close the expression with `}}`"));
        };
        let (source, after) = inside.split_at(end);
        found.push(Piece::Expression {
            source: source.to_owned(),
            at: at + 3,
        });
        at += 3 + source.chars().count() + 2;
        rest = after.get(2..).unwrap_or("");
    }
    if !rest.is_empty() {
        found.push(Piece::Text(rest.to_owned()));
    }
    Ok(found)
}

fn end_of(inside: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    let mut previous_brace = None;
    for (index, character) in inside.char_indices() {
        match quote {
            Some('"') if escaped => escaped = false,
            Some('"') if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None => {
                if character == '}' {
                    if let Some(start) = previous_brace {
                        return Some(start);
                    }
                    previous_brace = Some(index);
                    continue;
                }
                if matches!(character, '\'' | '"') {
                    quote = Some(character);
                }
            }
        }
        previous_brace = None;
    }
    None
}
