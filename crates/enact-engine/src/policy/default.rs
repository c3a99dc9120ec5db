//! The bundle that comes with the program, from `policies/`. In force when none is named.

use super::bundle::{Bundle, BundleFile};

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../policies/", $path)))),*]
    };
}

/// Every file of `policies/` but the test of the values as shipped; a test holds the list to the directory.
const FILES: &[(&str, &str)] = files![
    "actions/action-allowlist.rego",
    "actions/action-allowlist_test.rego",
    "actions/namespace-restrictions.rego",
    "actions/namespace-restrictions_test.rego",
    "actions/node-safety.rego",
    "actions/node-safety_test.rego",
    "actions/question.rego",
    "actions/question_test.rego",
    "actions/resource-limits.rego",
    "actions/resource-limits_test.rego",
    "actions/samples_test.rego",
    "actions/scale-safety.rego",
    "actions/scale-safety_test.rego",
    "data.yaml",
    "plan/blast_radius.rego",
    "plan/blast_radius_test.rego",
    "plan/changes.rego",
    "plan/changes_test.rego",
    "plan/delete_namespaces.rego",
    "plan/delete_namespaces_test.rego",
    "plan/deletions.rego",
    "plan/deletions_test.rego",
    "plan/freeze.rego",
    "plan/freeze_test.rego",
    "plan/labels.rego",
    "plan/labels_test.rego",
    "plan/protected_types.rego",
    "plan/protected_types_test.rego",
    "plan/runbook.rego",
    "plan/runbook_assurance.rego",
    "plan/runbook_assurance_test.rego",
    "plan/runbook_destroy.rego",
    "plan/runbook_destroy_test.rego",
    "plan/runbook_hours.rego",
    "plan/runbook_hours_test.rego",
    "plan/runbook_network.rego",
    "plan/runbook_network_test.rego",
    "plan/runbook_programs.rego",
    "plan/runbook_programs_test.rego",
    "plan/runbook_secrets.rego",
    "plan/runbook_secrets_test.rego",
    "plan/runbook_settings.rego",
    "plan/runbook_settings_test.rego",
    "plan/runbook_test.rego",
    "plan/samples_test.rego",
    "plan/self_approval.rego",
    "plan/self_approval_test.rego",
    "settings/actions.rego",
    "settings/actions_test.rego",
    "settings/freeze.rego",
    "settings/freeze_test.rego",
    "settings/plan.rego",
    "settings/plan_test.rego",
    "settings/runbook.rego",
    "settings/runbook_test.rego",
    "settings/shapes.rego",
    "settings/shapes_test.rego",
    "settings/time_zones.rego",
];

/// What it declares of what is asked for; a test holds the list to the sources.
pub(super) const OUTPUTS: &[(&str, &str)] = &[
    ("enact.plan", "deny"),
    ("enact.plan", "require_approval"),
    ("enact.plan", "warn"),
    ("kubernetes_executor.safety", "allow"),
    ("kubernetes_executor.safety", "deny"),
];

/// What stands for a path in messages about it.
pub const ORIGIN: &str = "built-in";

/// The bundle.
pub fn bundle() -> Bundle {
    let files = FILES.iter().map(|(path, text)| BundleFile {
        path: (*path).to_owned(),
        text: (*text).to_owned(),
    });
    Bundle::embedded(ORIGIN, files.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::asking::InProcess;
    use crate::policy::query::{QUERIES, Question};

    /// The program does not look for faults in its own bundle when it starts; this does.
    #[test]
    fn the_built_in_bundle_is_what_the_short_way_takes_it_for() {
        let (_, loaded) = InProcess::load(&bundle()).unwrap();
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        let v1 = crate::policy::syntax::RegoVersion::V1;
        assert!(loaded.versions.values().all(|version| *version == v1));
        // `enact.bundle` asks about the settings, and those that are shipped are in order.
        let asked = QUERIES.iter().filter(|query| query.question != Question::Bundle);
        for query in asked {
            for output in query.outputs {
                assert_eq!(
                    loaded.declares(query.package, output),
                    OUTPUTS.contains(&(query.package, output)),
                    "{}.{output}",
                    query.package
                );
            }
        }
        for file in bundle().policies() {
            assert!(!file.text.contains("\nimport data"), "{}", file.path);
        }
    }
}
