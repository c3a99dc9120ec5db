//! What runs inside of a Job: one action, as it was asked for, with the rights of the account that the Job has.

use std::sync::Arc;
use std::time::Duration;

use enact_engine::clock::Clock;
use kube::Client;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::protocol::{ExitStatus, MOST_REQUEST, Report, Request, write_report};
use crate::catalog::{Acted, Acting, Asked, Catalog, Failed, Stage, typed};
use crate::machine::stamp;

/// How an action is performed.
pub struct Performing {
    /// The cluster, as the Job's account.
    pub client: Client,
    /// The actions.
    pub catalog: Catalog,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether the pod is to end.
    pub stop: CancellationToken,
    /// Where each stage is told: a line of JSON.
    pub tell: Box<dyn Fn(&Stage) + Send + Sync>,
}

/// How it ended: the exit code, and the termination message.
#[derive(Debug, Clone, PartialEq)]
pub struct Performed {
    /// The exit code.
    pub status: ExitStatus,
    /// The termination message.
    pub message: String,
}

/// Performs what a request asks for.
pub async fn perform(request: &str, performing: Performing) -> Performed {
    let acted = match read(request) {
        Ok(request) => act(request, performing).await,
        Err(why) => Err(Failed::refused(why)),
    };
    Performed {
        status: ExitStatus::of(&acted),
        message: write_report(&Report::of(&acted)),
    }
}

fn read(request: &str) -> Result<Request, String> {
    if request.len() > MOST_REQUEST {
        return Err(format!("the request is longer than {MOST_REQUEST} bytes"));
    }
    let request: Request =
        serde_json::from_str(request).map_err(|error| format!("the request cannot be read: {error}"))?;
    if request.v != 1 {
        return Err(format!(
            "the request is of version {}, and this program reads version 1",
            request.v
        ));
    }
    Ok(request)
}

async fn act(request: Request, performing: Performing) -> Acted {
    let Some(action) = performing.catalog.get(&request.action).cloned() else {
        return Err(Failed::refused(performing.catalog.unknown(&request.action)));
    };
    let parameters = typed(&action.parameters(), &request.parameters)
        .map_err(|faults| Failed::refused(faults.join("; ")))?;
    // An action's own time is part of what it was given, never more.
    let own = parameters
        .integer("timeout")
        .and_then(|seconds| u64::try_from(seconds).ok());
    let seconds = own.unwrap_or(request.seconds).min(request.seconds).max(1);
    let acting = Acting {
        client: performing.client,
        asked: Asked {
            target: request.target,
            parameters,
            on_behalf_of: request.on_behalf_of,
            now: stamp(performing.clock.now()),
        },
        basis: request.basis,
        deadline: Instant::now() + Duration::from_secs(seconds),
        stop: performing.stop,
        tell: performing.tell,
        clock: performing.clock,
        dry_run: false,
    };
    action.act(&acting).await
}
