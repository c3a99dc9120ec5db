//! `RestartDeployment`: new pods one by one, as `kubectl rollout restart` does it: by an annotation of the pod template.

use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::act::{Acted, Acting, BoxFuture, Done, Failed};
use super::deployment::{self, in_short, no_way_back};
use super::{About, Asked, Basis, CatalogAction, Foreseen, Parameter, Right, Shape, Shows};

/// The annotation that kubectl writes.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// The annotation that says by whom.
const RESTARTED_BY: &str = "kubernaut.ai/restarted-by";

/// See the module.
pub(super) struct RestartDeployment;

static ABOUT: std::sync::LazyLock<About> = std::sync::LazyLock::new(|| About {
    rights: &[Right {
        group: "apps",
        resource: "deployments",
        verbs: &["get", "patch", "watch"],
    }],
    ..deployment::about(
        "RestartDeployment",
        "replaces the pods of a Deployment one by one",
    )
});

impl CatalogAction for RestartDeployment {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::optional("wait", Shape::Boolean, "wait until the new pods are there")
                .or(Value::Bool(true)),
        ]
    }

    fn foresee(&self, target: &Value, asked: &Asked) -> Result<Foreseen, String> {
        let deployment = deployment::read(target)?;
        if deployment
            .spec
            .as_ref()
            .and_then(|spec| spec.paused)
            .unwrap_or(false)
        {
            return Err(format!(
                "the rollout of {} is paused, so nothing would restart",
                asked.target
            ));
        }
        let rollback = no_way_back(asked, "a restart cannot be taken back");
        Ok(deployment::foreseen(
            &deployment,
            "restart all pods".to_owned(),
            rollback,
        ))
    }

    fn shows(&self, target: Option<&Value>, asked: &Asked, basis: &Basis) -> Shows {
        let Some(Ok(deployment)) = target.map(deployment::read) else {
            return Shows::No;
        };
        let template = deployment
            .spec
            .as_ref()
            .and_then(|spec| spec.template.metadata.as_ref());
        let by = template
            .and_then(|metadata| metadata.annotations.as_ref())
            .and_then(|annotations| annotations.get(RESTARTED_BY));
        let same = deployment.uid().as_deref() == Some(basis.uid.as_str());
        if same
            && by == Some(&asked.on_behalf_of)
            && super::rollout::rollout(&deployment) == super::Rollout::Complete
        {
            Shows::Yes
        } else {
            Shows::No
        }
    }

    fn act<'a>(&'a self, acting: &'a Acting) -> BoxFuture<'a, Acted> {
        Box::pin(restart(acting))
    }
}

async fn restart(acting: &Acting) -> Acted {
    let before = deployment::judged(acting).await?;
    if before.spec.as_ref().and_then(|spec| spec.paused).unwrap_or(false) {
        return Err(Failed::refused(format!(
            "the rollout of {} is paused",
            acting.asked.target
        )));
    }
    acting.tell_rollback(&no_way_back(&acting.asked, "a restart cannot be taken back"));
    let annotations = json!({ RESTARTED_AT: acting.asked.now, RESTARTED_BY: acting.asked.on_behalf_of });
    let body = json!({ "spec": { "template": { "metadata": { "annotations": annotations } } } });
    let written = deployment::patch(acting, before.clone(), &body).await?;
    let mut after = written.clone();
    if acting.asked.parameters.is("wait") && !acting.dry_run {
        let uid = before.uid().unwrap_or_default();
        after = deployment::rolled_out(acting, &uid, written.metadata.generation).await?;
    }
    Ok(Done {
        message: format!("restarted {}", acting.asked.target),
        before: in_short(&before),
        after: in_short(&after),
        ..Done::default()
    })
}
