//! The functions of expressions: what they take, what they give, what they do.

use regex::{Regex, RegexBuilder};
use serde_json::{Number, Value};

use super::Fault;
use super::evaluate::{equal, kind_of};
use super::types::Type;

/// The largest compiled regular expression, in bytes.
pub const REGEX_SIZE_LIMIT: usize = 2 << 20;

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Characters of a text, entries of a list.
    Len,
    /// A part of a text, an entry of a list.
    Contains,
    /// How a text begins.
    StartsWith,
    /// How a text ends.
    EndsWith,
    /// A regular expression that is found in a text.
    Matches,
    /// In small letters.
    Lower,
    /// In capital letters.
    Upper,
    /// Without its sign.
    Abs,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// The first value, or the second where there is none.
    Default,
    /// A text read as JSON.
    Json,
    /// The entries of a list with a text between them.
    Join,
}

const ALL: [(&str, Function, usize); 13] = [
    ("len", Function::Len, 1),
    ("contains", Function::Contains, 2),
    ("starts_with", Function::StartsWith, 2),
    ("ends_with", Function::EndsWith, 2),
    ("matches", Function::Matches, 2),
    ("lower", Function::Lower, 1),
    ("upper", Function::Upper, 1),
    ("abs", Function::Abs, 1),
    ("int", Function::Int, 1),
    ("float", Function::Float, 1),
    ("default", Function::Default, 2),
    ("json", Function::Json, 1),
    ("join", Function::Join, 2),
];

/// Compiles a regular expression within the limits.
///
/// # Errors
/// What is wrong with it, in one line.
pub fn compile_regex(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern)
        .size_limit(REGEX_SIZE_LIMIT)
        .dfa_size_limit(REGEX_SIZE_LIMIT)
        .nest_limit(50)
        .build();
    built.map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or("").trim();
        last.strip_prefix("error: ").unwrap_or(last).to_owned()
    })
}

impl Function {
    pub(super) fn named(word: &str) -> Option<Self> {
        ALL.iter()
            .find(|(name, ..)| *name == word)
            .map(|(_, function, _)| *function)
    }

    pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
        ALL.iter().map(|(name, ..)| *name)
    }

    fn entry(self) -> (&'static str, usize) {
        let found = ALL.iter().find(|(_, function, _)| *function == self);
        found.map_or(("", 0), |(name, _, count)| (*name, *count))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.entry().0
    }

    pub(super) fn check_count(self, given: usize) -> Result<(), String> {
        let (name, count) = self.entry();
        if given == count {
            return Ok(());
        }
        let values = if count == 1 { "value" } else { "values" };
        Err(format!("`{name}` takes {count} {values}, found {given}"))
    }

    /// The type of its result.
    pub(super) fn result(self, parts: &[Type]) -> Result<Type, String> {
        let (first, second) = (part(parts, 0), part(parts, 1));
        let takes = |position: &str, found: Type, fits: bool, expected: &str| {
            if fits || found == Type::Json {
                return Ok(());
            }
            Err(format!(
                "`{}` expects {expected} as its {position} value, found {found}",
                self.name()
            ))
        };
        match self {
            Self::Len => takes(
                "first",
                first,
                first.is_text() || first == Type::List,
                "text or a list",
            )?,
            Self::Contains if first == Type::List => {}
            Self::Contains => {
                takes("first", first, first.is_text(), "text or a list")?;
                if first.is_text() {
                    takes("second", second, second.is_text(), "text")?;
                }
            }
            Self::StartsWith | Self::EndsWith | Self::Matches => {
                takes("first", first, first.is_text(), "text")?;
                takes("second", second, second.is_text(), "text")?;
            }
            Self::Lower | Self::Upper | Self::Json => takes("first", first, first.is_text(), "text")?,
            Self::Abs => takes("first", first, first.is_number(), "a number")?,
            Self::Int | Self::Float => {
                takes(
                    "first",
                    first,
                    first.is_number() || first.is_text(),
                    "a number or text",
                )?;
            }
            Self::Join => {
                takes("first", first, first == Type::List, "a list")?;
                takes("second", second, second.is_text(), "text")?;
            }
            Self::Default => {}
        }
        Ok(match self {
            Self::Len | Self::Int => Type::Integer,
            Self::Contains | Self::StartsWith | Self::EndsWith | Self::Matches => Type::Boolean,
            Self::Lower | Self::Upper if first == Type::Word => Type::Word,
            Self::Lower | Self::Upper | Self::Join => Type::Text,
            Self::Abs => first,
            Self::Float => Type::Number,
            Self::Json => Type::Json,
            Self::Default => first.either(second),
        })
    }

    /// Its value. Messages hold no values: one of them may be a secret.
    pub(super) fn apply(self, parts: &[Value]) -> Result<Value, Fault> {
        let first = parts.first().unwrap_or(&Value::Null);
        let second = parts.get(1).unwrap_or(&Value::Null);
        let wrong = |value: &Value, expected: &str| {
            let found = match (self, value) {
                (Self::Int | Self::Float, Value::String(_)) => "text that is none",
                _ => kind_of(value),
            };
            Fault::new(0, format!("`{}` expects {expected}, found {found}", self.name()))
        };
        let text = |value: &'_ Value| {
            value
                .as_str()
                .map(ToOwned::to_owned)
                .ok_or_else(|| wrong(value, "text"))
        };
        Ok(match self {
            Self::Len => match first {
                Value::String(text) => text.chars().count().into(),
                Value::Array(items) => items.len().into(),
                Value::Object(fields) => fields.len().into(),
                Value::Null | Value::Bool(_) | Value::Number(_) => {
                    return Err(wrong(first, "text or a list"));
                }
            },
            Self::Contains => match first.as_array() {
                Some(items) => items.iter().any(|item| equal(item, second) == Ok(true)).into(),
                None => text(first)?.contains(&text(second)?).into(),
            },
            Self::StartsWith => text(first)?.starts_with(&text(second)?).into(),
            Self::EndsWith => text(first)?.ends_with(&text(second)?).into(),
            Self::Matches => {
                let pattern = compile_regex(&text(second)?).map_err(|_| {
                    Fault::new(0, "`matches` was given something that is no regular expression")
                })?;
                pattern.is_match(&text(first)?).into()
            }
            Self::Lower => text(first)?.to_lowercase().into(),
            Self::Upper => text(first)?.to_uppercase().into(),
            Self::Abs if first.as_i64() == Some(i64::MIN) => {
                return Err(Fault::new(
                    0,
                    "the value of `abs` is too large for a whole number",
                ));
            }
            Self::Abs => absolute(first).ok_or_else(|| wrong(first, "a number"))?,
            Self::Int => integer(first).ok_or_else(|| wrong(first, "a whole number"))?,
            Self::Float => float(first).ok_or_else(|| wrong(first, "a number"))?,
            Self::Default => if first.is_null() { second } else { first }.clone(),
            Self::Json => serde_json::from_str(&text(first)?)
                .map_err(|_| Fault::new(0, "`json` was given text that is not JSON"))?,
            Self::Join => {
                let items = first.as_array().ok_or_else(|| wrong(first, "a list"))?;
                let items: Vec<String> = items.iter().map(plain).collect();
                items.join(&text(second)?).into()
            }
        })
    }
}

fn part(parts: &[Type], index: usize) -> Type {
    parts.get(index).copied().unwrap_or(Type::Json)
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn absolute(value: &Value) -> Option<Value> {
    if let Some(whole) = value.as_i64() {
        return whole.checked_abs().map(Value::from);
    }
    number(value.as_f64()?.abs())
}

fn integer(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => text.trim().parse::<i64>().ok().map(Value::from),
        Value::Number(found) if found.is_i64() => Some(value.clone()),
        // The whole part; beyond 2^53 a double does not know its neighbours.
        Value::Number(found) => found
            .as_f64()
            .filter(|found| found.abs() < 9_007_199_254_740_992.0)
            .and_then(|found| {
                format!("{:.0}", found.trunc())
                    .parse::<i64>()
                    .ok()
                    .map(Value::from)
            }),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn float(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => number(text.trim().parse::<f64>().ok()?),
        Value::Number(found) => number(found.as_f64()?),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(value: f64) -> Option<Value> {
    Number::from_f64(value).map(Value::Number)
}
