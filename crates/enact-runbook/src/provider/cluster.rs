//! Steps on clusters: is the target what was planned for, and what became of a step whose end nobody saw. The target is asked, as
//! the executor of a cluster asks it.

use std::path::Path;

use enact_core::change::Change;
use enact_core::journal::Mismatch;
use enact_engine::provider::{Disposition, Failure, Settled};
use serde_json::json;

use super::attempt::not_possible;
use super::folders::{Series, newest};
use super::preflight::mismatch;
use super::settle::settled;
use super::{End, Reply, RunbookProvider, Step};
use crate::cluster::{Became, Step as ClusterStep};
use crate::kinds::Kubernetes;

impl RunbookProvider<'_> {
    /// Every target in one pass, before anything has run. Steps with a condition are looked at when their turn comes.
    pub(super) async fn other_targets(&self, changes: &[&Change]) -> Result<Vec<Mismatch>, Failure> {
        let mut found = Vec::new();
        for change in changes {
            let conditional = self
                .steps
                .get(&change.change_id)
                .is_some_and(|step| step.spec.when.is_some());
            if !conditional {
                found.extend(self.other_target(change).await?);
            }
        }
        Ok(found)
    }

    /// How the target of a step differs from what was planned for. Before the first effect of the run nobody may have changed it;
    /// afterwards it must be the same object.
    pub(super) async fn other_target(&self, change: &Change) -> Result<Option<Mismatch>, Failure> {
        let Some(action) = self.on_cluster(change) else {
            return Ok(None);
        };
        let (Some(doing), Some(planned)) = (action.doing(), &action.planned) else {
            return Err(not_possible(format!(
                "step {} was not planned for a cluster",
                change.change_id
            )));
        };
        let exactly =
            planned.first && !self.is_begun(change) && !self.with_state(|state| state.wrote(self.plan));
        let step = ClusterStep {
            doing: &doing,
            planned,
            executor: None,
            as_told: false,
        };
        let cluster = self.host.cluster.as_deref();
        let cluster = cluster.ok_or_else(|| not_possible("there is no cluster here".to_owned()))?;
        let differs = cluster.differs(step, exactly).await.map_err(unseen)?;
        Ok(differs.map(|(expected, found)| {
            let subject = format!("{} {}", doing.kind, doing.name);
            mismatch(change, &subject, &expected, &found)
        }))
    }

    /// Was the step tried before? Then what differs may be its own doing.
    fn is_begun(&self, change: &Change) -> bool {
        let step = self.steps.get(&change.change_id);
        step.is_some_and(|step| newest(&self.folder_of(&change.change_id, step), Series::Attempts) > 0)
    }

    fn on_cluster(&self, change: &Change) -> Option<Kubernetes> {
        let step = self.steps.get(&change.change_id)?;
        (step.spec.kind == crate::kinds::KUBERNETES).then(|| Kubernetes::of(&step.spec.action))?
    }

    /// What became of a step whose end nobody saw. What the target shows counts; where it shows nothing the step says whether it may
    /// be done again.
    pub(super) async fn what_the_target_shows(
        &self,
        change: &Change,
        step: &Step,
        attempt: &Path,
    ) -> Result<Settled, Failure> {
        let became = self.became(change, step, attempt).await?;
        self.note(
            Some(&change.change_id),
            "target",
            json!({ "seen": format!("{became:?}") }),
        );
        match became {
            Became::Done(message) => {
                let mut reply = Reply::bare(End::Finished);
                reply.stdout = json!({ "message": message }).to_string();
                reply.stderr = message;
                Ok(settled(self.finish_attempt(change, step, reply).await))
            }
            Became::NotBegun => Ok(Settled::NotDone),
            Became::NotShown(why) => self.by_repeat(change, step, Some(&why)).await,
            Became::Unknown(why) => Ok(Settled::Unknown(why)),
        }
    }

    async fn became(&self, change: &Change, step: &Step, attempt: &Path) -> Result<Became, Failure> {
        let action = Kubernetes::of(&step.spec.action);
        let doing = action.as_ref().and_then(Kubernetes::doing);
        let planned = action.as_ref().and_then(|action| action.planned.as_ref());
        let (Some(action), Some(doing), Some(planned)) = (&action, &doing, planned) else {
            return Ok(Became::Unknown("it was not planned for a cluster".to_owned()));
        };
        let Some(cluster) = self.host.cluster.as_deref() else {
            return Ok(Became::Unknown("there is no cluster here to ask".to_owned()));
        };
        let known = self.known();
        let folder = attempt.parent().unwrap_or(attempt);
        let mut here = self.of_step(change, step, folder, 1)?;
        here.attempt_dir = attempt.to_path_buf();
        let site = self.site(here, &known).map_err(not_possible)?;
        let step = ClusterStep {
            doing,
            planned,
            executor: action.executor.as_deref(),
            as_told: false,
        };
        Ok(cluster.became(step, site.of_cluster()).await)
    }
}

/// A cluster that does not answer is no reason to go on.
fn unseen(why: String) -> Failure {
    Failure::new(Disposition::GiveUp, why)
}
