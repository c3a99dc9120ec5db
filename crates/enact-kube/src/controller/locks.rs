//! Which targets are taken. One execution at a time has a target; what cordons or drains a node has that node.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::api::{KubernetesExecution, Phase};
use crate::catalog::{Catalog, Target};
use crate::machine::{Facts, Known, Settings, resolve};

/// Targets by who has them: the uid of the execution, and its name for people.
#[derive(Debug, Default)]
pub struct Locks(Mutex<BTreeMap<Target, (String, String)>>);

impl Locks {
    /// Takes a target, unless another execution has it: then its name.
    pub fn take(&self, target: &Target, uid: &str, name: &str) -> Option<String> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get(target) {
            Some((holder, holder_name)) if holder != uid => Some(holder_name.clone()),
            _ => {
                taken.insert(target.clone(), (uid.to_owned(), name.to_owned()));
                None
            }
        }
    }

    /// Lets go of everything that an execution has.
    pub fn release(&self, uid: &str) {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|_, (holder, _)| holder != uid);
    }

    /// How many are taken.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Who of these runs on a target, other than the one that asks.
pub(super) fn holder(
    others: &[std::sync::Arc<KubernetesExecution>],
    target: &Target,
    uid: &str,
    catalog: &Catalog,
    settings: &Settings,
    now: jiff::Timestamp,
) -> Option<String> {
    let facts = Facts::default();
    let runs = |object: &&std::sync::Arc<KubernetesExecution>| {
        let phase = object.status.as_ref().and_then(|status| status.phase);
        phase == Some(Phase::Running) && object.metadata.uid.as_deref() != Some(uid)
    };
    others.iter().filter(runs).find_map(|object| {
        let known = Known {
            object,
            facts: &facts,
            settings,
            catalog,
            bundle: None,
            now,
        };
        let resolved = resolve(&known).ok()?;
        (resolved.asked.target == *target).then(|| object.metadata.name.clone().unwrap_or_default())
    })
}
