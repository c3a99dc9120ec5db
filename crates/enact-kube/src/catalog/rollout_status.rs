//! `RolloutStatus`: waits until a Deployment is rolled out, as `kubectl rollout status` does. Writes nothing.

use std::time::Duration;

use enact_core::change::Effect;
use kube::ResourceExt as _;
use serde_json::Value;

use super::act::{Acted, Acting, BoxFuture, Done, Failed};
use super::deployment::{self, in_short, no_way_back};
use super::rollout::{Rollout, revision, rollout};
use super::{About, Asked, Basis, CatalogAction, Foreseen, Parameter, Right, Shape, Shows};

/// See the module.
pub(super) struct RolloutStatus;

static ABOUT: std::sync::LazyLock<About> = std::sync::LazyLock::new(|| About {
    timeout: Duration::from_secs(60),
    typical: Duration::from_secs(5),
    effect: Effect::Read,
    rights: &[Right {
        group: "apps",
        resource: "deployments",
        verbs: &["get", "watch"],
    }],
    ..deployment::about("RolloutStatus", "waits until a Deployment is rolled out")
});

impl CatalogAction for RolloutStatus {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn parameters(&self) -> Vec<Parameter> {
        let revision = Shape::Integer {
            least: 1,
            most: i64::MAX,
        };
        vec![Parameter::optional(
            "revision",
            revision,
            "the revision that must be rolled out",
        )]
    }

    fn foresee(&self, target: &Value, asked: &Asked) -> Result<Foreseen, String> {
        let deployment = deployment::read(target)?;
        let stands = match rollout(&deployment) {
            Rollout::Complete => "complete".to_owned(),
            Rollout::Waiting(why) | Rollout::Stuck(why) => why,
        };
        let rollback = no_way_back(asked, "nothing is changed, so there is nothing to take back");
        Ok(Foreseen {
            affected: 0,
            // Whoever looks at a rollout looks at what it is by then.
            basis: Basis {
                generation: None,
                ..deployment::basis(&deployment)
            },
            ..deployment::foreseen(&deployment, format!("the rollout: {stands}"), rollback)
        })
    }

    fn shows(&self, target: Option<&Value>, _: &Asked, _: &Basis) -> Shows {
        match target.map(deployment::read) {
            Some(Ok(deployment)) if rollout(&deployment) == Rollout::Complete => Shows::Yes,
            _ => Shows::No,
        }
    }

    fn act<'a>(&'a self, acting: &'a Acting) -> BoxFuture<'a, Acted> {
        Box::pin(look(acting))
    }
}

async fn look(acting: &Acting) -> Acted {
    let before = deployment::judged(acting).await?;
    if let Some(wanted) = acting.asked.parameters.integer("revision") {
        let is = revision(&before).unwrap_or("none");
        if is != wanted.to_string() {
            return Err(Failed::at_trying(format!(
                "{} is at revision {is}, not {wanted}",
                acting.asked.target
            )));
        }
    }
    let uid = before.uid().unwrap_or_default();
    let after = deployment::rolled_out(acting, &uid, before.metadata.generation).await?;
    Ok(Done {
        message: format!("{} is rolled out", acting.asked.target),
        before: in_short(&before),
        after: in_short(&after),
        ..Done::default()
    })
}
