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
    "plan/samples_test.rego",
    "plan/self_approval.rego",
    "plan/self_approval_test.rego",
    "plan/settings.rego",
    "plan/time_zones.rego",
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
