//! `kubernetes` steps: what the domain of clusters found out about them becomes part of the frozen step, so that an approval covers
//! what will be done.

use std::collections::BTreeMap;

use enact_core::change::{Milliseconds, Undo};
use enact_core::diagnostic::Diagnostic;
use serde_json::Value;

use super::steps::Header;
use super::{Compiler, Written};
use crate::checks::ActionNode;
use crate::cluster::{ClusterPlan, ClusterRequest, WayBack};
use crate::kinds::{KUBERNETES, Kubernetes};
use crate::reading::{DOCUMENT, Fields};
use crate::spec::{Text, UndoSpec};

/// A step with its plan.
pub(super) struct InCluster {
    action: Kubernetes,
    plan: ClusterPlan,
}

impl InCluster {
    /// The frozen action.
    pub(super) fn frozen(&self) -> Option<Value> {
        serde_json::to_value(&self.action).ok()
    }

    /// How long it may take when the author does not say.
    pub(super) fn timeout(&self) -> Milliseconds {
        self.plan.timeout
    }

    /// May it be done again when the author does not say?
    pub(super) fn repeatable(&self) -> bool {
        self.plan.planned.repeatable
    }
}

impl Compiler<'_> {
    /// Has a step planned by the domain of clusters.
    pub(super) fn in_cluster(
        &mut self,
        action: &ActionNode<'_>,
        step_id: &str,
        frozen: Option<&Value>,
        is_rollback: bool,
    ) -> Option<InCluster> {
        let wanted = frozen.and_then(Kubernetes::of)?;
        let known = |text: &Text| {
            text.as_literal()
                .map(ToOwned::to_owned)
                .ok_or_else(|| text.shown())
        };
        let parameters: Result<BTreeMap<String, String>, String> = wanted
            .parameters
            .iter()
            .map(|(name, text)| known(text).map(|text| (name.clone(), text)))
            .collect();
        let (aim, parameters) = match (wanted.aim(&known), parameters) {
            (Ok(aim), Ok(parameters)) => (aim, parameters),
            (Err(unknown), _) | (_, Err(unknown)) => {
                let fault =
                    format!("`{unknown}` is not known when the plan is made, and so nobody could approve it");
                let hint = "use a parameter of the runbook, which is put in when it is planned";
                self.reading
                    .fault(action.span, Diagnostic::error(fault).hint(hint));
                return None;
            }
        };
        let request = ClusterRequest {
            step_id,
            is_rollback,
            action: &wanted.action,
            aim: &aim,
            parameters: &parameters,
            context: wanted.context.as_deref(),
        };
        let planned = match self.planner {
            Some(planner) => planner.cluster(&request),
            None => Err(vec![Diagnostic::error(
                "this step needs a plan of the Kubernetes domain, which is not available here",
            )]),
        };
        match planned {
            Ok(plan) => Some(InCluster {
                action: wanted.with_plan(plan.doing.clone(), plan.planned.clone()),
                plan,
            }),
            Err(faults) => {
                for fault in faults {
                    self.reading.finding(DOCUMENT, action.span, fault);
                }
                None
            }
        }
    }

    /// How far a step reaches is the catalog's word. An author may say more, not less.
    pub(super) fn reach(&mut self, fields: &Fields<'_>, header: &mut Header, found: &InCluster) {
        let effect = found.plan.planned.effect;
        if fields.get("effect").is_some() {
            if header.effect < effect {
                let fault = format!(
                    "`{}` reaches further than this `effect` says",
                    found.action.action
                );
                self.reading.fault(
                    fields.key_span("effect"),
                    Diagnostic::error(fault).hint("leave `effect` out"),
                );
            }
            return;
        }
        header.effect = effect;
        header.step.effect = effect;
    }

    /// How a step is taken back when its author does not say: by the action's own inverse.
    pub(super) fn own_way_back(&self, header: &mut Header, found: &InCluster) -> Undo {
        let (doing, planned) = match &found.plan.back {
            WayBack::By(doing, planned) => (doing, planned),
            WayBack::None(reason) => {
                return Undo::Impossible {
                    reason: reason.clone(),
                };
            }
        };
        let action = Kubernetes {
            as_told: true,
            executor: None,
            ..found.action.clone()
        };
        let action = action.with_plan((**doing).clone(), (**planned).clone());
        let spec = UndoSpec {
            kind: KUBERNETES.to_owned(),
            action: serde_json::to_value(action).unwrap_or_default(),
            timeout: found.plan.timeout,
            env: BTreeMap::new(),
            working_dir: None,
        };
        header.step.rollback = Written::Given;
        serde_json::to_value(spec).map_or(Undo::Nothing, |spec| Undo::Run { spec })
    }
}
