//! What the API server refuses by itself, without a webhook: Jobs in the executor's namespace that the controller did not make, and
//! executions of what the requester could not do himself.

use serde_json::{Value, json};

use super::Choices;
use super::accounts::labels;
use crate::catalog::{ACCOUNT_PREFIX, About, Catalog};

/// The admission policies and their bindings.
pub fn admission_objects(choices: &Choices) -> Vec<Value> {
    let mut objects = Vec::new();
    for (name, spec) in [
        ("kubernetes-executor-jobs", jobs(choices)),
        ("kubernetes-executor-requests", requests(choices)),
    ] {
        objects.push(json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": name, "labels": labels("admission") },
            "spec": spec,
        }));
        objects.push(binding(name, choices));
    }
    objects
}

fn binding(policy: &str, choices: &Choices) -> Value {
    let mut spec = json!({ "policyName": policy, "validationActions": ["Deny"] });
    if policy == "kubernetes-executor-jobs"
        && let Some(fields) = spec.as_object_mut()
    {
        let own = json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": choices.namespace } } });
        fields.insert("matchResources".to_owned(), own);
    }
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": { "name": policy, "labels": labels("admission") },
        "spec": spec,
    })
}

/// A Job in the executor's namespace is one that the controller made: its image, the account of its action, no volume but its token.
fn jobs(choices: &Choices) -> Value {
    let controller = format!("system:serviceaccount:{}:kubernetes-executor", choices.namespace);
    let pod = "object.spec.template.spec";
    let accounts: Vec<String> = Catalog::built_in()
        .list()
        .map(|action| format!("'{}': '{}'", action.about().name, action.about().account()))
        .collect();
    let rule = |expression: String, message: &str| json!({ "expression": expression, "message": message });
    json!({
        "failurePolicy": "Fail",
        "matchConstraints": { "resourceRules": [{
            "apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"],
        }] },
        "variables": [{ "name": "accounts", "expression": format!("{{{}}}", accounts.join(", ")) }],
        "validations": [
            rule(format!("request.userInfo.username == '{controller}'"), "only the executor makes Jobs here"),
            rule(of_its_action(pod, choices), "a Job runs under the account of its action"),
            rule(
                format!("size({pod}.containers) == 1 && !has({pod}.initContainers) && {}", image(pod, choices)),
                "a Job has one container, of the executor's image",
            ),
            rule(
                format!("!has({pod}.volumes) || {pod}.volumes.all(v, v.name == 'token' && has(v.projected))"),
                "a Job has no volume but its token",
            ),
        ],
    })
}

/// The account of a built-in action; of others, where there may be others, one that is no built-in action's.
fn of_its_action(pod: &str, choices: &Choices) -> String {
    let label = "object.metadata.labels['kubernaut.ai/action']";
    let named = "has(object.metadata.labels) && 'kubernaut.ai/action' in object.metadata.labels";
    let own = format!("{pod}.serviceAccountName == variables.accounts[{label}]");
    if choices.custom_actions {
        let custom = format!("{pod}.serviceAccountName.startsWith('{ACCOUNT_PREFIX}')");
        format!("{named} && ({label} in variables.accounts ? {own} : {custom})")
    } else {
        format!("{named} && {label} in variables.accounts && {own}")
    }
}

/// The executor's own image; under a custom account, and only there, another one by digest.
fn image(pod: &str, choices: &Choices) -> String {
    let own = format!("{pod}.containers[0].image == '{}'", choices.image);
    if !choices.custom_actions {
        return own;
    }
    let pinned = format!("{pod}.containers[0].image.matches('^[^@]+@sha256:[0-9a-f]{{64}}$')");
    format!("({pod}.serviceAccountName.startsWith('{ACCOUNT_PREFIX}') ? {pinned} : {own})")
}

/// Whoever asks for an action must be able to do it himself: otherwise the executor would lend him its rights.
fn requests(choices: &Choices) -> Value {
    let catalog = Catalog::built_in();
    let checks: Vec<String> = catalog.list().map(|action| check(action.about())).collect();
    let unknown: Vec<String> = catalog
        .list()
        .map(|action| format!("'{}'", action.about().name))
        .collect();
    // What the catalog does not have is not stopped here: the controller says so in the status. Where it may be an operator's own action,
    // the requester must have been given it: its account does what the requester could not do.
    let others = if choices.custom_actions {
        format!(
            "(!(variables.action in [{}]) && authorizer.group('{}').resource('customactions')\
             .namespace(object.metadata.namespace).name(variables.action).check('run').allowed())",
            unknown.join(", "),
            crate::api::GROUP
        )
    } else {
        format!("!(variables.action in [{}])", unknown.join(", "))
    };
    let expression = format!("{others} || {}", checks.join(" || "));
    json!({
        "failurePolicy": "Fail",
        "matchConstraints": { "resourceRules": [{
            "apiGroups": [crate::api::GROUP], "apiVersions": [crate::api::VERSION],
            "operations": ["CREATE"], "resources": ["kubernetesexecutions"],
        }] },
        "variables": [
            { "name": "action", "expression": "object.spec.action.split('@')[0]" },
            { "name": "target", "expression": "has(object.spec.targetResource) && has(object.spec.targetResource.name) ? object.spec.targetResource.name : ''" },
            {
                "name": "space",
                "expression": "has(object.spec.targetResource) && has(object.spec.targetResource.namespace) && object.spec.targetResource.namespace != '' ? object.spec.targetResource.namespace : object.metadata.namespace",
            },
        ],
        "validations": [{
            "expression": expression,
            "messageExpression": "'you may not do ' + variables.action + ' yourself, so the executor does not do it for you'",
        }],
    })
}

/// May the requester do what writes? An action that only reads asks for reading.
fn check(about: &About) -> String {
    let writes = |verb: &str| !matches!(verb, "get" | "list" | "watch");
    let reads = about.effect == enact_core::change::Effect::Read;
    let mut asked: Vec<String> = Vec::new();
    for right in about.rights {
        // Replacing a scale is what patching it is.
        let mut verbs: Vec<&str> = right.verbs.to_vec();
        verbs.retain(|verb| writes(verb) && *verb != "update");
        if reads {
            verbs.push("get");
        }
        let (plural, sub) = right.resource.split_once('/').unwrap_or((right.resource, ""));
        let sub = if sub.is_empty() {
            String::new()
        } else {
            format!(".subresource('{sub}')")
        };
        // An eviction is of any pod on the node, in whatever namespace it is.
        let place = match (about.namespaced, right.resource) {
            (true, _) => ".namespace(variables.space).name(variables.target)",
            (false, "nodes") => ".name(variables.target)",
            (false, _) => "",
        };
        for verb in verbs {
            asked.push(format!(
                "authorizer.group('{}').resource('{plural}'){sub}{place}.check('{verb}').allowed()",
                right.group
            ));
        }
    }
    format!("(variables.action == '{}' && {})", about.name, asked.join(" && "))
}
