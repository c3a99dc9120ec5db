//! One action on one target: judged, and then done by its account with the rights that the catalog says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use enact_engine::clock::Clock as _;
use enact_kube::api::RollbackInfo;
use enact_kube::catalog::{
    About, Acted, Acting, Asked, Catalog, CatalogAction, Failure, Foreseen, Shows, Stage, Target, typed,
};
use enact_testkit::cluster::{Call, Cluster, Rule};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// An action that was judged.
pub(super) struct Trial {
    pub(super) cluster: Cluster,
    pub(super) action: Arc<dyn CatalogAction>,
    pub(super) asked: Asked,
    pub(super) foreseen: Foreseen,
    pub(super) stop: CancellationToken,
    pub(super) dry_run: bool,
    pub(super) time: Duration,
    told: Arc<Mutex<Vec<Stage>>>,
    /// How many requests there were before it.
    since: usize,
}

impl Trial {
    /// Judges an action on a target as it is now. Its account is restricted to its rights.
    pub(super) fn new(
        cluster: &Cluster,
        action: &str,
        place: (&str, &str),
        parameters: &[(&str, &str)],
    ) -> Self {
        Self::judge(cluster, action, place, parameters).unwrap()
    }

    /// The same where the judging may say why it cannot be.
    pub(super) fn judge(
        cluster: &Cluster,
        action: &str,
        (namespace, name): (&str, &str),
        parameters: &[(&str, &str)],
    ) -> Result<Self, String> {
        let action = Arc::clone(Catalog::built_in().get(action).unwrap());
        let about = action.about();
        let written: BTreeMap<String, String> = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let asked = Asked {
            target: Target {
                kind: about.kind.to_owned(),
                namespace: about.namespaced.then(|| namespace.to_owned()),
                name: name.to_owned(),
            },
            parameters: typed(&action.parameters(), &written).map_err(|faults| faults.join("; "))?,
            on_behalf_of: "u/e/uid-1".to_owned(),
            now: cluster.clock().now().to_string(),
        };
        let target = cluster.get(about.plural, namespace, name).unwrap();
        let foreseen = action.foresee(&target, &asked)?.if_expected()?;
        cluster.restrict(&about.account(), rules(about));
        Ok(Self {
            cluster: cluster.clone(),
            time: about.timeout,
            asked,
            foreseen,
            stop: CancellationToken::new(),
            dry_run: false,
            told: Arc::default(),
            since: cluster.calls().len(),
            action,
        })
    }

    /// What takes it back, judged now.
    pub(super) fn back(cluster: &Cluster, rollback: &RollbackInfo) -> Self {
        assert!(rollback.available, "{rollback:?}");
        let target = rollback.target_resource.as_ref().unwrap();
        let namespace = target.namespace.as_deref().unwrap_or_default();
        let parameters: Vec<(&str, &str)> = rollback
            .parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let place = (namespace, target.name.as_deref().unwrap());
        Self::new(cluster, rollback.action.as_deref().unwrap(), place, &parameters)
    }

    pub(super) fn only_tried(mut self) -> Self {
        self.dry_run = true;
        self
    }

    pub(super) fn within(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// Does it, in a cluster that lives.
    pub(super) async fn act(&self) -> Acted {
        let living = self.cluster.live();
        let acted = self.act_alone().await;
        drop(living);
        acted
    }

    /// Does it, in a cluster in which nothing else happens.
    pub(super) async fn act_alone(&self) -> Acted {
        let acting = self.acting();
        let hour = Duration::from_secs(3600);
        let acted = tokio::time::timeout(hour, self.action.act(&acting)).await;
        acted.expect("an action ends")
    }

    fn acting(&self) -> Acting {
        let (told, cluster, account) = (Arc::clone(&self.told), self.cluster.clone(), self.account());
        let since = self.since;
        Acting {
            client: self.cluster.client(&account),
            asked: self.asked.clone(),
            basis: self.foreseen.basis.clone(),
            deadline: Instant::now() + self.time,
            stop: self.stop.clone(),
            tell: Box::new(move |stage| {
                let first = matches!(stage, Stage::Rollback { .. });
                let wrote = calls_since(&cluster, &account, since).iter().any(Call::is_write);
                assert!(!first || !wrote, "the way back is told before the first write");
                told.lock().unwrap().push(stage.clone());
            }),
            clock: Arc::new(self.cluster.clock()),
            dry_run: self.dry_run,
        }
    }

    pub(super) fn account(&self) -> String {
        self.action.about().account()
    }

    /// What it did, in short and in order: `patch nodes n`.
    pub(super) fn calls(&self) -> Vec<String> {
        self.requests().iter().map(Call::in_short).collect()
    }

    /// The same at length.
    pub(super) fn requests(&self) -> Vec<Call> {
        calls_since(&self.cluster, &self.account(), self.since)
    }

    /// What of it asked to change something, tried or for good.
    pub(super) fn writes(&self) -> Vec<String> {
        let mut calls = self.requests();
        calls.retain(Call::is_write);
        calls.iter().map(Call::in_short).collect()
    }

    /// The way back that it told.
    pub(super) fn rollback(&self) -> RollbackInfo {
        let told = self.told.lock().unwrap();
        let mut ways = told.iter().filter_map(|stage| match stage {
            Stage::Rollback { rollback } => Some((**rollback).clone()),
            Stage::Note { .. } => None,
        });
        ways.next().expect("it told a way back, or that there is none")
    }

    pub(super) fn told_nothing(&self) -> bool {
        self.told.lock().unwrap().is_empty()
    }

    /// What else it told.
    pub(super) fn notes(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        let notes = told.iter().filter_map(|stage| match stage {
            Stage::Note { message } => Some(message.clone()),
            Stage::Rollback { .. } => None,
        });
        notes.collect()
    }

    /// The target as it is.
    pub(super) fn target(&self) -> Option<Value> {
        let (about, target) = (self.action.about(), &self.asked.target);
        let namespace = target.namespace.as_deref().unwrap_or_default();
        self.cluster.get(about.plural, namespace, &target.name)
    }

    /// Does the target show that it happened?
    pub(super) fn shows(&self) -> Shows {
        self.action
            .shows(self.target().as_ref(), &self.asked, &self.foreseen.basis)
    }
}

fn calls_since(cluster: &Cluster, account: &str, since: usize) -> Vec<Call> {
    let mut calls = cluster.calls().split_off(since);
    calls.retain(|call| call.account == account);
    calls
}

fn rules(about: &About) -> Vec<Rule> {
    let rights = about.rights.iter();
    rights
        .map(|right| Rule::new(right.group, right.resource, right.verbs))
        .collect()
}

/// How it failed, and in which words.
pub(super) fn failure(acted: Acted) -> (Failure, String) {
    let failed = acted.expect_err("it should fail");
    (failed.failure, failed.message)
}
