//! The bundle that comes with the program, from `policies/`. In force when none is named.

use super::bundle::{Bundle, BundleFile};

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../policies/", $path)))),*]
    };
}

/// Every file of `policies/`; a test holds the list to the directory.
const FILES: &[(&str, &str)] = files![
    "actions/action-allowlist.rego",
    "actions/namespace-restrictions.rego",
    "actions/node-safety.rego",
    "actions/resource-limits.rego",
    "actions/scale-safety.rego",
    "actions/settings.rego",
    "data.yaml",
    "plan/blast_radius.rego",
    "plan/changes.rego",
    "plan/delete_namespaces.rego",
    "plan/deletions.rego",
    "plan/freeze.rego",
    "plan/labels.rego",
    "plan/protected_types.rego",
    "plan/self_approval.rego",
    "plan/settings.rego",
    "plan/time_zones.rego",
];

/// What stands for a path in messages about it.
pub const ORIGIN: &str = "(built in)";

/// The bundle.
pub fn bundle() -> Bundle {
    let files = FILES.iter().map(|(path, text)| BundleFile {
        path: (*path).to_owned(),
        text: (*text).to_owned(),
    });
    Bundle::embedded(ORIGIN, files.collect())
}
