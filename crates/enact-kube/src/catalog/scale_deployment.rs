//! `ScaleDeployment`: another number of replicas, as `kubectl scale` sets it, and a wait until they are there.

use std::time::Duration;

use k8s_openapi::api::autoscaling::v1::Scale;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::act::{Acted, Acting, BoxFuture, Done, Failed, code_of};
use super::deployment::{self, FIELD_MANAGER, back_by};
use super::rollout::{Rollout, rollout};
use super::{About, Asked, Basis, CatalogAction, Foreseen, Parameter, Right, Shape, Shows};
use crate::api::RollbackInfo;

/// The most replicas that anybody asks for in earnest.
const MOST: i64 = 1000;

/// See the module.
pub(super) struct ScaleDeployment;

const RIGHTS: &[Right] = &[
    Right {
        group: "apps",
        resource: "deployments",
        verbs: &["get", "watch"],
    },
    Right {
        group: "apps",
        resource: "deployments/scale",
        verbs: &["get", "patch", "update"],
    },
];

static ABOUT: std::sync::LazyLock<About> = std::sync::LazyLock::new(|| About {
    timeout: Duration::from_secs(300),
    typical: Duration::from_secs(30),
    rights: RIGHTS,
    ..deployment::about("ScaleDeployment", "sets the number of replicas of a Deployment")
});

impl CatalogAction for ScaleDeployment {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn parameters(&self) -> Vec<Parameter> {
        let count = Shape::Integer { least: 0, most: MOST };
        vec![
            Parameter::required("replicas", count.clone(), "how many there should be"),
            Parameter::optional(
                "expectedReplicas",
                count,
                "how many there must be before, where that is not what is asked for already",
            ),
        ]
    }

    fn foresee(&self, target: &Value, asked: &Asked) -> Result<Foreseen, String> {
        let deployment = deployment::read(target)?;
        let now = replicas(&deployment);
        let wanted = asked.parameters.integer("replicas").unwrap_or_default();
        let rollback = back(asked, now);
        let mut foreseen = deployment::foreseen(&deployment, format!("replicas {now} → {wanted}"), rollback);
        foreseen.unexpected = as_expected(asked, now).err();
        if now == wanted {
            foreseen
                .warnings
                .push(format!("it has {wanted} replicas already"));
        }
        if deployment
            .spec
            .as_ref()
            .and_then(|spec| spec.paused)
            .unwrap_or(false)
        {
            foreseen.warnings.push("its rollout is paused".to_owned());
        }
        Ok(foreseen)
    }

    fn shows(&self, target: Option<&Value>, asked: &Asked, basis: &Basis) -> Shows {
        let Some(Ok(deployment)) = target.map(deployment::read) else {
            return Shows::No;
        };
        let same = deployment.uid().as_deref() == Some(basis.uid.as_str());
        let wanted = asked.parameters.integer("replicas");
        if same && Some(replicas(&deployment)) == wanted && rollout(&deployment) == Rollout::Complete {
            Shows::Yes
        } else {
            Shows::No
        }
    }

    fn act<'a>(&'a self, acting: &'a Acting) -> BoxFuture<'a, Acted> {
        Box::pin(scale(acting))
    }
}

fn replicas(deployment: &k8s_openapi::api::apps::v1::Deployment) -> i64 {
    i64::from(
        deployment
            .spec
            .as_ref()
            .and_then(|spec| spec.replicas)
            .unwrap_or(1),
    )
}

/// Is it still what the request counts on? Where nothing is left to do it need not be.
fn as_expected(asked: &Asked, now: i64) -> Result<(), String> {
    let wanted = asked.parameters.integer("replicas");
    match asked.parameters.integer("expectedReplicas") {
        Some(expected) if expected != now && wanted != Some(now) => Err(format!(
            "{} has {now} replicas, not {expected} as expected",
            asked.target
        )),
        _ => Ok(()),
    }
}

/// Back to as many as there were, as long as nobody else has set another number.
fn back(asked: &Asked, had: i64) -> RollbackInfo {
    let set = asked
        .parameters
        .integer("replicas")
        .unwrap_or_default()
        .to_string();
    let parameters = [("replicas", had.to_string()), ("expectedReplicas", set.clone())];
    RollbackInfo {
        expected_current: Some(set),
        ..back_by("ScaleDeployment", asked, &parameters)
    }
}

async fn scale(acting: &Acting) -> Acted {
    let wanted = acting.asked.parameters.integer("replicas").unwrap_or_default();
    let before = deployment::judged(acting).await?;
    let had = replicas(&before);
    as_expected(&acting.asked, had).map_err(Failed::changed)?;
    let rollback = back(&acting.asked, had);
    acting.tell_rollback(&rollback);
    if had != wanted {
        write(acting, wanted, had).await?;
    }
    if acting.dry_run {
        return Ok(Done {
            message: format!(
                "would scale {} from {had} to {wanted} replicas",
                acting.asked.target
            ),
            ..Done::default()
        });
    }
    let uid = before.uid().unwrap_or_default();
    let after = deployment::rolled_out(acting, &uid, None).await?;
    if replicas(&after) != wanted {
        return Err(Failed::at_trying(format!(
            "{} was scaled to {} by somebody else meanwhile",
            acting.asked.target,
            replicas(&after)
        )));
    }
    Ok(Done {
        message: format!("scaled {} from {had} to {wanted} replicas", acting.asked.target),
        before: [("replicas".to_owned(), had.to_string())].into(),
        after: [("replicas".to_owned(), wanted.to_string())].into(),
        rollback: Some(rollback),
        ..Done::default()
    })
}

/// Sets the number as long as nobody else set another one since it was read.
async fn write(acting: &Acting, wanted: i64, had: i64) -> Result<(), Failed> {
    let target = &acting.asked.target;
    let api = deployment::api(acting);
    for _ in 0..8_u32 {
        acting.still_time("scaling")?;
        let scale: Scale = api
            .get_scale(&target.name)
            .await
            .map_err(|error| Failed::from_api(&format!("reading the scale of {target}"), &error))?;
        if scale.metadata.uid.as_deref() != Some(acting.basis.uid.as_str()) {
            return Err(Failed::changed(format!(
                "{target} was replaced by another object of that name"
            )));
        }
        let now = scale
            .spec
            .as_ref()
            .and_then(|spec| spec.replicas)
            .map_or(0, i64::from);
        if now != had {
            return Err(Failed::changed(format!(
                "{target} was scaled to {now} by somebody else meanwhile"
            )));
        }
        let version = scale.metadata.resource_version.clone().unwrap_or_default();
        let body = json!({ "metadata": { "resourceVersion": version }, "spec": { "replicas": wanted } });
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            dry_run: acting.dry_run,
            ..PatchParams::default()
        };
        match api
            .patch_scale(&target.name, &parameters, &Patch::Merge(&body))
            .await
        {
            Ok(_) => return Ok(()),
            Err(error) if code_of(&error) == Some(409) => {}
            Err(error) => return Err(Failed::from_api(&format!("scaling {target}"), &error)),
        }
    }
    Err(Failed::at_trying(format!(
        "{target} was written by others all the time"
    )))
}
