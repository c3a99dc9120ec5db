//! A local, persistent Konnect: the published API's portals, pages and identity, on one SQLite file.
//!
//! For trying, demonstrating and testing without an account. It validates requests as the published OpenAPI
//! document says and can be told to fail (`fault`). A resource is one file that exports a `RESOURCE` (tables and
//! operations, see `operation`) and one line in `RESOURCES`. `dispatch` is the way of a request; `connection`
//! owns the sockets; `control` has the routes under `/_enact/`.
//!
//! Not here: planning against Konnect, and any client of it.

mod auth;
mod connection;
mod control;
mod dispatch;
mod fault;
mod identity;
mod operation;
mod page_tree;
mod paging;
mod portal_pages;
mod portals;
mod problem;
mod store;
mod validate;

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{MethodFilter, on};
use thiserror::Error;
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use self::auth::FORBIDDEN_PREFIX;
pub use self::control::RequestLog;
pub use self::fault::{Fault, FaultAction, FaultError, FaultList, FaultMatch, When};
pub use self::operation::Sources;
pub use self::store::Effect;

use self::dispatch::Target;
use self::operation::Resource;

/// Everything the server keeps. Parents come before their children, whose tables refer to them.
const RESOURCES: &[&Resource] = &[&identity::RESOURCE, &portals::RESOURCE, &portal_pages::RESOURCE];

/// Why the local Konnect cannot be opened or served.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LocalError {
    /// The database cannot be opened, is none, or its tables cannot be created.
    #[error("open the local Konnect's database {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The database was written by a newer enact.
    #[error(
        "the local Konnect's database {} has schema {found}, this enact knows up to {supported}: use a newer enact",
        path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest version this binary can use.
        supported: i64,
    },
    /// The database refused a read or write outside of any request.
    #[error("use the local Konnect's database")]
    Database(#[from] rusqlite::Error),
    /// The address cannot be listened on.
    #[error("listen for the local Konnect")]
    Listen(#[source] std::io::Error),
    /// The faults to start with cannot be carried out.
    #[error("set the local Konnect's faults")]
    Faults(#[from] FaultError),
}

/// How the local Konnect behaves; the default is a quick server that takes any token.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// The only bearer token taken; `None` takes any that is not empty. Tokens that start with
    /// [`FORBIDDEN_PREFIX`] are always known, and answered 403.
    pub token: Option<String>,
    /// How long every request waits before it is carried out.
    pub latency: Duration,
    /// Faults in force from the start.
    pub faults: Vec<Fault>,
    /// Where time and ids come from.
    pub sources: Sources,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            token: None,
            latency: Duration::ZERO,
            faults: Vec::new(),
            sources: Sources::real(),
        }
    }
}

/// What all requests share.
#[derive(Debug)]
struct Shared {
    store: store::Store,
    faults: fault::Faults,
    counts: control::Counts,
    traces: problem::Traces,
    token: Option<String>,
    latency: Duration,
    sources: Sources,
}

/// A local Konnect on its database; clones are the same server.
#[derive(Debug, Clone)]
pub struct LocalKonnect {
    shared: Arc<Shared>,
}

impl LocalKonnect {
    /// Opens the database at `path`, creating it when missing (its folder must exist). Two processes may have
    /// it open at once. Blocks on the file system.
    ///
    /// # Errors
    /// `Open`, `NewerSchema`, or `Faults`.
    pub fn open(path: &Path, options: LocalOptions) -> Result<Self, LocalError> {
        Self::start(Some(path), options)
    }

    /// A server that forgets everything when it is dropped.
    ///
    /// # Errors
    /// `Open` or `Faults`.
    pub fn in_memory(options: LocalOptions) -> Result<Self, LocalError> {
        Self::start(None, options)
    }

