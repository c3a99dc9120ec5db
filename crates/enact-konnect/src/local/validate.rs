//! Checks a request body against a declared shape and collects everything that is wrong with it.
//!
//! A resource lists its fields once; the rules, their names and their extra members are those of the API
//! description's `InvalidParameter…` schemas. References between objects are checked by the resource.

use serde_json::{Map, Value, json};

use super::problem::{InvalidParameter, Problem};

/// What a field may hold.
pub(super) enum Kind {
    /// Text of `min` to `max` code points; `pattern` is its name and its test.
    Text {
        min: usize,
        max: usize,
        pattern: Option<Pattern>,
    },
    Uuid,
    Flag,
    Integer,
    Choice(&'static [&'static str]),
    Labels,
    /// Set by the server; the description lists it in request bodies, so it is taken and ignored.
    ReadOnly,
}

/// A regular expression as the API words it, with the function that decides it.
pub(super) struct Pattern {
    pub(super) text: &'static str,
    pub(super) matches: fn(&str) -> bool,
}

/// One declared field of a body.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) nullable: bool,
}

impl Field {
    pub(super) const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            required: false,
            nullable: false,
        }
    }

    pub(super) const fn text(name: &'static str, min: usize, max: usize) -> Self {
        Self::new(
            name,
            Kind::Text {
                min,
                max,
                pattern: None,
            },
        )
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }
}

/// Whether required fields must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Create,
    Update,
}

/// The visibilities of portals, pages and APIs.
pub(super) const VISIBILITIES: &[&str] = &["public", "private"];

/// Labels per object.
pub(super) const MAX_LABELS: usize = 50;

const MAX_LABEL_CHARS: usize = 63;

/// Key prefixes that Konnect keeps for itself; lower case only, as `KONGCTL-…` labels show.
const RESERVED_LABEL_PREFIXES: &[&str] = &["kong", "konnect", "mesh", "kic", "insomnia", "kuma", "_"];

/// Returns the body as an object when it has the declared shape. `open` bodies may carry other members.
///
/// # Errors
/// A 400 problem with one entry per fault.
pub(super) fn check<'a>(
    body: &'a Value,
    fields: &[Field],
    mode: Mode,
    open: bool,
) -> Result<&'a Map<String, Value>, Problem> {
    let Some(object) = body.as_object() else {
        return Err(Problem::invalid(vec![InvalidParameter::body(
            "body",
            "is_object",
            "must be an object",
        )]));
    };
    let mut invalid = Vec::new();
    for field in fields {
        match object.get(field.name) {
            None if field.required && mode == Mode::Create => {
                invalid.push(InvalidParameter::body(
                    field.name,
                    "required",
                    "is a required field",
                ));
            }
            None => {}
            Some(Value::Null) if field.nullable => {}
            Some(value) => check_value(field, value, &mut invalid),
        }
    }
    if !open {
        for name in object
            .keys()
            .filter(|name| !fields.iter().any(|field| field.name == *name))
        {
            invalid.push(InvalidParameter::body(
                name.as_str(),
                "unknown_property",
                "is not a known property",
            ));
        }
    }
    if invalid.is_empty() {
        Ok(object)
    } else {
        Err(Problem::invalid(invalid))
    }
}

fn check_value(field: &Field, value: &Value, invalid: &mut Vec<InvalidParameter>) {
    let name = field.name;
    match &field.kind {
        Kind::Text { min, max, pattern } => {
            invalid.extend(check_text(name, value, *min, *max, pattern.as_ref()));
        }
        Kind::Uuid => {
            if !value.as_str().is_some_and(is_uuid) {
                invalid.push(InvalidParameter::body(name, "is_uuid", "must be a UUID"));
            }
        }
        Kind::Flag => {
            if !value.is_boolean() {
                invalid.push(InvalidParameter::body(name, "is_boolean", "must be a boolean"));
            }
        }
        Kind::Integer => {
            if value.as_i64().is_none() {
                invalid.push(InvalidParameter::body(name, "is_integer", "must be an integer"));
            }
        }
        Kind::Choice(choices) => {
            if !value.as_str().is_some_and(|text| choices.contains(&text)) {
                let reason = format!("must be one of [{}]", choices.join(", "));
                invalid.push(InvalidParameter::body(name, "enum", reason).with("choices", json!(choices)));
            }
        }
        Kind::Labels => check_labels(name, value, invalid),
        Kind::ReadOnly => {}
    }
}

