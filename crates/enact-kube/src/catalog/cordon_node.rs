//! `CordonNode`: no new pods on a node, as `kubectl cordon` does it.

use serde_json::Value;

use super::act::{Acted, Acting, BoxFuture, Done};
use super::{About, Asked, Basis, CatalogAction, Foreseen, Parameter, Right, Shape, Shows, node};

/// See the module.
pub(super) struct CordonNode;

static ABOUT: std::sync::LazyLock<About> = std::sync::LazyLock::new(|| About {
    rights: &[Right {
        group: "",
        resource: "nodes",
        verbs: &["get", "patch"],
    }],
    ..node::about("CordonNode", "lets no new pods onto a node")
});

impl CatalogAction for CordonNode {
    fn about(&self) -> &About {
        &ABOUT
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::optional(
            "reason",
            Shape::Text { most: 256 },
            "why, for people",
        )]
    }

    fn foresee(&self, target: &Value, asked: &Asked) -> Result<Foreseen, String> {
        let found = node::read(target)?;
        let warnings = if node::is_cordoned(&found) {
            vec!["it is cordoned already".to_owned()]
        } else {
            Vec::new()
        };
        Ok(Foreseen {
            description: "let no new pods onto the node".to_owned(),
            affected: 1,
            warnings,
            rollback: node::back_from_cordon(&found, asked),
            basis: node::basis(&found),
            ..Foreseen::default()
        })
    }

    fn shows(&self, target: Option<&Value>, _: &Asked, basis: &Basis) -> Shows {
        match target.map(node::read) {
            Some(Ok(found)) if node::basis(&found) == *basis && node::is_cordoned(&found) => Shows::Yes,
            _ => Shows::No,
        }
    }

    fn act<'a>(&'a self, acting: &'a Acting) -> BoxFuture<'a, Acted> {
        Box::pin(cordon(acting))
    }
}

async fn cordon(acting: &Acting) -> Acted {
    let target = &acting.asked.target;
    let before = node::judged(acting).await?;
    let was = node::is_cordoned(&before);
    let rollback = node::back_from_cordon(&before, &acting.asked);
    acting.tell_rollback(&rollback);
    let wrote = node::set(acting, before, node::Wanted::cordoned(true)).await?;
    Ok(Done {
        message: if wrote {
            format!("cordoned {target}")
        } else {
            format!("{target} was cordoned already")
        },
        before: node::in_short(was),
        after: node::in_short(true),
        rollback: Some(rollback),
        ..Done::default()
    })
}
