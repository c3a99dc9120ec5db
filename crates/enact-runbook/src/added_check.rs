//! The check that an approval adds before a step: written as in a runbook, read with the names and surroundings of that step.

use std::collections::BTreeMap;

use enact_core::change::ChangeId;
use enact_core::diagnostic::{Diagnostic, Severity};
use enact_core::plan::Plan;
use serde_json::Value;

use crate::compile::{parse, type_of_output};
use crate::document::{Effective, SettingsDefaults};
use crate::expression::{Expression, Name, Type, Typed};
use crate::files::Files;
use crate::reading::{Binding, KnownStep, Reading};
use crate::scripts::Made;
use crate::spec::{CheckSpec, Document, Parameter, StepSpec};

/// What stands for a file name in messages.
const NAME: &str = "extra_check";

/// The longest check, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// Reads a check in the form that runbooks have (`{"exec": ["test", "-e", "ready"], "timeout": "10s"}`), to be made right
/// before a change of the plan. Its scripts have the shell of the plan's own; where the plan has none, that of `defaults`.
///
/// # Errors
/// Every fault of the check.
pub fn added_check(
    plan: &Plan,
    document: &Document,
    change_id: &ChangeId,
    check: &Value,
    files: &dyn Files,
    defaults: &SettingsDefaults,
) -> Result<CheckSpec, Vec<Diagnostic>> {
    let text = serde_json::to_string(check)
        .map_err(|error| vec![Diagnostic::error(format!("the check cannot be written: {error}"))])?;
    let faults = |findings: Vec<crate::lint::LintFinding>| {
        let found = findings.into_iter().map(|finding| finding.diagnostic);
        let errors = found.filter(|fault| fault.severity == Severity::Error);
        errors.collect::<Vec<_>>()
    };
    let parsed = parse(NAME, text.as_bytes(), MAX_BYTES).map_err(faults)?;
    let mut reading = Reading::new(files, parsed.file);
    know_plan(&mut reading, plan, document, change_id);
    reading.shell = shell(plan, defaults);
    let read = reading.check(&parsed.root, "the check");
    let mut found = reading.findings;
    found.extend(crate::lint::texts(&reading.texts));
    let found = faults(found);
    match read {
        Some(check) if found.is_empty() => Ok(check),
        Some(_) | None if !found.is_empty() => Err(found),
        Some(_) | None => Err(vec![Diagnostic::error("this is no check")]),
    }
}

/// What the check may name: parameters, and the steps before its own. Its surroundings are those of its step.
fn know_plan(reading: &mut Reading<'_>, plan: &Plan, document: &Document, change_id: &ChangeId) {
    reading.scope.plan_name.clone_from(&document.name);
    reading.pins = pins(document);
    for (name, parameter) in &document.parameters {
        let binding = binding(name, parameter);
        reading.scope.parameters.insert(name.clone(), binding);
    }
    let mut limit = None;
    for (index, id) in plan.execution_order().iter().enumerate() {
        reading.scope.ids.insert(id.to_string());
        let spec = plan.change(id).and_then(|change| change.spec.clone());
        let spec = spec.and_then(|spec| serde_json::from_value::<StepSpec>(spec).ok());
        if id == change_id {
            limit = Some(index);
            if let Some(spec) = &spec {
                reading.env.clone_from(&spec.env);
                reading.working_dir.clone_from(&spec.working_dir);
            }
        }
        if let Some(spec) = spec {
            let made = spec.makes.iter().map(|path| Made::path(index, path.clone()));
            reading.made.extend(made);
            let step = known(index, &spec);
            reading.scope.steps.insert(id.to_string(), step);
        }
    }
    reading.scope.limit = limit;
}

/// The shell of the plan's own scripts; where it has none, that of runbooks which name none.
fn shell(plan: &Plan, defaults: &SettingsDefaults) -> Vec<String> {
    let frozen = plan.changes().iter().find_map(|change| {
        let shell = change.spec.as_ref()?.pointer("/action/shell")?;
        serde_json::from_value(shell.clone()).ok()
    });
    frozen.unwrap_or_else(|| Effective::new(defaults).shell)
}

fn pins(document: &Document) -> BTreeMap<String, String> {
    let files = document.files.iter();
    files
        .map(|file| (file.path.clone(), file.digest.clone()))
        .collect()
}

fn binding(name: &str, parameter: &Parameter) -> Binding {
    let secret = parameter.parameter_type == "secret";
    let value_type = match parameter.parameter_type.as_str() {
        "integer" => Type::Integer,
        "boolean" => Type::Boolean,
        "enum" | "ident" => Type::Word,
        _ => Type::Text,
    };
    let expression = match &parameter.value {
        Some(value) if !secret => Expression::Literal(value.clone()),
        Some(_) | None => Expression::Name(Name::Parameter(name.to_owned()), 0),
    };
    Binding::new(Typed { value_type, secret }, expression)
}

fn known(index: usize, spec: &StepSpec) -> KnownStep {
    let outputs = spec.outputs.iter();
    KnownStep {
        index,
        outputs: outputs
            .map(|(name, output)| (name.clone(), type_of_output(output)))
            .collect(),
        never: false,
        stands_for_others: false,
    }
}
