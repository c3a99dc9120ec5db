//! Connections: one for each context that is used, made when it is first needed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use enact_engine::clock::SystemClock;
use enact_kube::catalog::Catalog;
use enact_kube::outside::Outside;
use enact_runbook::cluster::ClusterName;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};

/// A cluster that can be asked.
#[derive(Clone)]
pub(super) struct Connected {
    pub(super) name: ClusterName,
    pub(super) outside: Outside,
}

/// The connections of one command.
#[derive(Default)]
pub(super) struct Connections(RefCell<BTreeMap<Option<String>, Connected>>);

impl Connections {
    /// The cluster of a context; without one that of the current context, or the one that the program runs in.
    ///
    /// # Errors
    /// Why it cannot be reached, in words.
    pub(super) async fn of(&self, context: Option<&str>) -> Result<Connected, String> {
        let key = context.map(ToOwned::to_owned);
        if let Some(known) = self.0.borrow().get(&key) {
            return Ok(known.clone());
        }
        let connected = connect(context).await?;
        self.0.borrow_mut().insert(key, connected.clone());
        Ok(connected)
    }

    /// The cluster that a plan names, and no other.
    ///
    /// # Errors
    /// Why it cannot be reached; or what the kubeconfig leads to instead.
    pub(super) async fn planned(&self, planned: &ClusterName) -> Result<Connected, String> {
        let connected = self.of(planned.context.as_deref()).await?;
        if connected.name.server == planned.server {
            return Ok(connected);
        }
        Err(format!(
            "the plan is for the cluster at {}, and context {:?} leads to {}",
            planned.server,
            planned.context.as_deref().unwrap_or("(none)"),
            connected.name.server
        ))
    }
}

async fn connect(context: Option<&str>) -> Result<Connected, String> {
    enact_engine::http::install_tls();
    let unusable = |error: &dyn std::fmt::Display| {
        format!(
            "the cluster cannot be reached: {error}; name a kubeconfig with KUBECONFIG, and its context with `context`"
        )
    };
    let (config, context) = match Kubeconfig::read() {
        Ok(read) => {
            let context = context
                .map(ToOwned::to_owned)
                .or_else(|| read.current_context.clone());
            let options = KubeConfigOptions {
                context: context.clone(),
                ..KubeConfigOptions::default()
            };
            let config = Config::from_custom_kubeconfig(read, &options).await;
            (config.map_err(|error| unusable(&error))?, context)
        }
        Err(error) if context.is_some() => return Err(unusable(&error)),
        // No kubeconfig: inside of a cluster there is the pod's account.
        Err(error) => (Config::incluster().map_err(|_| unusable(&error))?, None),
    };
    let name = ClusterName {
        context,
        server: server(&config),
    };
    let client = enact_kube::client::client(config).map_err(|error| unusable(&error))?;
    Ok(Connected {
        name,
        outside: Outside {
            client,
            catalog: Catalog::built_in(),
            clock: Arc::new(SystemClock),
        },
    })
}

/// The address, without a user and a password that may stand in it.
fn server(config: &Config) -> String {
    let url = &config.cluster_url;
    let scheme = url.scheme_str().unwrap_or("https");
    let host = url.host().unwrap_or_default();
    let port = url.port_u16().map_or_else(String::new, |port| format!(":{port}"));
    let path = url.path().trim_end_matches('/');
    format!("{scheme}://{host}{port}{path}")
}
