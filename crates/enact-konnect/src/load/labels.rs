//! User labels: what Konnect takes, and what enact keeps for itself.

use enact_core::diagnostic::Diagnostic;
use serde_json::{Map, Value};

use super::draft::Draft;
use super::fields;
use super::shape;
use super::text::{Faults, Span, shown};
use super::tree::{Body, Entry, Node, Special, Target};

/// Most labels an object may have, by the API's schema.
const MOST: usize = 50;
/// More user labels than this are against Konnect's documentation, though accepted.
const ADVISED: usize = 5;
const LONGEST: usize = 63;
const OWN_PREFIX: &str = "KONGCTL-";
const RESERVED: &[&str] = &["kong", "konnect", "insomnia", "mesh", "kic", "kuma", "_"];

/// Checks a mapping of labels.
pub(super) fn read(
    draft: &mut Draft,
    field: &str,
    key: Span,
    node: Node<'_>,
    faults: &mut Faults<'_>,
) -> Value {
    let Body::Mapping(entries) = node.body else {
        return Value::Null;
    };
    check_count(draft, key, entries.len(), faults);
    let mut labels = Map::new();
    for entry in entries {
        if let Err(fault) = check_key(&entry.key) {
            faults.push(draft.at(entry.span), fault);
            continue;
        }
        if let Body::Special(Special::Environment(value)) = &entry.value.body {
            fields::note_environment(draft, field, &value.variable, &value.text);
        }
        match check_value(&entry) {
            Ok(value) => {
                labels.insert(entry.key.into_owned(), Value::String(value));
            }
            Err(_) if entry.value.is_faulty() => {}
            Err(fault) => {
                let span = if entry.value.is_absent() {
                    entry.span
                } else {
                    entry.value.span
                };
                faults.push(draft.at(span), fault);
            }
        }
    }
    Value::Object(labels)
}

/// The fault of a `!ref` among labels.
pub(super) fn no_references(target: &Target) -> Diagnostic {
    Diagnostic::error(format!(
        "`!ref {}#{}` cannot stand in labels",
        target.reference, target.field
    ))
    .detail("references are not resolved inside labels")
    .hint("write the text out")
}

fn check_count(draft: &Draft, key: Span, count: usize, faults: &mut Faults<'_>) {
    let words = format!("{count} labels on {} `{}`", draft.kind.name, draft.name());
    if count > MOST {
        let fault = Diagnostic::error(words).detail(format!("Konnect takes at most {MOST}"));
        faults.push(draft.at(key), fault.hint("remove some"));
    } else if count > ADVISED {
        let fault =
            Diagnostic::warning(words).detail(format!("Konnect documents at most {ADVISED} of one's own"));
        faults.push(
            draft.at(key),
            fault.hint("remove some, or expect Konnect to refuse them one day"),
        );
    }
}

fn check_key(key: &str) -> Result<(), Diagnostic> {
    if key.starts_with(OWN_PREFIX) {
        return Err(
            Diagnostic::error(format!("the label {} is not for users to set", shown(key)))
                .detail("enact writes these itself")
                .hint("use `kongctl.namespace` / `kongctl.protected`"),
        );
    }
    if let Some(prefix) = RESERVED.iter().find(|prefix| key.starts_with(**prefix)) {
        return Err(
            Diagnostic::error(format!("the label {} begins with `{prefix}`", shown(key)))
                .detail(
                    "Konnect keeps these beginnings for itself: kong, konnect, insomnia, mesh, kic, kuma, _",
                )
                .hint("choose another key"),
        );
    }
    let length = key.chars().count();
    if length == 0 || length > LONGEST {
        return Err(
            Diagnostic::error(format!("a label's key has {length} characters"))
                .detail(format!("expected 1 to {LONGEST}"))
                .hint("choose another key"),
        );
    }
    Ok(())
}

fn check_value(entry: &Entry<'_>) -> Result<String, Diagnostic> {
    let name = shown(&entry.key);
    if let Body::Special(Special::Reference(target)) = &entry.value.body {
        return Err(no_references(target));
    }
    let Some(text) = entry.value.text() else {
        let found = entry.value.describe();
        let fault = Diagnostic::error(format!("label {name}: expected text, found {found}"));
        let can_quote = !entry.value.is_null() && entry.value.scalar().is_some();
        return Err(if can_quote {
            fault.hint(shape::quote_hint(&found))
        } else {
            fault.hint("give it a text, or remove the key")
        });
    };
    if !is_label_value(text) {
        return Err(
            Diagnostic::error(format!("label {name}: Konnect does not take this value"))
                .detail(
                    "expected 1 to 63 of letters, digits, `-`, `.`, `_`, with a letter or digit at both ends",
                )
                .hint("choose another value"),
        );
    }
    Ok(text.to_owned())
}

/// `^[a-z0-9A-Z]{1}([a-z0-9A-Z-._]*[a-z0-9A-Z]+)?$`, 1 to 63 characters.
fn is_label_value(text: &str) -> bool {
    let outer = |byte: u8| byte.is_ascii_alphanumeric();
    text.len() <= LONGEST
        && text.bytes().next().is_some_and(outer)
        && text.bytes().next_back().is_some_and(outer)
        && text.bytes().all(|byte| outer(byte) || b"-._".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_others_are_refused() {
        for key in [
            "kong-x",
            "konnect",
            "insomnia.a",
            "mesh",
            "kic",
            "kuma",
            "_a",
            "KONGCTL-namespace",
            "",
        ] {
            assert!(check_key(key).is_err(), "{key:?}");
        }
        for key in ["team", "Kong", "a_kong", &"k".repeat(63)] {
            assert!(check_key(key).is_ok() || key.starts_with("kk"), "{key:?}");
        }
        assert!(check_key(&"x".repeat(64)).is_err());
    }

    #[test]
    fn values_follow_the_pattern() {
        for (value, sound) in [
            ("a", true),
            ("a.b_c-d", true),
            ("-a", false),
            ("a.", false),
            ("", false),
            ("a b", false),
        ] {
            assert_eq!(is_label_value(value), sound, "{value:?}");
        }
        assert!(!is_label_value(&"x".repeat(64)));
    }
}
