//! The parameters of a custom action: of the same types, in the same one way to write each, as those of the built-in actions.

use enact_core::diagnostic::Diagnostic;
use serde_json::Value;

use super::super::parameter::{MAX_COUNT, MAX_VALUE};
use super::super::{Parameter, Shape};
use super::fields::{Faults, Fields, Node};
use super::template::is_name;

/// Names that older requests use for the target: a parameter of that name would never be given.
const RESERVED: [&str; 5] = [
    "namespace",
    "deployment_name",
    "pod_name",
    "node_name",
    "configmap_name",
];

/// The keys of a parameter.
const KEYS: [&str; 9] = [
    "name", "type", "about", "required", "default", "least", "most", "words", "bytes",
];

/// What a parameter can be.
const TYPES: &str = "integer, boolean, text, word, image, json or selector";

/// Reads the parameters of an action.
pub(super) fn read(node: Option<&Node<'_>>, faults: &mut Faults<'_>) -> Vec<Parameter> {
    let Some(node) = node else {
        return Vec::new();
    };
    let mut parameters: Vec<Parameter> = Vec::new();
    for item in faults.list(node, "parameters", MAX_COUNT) {
        let Some(parameter) = parameter(item, faults) else {
            continue;
        };
        if parameters.iter().any(|other| other.name == parameter.name) {
            let fault = format!("there is a parameter {} already", parameter.name);
            faults.add(item.span, Diagnostic::error(fault));
        }
        parameters.push(parameter);
    }
    parameters
}

fn parameter(node: &Node<'_>, faults: &mut Faults<'_>) -> Option<Parameter> {
    let fields = Fields::read(node, "a parameter", &KEYS, faults)?;
    let is_free = |text: &str| is_name(text) && !RESERVED.contains(&text);
    let name = fields.text(
        "name",
        "letters and digits, a letter first, and not a name that older requests use for the target",
        is_free,
        faults,
    );
    let about = fields.about(faults);
    let shape = shape(&fields, faults)?;
    let required = fields.boolean("required", faults);
    let default = default(&fields, &shape, required, faults);
    Some(Parameter {
        required,
        default,
        ..Parameter::optional(&name?, shape, &about?)
    })
}

fn shape(fields: &Fields<'_, '_>, faults: &mut Faults<'_>) -> Option<Shape> {
    let node = fields.require("type", faults)?;
    let kind = node.text().unwrap_or_default();
    let own: &[&str] = match kind {
        "integer" => &["least", "most"],
        "text" => &["bytes"],
        "word" => &["words"],
        _ => &[],
    };
    for key in ["least", "most", "bytes", "words"] {
        if let Some(other) = fields.get(key).filter(|_| !own.contains(&key)) {
            let fault = Diagnostic::error(format!("`{key}` says nothing about a parameter of this type"));
            faults.add(other.span, fault);
        }
    }
    match kind {
        "integer" => Some(integer(fields, faults)),
        "boolean" => Some(Shape::Boolean),
        "text" => {
            let most = i64::try_from(MAX_VALUE).unwrap_or(i64::MAX);
            let bytes = fields.integer("bytes", (1, most), 1024, faults);
            Some(Shape::Text {
                most: usize::try_from(bytes).unwrap_or(1024),
            })
        }
        "word" => words(fields, faults).map(Shape::Word),
        "image" => Some(Shape::Image),
        "json" => Some(Shape::Json),
        "selector" => Some(Shape::Selector),
        _ => {
            faults.expected(node, "type", TYPES);
            None
        }
    }
}

fn integer(fields: &Fields<'_, '_>, faults: &mut Faults<'_>) -> Shape {
    let all = (i64::MIN, i64::MAX);
    let least = fields.integer("least", all, 0, faults);
    let most = fields.integer("most", all, i64::from(i32::MAX), faults);
    if least > most
        && let Some(node) = fields.get("least").or_else(|| fields.get("most"))
    {
        faults.expected(node, "least", &format!("no more than most, which is {most}"));
    }
    Shape::Integer { least, most }
}

fn words(fields: &Fields<'_, '_>, faults: &mut Faults<'_>) -> Option<Vec<String>> {
    let node = fields.require("words", faults)?;
    let mut words = Vec::new();
    for item in faults.list(node, "words", 64) {
        match item.text().filter(|word| !word.is_empty() && word.len() <= 64) {
            Some(word) => words.push(word.to_owned()),
            None => faults.expected(item, "a word", "a text of 1 to 64 bytes"),
        }
    }
    Some(words)
}

/// What it is when it is not given: written as a request would write it, and read in the same way.
fn default(fields: &Fields<'_, '_>, shape: &Shape, required: bool, faults: &mut Faults<'_>) -> Option<Value> {
    let node = fields.get("default")?;
    if required {
        let fault = Diagnostic::error("a parameter that is required has no default");
        faults.add(node.span, fault.hint("keep one of both"));
        return None;
    }
    let written = match node.scalar()? {
        Value::String(text) => text,
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    };
    match shape.read(&written) {
        Ok(value) => Some(value),
        Err(_) => {
            faults.expected(node, "default", &shape.describe());
            None
        }
    }
}
