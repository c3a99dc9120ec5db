//! The words of an expression.

use serde_json::{Number, Value};

use super::{Fault, MAX_LENGTH};

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// `params`, `in`, `true`: may hold digits, `_` and `-` after the first letter.
    Word(String),
    /// A number or text.
    Value(Value),
    /// `.`, `,`, `(`, `)`, `[`, `]`, `!`, `==`, …
    Mark(&'static str),
}

const MARKS: [&str; 15] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")", "[", "]", ",", ".",
];

/// The words of a text with their places, in characters.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, usize)>, Fault> {
    if text.chars().count() > MAX_LENGTH {
        return Err(Fault::new(
            0,
            format!("an expression has at most {MAX_LENGTH} characters"),
        ));
    }
    let mut lexer = Lexer { rest: text, at: 0 };
    let mut found = Vec::new();
    while let Some(token) = lexer.next()? {
        found.push(token);
    }
    Ok(found)
}

struct Lexer<'t> {
    rest: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn next(&mut self) -> Result<Option<(Token, usize)>, Fault> {
        let blank = self.rest.len() - self.rest.trim_start().len();
        self.skip(blank);
        let at = self.at;
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        if first == '\'' {
            return self.single_quoted().map(|text| Some((Token::Value(text), at)));
        }
        if first == '"' {
            return self.double_quoted().map(|text| Some((Token::Value(text), at)));
        }
        let negative = first == '-' && self.rest.chars().nth(1).is_some_and(|next| next.is_ascii_digit());
        if first.is_ascii_digit() || negative {
            return self.number().map(|number| Some((Token::Value(number), at)));
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let word = self.take_while(|next| next.is_ascii_alphanumeric() || next == '_' || next == '-');
            return Ok(Some((Token::Word(word.to_owned()), at)));
        }
        let Some(mark) = MARKS.into_iter().find(|mark| self.rest.starts_with(mark)) else {
            let fault = match first {
                '=' => "a single `=` means nothing here; write `==`".to_owned(),
                '&' | '|' => format!("a single `{first}` means nothing here; write `{first}{first}`"),
                other => format!("`{}` means nothing here", other.escape_debug()),
            };
            return Err(Fault::new(at, fault));
        };
        self.skip(mark.len());
        Ok(Some((Token::Mark(mark), at)))
    }

    fn skip(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.at += taken.chars().count();
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|next| !fits(next)).unwrap_or(self.rest.len());
        self.skip(end)
    }

    /// `'it''s'`: everything stands for itself, two quotes for one.
    fn single_quoted(&mut self) -> Result<Value, Fault> {
        let start = self.at;
        let mut text = String::new();
        self.skip(1);
        loop {
            text.push_str(self.take_while(|next| next != '\''));
            if self.skip(1).is_empty() {
                return Err(Fault::new(start, "this text has no end; close it with `'`"));
            }
            if !self.rest.starts_with('\'') {
                return Ok(Value::String(text));
            }
            text.push('\'');
            self.skip(1);
        }
    }

    /// `"…"` with the escapes of JSON.
    fn double_quoted(&mut self) -> Result<Value, Fault> {
        let start = self.at;
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, next)| {
            let ends = *next == '"' && !escaped;
            escaped = *next == '\\' && !escaped;
            ends
        });
        let Some((end, _)) = end else {
            return Err(Fault::new(start, "this text has no end; close it with `\"`"));
        };
        let quoted = self.skip(end + 1);
        serde_json::from_str(quoted)
            .map_err(|_| Fault::new(start, "this text has an escape that JSON does not know"))
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let start = self.at;
        let digits = self.take_while(|next| next.is_ascii_alphanumeric() || next == '.' || next == '-');
        if let Ok(whole) = digits.parse::<i64>() {
            return Ok(Value::from(whole));
        }
        let plain = digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
        let number = digits
            .parse::<f64>()
            .ok()
            .filter(|_| plain && digits.contains('.'));
        number
            .and_then(Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| {
                let fault = Fault::new(start, format!("`{digits}` is no number that can be written here"));
                fault.hint("whole numbers go to 9223372036854775807; others are written like `0.5`")
            })
    }
}
