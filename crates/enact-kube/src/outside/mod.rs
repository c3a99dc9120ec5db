//! The catalog's actions for one caller outside of the cluster that waits for them: a step of a runbook. What the controller, its
//! reconciles and its Job do one after the other is done here in one process, with the same actions and the same questions.
//!
//! Reading order: `words.rs` (how people write an action), `foretell.rs` (what a plan says of it), `act.rs` (doing it, and what became
//! of it after a crash), `get.rs` (reading anything, for checks), `execution.rs` (through the executor of the cluster).

mod act;
mod execution;
mod foretell;
mod get;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use enact_engine::clock::Clock;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;

pub use act::{Doing, Ended, Held, Prepared};
pub use execution::{Entrusted, Entrusting};
pub use foretell::{Call, Foretold, Wanted, Who};
pub use get::{Getting, Got};

use crate::catalog::{About, Asked, Catalog, CatalogAction, Foreseen, Target, describe, typed};
use crate::controller::dynamic;
use crate::machine::Request;
use enact_engine::policy::input::Labelled;

/// A cluster, from outside.
#[derive(Clone)]
pub struct Outside {
    /// The cluster, as whoever runs the program.
    pub client: Client,
    /// The actions.
    pub catalog: Catalog,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Outside {
    /// An action by its name, and what is asked of it.
    ///
    /// # Errors
    /// What is unknown or wrong, in words.
    fn asked(
        &self,
        call: &Call,
        on_behalf_of: &str,
        now: &str,
    ) -> Result<(Arc<dyn CatalogAction>, Asked), String> {
        let action = self.catalog.get(&call.action).cloned();
        let action = action.ok_or_else(|| self.catalog.unknown(&call.action))?;
        let parameters = typed(&action.parameters(), &call.parameters).map_err(|faults| faults.join("; "))?;
        action.fits(&parameters)?;
        let asked = Asked {
            target: call.target.clone(),
            parameters,
            on_behalf_of: on_behalf_of.to_owned(),
            now: now.to_owned(),
        };
        Ok((action, asked))
    }

    /// The target as it is; none when it is not there.
    ///
    /// # Errors
    /// Why nobody can say, in words.
    async fn look(&self, about: &About, target: &Target) -> Result<Option<Value>, String> {
        let found = dynamic(about, target, &self.client).get_opt(&target.name).await;
        let found = found.map_err(|error| format!("reading {target}: {}", describe(&error)))?;
        found
            .map(|object| serde_json::to_value(object).map_err(|error| format!("reading {target}: {error}")))
            .transpose()
    }

    /// What policies are asked about an action on a target as it is now, with nothing claimed of it.
    async fn request<'a>(
        &self,
        call: &Call,
        who: &Who,
        about: &'a About,
        asked: &'a Asked,
        target: &'a Value,
        foreseen: &'a Foreseen,
    ) -> Result<Request<'a>, String> {
        Ok(Request {
            about,
            asked,
            written: call.parameters.clone(),
            claimed: BTreeMap::new(),
            target,
            namespace: self.namespace(&call.target).await?,
            foreseen: Some(foreseen),
            dry_run: false,
            metadata: foretell::metadata(who),
            actor: foretell::actor(who),
            now: self.clock.now(),
        })
    }

    /// What policies want to know about the target's namespace.
    async fn namespace(&self, target: &Target) -> Result<Labelled, String> {
        let Some(name) = &target.namespace else {
            return Ok(Labelled::default());
        };
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let found = namespaces.get_opt(name).await;
        let found = found.map_err(|error| format!("reading namespace {name}: {}", describe(&error)))?;
        let found = found.unwrap_or_default();
        Ok(Labelled {
            labels: found.labels().clone(),
            annotations: found.annotations().clone(),
        })
    }
}
