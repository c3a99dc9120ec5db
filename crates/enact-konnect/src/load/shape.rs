//! The rules on a single value: shapes of fields, `ref`, namespaces, UUIDs, slugs.

use enact_core::diagnostic::Diagnostic;
use serde_json::Value;

use super::text::shown;
use crate::resources::{Field, Shape, TextRule};

/// Checks a value against its field's shape. `found` says what it is, for messages.
///
/// # Errors
/// A fault without place.
pub(super) fn check(field: &Field, value: &Value, found: &str) -> Result<(), Diagnostic> {
    if value.is_null() {
        return check_null(field);
    }
    match (&field.shape, value) {
        (Shape::Text { min, max, rule, .. }, Value::String(text)) => {
            check_text(field.name, text, *min, *max, *rule)
        }
        (Shape::Bool, Value::Bool(_)) => Ok(()),
        (Shape::Choice(words), Value::String(word)) => check_choice(field.name, words, word),
        (Shape::Id { .. }, Value::String(id)) if is_uuid(id) => Ok(()),
        _ => Err(mismatch(field, value, found)),
    }
}

/// What values a field takes, in words.
pub(super) fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Text { .. } => "text".into(),
        Shape::Bool => "`true` or `false`".into(),
        Shape::Choice(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(" or ")
        }
        Shape::Labels => "a mapping of text to text".into(),
        Shape::Id { .. } => "a UUID or a `!ref`".into(),
    }
}

/// The fault of a value whose type does not fit.
pub(super) fn mismatch(field: &Field, value: &Value, found: &str) -> Diagnostic {
    let expected = expected(&field.shape);
    let fault = Diagnostic::error(format!("`{}`: expected {expected}, found {found}", field.name));
    match (&field.shape, value) {
        (Shape::Text { .. } | Shape::Choice(_), Value::Bool(_) | Value::Number(_)) => {
            fault.hint(quote_hint(found))
        }
        (Shape::Bool, Value::String(_)) => fault.hint("write `true` or `false` without quotes"),
        _ => fault.hint(format!("give `{}` {expected}", field.name)),
    }
}

/// How to turn a number or boolean into text.
pub(super) fn quote_hint(found: &str) -> String {
    let literal = found.strip_prefix("number ").unwrap_or(found);
    format!("quote it: \"{literal}\"")
}

fn check_null(field: &Field) -> Result<(), Diagnostic> {
    let nullable = match field.shape {
        Shape::Text { nullable, .. } | Shape::Id { nullable } => nullable,
        Shape::Bool | Shape::Choice(_) | Shape::Labels => false,
    };
    if nullable {
        return Ok(());
    }
    let fault = format!("`{}` cannot be null", field.name);
    let hint = match field.shape {
        Shape::Labels => "write `{}` to remove all labels, or remove the key to leave them alone",
        Shape::Text { .. } | Shape::Bool | Shape::Choice(_) | Shape::Id { .. } => {
            "give it a value, or remove the key to leave it alone"
        }
    };
    Err(Diagnostic::error(fault)
        .detail(format!("expected {}", expected(&field.shape)))
        .hint(hint))
}

fn check_text(name: &str, text: &str, min: usize, max: usize, rule: TextRule) -> Result<(), Diagnostic> {
    let length = text.chars().count();
    if length < min {
        let fault = format!("`{name}` is too short: {length} characters");
        return Err(Diagnostic::error(fault)
            .detail(format!("expected at least {min}"))
            .hint("write more, or remove the key"));
    }
    if length > max {
        let fault = format!("`{name}` is too long: {length} characters");
        return Err(Diagnostic::error(fault)
            .detail(format!("expected at most {max}"))
            .hint("shorten it"));
    }
    if rule == TextRule::Slug && !is_slug(text) {
        return Err(
            Diagnostic::error(format!("`{name}` {} is not a slug", shown(text)))
                .detail("expected letters `a-z A-Z`, digits, `_` and `-`; `/` alone for a root object")
                .hint("one step of the path only; deeper steps are objects of their own"),
        );
    }
    Ok(())
}

fn check_choice(name: &str, words: &[&str], word: &str) -> Result<(), Diagnostic> {
    if words.contains(&word) {
        return Ok(());
    }
    let fault = Diagnostic::error(format!("`{name}` cannot be {}", shown(word)));
    Err(fault.hint(enact_core::yaml::suggest::hint(word, words.iter().copied())))
}

/// One path step, with or without a leading `/`, or `/` itself.
fn is_slug(text: &str) -> bool {
    let step = text.strip_prefix('/').unwrap_or(text);
    let sound = step
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    sound && (!step.is_empty() || text == "/")
}

/// `^[a-zA-Z0-9][a-zA-Z0-9._-]*$`, 1 to 63 characters.
pub(super) fn is_reference(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.len() <= 63
        && text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().all(inner)
}

/// `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`, 1 to 63 characters.
pub(super) fn is_namespace(text: &str) -> bool {
    let outer = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 63
        && text.bytes().next().is_some_and(outer)
        && text.bytes().next_back().is_some_and(outer)
        && text.bytes().all(|byte| outer(byte) || byte == b'-')
}

/// Is it a UUID in its usual form?
pub(super) fn is_uuid(text: &str) -> bool {
    let dash_at = |index: usize| matches!(index, 8 | 13 | 18 | 23);
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| {
            if dash_at(index) {
                byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_namespaces_and_ids_have_their_form() {
        for (text, reference, namespace) in [
            ("a", true, true),
            ("A.b_c-1", true, false),
            ("-a", false, false),
            ("a-", true, false),
            ("a--b", true, true),
            ("a b", false, false),
            ("a:b", false, false),
            ("", false, false),
        ] {
            assert_eq!(
                (is_reference(text), is_namespace(text)),
                (reference, namespace),
                "{text:?}"
            );
        }
        assert!(!is_reference(&"a".repeat(64)) && !is_namespace(&"a".repeat(64)));
        assert!(is_uuid("6f2d6a0e-5b7e-4d3c-9a54-3f7f6f1c2b1a"));
        assert!(!is_uuid("6f2d6a0e-5b7e-4d3c-9a54-3f7f6f1c2b1"));
    }

    #[test]
    fn a_slug_is_one_step() {
        for (text, sound) in [
            ("a-b_1", true),
            ("/", true),
            ("/a", true),
            ("a/b", false),
            ("//", false),
            ("é", false),
            ("", false),
        ] {
            assert_eq!(is_slug(text), sound, "{text:?}");
        }
    }
}
