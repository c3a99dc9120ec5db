//! Secret outputs of adopted steps. They are in no journal: only the process that ran the step knew their values, so nothing of a
//! revision can use them.

use std::collections::BTreeMap;

use enact_core::change::{Adopted, Change, ChangeId};
use enact_core::journal::RunId;
use serde_json::Value;

use crate::compile::Compiled;
use crate::expression::{Name, parse};

/// A secret output of an adopted step that something of the revision still needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LostSecret {
    /// What needs it; `None`: something about the whole, as a criterion.
    pub(super) user: Option<ChangeId>,
    /// The adopted step.
    step: String,
    /// Its output.
    output: String,
}

impl LostSecret {
    /// What is wrong.
    pub(super) fn in_words(&self, run_id: &RunId) -> String {
        let user = match &self.user {
            Some(user) => format!("step `{user}`"),
            None => "a check of the whole".to_owned(),
        };
        let Self { step, output, .. } = self;
        format!(
            "{user} needs the secret output `{output}` of `{step}`, which was done in run {run_id}: \
             secrets are not written down, so its value is not known any more"
        )
    }
}

/// What to do about one.
pub(super) const HINT: &str =
    "get the value anew: in a new step before the one that needs it, or as a parameter of type secret";

/// What is still to run and names a secret output of what is adopted.
pub(super) fn lost_secrets(compiled: &Compiled, adopted: &BTreeMap<ChangeId, Adopted>) -> Vec<LostSecret> {
    let (done, ahead): (Vec<&Change>, Vec<&Change>) = compiled
        .draft
        .changes
        .iter()
        .partition(|change| adopted.contains_key(&change.change_id));
    let secrets: Vec<(String, String)> = done.into_iter().flat_map(secret_outputs).collect();
    if secrets.is_empty() {
        return Vec::new();
    }
    let steps = ahead.into_iter().map(|change| {
        let value = serde_json::to_value(change).unwrap_or_default();
        (Some(change.change_id.clone()), value)
    });
    let whole = compiled.draft.document.clone().unwrap_or_default();
    let mut lost = Vec::new();
    for (user, value) in steps.chain([(None, whole)]) {
        let mut named = Vec::new();
        outputs_named(&value, &mut named);
        let needed = secrets.iter().filter(|secret| named.contains(secret));
        lost.extend(needed.map(|(step, output)| LostSecret {
            user: user.clone(),
            step: step.clone(),
            output: output.clone(),
        }));
    }
    lost
}

/// The secret outputs that a step declares, each with the step's id.
fn secret_outputs(change: &Change) -> Vec<(String, String)> {
    let outputs = change.spec.as_ref().and_then(|spec| spec.get("outputs"));
    let outputs = outputs.and_then(Value::as_object).into_iter().flatten();
    outputs
        .filter(|(_, output)| output.get("secret") == Some(&Value::Bool(true)))
        .map(|(name, _)| (change.change_id.to_string(), name.clone()))
        .collect()
}

/// Every output that expressions of the frozen form name, wherever they stand in it.
pub(crate) fn outputs_named(value: &Value, named: &mut Vec<(String, String)>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| outputs_named(item, named)),
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str().filter(|_| key == "expression" || key == "when") {
                    Some(source) => outputs_of(source, named),
                    None => outputs_named(value, named),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn outputs_of(source: &str, named: &mut Vec<(String, String)>) {
    let Ok(expression) = parse(source) else {
        return;
    };
    expression.names(&mut |name, _| {
        if let Name::Output { step, output } = name {
            named.push((step.clone(), output.clone()));
        }
    });
}
