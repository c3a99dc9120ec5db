//! `DeletePod`: one pod, the one with the uid that was judged, and a wait until it is gone. Whoever owns it makes another.

use std::time::Duration;

use enact_core::change::Effect;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Preconditions};
use kube::{Api, ResourceExt as _};
use serde_json::Value;

use super::act::{Acted, Acting, BoxFuture, Done, Failed, code_of, describe};
use super::deployment::no_way_back;
use super::{About, Asked, Basis, CatalogAction, Foreseen, Parameter, Right, Shape, Shows};

/// See the module.
pub(super) struct DeletePod;

static ABOUT: std::sync::LazyLock<About> = std::sync::LazyLock::new(|| About {
    name: "DeletePod".into(),
    version: 1,
    kind: "Pod",
    api_version: "v1",
    plural: "pods",
    namespaced: true,
    about: "deletes a pod, so that its owner makes another".into(),
    timeout: Duration::from_secs(120),
    typical: Duration::from_secs(30),
    effect: Effect::Destroy,
    idempotent: false,
    rights: &[Right {
        group: "",
        resource: "pods",
        verbs: &["delete", "get"],
    }],
    runs: super::Runs::Ourselves,
});

impl CatalogAction for DeletePod {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn parameters(&self) -> Vec<Parameter> {
        let seconds = Shape::Integer { least: 0, most: 3600 };
        vec![
            Parameter::optional(
                "gracePeriodSeconds",
                seconds,
                "how long it may take to end by itself",
            )
            .or(Value::from(30)),
            Parameter::optional(
                "waitForReplacement",
                Shape::Boolean,
                "wait until a pod of that name is there again",
            )
            .or(Value::Bool(false)),
            Parameter::optional("force", Shape::Boolean, "delete it even if nothing makes another")
                .or(Value::Bool(false)),
        ]
    }

    fn foresee(&self, target: &Value, asked: &Asked) -> Result<Foreseen, String> {
        let pod: Pod = read(target)?;
        let owner = owner(&pod);
        refuse_unmanaged(&pod, asked)?;
        let mut warnings = Vec::new();
        if pod.metadata.deletion_timestamp.is_some() {
            warnings.push("it is being deleted already".to_owned());
        }
        let description = match &owner {
            Some(owner) => format!("delete the pod; {owner} makes another"),
            None => "delete the pod; nothing makes another".to_owned(),
        };
        Ok(Foreseen {
            description,
            affected: 1,
            warnings,
            rollback: no_way_back(asked, &lost(owner.as_deref())),
            basis: Basis {
                uid: pod.uid().unwrap_or_default(),
                ..Basis::default()
            },
            ..Foreseen::default()
        })
    }

    fn shows(&self, target: Option<&Value>, _: &Asked, basis: &Basis) -> Shows {
        match target.map(read) {
            None => Shows::Yes,
            Some(Ok(pod)) if pod.uid().as_deref() != Some(basis.uid.as_str()) => Shows::Yes,
            Some(_) => Shows::No,
        }
    }

    fn act<'a>(&'a self, acting: &'a Acting) -> BoxFuture<'a, Acted> {
        Box::pin(delete(acting))
    }
}

fn read(target: &Value) -> Result<Pod, String> {
    serde_json::from_value(target.clone()).map_err(|error| format!("the target is not a Pod: {error}"))
}

/// `ReplicaSet web-5d4f`: what makes another.
fn owner(pod: &Pod) -> Option<String> {
    let owner = pod
        .owner_references()
        .iter()
        .find(|owner| owner.controller == Some(true))?;
    Some(format!("{} {}", owner.kind, owner.name))
}

fn lost(owner: Option<&str>) -> String {
    match owner {
        Some(owner) => format!("a deleted pod does not come back; {owner} makes another"),
        None => "a deleted pod does not come back".to_owned(),
    }
}

fn refuse_unmanaged(pod: &Pod, asked: &Asked) -> Result<(), String> {
    if owner(pod).is_none() && !asked.parameters.is("force") {
        return Err(format!(
            "nothing makes another {} when it is deleted; with the parameter force=true it is deleted all the same",
            asked.target
        ));
    }
    Ok(())
}

async fn delete(acting: &Acting) -> Acted {
    let target = &acting.asked.target;
    let pods: Api<Pod> = Api::namespaced(
        acting.client.clone(),
        target.namespace.as_deref().unwrap_or_default(),
    );
    let pod = pods
        .get(&target.name)
        .await
        .map_err(|error| Failed::from_api(&format!("reading {target}"), &error))?;
    acting.same_target(pod.uid().as_deref(), None, None)?;
    refuse_unmanaged(&pod, &acting.asked).map_err(Failed::refused)?;
    acting.tell_rollback(&no_way_back(&acting.asked, &lost(owner(&pod).as_deref())));
    acting.still_time("deleting")?;
    let grace = acting
        .asked
        .parameters
        .integer("gracePeriodSeconds")
        .unwrap_or(30);
    let parameters = DeleteParams {
        dry_run: acting.dry_run,
        grace_period_seconds: u32::try_from(grace).ok(),
        preconditions: Some(Preconditions {
            uid: Some(acting.basis.uid.clone()),
            ..Preconditions::default()
        }),
        ..DeleteParams::default()
    };
    match pods.delete(&target.name, &parameters).await {
        Ok(_) => {}
        // Gone in between: what was asked for is so.
        Err(error) if code_of(&error) == Some(404) => {}
        Err(error) if code_of(&error) == Some(409) => {
            return Err(Failed::changed(format!(
                "{target} was replaced meanwhile: {}",
                describe(&error)
            )));
        }
        Err(error) => return Err(Failed::from_api(&format!("deleting {target}"), &error)),
    }
    if !acting.dry_run {
        gone(acting, &pods).await?;
    }
    Ok(Done {
        message: format!("deleted {target}"),
        before: [("uid".to_owned(), acting.basis.uid.clone())].into(),
        counts: [("deleted".to_owned(), 1)].into(),
        ..Done::default()
    })
}

/// Waits until the pod that was judged is gone, and where it is asked for, until another of its name is there.
async fn gone(acting: &Acting, pods: &Api<Pod>) -> Result<(), Failed> {
    let target = &acting.asked.target;
    let replacement = acting.asked.parameters.is("waitForReplacement");
    loop {
        match pods.get_opt(&target.name).await {
            Ok(None) if !replacement => return Ok(()),
            Ok(Some(pod)) if pod.uid().as_deref() != Some(acting.basis.uid.as_str()) => return Ok(()),
            Ok(_) => {}
            Err(error) if code_of(&error) == Some(403) => {
                return Err(Failed::from_api(&format!("looking after {target}"), &error));
            }
            // A server that is not there for a moment comes back.
            Err(_) => {}
        }
        acting.pause(&format!("{target} was still there")).await?;
    }
}
