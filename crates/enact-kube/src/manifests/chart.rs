//! What of the Helm chart carries rights, as templates: the same objects as in `deploy/manifests.yaml`, with the chart's values where those
//! have the operator's choices, and with the conditions under which they are given. The rest of the chart is written by hand, and
//! `scripts/chart.sh` compares what it renders with the manifests.

use enact_engine::policy::default::bundle;
use serde_json::Value;

use super::{Choices, accounts, admission, manager_objects};
use crate::api::crd;
use crate::catalog::{About, Catalog};

/// Begins every template: written by nobody.
const HEAD: &str =
    "{{- /* Generated from the catalog of actions by scripts/generate.sh; changes belong there. */ -}}\n";

/// Makes the image a variable. A name without spaces survives the folding of long lines.
const IMAGE: &str = "{{- $image := include \"executor.image\" . }}\n";

/// A part of a file of the chart.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// An object, as a YAML document with `---` before it.
    Object(Value),
}

/// A file of the chart: its path in it, and its parts in order.
pub type ChartFile = (String, Vec<Part>);

/// Every file of the chart that is made from the types: accounts, roles, admission policies, the resource's definition, the shipped
/// policies. The same each time; nothing is written.
///
/// # Errors
/// When the definition of the resource has no JSON form.
pub fn chart_files() -> Result<Vec<ChartFile>, serde_json::Error> {
    let choices = templated();
    let mut files = vec![
        (
            "crds/kubernetesexecutions.yaml".to_owned(),
            vec![Part::Object(serde_json::to_value(crd())?)],
        ),
        ("templates/accounts.yaml".to_owned(), account_parts(&choices)),
        ("templates/manager.yaml".to_owned(), manager_parts(&choices)),
        ("templates/admission.yaml".to_owned(), admission_parts(&choices)),
    ];
    files.extend(policies());
    Ok(files)
}

/// The operator's choices as the chart's templates name them. Namespaces of actions are not here: they are ranges of a template.
fn templated() -> Choices {
    Choices {
        namespace: "{{$.Release.Namespace}}".to_owned(),
        image: "{{$image}}".to_owned(),
        ..Choices::default()
    }
}

/// The controller's rights; more of them where the API server is to be asked who may read metrics.
fn manager_parts(choices: &Choices) -> Vec<Part> {
    let asked = Choices {
        metrics_auth: true,
        ..choices.clone()
    };
    let mut parts = vec![Part::Text(HEAD.to_owned())];
    parts.extend(where_chosen(
        ".Values.metrics.auth",
        &manager_objects(choices),
        manager_objects(&asked),
    ));
    parts
}

/// What the API server refuses; other Jobs where actions of the operator's own are on.
fn admission_parts(choices: &Choices) -> Vec<Part> {
    let custom = Choices {
        custom_actions: true,
        ..choices.clone()
    };
    let mut parts = vec![Part::Text(format!("{HEAD}{IMAGE}"))];
    parts.extend(where_chosen(
        ".Values.controller.customActions",
        &admission::admission_objects(choices),
        admission::admission_objects(&custom),
    ));
    parts
}

/// Objects of which some are others, or there only, where a value says so. No object is there only where it does not.
fn where_chosen(value: &str, without: &[Value], with: Vec<Value>) -> Vec<Part> {
    let name = |object: &Value| (object["kind"].clone(), object["metadata"].clone());
    let mut parts = Vec::new();
    for object in with {
        let other = without.iter().find(|other| name(other) == name(&object)).cloned();
        if other.as_ref() == Some(&object) {
            parts.push(Part::Object(object));
            continue;
        }
        parts.extend([text(&format!("if {value}")), Part::Object(object)]);
        if let Some(other) = other {
            parts.extend([text("else"), Part::Object(other)]);
        }
        parts.push(text("end"));
    }
    parts
}

/// Accounts and roles are always there; what binds them depends on values.
fn account_parts(choices: &Choices) -> Vec<Part> {
    let mut parts = vec![Part::Text(HEAD.to_owned())];
    parts.extend(known_names());
    for action in Catalog::built_in().list() {
        let about = action.about();
        parts.push(Part::Object(accounts::account(about, choices)));
        parts.push(Part::Object(accounts::role(about)));
        parts.extend(bindings(about, choices));
    }
    parts
}

/// A value for an action that the catalog does not have would do nothing, and somebody may rely on it.
fn known_names() -> Vec<Part> {
    let catalog = Catalog::built_in();
    let names: Vec<String> = catalog
        .list()
        .map(|action| format!("\"{}\"", action.about().name))
        .collect();
    vec![
        text(&format!("$known := list {}", names.join(" "))),
        text("range $name, $_ := .Values.actions"),
        text("if not (has $name $known)"),
        text("fail (printf \"actions.%s: the catalog has no such action\" $name)"),
        text("end"),
        text("end"),
    ]
}

