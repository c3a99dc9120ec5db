//! `UncordonNode`: new pods on a node again, as `kubectl uncordon` does it.

use serde_json::Value;

use super::act::{Acted, Acting, BoxFuture, Done, Failed};
use super::deployment::{back_by, no_way_back};
use super::{About, Asked, Basis, CatalogAction, Foreseen, Parameter, Right, Shape, Shows, node};
use crate::api::RollbackInfo;

/// See the module.
pub(super) struct UncordonNode;

static ABOUT: std::sync::LazyLock<About> = std::sync::LazyLock::new(|| About {
    rights: &[Right {
        group: "",
        resource: "nodes",
        verbs: &["get", "patch"],
    }],
    ..node::about("UncordonNode", "lets new pods onto a node again")
});

impl CatalogAction for UncordonNode {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::optional(
            "onlyIfCordonedBy",
            Shape::Text { most: 600 },
            "only where this execution cordoned it (namespace/name/uid)",
        )]
    }

    fn foresee(&self, target: &Value, asked: &Asked) -> Result<Foreseen, String> {
        let found = node::read(target)?;
        wanted(asked).check(&found, asked)?;
        let mut warnings = Vec::new();
        if !node::is_cordoned(&found) {
            warnings.push("it is not cordoned".to_owned());
        } else if let Some(by) = node::cordoned_by(&found) {
            warnings.push(format!("it was cordoned by {by}"));
        } else {
            warnings.push("it was cordoned by somebody else than an execution".to_owned());
        }
        Ok(Foreseen {
            description: "let new pods onto the node".to_owned(),
            affected: 1,
            warnings,
            rollback: way_back(&found, asked),
            basis: node::basis(&found),
            ..Foreseen::default()
        })
    }

    fn shows(&self, target: Option<&Value>, _: &Asked, basis: &Basis) -> Shows {
        match target.map(node::read) {
            Some(Ok(found)) if node::basis(&found) == *basis && !node::is_cordoned(&found) => Shows::Yes,
            _ => Shows::No,
        }
    }

    fn act<'a>(&'a self, acting: &'a Acting) -> BoxFuture<'a, Acted> {
        Box::pin(uncordon(acting))
    }
}

fn way_back(found: &k8s_openapi::api::core::v1::Node, asked: &Asked) -> RollbackInfo {
    if node::is_cordoned(found) {
        back_by("CordonNode", asked, &[])
    } else {
        no_way_back(asked, "the node was not cordoned, so nothing changes")
    }
}

fn wanted(asked: &Asked) -> node::Wanted<'_> {
    node::Wanted {
        only_by: asked.parameters.text("onlyIfCordonedBy"),
        ..node::Wanted::cordoned(false)
    }
}

async fn uncordon(acting: &Acting) -> Acted {
    let target = &acting.asked.target;
    let before = node::judged(acting).await?;
    let wanted = wanted(&acting.asked);
    wanted.check(&before, &acting.asked).map_err(Failed::refused)?;
    let was = node::is_cordoned(&before);
    let rollback = way_back(&before, &acting.asked);
    acting.tell_rollback(&rollback);
    let wrote = node::set(acting, before, wanted).await?;
    Ok(Done {
        message: if wrote {
            format!("uncordoned {target}")
        } else {
            format!("{target} was not cordoned")
        },
        before: node::in_short(was),
        after: node::in_short(false),
        rollback: Some(rollback),
        ..Done::default()
    })
}
