//! Which replica acts: the one that holds a Lease. It keeps the work from being done twice over; that nothing is *done* twice does not
//! rest on it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};

use super::Trouble;

/// The name of the Lease.
pub const LEASE_NAME: &str = "kubernetesexecution.kubernaut.io";

/// How long a Lease is good without being renewed.
pub(super) const LENGTH: Duration = Duration::from_secs(15);

/// How long a holder tries to renew before it lets go by itself.
pub(super) const RENEW: Duration = Duration::from_secs(10);

/// How often it is renewed or asked for.
pub(super) const BEAT: Duration = Duration::from_secs(2);

/// The Lease as one replica sees it.
pub struct Leader {
    leases: Api<Lease>,
    identity: String,
    /// What was seen last, and when that was, by our own clock: another's clock decides nothing.
    seen: Option<(String, Timestamp)>,
}

impl Leader {
    /// The Lease of a namespace.
    pub fn new(client: Client, namespace: &str, identity: &str) -> Self {
        Self {
            leases: Api::namespaced(client, namespace),
            identity: identity.to_owned(),
            seen: None,
        }
    }

    /// Takes or renews the Lease. `true`: this replica holds it now.
    ///
    /// # Errors
    /// When the API server does not answer; then nobody knows who holds it.
    pub async fn hold(&mut self, now: Timestamp) -> Result<bool, Trouble> {
        let Some(lease) = self.leases.get_opt(LEASE_NAME).await? else {
            return self.create(now).await;
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let ours = spec.holder_identity.as_deref() == Some(self.identity.as_str());
        let free = spec.holder_identity.as_deref().unwrap_or_default().is_empty();
        if !ours && !free && !self.is_over(&lease, now) {
            return Ok(false);
        }
        self.write(lease, now, ours).await
    }

    /// Lets go of it, so that another need not wait.
    ///
    /// # Errors
    /// When the API server does not answer: then the Lease runs out.
    pub async fn release(&self) -> Result<(), Trouble> {
        let Some(mut lease) = self.leases.get_opt(LEASE_NAME).await? else {
            return Ok(());
        };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(self.identity.as_str()) {
            return Ok(());
        }
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        self.leases
            .replace(LEASE_NAME, &PostParams::default(), &lease)
            .await?;
        Ok(())
    }

    /// Has nobody renewed it for its whole length? Counted from when we saw it change.
    fn is_over(&mut self, lease: &Lease, now: Timestamp) -> bool {
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        match &self.seen {
            Some((known, since)) if *known == version => {
                let length = lease
                    .spec
                    .as_ref()
                    .and_then(|spec| spec.lease_duration_seconds)
                    .unwrap_or(15);
                now.duration_since(*since).as_secs() >= i64::from(length.max(1))
            }
            _ => {
                self.seen = Some((version, now));
                false
            }
        }
    }

    async fn create(&self, now: Timestamp) -> Result<bool, Trouble> {
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(LEASE_NAME.to_owned()),
                ..ObjectMeta::default()
            },
            spec: Some(self.spec(now, now, 0)),
        };
        match self
            .leases
            .create(&PostParams::default(), &lease)
            .await
            .map_err(Trouble::from)
        {
            Ok(_) => Ok(true),
            // Another was faster.
            Err(Trouble::Refused { code: 409, .. }) => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    async fn write(&self, mut lease: Lease, now: Timestamp, ours: bool) -> Result<bool, Trouble> {
        let before = lease.spec.clone().unwrap_or_default();
        let turns = before.lease_transitions.unwrap_or(0);
        let since = before.acquire_time.map_or(now, |time| time.0);
        lease.spec = Some(if ours {
            self.spec(since, now, turns)
        } else {
            self.spec(now, now, turns.saturating_add(1))
        });
        // The version of what was read goes with it: of two that write, one does.
        match self
            .leases
            .replace(LEASE_NAME, &PostParams::default(), &lease)
            .await
            .map_err(Trouble::from)
        {
            Ok(_) => Ok(true),
            Err(Trouble::Conflict) => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    fn spec(&self, since: Timestamp, now: Timestamp, turns: i32) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LENGTH.as_secs()).ok(),
            acquire_time: Some(MicroTime(since)),
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(turns),
            ..LeaseSpec::default()
        }
    }
}
