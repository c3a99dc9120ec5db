//! `UpdateImage`: another image for one container of a Deployment, as `kubectl set image` does it.

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::act::{Acted, Acting, BoxFuture, Done, Failed};
use super::deployment::{self, back_by};
use super::{About, Asked, Basis, CatalogAction, Foreseen, Parameter, Right, Shape, Shows};
use crate::api::RollbackInfo;

/// See the module.
pub(super) struct UpdateImage;

static ABOUT: std::sync::LazyLock<About> = std::sync::LazyLock::new(|| About {
    rights: &[Right {
        group: "apps",
        resource: "deployments",
        verbs: &["get", "patch", "watch"],
    }],
    ..deployment::about("UpdateImage", "gives a container of a Deployment another image")
});

impl CatalogAction for UpdateImage {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::required("container", Shape::Text { most: 63 }, "which container")
                .also_called("container_name"),
            Parameter::required("image", Shape::Image, "its new image").also_called("new_image"),
            Parameter::optional(
                "expectedImage",
                Shape::Image,
                "the image it must have before, where that is not what is asked for already",
            ),
        ]
    }

    fn foresee(&self, target: &Value, asked: &Asked) -> Result<Foreseen, String> {
        let deployment = deployment::read(target)?;
        let (container, image) = wanted(asked);
        let (_, now) = found(&deployment, container, asked)?;
        let rollback = back(asked, container, &now);
        let mut foreseen =
            deployment::foreseen(&deployment, format!("{container}: {now} → {image}"), rollback);
        foreseen.unexpected = as_expected(asked, &now).err();
        if now == image {
            foreseen
                .warnings
                .push(format!("{container} has that image already"));
        }
        if !is_pinned(image) {
            foreseen
                .warnings
                .push(format!("{image} is not pinned: what it names may change"));
        }
        Ok(foreseen)
    }

    fn shows(&self, target: Option<&Value>, asked: &Asked, basis: &Basis) -> Shows {
        let Some(Ok(deployment)) = target.map(deployment::read) else {
            return Shows::No;
        };
        let (container, image) = wanted(asked);
        let now = found(&deployment, container, asked);
        let same = deployment.uid().as_deref() == Some(basis.uid.as_str());
        let complete = super::rollout::rollout(&deployment) == super::Rollout::Complete;
        if same && complete && now.is_ok_and(|(_, now)| now == image) {
            Shows::Yes
        } else {
            Shows::No
        }
    }

    fn act<'a>(&'a self, acting: &'a Acting) -> BoxFuture<'a, Acted> {
        Box::pin(update(acting))
    }
}

fn wanted(asked: &Asked) -> (&str, &str) {
    let text = |name| asked.parameters.text(name).unwrap_or_default();
    (text("container"), text("image"))
}

/// Is it still what the request counts on? Where nothing is left to do it need not be.
fn as_expected(asked: &Asked, now: &str) -> Result<(), String> {
    let (container, wanted) = wanted(asked);
    match asked.parameters.text("expectedImage") {
        Some(expected) if expected != now && wanted != now => Err(format!(
            "{container} of {} has the image {now}, not {expected} as expected",
            asked.target
        )),
        _ => Ok(()),
    }
}

/// Back to the image it had, as long as nobody else has set another.
fn back(asked: &Asked, container: &str, had: &str) -> RollbackInfo {
    let set = wanted(asked).1.to_owned();
    let parameters = [
        ("container", container.to_owned()),
        ("image", had.to_owned()),
        ("expectedImage", set.clone()),
    ];
    RollbackInfo {
        expected_current: Some(set),
        ..back_by("UpdateImage", asked, &parameters)
    }
}

/// By digest, or by a tag that is not `latest`.
fn is_pinned(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    image.contains("@sha256:") || last.split_once(':').is_some_and(|(_, tag)| tag != "latest")
}

/// The list that the container is in, and its image.
fn found(deployment: &Deployment, container: &str, asked: &Asked) -> Result<(&'static str, String), String> {
    let pod = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref());
    let lists = [
        ("containers", pod.map(|pod| pod.containers.as_slice())),
        (
            "initContainers",
            pod.and_then(|pod| pod.init_containers.as_deref()),
        ),
    ];
    for (list, containers) in lists {
        if let Some(known) = containers
            .into_iter()
            .flatten()
            .find(|known| known.name == container)
        {
            return Ok((list, known.image.clone().unwrap_or_default()));
        }
    }
    let containers = lists
        .iter()
        .flat_map(|(_, containers)| containers.iter().copied().flatten());
    let names: Vec<&str> = containers.map(|known| known.name.as_str()).collect();
    Err(format!(
        "{} has no container '{container}' (it has {})",
        asked.target,
        names.join(", ")
    ))
}

async fn update(acting: &Acting) -> Acted {
    let (container, image) = wanted(&acting.asked);
    let before = deployment::judged(acting).await?;
    let (list, had) = found(&before, container, &acting.asked).map_err(Failed::refused)?;
    as_expected(&acting.asked, &had).map_err(Failed::changed)?;
    let rollback = back(&acting.asked, container, &had);
    acting.tell_rollback(&rollback);
    let body =
        json!({ "spec": { "template": { "spec": { list: [{ "name": container, "image": image }] } } } });
    let written = deployment::patch(acting, before.clone(), &body).await?;
    if !acting.dry_run {
        let uid = before.uid().unwrap_or_default();
        deployment::rolled_out(acting, &uid, written.metadata.generation).await?;
    }
    Ok(Done {
        message: format!("{container} of {} has the image {image}", acting.asked.target),
        before: [("image".to_owned(), had)].into(),
        after: [("image".to_owned(), image.to_owned())].into(),
        rollback: Some(rollback),
        ..Done::default()
    })
}
