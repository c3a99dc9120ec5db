//! What a plan says of an action: its target as it is, what would come of it, what policies are asked about it. Reads only.

use std::collections::BTreeMap;
use std::time::Duration;

use enact_core::change::Effect;
use enact_engine::policy::input::{ActionActor, ActionInput, ActionMetadata};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Outside, words};
use crate::api::{RollbackInfo, TargetResource};
use crate::catalog::{About, Basis, Foreseen, Target};
use crate::machine::{Request, input_of, read_target};

/// An annotation that repeats the whole object, with whatever stands in it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Values of a Secret would stand in the plan.
const NOT_FROM_OUTSIDE: &str = "PatchSecret";

/// What somebody wants done, as they write it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// `DrainNode`, or kubectl's `drain`.
    pub action: String,
    /// What it is aimed at.
    pub target: TargetResource,
    /// The parameters, under the catalog's names or kubectl's.
    pub parameters: BTreeMap<String, String>,
}

/// The same in the catalog's words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The action.
    pub action: String,
    /// What it is aimed at.
    pub target: Target,
    /// The parameters, as texts.
    pub parameters: BTreeMap<String, String>,
}

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Who {
    /// Which request it is, for what is written into the cluster.
    pub on_behalf_of: String,
    /// The step, for policies.
    pub step: String,
    /// The principal, for policies.
    pub principal: String,
}

/// What a plan says of an action. The same for the same cluster, whenever it is asked for.
#[derive(Debug, Clone)]
pub struct Foretold {
    /// What would be done.
    pub call: Call,
    /// How far it reaches.
    pub effect: Effect,
    /// May it be done again when nobody saw how it ended?
    pub repeatable: bool,
    /// How long it may take.
    pub limit: Duration,
    /// The target as it was seen.
    pub basis: Basis,
    /// What would become of it.
    pub description: String,
    /// What is doubtful about it.
    pub warnings: Vec<String>,
    /// How to take it back.
    pub rollback: RollbackInfo,
    /// What policies are asked about it, without the time.
    pub input: ActionInput,
}

impl Outside {
    /// Finds out what an action would do. With `first`, what cannot be done to the target as it is now is an error; without it
    /// something else comes before, and what the target is like then nobody knows.
    ///
    /// # Errors
    /// What is wrong with the request, that the target is not there, or why nobody can say; in words.
    pub async fn foretell(&self, wanted: &Wanted, who: &Who, first: bool) -> Result<Foretold, String> {
        let (call, about) = self.read(wanted)?;
        let (action, asked) = self.asked(&call, &who.on_behalf_of, "")?;
        let target = self
            .look(&about, &call.target)
            .await?
            .ok_or_else(|| format!("{} is not there", call.target))?;
        let foreseen = match action.foresee(&target, &asked).and_then(Foreseen::if_expected) {
            Ok(foreseen) => foreseen,
            Err(why) if first => return Err(format!("{} cannot be done: {why}", about.name)),
            Err(_) => later(&about, &target),
        };
        let mut input = input_of(Request {
            claimed: wanted.target.labels.clone(),
            ..self
                .request(&call, who, &about, &asked, &target, &foreseen)
                .await?
        });
        input.now.clear();
        input.cluster.target.annotations.remove(LAST_APPLIED);
        Ok(Foretold {
            effect: about.effect,
            repeatable: about.idempotent,
            limit: about.timeout,
            basis: foreseen.basis,
            description: foreseen.description,
            warnings: if first { foreseen.warnings } else { Vec::new() },
            rollback: RollbackInfo {
                captured_at: None,
                ..foreseen.rollback
            },
            input,
            call,
        })
    }

    /// What is wanted in the catalog's words.
    fn read(&self, wanted: &Wanted) -> Result<(Call, About), String> {
        let name = words::action(&wanted.action, wanted.target.kind.as_deref());
        let action = self
            .catalog
            .get(&name)
            .ok_or_else(|| self.catalog.unknown(&name))?;
        let about = action.about();
        if about.name == NOT_FROM_OUTSIDE {
            return Err(format!(
                "{NOT_FROM_OUTSIDE} cannot be a step: values of the Secret would stand in the plan"
            ));
        }
        let own = self.client.default_namespace();
        let target = read_target(wanted.target.clone(), Some(own), about)
            .map_err(|why| why.replace("targetResource", "target"))?;
        let parameters = words::parameters(&action.parameters(), &wanted.parameters)?;
        let call = Call {
            action: about.name.to_string(),
            target,
            parameters,
        };
        Ok((call, about.clone()))
    }
}

pub(super) fn metadata(who: &Who) -> ActionMetadata {
    ActionMetadata {
        execution_name: who.step.clone(),
        execution_namespace: String::new(),
    }
}

pub(super) fn actor(who: &Who) -> ActionActor {
    ActionActor {
        created_by: who.principal.clone(),
        ..ActionActor::default()
    }
}

/// What can be said of a target that something else changes first.
fn later(about: &About, target: &Value) -> Foreseen {
    let uid = target.pointer("/metadata/uid").and_then(Value::as_str);
    Foreseen {
        description: about.about.to_string(),
        affected: 1,
        rollback: RollbackInfo {
            reason: Some("what it changes is known only after the steps before it".to_owned()),
            ..RollbackInfo::default()
        },
        basis: Basis {
            uid: uid.unwrap_or_default().to_owned(),
            ..Basis::default()
        },
        ..Foreseen::default()
    }
}