    fn start(path: Option<&Path>, options: LocalOptions) -> Result<Self, LocalError> {
        let LocalOptions {
            token,
            latency,
            faults,
            sources,
        } = options;
        let list = FaultList { faults };
        list.check()?;
        let store = store::Store::open(path, RESOURCES)?;
        store.write(|transaction| {
            let seeds = RESOURCES.iter().filter_map(|resource| resource.seed);
            seeds
                .into_iter()
                .try_for_each(|seed| seed(transaction, &sources))
                .map_err(LocalError::from)
        })?;
        let first_trace = u64::try_from(sources.now_ms())
            .unwrap_or_default()
            .wrapping_mul(1_000_000);
        let faults = fault::Faults::default();
        faults.set(list);
        let traces = problem::Traces::starting_at(first_trace);
        let counts = control::Counts::default();
        Ok(Self {
            shared: Arc::new(Shared {
                store,
                faults,
                counts,
                traces,
                token,
                latency,
                sources,
            }),
        })
    }

    /// Serves on `listener` until `shutdown` is ready; requests under way then get two seconds to finish.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        connection::serve(listener, self.router(), shutdown).await;
    }

    /// Listens on `address` (port 0 picks one) and serves on a task until the handle is stopped or dropped.
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// `Listen` when the address is taken or not ours.
    pub async fn spawn(&self, address: impl ToSocketAddrs) -> Result<RunningKonnect, LocalError> {
        let listener = TcpListener::bind(address).await.map_err(LocalError::Listen)?;
        let address = listener.local_addr().map_err(LocalError::Listen)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let konnect = self.clone();
        let task = tokio::spawn(async move {
            // Ready as well when the handle is dropped.
            let shutdown = async { drop(stopped.await) };
            konnect.serve(listener, shutdown).await;
        });
        Ok(RunningKonnect {
            konnect: self.clone(),
            address,
            stop,
            task,
        })
    }

    /// Replaces the faults in force and starts their counters anew.
    ///
    /// # Errors
    /// `Faults` when one of them cannot be carried out.
    pub fn set_faults(&self, faults: Vec<Fault>) -> Result<(), LocalError> {
        let list = FaultList { faults };
        list.check()?;
        self.shared.faults.set(list);
        Ok(())
    }

    /// The request counts of this server and the committed writes of its database. Blocks on the database.
    ///
    /// # Errors
    /// `Database`.
    pub fn requests(&self) -> Result<RequestLog, LocalError> {
        Ok(self.shared.counts.log(self.shared.store.effects()?))
    }

    fn router(&self) -> Router {
        let mut router: Router<Arc<Shared>> = control::routes();
        for operation in RESOURCES.iter().flat_map(|resource| resource.operations) {
            let Ok(filter) = MethodFilter::try_from(operation.method.clone()) else {
                continue;
            };
            let target = Target::Operation(operation);
            router = router.route(
                operation.path,
                on(filter, move |state, request| reach(state, target, request)),
            );
        }
        router
            .fallback(|state, request| reach(state, Target::NoSuchPath, request))
            .method_not_allowed_fallback(|state, request| reach(state, Target::NoSuchMethod, request))
            .with_state(Arc::clone(&self.shared))
    }
}

async fn reach(
    State(shared): State<Arc<Shared>>,
    target: Target,
    request: Request,
) -> axum::response::Response {
    dispatch::answer(shared, target, request).await
}

/// Opens the database at `path` with `options` and serves it on `address`; see [`LocalKonnect::spawn`].
///
/// # Errors
/// Those of [`LocalKonnect::open`] and [`LocalKonnect::spawn`].
pub async fn spawn(
    path: &Path,
    address: impl ToSocketAddrs,
    options: LocalOptions,
) -> Result<RunningKonnect, LocalError> {
    LocalKonnect::open(path, options)?.spawn(address).await
}

/// A local Konnect that is being served; dropping it stops it without waiting.
#[derive(Debug)]
pub struct RunningKonnect {
    konnect: LocalKonnect,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl RunningKonnect {
    /// What clients put before a path, `http://127.0.0.1:40123`; no slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The server, to set faults or read the request log in-process.
    pub fn konnect(&self) -> &LocalKonnect {
        &self.konnect
    }

    /// Stops accepting and waits until requests under way are finished, for two seconds at most.
    pub async fn stop(self) {
        let Self { stop, task, .. } = self;
        drop(stop);
        if let Err(error) = task.await {
            tracing::warn!(%error, "the local Konnect ended badly");
        }
    }
}
