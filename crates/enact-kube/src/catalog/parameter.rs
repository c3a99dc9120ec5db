//! The parameters of an action: texts as they were written, and what they are. One canonical reading of each type, shared by
//! policies and actions, so that `"00"` or `"+0"` cannot mean one thing to the judge and another to the executor.

use std::collections::BTreeMap;

use serde_json::Value;

use super::image::is_image_reference;
use super::selector::parse_selector;

/// The longest parameter, in bytes.
pub(crate) const MAX_VALUE: usize = 32 * 1024;

/// The longest parameters of one execution together, in bytes.
pub(super) const MAX_TOTAL: usize = 128 * 1024;

/// The longest name of a parameter.
pub(super) const MAX_KEY: usize = 64;

/// The most parameters.
pub(super) const MAX_COUNT: usize = 32;

/// A parameter that an action takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name: `replicas`.
    pub name: String,
    /// Other names that older requests use.
    pub aliases: Vec<String>,
    /// What it is.
    pub shape: Shape,
    /// Must it be there?
    pub required: bool,
    /// What it is when it is not there.
    pub default: Option<Value>,
    /// What it means.
    pub about: String,
}

/// What a parameter is.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A whole number in decimal, without sign, leading zeros or blanks (a minus only where the least is negative).
    Integer {
        /// The least.
        least: i64,
        /// The greatest.
        most: i64,
    },
    /// `true` or `false`.
    Boolean,
    /// A text.
    Text {
        /// The longest, in bytes.
        most: usize,
    },
    /// One of these words.
    Word(Vec<String>),
    /// An image as the distribution specification writes it.
    Image,
    /// JSON.
    Json,
    /// A label selector in the grammar of Kubernetes.
    Selector,
}

/// The parameters as what they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Typed(pub BTreeMap<String, Value>);

impl Typed {
    /// A number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    /// Is it `true`?
    pub fn is(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A JSON value.
    pub fn json(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

/// Reads what was written as what the action takes. Names stand for themselves or for an alias.
///
/// # Errors
/// Everything that is wrong, each in words that name the parameter: missing, unknown, given twice, of the wrong type.
pub fn typed(takes: &[Parameter], written: &BTreeMap<String, String>) -> Result<Typed, Vec<String>> {
    let mut faults = bounds(written);
    let mut found = BTreeMap::new();
    for (key, text) in written {
        match takes.iter().find(|parameter| parameter.is_called(key)) {
            None => faults.push(unknown(takes, key)),
            Some(parameter) if found.contains_key(&parameter.name) => {
                faults.push(format!("parameter given twice: '{}'", parameter.name));
            }
            Some(parameter) => match parameter.shape.read(text) {
                Ok(value) => {
                    found.insert(parameter.name.clone(), value);
                }
                Err(why) => faults.push(format!("invalid parameter '{key}': {why}")),
            },
        }
    }
    for parameter in takes {
        if found.contains_key(&parameter.name) || written.keys().any(|key| parameter.is_called(key)) {
            continue;
        }
        match &parameter.default {
            Some(value) => {
                found.insert(parameter.name.clone(), value.clone());
            }
            None if parameter.required => {
                faults.push(format!("missing required parameter: '{}'", parameter.name));
            }
            None => {}
        }
    }
    if faults.is_empty() {
        Ok(Typed(found))
    } else {
        Err(faults)
    }
}

fn bounds(written: &BTreeMap<String, String>) -> Vec<String> {
    let mut faults = Vec::new();
    if written.len() > MAX_COUNT {
        faults.push(format!("more than {MAX_COUNT} parameters"));
    }
    for (key, text) in written {
        if key.len() > MAX_KEY {
            faults.push(format!("a parameter's name is longer than {MAX_KEY} bytes"));
        }
        if text.len() > MAX_VALUE {
            faults.push(format!("parameter '{key}' is longer than {MAX_VALUE} bytes"));
        }
    }
    if written.values().map(String::len).sum::<usize>() > MAX_TOTAL {
        faults.push(format!(
            "the parameters together are longer than {MAX_TOTAL} bytes"
        ));
    }
    faults
}

fn unknown(takes: &[Parameter], key: &str) -> String {
    let names: Vec<&str> = takes.iter().map(|parameter| parameter.name.as_str()).collect();
    let shown: String = key.chars().take(MAX_KEY).collect();
    if names.is_empty() {
        return format!("unknown parameter: '{shown}' (the action takes none)");
    }
    format!(
        "unknown parameter: '{shown}' (the action takes {})",
        names.join(", ")
    )
}

impl Parameter {
    /// A parameter that need not be there.
    pub fn optional(name: &str, shape: Shape, about: &str) -> Self {
        Self {
            name: name.to_owned(),
            aliases: Vec::new(),
            shape,
            required: false,
            default: None,
            about: about.to_owned(),
        }
    }

    /// A parameter that must be there.
    pub fn required(name: &str, shape: Shape, about: &str) -> Self {
        Self {
            required: true,
            ..Self::optional(name, shape, about)
        }
    }

    /// The same with what it is when it is not there.
    #[must_use]
    pub fn or(mut self, default: Value) -> Self {
        self.default = Some(default);
        self
    }

    /// The same with an older name.
    #[must_use]
    pub fn also_called(mut self, alias: &str) -> Self {
        self.aliases.push(alias.to_owned());
        self
    }

    fn is_called(&self, key: &str) -> bool {
        self.name == key || self.aliases.iter().any(|alias| alias == key)
    }
}

impl Shape {
    /// What it is, in words.
    pub fn describe(&self) -> String {
        match self {
            Self::Integer { least, most } => format!("a whole number from {least} to {most}"),
            Self::Boolean => "true or false".to_owned(),
            Self::Text { most } => format!("a text of up to {most} bytes"),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Image => "an image reference".to_owned(),
            Self::Json => "JSON".to_owned(),
            Self::Selector => "a label selector".to_owned(),
        }
    }

    /// Reads a text as this.
    ///
    /// # Errors
    /// Why it is not one, without the text itself: it may be a secret.
    pub fn read(&self, text: &str) -> Result<Value, String> {
        let wrong = || format!("expected {}", self.describe());
        if text.contains('\0') {
            return Err("it contains a NUL character".to_owned());
        }
        match self {
            Self::Integer { least, most } => integer(text)
                .filter(|number| (*least..=*most).contains(number))
                .map(Value::from)
                .ok_or_else(wrong),
            Self::Boolean => match text {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err(wrong()),
            },
            Self::Text { most } if text.len() <= *most => Ok(Value::from(text)),
            Self::Word(words) if words.iter().any(|word| word == text) => Ok(Value::from(text)),
            Self::Image if is_image_reference(text) => Ok(Value::from(text)),
            Self::Selector => parse_selector(text).map(|_| Value::from(text)),
            Self::Json => serde_json::from_str(text)
                .map_err(|error| format!("expected JSON (line {}, column {})", error.line(), error.column())),
            Self::Text { .. } | Self::Word(_) | Self::Image => Err(wrong()),
        }
    }
}

/// The one way to write a number: `0`, `17`, `-1`.
fn integer(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
