//! Through the executor of the cluster: a `KubernetesExecution` is made, once, and waited for.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Call, Outside};
use crate::api::{KubernetesExecution, KubernetesExecutionSpec, Phase, RollbackInfo, TargetResource};
use crate::controller::Trouble;

/// The label that says which run made an execution.
const RUN: &str = "enact.dev/run";

/// The annotation that says which step did.
const STEP: &str = "enact.dev/step";

/// How often an execution is looked at.
const BEAT: Duration = Duration::from_secs(1);

/// How long one that was cancelled may take to end.
const CANCELLED: Duration = Duration::from_secs(30);

/// What is entrusted to the executor.
#[derive(Debug, Clone, PartialEq)]
pub struct Entrusting {
    /// The namespace of the execution.
    pub namespace: String,
    /// Its name: the same for the same step of the same run.
    pub name: String,
    /// What it asks for.
    pub call: Call,
    /// The run.
    pub run: String,
    /// The step.
    pub step: String,
    /// Was it made before? Then it is never made again.
    pub made: bool,
    /// How long it is waited for.
    pub limit: Duration,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Entrusted {
    /// It is Completed, with its message and the way back that its status names.
    Completed(String, Box<Option<RollbackInfo>>),
    /// It is Failed, with reason and message; or it could not be made.
    Failed(String),
    /// Nobody can say: it is gone, or the server did not answer in time.
    Lost(String),
    /// Waiting was stopped; it goes on.
    Stopped,
}

impl Outside {
    /// Is an execution there?
    ///
    /// # Errors
    /// Why nobody can say, in words.
    pub async fn is_entrusted(&self, namespace: &str, name: &str) -> Result<bool, String> {
        let executions: Api<KubernetesExecution> = Api::namespaced(self.client.clone(), namespace);
        let found = executions.get_opt(name).await;
        let found = found.map_err(|error| Trouble::of(&error).to_string());
        found.map(|found| found.is_some())
    }

    /// Makes an execution, unless it is there, and waits until it is Completed or Failed. `made` is told once it is there. When the
    /// time is over it is cancelled.
    pub async fn entrust(
        &self,
        entrusting: &Entrusting,
        stop: &CancellationToken,
        made: &(dyn Fn() + Send + Sync),
    ) -> Entrusted {
        let executions: Api<KubernetesExecution> =
            Api::namespaced(self.client.clone(), &entrusting.namespace);
        let deadline = Instant::now() + entrusting.limit;
        let waiting = Waiting {
            executions,
            entrusting,
            stop,
            name: format!("KubernetesExecution {}/{}", entrusting.namespace, entrusting.name),
        };
        if let Err(ended) = waiting.made(deadline).await {
            return ended;
        }
        made();
        match waiting.ended(deadline).await {
            Ok(ended) | Err(ended) => ended,
        }
    }
}

struct Waiting<'a> {
    executions: Api<KubernetesExecution>,
    entrusting: &'a Entrusting,
    stop: &'a CancellationToken,
    /// For people.
    name: String,
}

