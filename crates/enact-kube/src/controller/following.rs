//! Logs of Jobs while they run. A Job tells how to take it back before its first write; a pod that the cluster deletes at its deadline
//! takes its log with it, so the log is followed beside the passes, which only ask what was told until now.
//!
//! Everything here may be lost: a controller that starts anew follows again, and a log begins at its beginning. Where nothing was told,
//! what was captured before the Job stands.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{AsyncBufReadExt as _, AsyncReadExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use tokio::task::JoinHandle;

use super::Context;
use crate::job::{CONTAINER, told_rollback};

/// The most Jobs whose logs are followed at once.
const MOST_FOLLOWED: usize = 128;

/// How much of a log is read for it.
const MOST_READ: u32 = 64 * 1024;

/// How long a log is followed: longer than any Job may run.
const MOST_TIME: Duration = Duration::from_secs(20 * 60);

/// What running Jobs told, by the names of the Jobs.
#[derive(Debug, Default)]
pub struct Followers(Mutex<BTreeMap<String, Follower>>);

/// One log that is followed. Dropping it is ceasing to.
#[derive(Debug)]
struct Follower {
    pod: String,
    told: Arc<Mutex<Option<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    fn told(&self) -> Option<String> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Is there nothing more to come of it?
    fn is_over(&self) -> bool {
        self.task.is_finished()
    }
}

impl Followers {
    /// What a Job told of the way back until now.
    pub fn told(&self, job: &str) -> Option<String> {
        let followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        followed.get(job)?.told()
    }

    /// Ceases to follow a Job, and forgets what it told.
    pub fn forget(&self, job: &str) {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        followed.remove(job);
    }

    /// Follows the log of a Job's pod, unless it is followed or has told already. One whose log broke off is followed again. With too
    /// many at once it is left: then what it tells is read at its end, if its pod is still there.
    pub(super) fn follow(&self, job: &str, pod: &str, context: &Context) {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = followed.get(job);
        if known.is_some_and(|known| known.told().is_some() || (known.pod == pod && !known.is_over())) {
            return;
        }
        if followed.len() >= MOST_FOLLOWED {
            followed.retain(|_, other| !other.is_over());
        }
        if followed.len() < MOST_FOLLOWED {
            followed.insert(job.to_owned(), begin(pod, context));
        }
    }
}

fn begin(pod: &str, context: &Context) -> Follower {
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    let told = Arc::new(Mutex::new(None));
    let (heard, name) = (told.clone(), pod.to_owned());
    let task = tokio::spawn(async move {
        let record = tokio::time::timeout(MOST_TIME, listen(&pods, &name)).await;
        *heard.lock().unwrap_or_else(PoisonError::into_inner) = record.ok().flatten();
    });
    Follower {
        pod: pod.to_owned(),
        told,
        task,
    }
}

/// The first record of the way back in a log; none when it ends, breaks off or is too long before there is one.
async fn listen(pods: &Api<Pod>, pod: &str) -> Option<String> {
    let parameters = LogParams {
        container: Some(CONTAINER.to_owned()),
        follow: true,
        limit_bytes: Some(i64::from(MOST_READ)),
        ..LogParams::default()
    };
    let log = pods.log_stream(pod, &parameters).await.ok()?;
    // The server need not keep to the limit.
    let mut lines = log.take(u64::from(MOST_READ)).lines();
    while let Some(line) = lines.try_next().await.ok()? {
        if let Some(record) = told_rollback(&line) {
            return Some(record);
        }
    }
    None
}