/// What lets an account act: everywhere, or in the namespaces that are named. An action that is switched off may act nowhere.
fn bindings(about: &About, choices: &Choices) -> Vec<Part> {
    let name = &about.name;
    let enabled = format!("or (not .Values.enabledActions) (has \"{name}\" .Values.enabledActions)");
    let mut parts = vec![text(&format!("if {enabled}"))];
    let in_each = text("range $where.allowedNamespaces");
    // An action that the values do not name yet is one like the others.
    parts.push(text(&format!(
        "$where := default (dict \"clusterWide\" true) .Values.actions.{name}"
    )));
    let grant = accounts::namespace_grant(&about.account(), "{{.}}", choices);
    if matches!(name.as_ref(), "PatchConfigMap" | "PatchSecret") {
        parts.extend([in_each, Part::Object(grant)]);
        parts.extend(accounts::reading_grant(about, "{{.}}", choices).map(Part::Object));
        parts.push(text("end"));
    } else {
        parts.push(text("if $where.clusterWide"));
        let everywhere = accounts::cluster_binding(&about.account(), &about.account(), choices);
        parts.push(Part::Object(everywhere));
        if about.namespaced {
            parts.extend([text("else"), in_each, Part::Object(grant), text("end")]);
        }
        parts.push(text("end"));
    }
    parts.push(text("end"));
    parts
}

/// A line with one directive of a template.
fn text(directive: &str) -> Part {
    Part::Text(format!("{{{{- {directive} }}}}\n"))
}

/// The shipped policies, as files that a template puts into a ConfigMap.
fn policies() -> Vec<ChartFile> {
    let bundle = bundle();
    let files = bundle.policies().filter_map(|file| {
        let name = file.path.strip_prefix("actions/")?;
        Some((format!("policies/{name}"), vec![Part::Text(file.text.clone())]))
    });
    files.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_text(parts: &[Part]) -> String {
        let texts = parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Object(object) => object.to_string(),
        });
        texts.collect()
    }

    fn file(path: &str) -> Vec<Part> {
        let files = chart_files().unwrap();
        files.into_iter().find(|(name, _)| name == path).unwrap().1
    }

    #[test]
    fn what_the_chart_does_not_choose_is_in_no_template() {
        let defaults = Choices::default();
        for (path, parts) in chart_files().unwrap() {
            let text = all_text(&parts);
            if path.starts_with("templates/") {
                assert!(!text.contains(&defaults.namespace), "{path}");
                assert!(!text.contains(&defaults.image), "{path}");
            }
        }
        assert!(all_text(&file("templates/admission.yaml")).contains("image == '{{$image}}'"));
    }

    #[test]
    fn secrets_and_maps_are_bound_only_where_a_namespace_is_named() {
        let choices = templated();
        for action in Catalog::built_in().list() {
            let about = action.about();
            let parts = bindings(about, &choices);
            let in_one = parts
                .iter()
                .position(|part| *part == text("range $where.allowedNamespaces"));
            let everywhere = all_text(&parts).contains("\"ClusterRoleBinding\"");
            let never_everywhere = matches!(about.name.as_ref(), "PatchConfigMap" | "PatchSecret");
            assert_eq!(everywhere, !never_everywhere, "{}", about.name);
            assert_eq!(in_one.is_some(), about.namespaced, "{}", about.name);
            let Some(at) = in_one else { continue };
            let Part::Object(grant) = &parts[at + 1] else {
                panic!("no object in each namespace of {}", about.name)
            };
            assert_eq!(grant["kind"], "RoleBinding");
            assert_eq!(grant["metadata"]["namespace"], "{{.}}");
        }
    }

    #[test]
    fn every_directive_that_opens_is_closed() {
        for (path, parts) in chart_files().unwrap() {
            let text = all_text(&parts);
            let count = |what: &str| text.matches(what).count();
            assert_eq!(
                count("{{- if ") + count("{{- range "),
                count("{{- end "),
                "{path}"
            );
        }
    }

    #[test]
    fn no_shipped_policy_is_left_out() {
        let names: Vec<String> = policies().into_iter().map(|(path, _)| path).collect();
        for name in [
            "action-allowlist",
            "namespace-restrictions",
            "node-safety",
            "resource-limits",
            "scale-safety",
        ] {
            assert!(
                names.contains(&format!("policies/{name}.rego")),
                "{name} in {names:?}"
            );
        }
    }
}