impl Waiting<'_> {
    /// Makes sure that it is there. Its name is its own, so asking twice makes one.
    async fn made(&self, deadline: Instant) -> Result<(), Entrusted> {
        let name = &self.name;
        loop {
            let trouble = match self.executions.get_opt(&self.entrusting.name).await {
                Ok(Some(found)) => return self.own(&found),
                Ok(None) if self.entrusting.made => {
                    return Err(Entrusted::Lost(format!("{name} was made and is gone")));
                }
                Ok(None) => match self
                    .executions
                    .create(&PostParams::default(), &self.object())
                    .await
                {
                    Ok(_) => return Ok(()),
                    Err(error) => Trouble::of(&error),
                },
                Err(error) => Trouble::of(&error),
            };
            match trouble {
                // Somebody made one of that name meanwhile, perhaps this very request: it is looked at.
                Trouble::Refused { code: 409, .. } | Trouble::Conflict | Trouble::Passing { .. } => {}
                Trouble::Refused { .. } | Trouble::Gone => {
                    return Err(Entrusted::Failed(format!("{name} cannot be made: {trouble}")));
                }
            }
            self.pause(deadline, &format!("{name} could not be made: {trouble}"))
                .await?;
        }
    }

    /// # Errors
    /// When it was made by somebody else, or asks for something else.
    fn own(&self, found: &KubernetesExecution) -> Result<(), Entrusted> {
        let run = found.labels().get(RUN).map(String::as_str);
        let mut spec = found.spec.clone();
        // Whoever cancelled it did not make another of it.
        spec.cancel = false;
        if run == Some(self.entrusting.run.as_str()) && spec == self.object().spec {
            return Ok(());
        }
        Err(Entrusted::Failed(format!(
            "{} is there, and another one than this step makes",
            self.name
        )))
    }

    async fn ended(&self, deadline: Instant) -> Result<Entrusted, Entrusted> {
        loop {
            let seen = match self
                .executions
                .get_opt(&self.entrusting.name)
                .await
                .map_err(|error| Trouble::of(&error))
            {
                Ok(Some(found)) => match end(&found) {
                    Some(ended) => return Ok(ended),
                    None => stands(&found),
                },
                Ok(None) | Err(Trouble::Gone) => {
                    return Err(Entrusted::Lost(format!("{} is gone before it ended", self.name)));
                }
                Err(trouble @ Trouble::Refused { .. }) => {
                    return Err(Entrusted::Lost(format!(
                        "{} cannot be read: {trouble}",
                        self.name
                    )));
                }
                Err(trouble) => trouble.to_string(),
            };
            if Instant::now() + BEAT > deadline {
                return self.cancelled(&seen).await;
            }
            self.pause(deadline, &seen).await?;
        }
    }

    /// The time is over: it is told to stop, and what became of it then counts.
    async fn cancelled(&self, seen: &str) -> Result<Entrusted, Entrusted> {
        let cancel = Patch::Merge(json!({ "spec": { "cancel": true } }));
        let told = self
            .executions
            .patch(&self.entrusting.name, &PatchParams::default(), &cancel)
            .await;
        let until = Instant::now() + CANCELLED;
        while told.is_ok() && Instant::now() < until {
            if let Ok(Some(found)) = self.executions.get_opt(&self.entrusting.name).await
                && let Some(ended) = end(&found)
            {
                return Ok(ended);
            }
            self.pause(until, seen).await?;
        }
        Err(Entrusted::Lost(format!(
            "{} did not end in its time; last seen: {seen}",
            self.name
        )))
    }

    async fn pause(&self, deadline: Instant, seen: &str) -> Result<(), Entrusted> {
        if Instant::now() >= deadline {
            return Err(Entrusted::Lost(format!("the time was over; last seen: {seen}")));
        }
        tokio::select! {
            () = self.stop.cancelled() => Err(Entrusted::Stopped),
            () = tokio::time::sleep(BEAT) => Ok(()),
        }
    }

    fn object(&self) -> KubernetesExecution {
        let call = &self.entrusting.call;
        let text = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        KubernetesExecution {
            metadata: ObjectMeta {
                name: Some(self.entrusting.name.clone()),
                namespace: Some(self.entrusting.namespace.clone()),
                labels: Some(text(RUN, &self.entrusting.run)),
                annotations: Some(text(STEP, &self.entrusting.step)),
                ..ObjectMeta::default()
            },
            spec: KubernetesExecutionSpec {
                action: call.action.clone(),
                parameters: call.parameters.clone(),
                target_resource: Some(TargetResource {
                    kind: Some(call.target.kind.clone()),
                    name: Some(call.target.name.clone()),
                    namespace: call.target.namespace.clone(),
                    ..TargetResource::default()
                }),
                ..KubernetesExecutionSpec::default()
            },
            status: None,
        }
    }
}

/// Its end, when it has ended.
fn end(found: &KubernetesExecution) -> Option<Entrusted> {
    let status = found.status.as_ref()?;
    match status.phase? {
        Phase::Completed => Some(Entrusted::Completed(
            status.message.clone().unwrap_or_default(),
            Box::new(status.rollback_info.clone()),
        )),
        Phase::Failed => Some(Entrusted::Failed(stands(found))),
        Phase::Pending | Phase::Validating | Phase::Running => None,
    }
}

/// Where it stands: phase, reason, message.
fn stands(found: &KubernetesExecution) -> String {
    let status = found.status.clone().unwrap_or_default();
    let reason = status
        .failure_reason
        .map(|reason| format!(", {}", reason.as_str()));
    let message = status.message.map(|message| format!(": {message}"));
    format!(
        "{}{}{}",
        status.phase.unwrap_or_default().as_str(),
        reason.unwrap_or_default(),
        message.unwrap_or_default()
    )
}
