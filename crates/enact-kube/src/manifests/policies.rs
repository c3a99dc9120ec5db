//! The shipped policies for actions, as the ConfigMap that the controller reads them from.

use enact_engine::policy::default::bundle;
use serde_json::{Map, Value, json};

use super::Choices;
use super::accounts::labels;

/// The ConfigMap. Its keys are plain names, as a volume of it has no folders.
pub fn policy_objects(choices: &Choices) -> Vec<Value> {
    let bundle = bundle();
    let files = bundle.policies().filter(|file| file.path.starts_with("actions/"));
    let mut data: Map<String, Value> = files
        .map(|file| {
            let name = file.path.trim_start_matches("actions/").to_owned();
            (name, Value::from(file.text.clone()))
        })
        .collect();
    data.insert("data.yaml".to_owned(), Value::from(settings(choices)));
    vec![json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "kubernetes-executor-policies", "namespace": choices.namespace, "labels": labels("policies") },
        "data": data,
    })]
}

/// The settings that the modules read. Those that are left out have the strict built-in value.
fn settings(choices: &Choices) -> String {
    format!(
        "# docs/policies/README.md says what each means.\nenact:\n  settings:\n    actions:\n      executor_namespace: {}\n",
        choices.namespace
    )
}
