//! Outputs of a step whose end nobody saw, from whoever says that it happened: what others use has to be known before the word is
//! written down, which cannot be taken back.

use std::collections::{BTreeMap, BTreeSet};

use enact_core::change::Change;
use enact_core::diagnostic::Diagnostic;
use enact_core::plan::Plan;
use serde_json::Value;

use crate::provider::value_given;
use crate::revise::outputs_named;
use crate::spec::OutputSpec;

/// The outputs of a step of a runbook, from `(name, text)` as a person gives them: `("rows", "42")`. Each is of its declared type
/// then. Of a change of another domain there are none.
///
/// # Errors
/// A name is not declared, is secret (no journal holds it) or is given twice; a text is not of its type or too long; an output
/// that another step or a check uses is not given.
pub fn settled_outputs(
    plan: &Plan,
    change: &Change,
    given: &[(String, String)],
) -> Result<BTreeMap<String, Value>, Box<Diagnostic>> {
    let declared = declared(change);
    let mut made = BTreeMap::new();
    for (name, text) in given {
        let spec = declared.get(name).filter(|spec| !spec.secret);
        let spec = spec.ok_or_else(|| Box::new(no_such_output(change, name, &declared)))?;
        let value = value_given(text, spec)
            .map_err(|why| boxed(format!("the output {name} of {}: {why}", change.change_id)))?;
        if made.insert(name.clone(), value).is_some() {
            return Err(boxed(format!("the output {name} is given twice")));
        }
    }
    let used = used(plan, change);
    let asked = declared
        .iter()
        .filter(|(name, spec)| !spec.secret && used.contains(*name));
    let missing: Vec<&str> = asked
        .map(|(name, _)| name.as_str())
        .filter(|name| !made.contains_key(*name))
        .collect();
    match missing.first() {
        None => Ok(made),
        Some(first) => {
            let (id, missing) = (&change.change_id, missing.join(", "));
            let fault = format!("{id} has outputs that others use, and nobody knows them: {missing}");
            let hint = format!("say what they are: --made {first}=VALUE");
            Err(Box::new(Diagnostic::error(fault).hint(hint)))
        }
    }
}

fn boxed(fault: String) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(fault))
}

fn declared(change: &Change) -> BTreeMap<String, OutputSpec> {
    let outputs = change.spec.as_ref().and_then(|spec| spec.get("outputs"));
    let read = outputs.and_then(|outputs| serde_json::from_value(outputs.clone()).ok());
    read.unwrap_or_default()
}

fn no_such_output(change: &Change, name: &str, declared: &BTreeMap<String, OutputSpec>) -> Diagnostic {
    if declared.contains_key(name) {
        let fault = format!(
            "the output {name} of {} is secret, and no journal holds it",
            change.change_id
        );
        return Diagnostic::error(fault).hint("a step that needs it fails; a revision can get it anew");
    }
    let known: Vec<&str> = declared.keys().map(String::as_str).collect();
    let fault = Diagnostic::error(format!("{} has no output {name}", change.change_id));
    match known.as_slice() {
        [] => fault.hint("it declares none: leave --made away"),
        known => fault.hint(format!("it declares {}", known.join(", "))),
    }
}

/// The outputs of a change that expressions of the plan name, those of the change itself left out.
fn used(plan: &Plan, change: &Change) -> BTreeSet<String> {
    let mut named = Vec::new();
    for other in plan.changes() {
        if other.change_id != change.change_id {
            outputs_named(&serde_json::to_value(other).unwrap_or_default(), &mut named);
        }
    }
    plan.document()
        .into_iter()
        .for_each(|document| outputs_named(document, &mut named));
    let of_it = named.into_iter().filter(|(step, _)| *step == change.change_id.0);
    of_it.map(|(_, output)| output).collect()
}
