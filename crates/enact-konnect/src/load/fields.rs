//! The fields of one resource: values against their shapes, front matter, what must not be missing.

use enact_core::diagnostic::Diagnostic;
use serde_json::Value;

use super::digest;
use super::draft::{Cell, CellValue, Draft};
use super::frontmatter;
use super::labels;
use super::shape;
use super::text::{Faults, Span};
use super::tree::{Body, Node, Special, Target};
use crate::desired::EnvironmentUse;
use crate::resources::{DefaultValue, Field, Shape};

/// Checks a configured field and puts it on the draft.
pub(super) fn read(
    draft: &mut Draft,
    field: &'static Field,
    key: Span,
    node: Node<'_>,
    faults: &mut Faults<'_>,
) {
    // A value that was left away has no place of its own.
    let span = if node.is_absent() { key } else { node.span };
    if let Body::Special(Special::Environment(value)) = &node.body {
        note_environment(draft, field.name, &value.variable, &value.text);
    }
    let value = if matches!(field.shape, Shape::Labels) && matches!(node.body, Body::Mapping(_)) {
        CellValue::Known(labels::read(draft, field.name, key, node, faults))
    } else {
        match single(field, node) {
            Ok(value) => value,
            Err(fault) => {
                faults.push(draft.at(span), fault);
                CellValue::Faulty
            }
        }
    };
    draft.fields.insert(field.name, Cell { value, span });
}

/// Remembers that a value came from the environment.
pub(super) fn note_environment(draft: &mut Draft, field: &str, variable: &str, text: &str) {
    draft.environment.push(EnvironmentUse {
        field: field.to_owned(),
        variable: variable.to_owned(),
        digest: digest::of_text(text),
    });
}

fn single(field: &'static Field, node: Node<'_>) -> Result<CellValue, Diagnostic> {
    let found = node.describe();
    let value = match node.body {
        Body::Faulty => return Ok(CellValue::Faulty),
        Body::Special(Special::Reference(target)) if matches!(field.shape, Shape::Labels) => {
            return Err(labels::no_references(&target));
        }
        Body::Special(Special::Reference(target)) => return Ok(CellValue::Unresolved(*target)),
        Body::Special(Special::Environment(_)) if !takes_environment(&field.shape) => {
            let fault = format!("`{}` cannot come from the environment", field.name);
            return Err(Diagnostic::error(fault)
                .detail("`!env` is for text fields only")
                .hint("write the value out"));
        }
        Body::Sequence(_) | Body::Mapping(_) => return Err(structured(field, &found)),
        // A number that no integer or float can hold is still a number.
        Body::Scalar { .. } if found.starts_with("number ") => {
            node.scalar().filter(Value::is_number).unwrap_or(0.into())
        }
        Body::Scalar { text, plain: false } => Value::String(text.into_owned()),
        Body::Special(Special::Environment(value)) => Value::String(value.text),
        Body::Scalar { .. } => node.scalar().unwrap_or_default(),
    };
    if let (Shape::Id { .. }, Value::String(text)) = (&field.shape, &value)
        && !shape::is_uuid(text)
        && shape::is_reference(text)
    {
        return Ok(CellValue::Unresolved(Target {
            reference: text.clone(),
            field: "id".into(),
        }));
    }
    shape::check(field, &value, &found)?;
    Ok(CellValue::Known(value))
}

fn takes_environment(shape: &Shape) -> bool {
    match shape {
        Shape::Text { .. } | Shape::Choice(_) | Shape::Id { .. } => true,
        Shape::Bool | Shape::Labels => false,
    }
}

fn structured(field: &Field, found: &str) -> Diagnostic {
    let fault = shape::mismatch(field, &Value::Array(Vec::new()), found);
    match field.shape {
        Shape::Text { .. } => fault.hint("long text goes into a block (`|`) or a file (`!file ./page.md`)"),
        Shape::Bool | Shape::Choice(_) | Shape::Labels | Shape::Id { .. } => fault,
    }
}

/// After all its keys are read: front matter, the name, and what is missing.
pub(super) fn complete(draft: &mut Draft, faults: &mut Faults<'_>) {
    if draft.is_external {
        return;
    }
    for field in draft
        .kind
        .fields
        .iter()
        .filter(|field| !field.front_matter.is_empty())
    {
        frontmatter::fill(draft, field, faults);
    }
    default_name(draft);
    for field in draft.kind.fields {
        if field.required && !draft.fields.contains_key(field.name) {
            let fault = format!("{} `{}` has no `{}`", draft.kind.name, draft.name(), field.name);
            let fault = Diagnostic::error(fault)
                .detail(format!("expected {}", shape::expected(&field.shape)))
                .hint(format!("add `{}:`", field.name));
            faults.push(draft.at, fault);
        }
    }
}

/// The identity is needed while loading; every other default is the planner's.
fn default_name(draft: &mut Draft) {
    let name = draft.kind.identity_field();
    let Some(field) = draft.kind.field(name) else {
        return;
    };
    if !matches!(field.default, DefaultValue::Ref) || draft.fields.contains_key(name) {
        return;
    }
    let Some(reference) = draft.reference.clone() else {
        return;
    };
    let cell = Cell {
        value: CellValue::Known(Value::String(reference)),
        span: draft.at.span,
    };
    draft.fields.insert(field.name, cell);
}
