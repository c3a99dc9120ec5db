//! Single values of the document: text, numbers, lengths of time, shares, words.

use enact_core::change::Milliseconds;
use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::{Span, shown, suggest};
use serde_json::Value;

use super::{EXPRESSION, Node, Reading, SeenText, Slot, as_written};
use crate::expression::{Piece, parse, pieces};

/// Longer than any procedure: one hundred years.
const LONGEST: u64 = 100 * 366 * 24 * 3_600_000;

/// Does a text say nothing? What nobody sees says nothing either.
pub(crate) fn is_blank(text: &str) -> bool {
    use crate::process::display;
    text.chars().all(|character| {
        character.is_whitespace() || display::is_hidden(character) || display::is_joiner(character)
    })
}

impl Reading<'_> {
    /// Text for people, which must say something.
    pub fn title(&mut self, fields: &super::Fields<'_>) -> Option<String> {
        let node = self.require(fields, "title")?;
        let title = self.prose(node, "`title`")?;
        if !is_blank(&title) {
            return Some(title);
        }
        let fault = Diagnostic::error("`title` is empty");
        self.fault(
            node.span,
            fault.hint("say in a few words what this does: every listing shows it"),
        );
        None
    }

    /// Text for people that counts only when it says something: a blank answer is none.
    pub(crate) fn said(&mut self, fields: &super::Fields<'_>, key: &'static str) -> Option<String> {
        let text = self.prose(fields.get(key)?, &format!("`{key}`"));
        text.filter(|text| !is_blank(text))
    }

    /// Text for people.
    pub fn prose(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.raw(node, what)?;
        if names_something(&text) {
            self.no_expression(node, what);
        }
        self.texts.push(SeenText {
            text: text.clone(),
            slot: None,
            step: self.step.clone(),
            span: node.span,
            file: self.file.clone(),
        });
        Some(text)
    }

    /// Any single value as it was written, where no expression may stand: text, `5`, `yes`.
    pub fn plain(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.raw(node, what)?;
        if text.contains("${{") {
            self.no_expression(node, what);
            return None;
        }
        Some(text)
    }

    /// The same for what decides what is done, or is put into it: what nobody sees may not stand there.
    pub(crate) fn exact(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.plain(node, what)?;
        self.see(&text, node.span, Slot::Exact);
        Some(text)
    }

    /// A list of these; one alone stands for a list of one.
    pub(crate) fn exact_list(&mut self, node: &Node, what: &str) -> Vec<String> {
        if as_written(node).is_some() {
            return self.exact(node, what).into_iter().collect();
        }
        let items = self.list(node, what);
        items.iter().filter_map(|item| self.exact(item, what)).collect()
    }

    /// What looks like an expression and is none would be taken as it stands there.
    fn no_expression(&mut self, node: &Node, what: &str) {
        let fault = Diagnostic::error(format!("{what}: no expression may stand here"))
            .detail("it would be taken as it is written, and never be replaced by a value")
            .hint("write the value itself, or the name alone without `${{ }}`");
        let span = self.file.locate(node.span, "${{");
        self.finding(EXPRESSION, span, fault);
    }

    /// Any single value as it was written.
    pub(super) fn raw(&mut self, node: &Node, what: &str) -> Option<String> {
        if !self.untagged(node) {
            return None;
        }
        let text = as_written(node).filter(|_| !node.is_null());
        if text.is_none() {
            self.expected(node, what, "text");
        }
        text.map(ToOwned::to_owned)
    }

    /// A list of texts for people.
    pub fn prose_list(&mut self, node: &Node, what: &str) -> Vec<String> {
        let items = self.list(node, what);
        items.iter().filter_map(|item| self.prose(item, what)).collect()
    }

    /// A list of single values; one alone stands for a list of one.
    pub fn plain_list(&mut self, node: &Node, what: &str) -> Vec<String> {
        if as_written(node).is_some() {
            return self.plain(node, what).into_iter().collect();
        }
        let items = self.list(node, what);
        items.iter().filter_map(|item| self.plain(item, what)).collect()
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, node: &Node, what: &str) -> Option<bool> {
        let value = node.scalar().as_ref().and_then(Value::as_bool);
        if value.is_none() {
            self.expected(node, what, "true or false");
        }
        value
    }

    /// A whole number within bounds.
    pub fn whole(&mut self, node: &Node, what: &str, least: i64, most: i64) -> Option<i64> {
        let Some(value) = node.scalar().as_ref().and_then(Value::as_i64) else {
            self.expected(node, what, "a whole number");
            return None;
        };
        if !(least..=most).contains(&value) {
            let fault = format!("{what}: expected {least} to {most}, found {value}");
            self.fault(node.span, Diagnostic::error(fault));
            return None;
        }
        Some(value)
    }

    /// A small count of at least 1.
    pub fn count(&mut self, node: &Node, what: &str) -> Option<u32> {
        let count = self.whole(node, what, 1, 1_000)?;
        u32::try_from(count).ok()
    }

    /// A length of time: `90s`, `1h30m`.
    pub fn duration(&mut self, node: &Node, what: &str) -> Option<Milliseconds> {
        let Some(text) = as_written(node)
            .filter(|_| !node.is_null())
            .map(ToOwned::to_owned)
        else {
            self.expected(node, what, "a length of time such as `90s`, `10m` or `1h30m`");
            return None;
        };
        let found = duration(&text);
        if found.is_none() {
            let fault = format!("{what}: {} is no length of time", shown(&text));
            self.fault(
                node.span,
                Diagnostic::error(fault).hint("write it like `500ms`, `90s`, `10m`, `1h30m` or `7d`"),
            );
        }
        found
    }

    /// A length of time that is longer than nothing: one within which something is to happen.
    pub(crate) fn time(&mut self, node: &Node, what: &str) -> Option<Milliseconds> {
        let found = self.duration(node, what)?;
        if found.0 == 0 {
            let fault = Diagnostic::error(format!("{what} must be longer than nothing"));
            self.fault(node.span, fault.hint("leave the key out for the usual length"));
            return None;
        }
        Some(found)
    }

    /// A share: `10%`, in parts per million.
    pub fn share(&mut self, node: &Node, what: &str) -> Option<u64> {
        let text = self.plain(node, what)?;
        let found = share(&text);
        if found.is_none() {
            let fault = format!("{what}: {} is no share", shown(&text));
            let hint = "write it in per cent with at most four decimals: `10%`, `0.5%`";
            self.fault(node.span, Diagnostic::error(fault).hint(hint));
        }
        found
    }

    /// One of some words.
    pub fn choice(&mut self, node: &Node, what: &str, words: &[&'static str]) -> Option<&'static str> {
        let text = self.plain(node, what)?;
        self.chosen(&text, node.span, what, words)
    }

    pub(crate) fn chosen(
        &mut self,
        text: &str,
        span: Span,
        what: &str,
        words: &[&'static str],
    ) -> Option<&'static str> {
        let found = words.iter().find(|word| **word == text).copied();
        if found.is_none() {
            let fault = format!("{what}: {} is not possible here", shown(text));
            self.fault(
                span,
                Diagnostic::error(fault).hint(suggest::hint(text, words.iter().copied())),
            );
        }
        found
    }

    /// The id of a requirement, question, assumption or criterion.
    pub fn label(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.plain(node, what)?;
        if is_label(&text) {
            return Some(text);
        }
        let fault = Diagnostic::error(format!("{what}: {} cannot be an id", shown(&text)));
        self.fault(
            node.span,
            fault.detail("expected a letter, then letters, digits, `_` or `-`, 63 at most"),
        );
        None
    }

    /// The name of a step, an output or a parameter.
    pub fn ident(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.plain(node, what)?;
        self.ident_text(&text, node.span, what).then_some(text)
    }

    pub(crate) fn ident_text(&mut self, text: &str, span: Span, what: &str) -> bool {
        if is_ident(text) {
            return true;
        }
        let fault = Diagnostic::error(format!("{what}: {} cannot be a name", shown(text)));
        self.fault(
            span,
            fault.detail("expected a small letter, then small letters, digits, `_` or `-`, 63 at most"),
        );
        false
    }

    /// A moment with its zone, in its one spelling.
    pub fn timestamp(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.plain(node, what)?;
        if let Some(found) = enact_core::condition::moment(&text) {
            return Some(found.to_string());
        }
        let fault = Diagnostic::error(format!("{what}: {} is no moment", shown(&text)));
        self.fault(
            node.span,
            fault.hint("write it like `2026-11-20T10:00:00Z`, with its zone"),
        );
        None
    }
}

/// Does a text hold an expression of ours? Text for people may well show those of others: `${{ github.ref }}`.
fn names_something(text: &str) -> bool {
    let found = pieces(text).unwrap_or_default();
    found.iter().any(|piece| {
        let Piece::Expression { source, .. } = piece else {
            return false;
        };
        let mut names = false;
        if let Ok(expression) = parse(source) {
            expression.names(&mut |_, _| names = true);
        }
        names
    })
}

fn is_ident(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

fn is_label(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// `1h30m` in milliseconds. Units go from large to small, each at most once.
pub(crate) fn duration(text: &str) -> Option<Milliseconds> {
    const UNITS: [(&str, u64); 5] = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let mut rest = text.trim();
    let mut total: u64 = 0;
    let mut next_unit = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|next: char| !next.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|next: char| !next.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let index = UNITS.iter().position(|(name, _)| *name == unit)?;
        if index < next_unit {
            return None;
        }
        next_unit = index + 1;
        let (_, size) = UNITS.get(index)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*size)?)?;
        rest = tail;
    }
    (total <= LONGEST).then_some(Milliseconds(total))
}

