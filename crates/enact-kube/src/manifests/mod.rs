//! What a cluster is given so that the executor can run in it: made from the types and the catalog, written to `deploy/` by
//! `scripts/generate.sh`, and held against it by a test.
//!
//! `accounts.rs` (who may do what), `controller.rs` (the Deployment and what it stands on), `admission.rs` (what the API server refuses
//! by itself), `policies.rs` (the shipped policies), `chart.rs` (the same as templates of the Helm chart).

mod accounts;
mod admission;
mod chart;
mod controller;
mod policies;

use serde_json::Value;

pub use accounts::{account_objects, manager_objects, namespace_grant};
pub use admission::admission_objects;
pub use chart::{ChartFile, Part, chart_files};
pub use controller::controller_objects;
pub use policies::policy_objects;

use crate::api::crd;

/// What the operator chooses.
#[derive(Debug, Clone, PartialEq)]
pub struct Choices {
    /// The namespace of the executor.
    pub namespace: String,
    /// The image, for the controller and its Jobs.
    pub image: String,
    /// How many replicas.
    pub replicas: u32,
    /// Namespaces in which actions on what is namespaced may act. Empty: everywhere, except for PatchConfigMap and PatchSecret, which
    /// always need a namespace to be named.
    pub namespaces: Vec<String>,
    /// Namespaces in which ConfigMaps may be patched.
    pub configmap_namespaces: Vec<String>,
    /// Namespaces in which Secrets may be patched.
    pub secret_namespaces: Vec<String>,
    /// May ConfigMap `kubernetes-executor-catalog` name actions of the operator's own?
    pub custom_actions: bool,
    /// Is the API server asked who may read the metrics?
    pub metrics_auth: bool,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            namespace: "kubernetes-executor-system".to_owned(),
            image: "kubernetes-executor:v1.0.0".to_owned(),
            replicas: 2,
            namespaces: Vec::new(),
            configmap_namespaces: Vec::new(),
            secret_namespaces: Vec::new(),
            custom_actions: false,
            metrics_auth: false,
        }
    }
}

/// A file of manifests: its name and its objects.
pub type File = (&'static str, Vec<Value>);

/// Every file, in the order in which a cluster is given them.
///
/// # Errors
/// When the definition of the resource has no JSON form.
pub fn files(choices: &Choices) -> Result<Vec<File>, serde_json::Error> {
    Ok(vec![
        ("00-namespace.yaml", vec![controller::namespace(choices)]),
        ("10-crd.yaml", vec![serde_json::to_value(crd())?]),
        ("20-accounts.yaml", account_objects(choices)),
        ("30-manager.yaml", manager_objects(choices)),
        ("40-policies.yaml", policy_objects(choices)),
        ("50-admission.yaml", admission_objects(choices)),
        ("60-controller.yaml", controller_objects(choices)),
    ])
}
