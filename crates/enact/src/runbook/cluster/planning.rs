//! What a plan says of steps on clusters.

use std::collections::BTreeSet;

use enact_core::change::Milliseconds;
use enact_core::diagnostic::Diagnostic;
use enact_kube::api::TargetResource;
use enact_kube::catalog::Target;
use enact_kube::outside::{Call, Foretold, Wanted, Who};
use enact_runbook::cluster::{Aim, ClusterPlan, Doing, Planned, WayBack};

use super::super::sub_plans::{OnClusters, WantedOnCluster};
use super::connecting::{Connected, Connections};
use crate::commands::Context;

/// Plans every step, in the order of the file, with its target as it is.
pub(crate) async fn plans(context: &Context, wanted: Vec<WantedOnCluster>) -> OnClusters {
    let mut planning = Planning {
        connections: Connections::default(),
        principal: context.settings.principal().id,
        touched: BTreeSet::new(),
    };
    let mut answers = OnClusters::new();
    for step in wanted {
        let plan = planning.plan(&step).await;
        let plan = plan.map_err(|why| vec![Diagnostic::error(why)]);
        answers.insert((step.step_id, step.is_rollback), plan);
    }
    answers
}

struct Planning {
    connections: Connections,
    principal: String,
    /// Targets of the steps so far, with the addresses of their clusters.
    touched: BTreeSet<(String, Target)>,
}

impl Planning {
    async fn plan(&mut self, step: &WantedOnCluster) -> Result<ClusterPlan, String> {
        let connected = self.connections.of(step.context.as_deref()).await?;
        let who = Who {
            on_behalf_of: step.step_id.clone(),
            step: step.step_id.clone(),
            principal: self.principal.clone(),
        };
        let wanted = wanted(step)?;
        let first = !step.is_rollback && !self.is_touched(&connected, &wanted);
        let foretold = connected.outside.foretell(&wanted, &who, first).await?;
        if !step.is_rollback && foretold.effect != enact_core::change::Effect::Read {
            let target = foretold.call.target.clone();
            self.touched.insert((connected.name.server.clone(), target));
        }
        let back = back(&connected, &foretold, &who).await?;
        Ok(ClusterPlan {
            timeout: Milliseconds(u64::try_from(foretold.limit.as_millis()).unwrap_or(u64::MAX)),
            back,
            doing: doing(&foretold.call),
            planned: planned(&connected, foretold, first),
        })
    }

    /// Is there a step before it on the same target? A namespace that is left out is that of the context.
    fn is_touched(&self, connected: &Connected, wanted: &Wanted) -> bool {
        let own = connected.outside.client.default_namespace();
        self.touched.iter().any(|(server, target)| {
            let namespace = target.namespace.as_deref();
            *server == connected.name.server
                && wanted.target.name.as_deref() == Some(target.name.as_str())
                && wanted
                    .target
                    .kind
                    .as_deref()
                    .is_none_or(|kind| kind == target.kind)
                && (namespace.is_none()
                    || namespace == Some(wanted.target.namespace.as_deref().unwrap_or(own)))
        })
    }
}

fn wanted(step: &WantedOnCluster) -> Result<Wanted, String> {
    let Aim {
        kind,
        api_version,
        plural,
        namespace,
        name,
        selector,
    } = step.aim.clone();
    if api_version.or(plural).or(selector).is_some() {
        return Err(
            "`selector`, `api_version` and `plural` are for checks; an action has one target, by its name"
                .to_owned(),
        );
    }
    Ok(Wanted {
        action: step.action.clone(),
        target: TargetResource {
            kind,
            name,
            namespace,
            ..TargetResource::default()
        },
        parameters: step.parameters.clone(),
    })
}

/// How the action takes itself back, as it was foreseen.
async fn back(connected: &Connected, foretold: &Foretold, who: &Who) -> Result<WayBack, String> {
    let rollback = &foretold.rollback;
    let (true, Some(action)) = (rollback.available, &rollback.action) else {
        let reason = rollback.reason.clone();
        return Ok(WayBack::None(
            reason.unwrap_or_else(|| "the action has no way back".to_owned()),
        ));
    };
    let inverse = Wanted {
        action: action.clone(),
        target: rollback.target_resource.clone().unwrap_or_default(),
        parameters: rollback.parameters.clone(),
    };
    let inverse = connected.outside.foretell(&inverse, who, false).await?;
    let doing = doing(&inverse.call);
    Ok(WayBack::By(
        Box::new(doing),
        Box::new(planned(connected, inverse, false)),
    ))
}

fn doing(call: &Call) -> Doing {
    Doing {
        action: call.action.clone(),
        kind: call.target.kind.clone(),
        namespace: call.target.namespace.clone(),
        name: call.target.name.clone(),
        parameters: call.parameters.clone(),
    }
}

fn planned(connected: &Connected, foretold: Foretold, first: bool) -> Planned {
    Planned {
        cluster: connected.name.clone(),
        uid: foretold.basis.uid,
        generation: foretold.basis.generation,
        resource_version: foretold.basis.resource_version,
        first,
        description: foretold.description,
        warnings: foretold.warnings,
        effect: foretold.effect,
        repeatable: foretold.repeatable,
        // The input is plain data, which always has a JSON form.
        input: serde_json::to_value(foretold.input).unwrap_or_default(),
    }
}
