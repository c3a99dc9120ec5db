//! Steps on clusters in a program that was built without them: each is refused where it stands.

use std::collections::BTreeMap;

use enact_runbook::cluster::Cluster;

use super::sub_plans::{OnClusters, WantedOnCluster};
use crate::commands::Context;
use crate::policy::PolicyFlags;

/// Why steps of kind `kubernetes` are not possible here.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the program with clusters says that nothing is missing"
)]
pub(super) fn missing() -> Option<String> {
    Some(
        "this program was built without clusters, so `kubernetes` is not possible here; use one with the feature `kubernetes`"
            .to_owned(),
    )
}

/// Nothing: what would be planned was refused before.
#[expect(clippy::unused_async, reason = "the program with clusters asks them")]
pub(super) async fn plans(_: &Context, _: Vec<WantedOnCluster>) -> OnClusters {
    BTreeMap::new()
}

/// Nobody.
pub(super) fn hands(_: &Context, _: &PolicyFlags) -> Option<Box<dyn Cluster>> {
    None
}
