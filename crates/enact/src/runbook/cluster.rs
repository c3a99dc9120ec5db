//! Steps on clusters: planned with the target as it is, and carried out, by the domain of clusters. Which cluster it is says the
//! kubeconfig of whoever runs the program; a plan names its context and address, and never a credential.

mod connecting;
mod folder;
mod hands;
mod planning;

use enact_runbook::cluster::Cluster;

pub(super) use planning::plans;

use self::hands::Hands;
use crate::commands::Context;
use crate::policy::PolicyFlags;

/// Why steps of kind `kubernetes` are not possible here: they are.
pub(super) fn missing() -> Option<String> {
    None
}

/// Who carries steps on clusters out. Nobody is asked before a step needs it.
#[expect(clippy::unnecessary_wraps, reason = "a program without clusters has nobody")]
pub(super) fn hands(context: &Context, policy: &PolicyFlags) -> Option<Box<dyn Cluster>> {
    Some(Box::new(Hands::new(context, policy)))
}