fn check_text(
    name: &str,
    value: &Value,
    min: usize,
    max: usize,
    pattern: Option<&Pattern>,
) -> Option<InvalidParameter> {
    let Some(text) = value.as_str() else {
        return Some(InvalidParameter::body(name, "is_string", "must be a string"));
    };
    let length = text.chars().count();
    if length < min {
        let reason = format!("must have at least {min} characters");
        return Some(InvalidParameter::body(name, "min_length", reason).with("minimum", json!(min)));
    }
    if length > max {
        let reason = format!("must not have more than {max} characters");
        return Some(InvalidParameter::body(name, "max_length", reason).with("maximum", json!(max)));
    }
    let pattern = pattern.filter(|pattern| !(pattern.matches)(text))?;
    Some(InvalidParameter::body(
        name,
        "matches_regex",
        format!("must match [{}]", pattern.text),
    ))
}

fn check_labels(name: &str, value: &Value, invalid: &mut Vec<InvalidParameter>) {
    let Some(labels) = value.as_object() else {
        invalid.push(InvalidParameter::body(name, "is_object", "must be an object"));
        return;
    };
    if labels.len() > MAX_LABELS {
        invalid.push(too_many_labels(name));
    }
    for (key, value) in labels {
        let field = format!("{name}.{key}");
        if let Some(reason) = label_key_fault(key) {
            invalid.push(InvalidParameter::body(field, "is_label", reason));
        } else if !value.is_null() {
            let pattern = Pattern {
                text: "^[a-z0-9A-Z]{1}([a-z0-9A-Z-._]*[a-z0-9A-Z]+)?$",
                matches: is_label_value,
            };
            invalid.extend(check_text(&field, value, 1, MAX_LABEL_CHARS, Some(&pattern)));
        }
    }
}

pub(super) fn too_many_labels(name: &str) -> InvalidParameter {
    InvalidParameter::body(
        name,
        "max_items",
        format!("must not have more than {MAX_LABELS} labels"),
    )
    .with("maximum", json!(MAX_LABELS))
}

fn label_key_fault(key: &str) -> Option<String> {
    let length = key.chars().count();
    if length == 0 || length > MAX_LABEL_CHARS {
        return Some(format!("a label key must have 1 to {MAX_LABEL_CHARS} characters"));
    }
    let prefix = RESERVED_LABEL_PREFIXES
        .iter()
        .find(|prefix| key.starts_with(**prefix))?;
    Some(format!("a label key must not start with [{prefix}]"))
}

fn is_label_value(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    edge(text.chars().next()) && edge(text.chars().next_back()) && text.chars().all(inner)
}

/// Whether `text` is a hyphenated UUID, in either case.
pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] = &[
        Field::text("name", 1, 5).required(),
        Field::text("note", 0, 5).nullable(),
        Field::new("on", Kind::Flag),
        Field::new("labels", Kind::Labels).nullable(),
        Field::new("id", Kind::ReadOnly),
    ];

    fn rules(body: &Value, mode: Mode) -> Vec<(String, &'static str)> {
        match check(body, FIELDS, mode, false) {
            Ok(_) => Vec::new(),
            Err(problem) => problem
                .invalid
                .into_iter()
                .map(|entry| (entry.field, entry.rule))
                .collect(),
        }
    }

    #[test]
    fn every_fault_of_a_body_is_reported_at_once() {
        let body = json!({"note": 3, "on": "yes", "other": 1, "labels": {"kong-x": "a", "k": "-a"}});
        let found = rules(&body, Mode::Create);
        assert_eq!(
            found,
            vec![
                ("name".to_owned(), "required"),
                ("note".to_owned(), "is_string"),
                ("on".to_owned(), "is_boolean"),
                ("labels.k".to_owned(), "matches_regex"),
                ("labels.kong-x".to_owned(), "is_label"),
                ("other".to_owned(), "unknown_property"),
            ]
        );
    }

    #[test]
    fn an_update_needs_no_required_field_and_null_only_where_nullable() {
        assert!(rules(&json!({"note": null, "labels": null, "id": 5}), Mode::Update).is_empty());
        assert_eq!(
            rules(&json!({"name": null}), Mode::Update),
            vec![("name".to_owned(), "is_string")]
        );
        assert_eq!(
            rules(&json!({"name": ""}), Mode::Update),
            vec![("name".to_owned(), "min_length")]
        );
    }

    #[test]
    fn length_counts_code_points() {
        assert!(rules(&json!({"name": "ééééé"}), Mode::Create).is_empty());
        assert_eq!(
            rules(&json!({"name": "éééééé"}), Mode::Create),
            vec![("name".to_owned(), "max_length")]
        );
    }

    #[test]
    fn upper_case_kongctl_labels_pass() {
        let body =
            json!({"name": "a", "labels": {"KONGCTL-namespace": "default", "x": "a.b_c-d", "y": null}});
        assert!(rules(&body, Mode::Create).is_empty());
        let body = json!({"name": "a", "labels": {"_x": "a", "": "b", "empty": ""}});
        let found = rules(&body, Mode::Create);
        assert_eq!(found.len(), 3, "{found:?}");
    }
}