/// `0.5%` in parts per million.
pub(crate) fn share(text: &str) -> Option<u64> {
    let number = text.trim().strip_suffix('%')?.trim();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty()
        || fraction.len() > 4
        || !all_digits(whole)
        || !all_digits(fraction)
        || number.ends_with('.')
    {
        return None;
    }
    let padded = format!("{fraction:0<4}");
    let parts = whole
        .parse::<u64>()
        .ok()?
        .checked_mul(10_000)?
        .checked_add(padded.parse().ok()?)?;
    (parts <= 1_000_000_000).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_whole_milliseconds() {
        for (text, expected) in [
            ("90s", Some(90_000)),
            ("1h30m", Some(5_400_000)),
            ("7d", Some(604_800_000)),
            ("500ms", Some(500)),
            ("0s", Some(0)),
            ("30", None),
            ("m", None),
            ("1m1h", None),
            ("1.5h", None),
            ("-1s", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(duration(text), expected.map(Milliseconds), "{text}");
        }
    }

    #[test]
    fn shares_are_parts_per_million() {
        for (text, expected) in [
            ("10%", Some(100_000)),
            ("0.5%", Some(5_000)),
            ("0.0001%", Some(1)),
            ("10", None),
            (".5%", None),
            ("5.%", None),
        ] {
            assert_eq!(share(text), expected, "{text}");
        }
    }
}
