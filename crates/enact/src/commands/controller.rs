//! `enact controller`: watches `KubernetesExecution` objects and carries them out.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use enact_core::exit::ExitCode;
use enact_engine::clock::SystemClock;
use enact_engine::policy::bundle::Bundle;
use enact_engine::policy::metrics::PolicyMetrics;
use enact_engine::policy::observe::PolicyObserver;
use enact_engine::policy::rego::RegoPolicy;
use enact_engine::policy::reload::{InForce, Looked, Reloader};
use enact_kube::catalog::Catalog;
use enact_kube::controller::{Conditions, Context, Followers, Locks, Metrics, Options, Shelf, serve};
use enact_kube::machine::Settings;
use kube::Client;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::cli::{ColorChoice, LogLevel};
use crate::error::{CommandError, CommandResult};
use crate::traces::Traces;
use crate::{policy, views};

/// Carry out KubernetesExecution objects in a cluster
#[derive(Debug, Args)]
#[command(
    after_help = "Runs in the cluster as the Deployment of the chart, or outside of it with a kubeconfig. Called by the name `manager` it
is this command. It ends with SIGTERM, after the writes that are under way, and lets go of its lease.

Examples:
  enact controller --kubeconfig ~/.kube/config --leader-elect=false
  enact controller --policy-dir /etc/policies --job-image registry.example/enact@sha256:…
  enact controller --dry-run                 look at everything, write nothing"
)]
pub(crate) struct ControllerArgs {
    /// Run several replicas, of which one acts
    #[arg(long, default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set)]
    leader_elect: bool,
    /// Where /healthz and /readyz are served
    #[arg(long, value_name = "ADDRESS", default_value = ":8081")]
    health_probe_bind_address: String,
    /// Where /metrics is served
    #[arg(long, value_name = "ADDRESS", default_value = ":8080")]
    metrics_bind_address: String,
    /// Give the metrics only to whoever may get the path /metrics: asks the API server about each bearer token
    #[arg(long)]
    metrics_auth: bool,
    /// A directory of policies, looked at again and again; without it the built-in ones are in force
    #[arg(long, value_name = "DIR")]
    policy_dir: Option<PathBuf>,
    /// A kubeconfig; without it that of the pod, or of the environment
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Look at everything, write nothing
    #[arg(long)]
    dry_run: bool,
    /// Only these actions may be asked for (comma-separated); without it all of the catalog
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    enabled_actions: Vec<String>,
    /// Take actions of your own from ConfigMap kubernetes-executor-catalog
    #[arg(long)]
    custom_actions: bool,
    /// The namespace of the executor, its Jobs and its accounts
    #[arg(
        long,
        value_name = "NAME",
        env = "POD_NAMESPACE",
        default_value = "kubernetes-executor-system"
    )]
    execution_namespace: String,
    /// The image of the Jobs; best by digest
    #[arg(
        long,
        value_name = "IMAGE",
        env = "ENACT_JOB_IMAGE",
        default_value = "kubernetes-executor:v1.0.0"
    )]
    job_image: String,
    /// How many executions are looked at at once
    #[arg(long, value_name = "N", default_value_t = 10)]
    max_concurrent: u16,
    /// Let requests bring their own Rego
    #[arg(long, default_missing_value = "true", num_args = 0..=1, require_equals = true, default_value_t = false, action = clap::ArgAction::Set)]
    allow_inline_conditions: bool,
    /// The priority class of the Jobs
    #[arg(long, value_name = "NAME")]
    priority_class: Option<String>,
    /// A collector that spans are sent to by OTLP over HTTP, such as http://collector:4318; without it none are made
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,
    /// The cluster's name in plans; without it the uid of the namespace kube-system
    #[arg(long, value_name = "NAME")]
    cluster_name: Option<String>,
    /// The name of this replica
    #[arg(long, value_name = "NAME", env = "POD_NAME", hide = true)]
    identity: Option<String>,
}

/// How often the directory of policies is looked at.
const LOOK: Duration = Duration::from_secs(5);

pub(crate) fn run(args: ControllerArgs, level: LogLevel, color: ColorChoice) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Held to the end: the last spans are sent when it goes.
        let _traces = start_logging(args.otlp_endpoint.as_deref(), level, color)?;
        control(args).await
    })
}

fn start_logging(
    endpoint: Option<&str>,
    level: LogLevel,
    color: ColorChoice,
) -> Result<Option<Traces>, CommandError> {
    let Some(endpoint) = endpoint.filter(|endpoint| !endpoint.is_empty()) else {
        views::start_logging(level, color);
        return Ok(None);
    };
    let traces = Traces::to(endpoint)?;
    views::start_logging_with_traces(level, color, &traces);
    Ok(Some(traces))
}

async fn control(args: ControllerArgs) -> CommandResult {
    let options = Options {
        health: address(&args.health_probe_bind_address)?,
        metrics: address(&args.metrics_bind_address)?,
        metrics_auth: args.metrics_auth,
        elect: args.leader_elect,
        concurrency: args.max_concurrent.max(1),
    };
    let client = connect(args.kubeconfig.as_deref()).await?;
    let cluster = match &args.cluster_name {
        Some(name) => name.clone(),
        None => cluster_uid(&client).await?,
    };
    let mut registry = Registry::default();
    let observer: Arc<dyn PolicyObserver> = Arc::new(PolicyMetrics::register(&mut registry));
    let metrics = Metrics::register(&mut registry);
    // Held for as long as the controller runs: without it nobody looks at the directory any more.
    let (policies, _watching) = policies(args.policy_dir.clone(), observer)?;
    let context = Arc::new(Context {
        client,
        settings: settings(&args, cluster),
        catalog: shelf(&args)?,
        policies,
        conditions: Conditions::new(Arc::new(load)),
        clock: Arc::new(SystemClock),
        locks: Locks::default(),
        followers: Followers::default(),
        metrics,
        identity: identity(args.identity),
    });
    let stop = CancellationToken::new();
    stop_on_signals(&stop)?;
    match serve(context, registry, options, stop).await {
        Ok(()) => Ok(ExitCode::Ok),
        Err(why) => Err(CommandError::failed(why)),
    }
}

/// `:8081` means every address, as the manifests of controllers have it.
fn address(text: &str) -> Result<SocketAddr, CommandError> {
    let whole = if text.starts_with(':') {
        format!("0.0.0.0{text}")
    } else {
        text.to_owned()
    };
    whole.parse().map_err(|_| {
        CommandError::invalid(format!("{text:?} is not an address")).hint("write :8081 or 127.0.0.1:8081")
    })
}

/// A client: by a kubeconfig, or as the pod's account.
pub(crate) async fn connect(kubeconfig: Option<&std::path::Path>) -> Result<Client, CommandError> {
    enact_engine::http::install_tls();
    let unusable = |error: &dyn std::fmt::Display| {
        CommandError::invalid(format!("the cluster cannot be reached: {error}"))
            .hint("name a kubeconfig with --kubeconfig or KUBECONFIG, or run it in a pod with an account")
    };
    let config = match kubeconfig {
        Some(path) => {
            let read = kube::config::Kubeconfig::read_from(path).map_err(|error| unusable(&error))?;
            kube::Config::from_custom_kubeconfig(read, &kube::config::KubeConfigOptions::default())
                .await
                .map_err(|error| unusable(&error))?
        }
        None => kube::Config::infer().await.map_err(|error| unusable(&error))?,
    };
    enact_kube::client::client(config).map_err(|error| unusable(&error))
}

/// What names this cluster in plans for good.
async fn cluster_uid(client: &Client) -> Result<String, CommandError> {
    let uid = enact_kube::controller::cluster_uid(client).await;
    uid.map_err(|trouble| {
        CommandError::failed(format!("the cluster does not say who it is: {trouble}")).hint(
            "the account must be allowed to get namespace kube-system, or give a name with --cluster-name",
        )
    })
}

fn settings(args: &ControllerArgs, cluster: String) -> Settings {
    Settings {
        namespace: args.execution_namespace.clone(),
        image: args.job_image.clone(),
        allow_inline_conditions: args.allow_inline_conditions,
        cluster,
        priority_class: args.priority_class.clone(),
        observe_only: args.dry_run,
    }
}

/// The actions that may be asked for. Which custom ones there are is known later; a name that is none of them stays
/// without effect until there is one.
fn shelf(args: &ControllerArgs) -> Result<Shelf, CommandError> {
    if args.custom_actions {
        return Ok(Shelf::with_custom(args.enabled_actions.clone()));
    }
    catalog(&args.enabled_actions).map(Shelf::fixed)
}

/// The catalog, or the part of it that is named. A name that it does not have is an error: it would switch off what
/// was meant to be on.
fn catalog(enabled: &[String]) -> Result<Catalog, CommandError> {
    let catalog = Catalog::built_in();
    if enabled.is_empty() {
        return Ok(catalog);
    }
    match enabled.iter().find(|name| !catalog.exists(name)) {
        Some(name) => Err(CommandError::invalid(format!(
            "--enabled-actions: {}",
            catalog.unknown(name)
        ))),
        None => Ok(catalog.only(enabled)),
    }
}

fn identity(given: Option<String>) -> String {
    given.unwrap_or_else(|| format!("enact-{}", std::process::id()))
}

/// The policies in force, and what keeps them in step with their directory.
fn policies(
    directory: Option<PathBuf>,
    observer: Arc<dyn PolicyObserver>,
) -> Result<(InForce, Option<std::sync::mpsc::Sender<()>>), CommandError> {
    let Some(directory) = directory else {
        return Ok((InForce::new(RegoPolicy::built_in().observed(observer)), None));
    };
    let mut reloader = Reloader::new(&directory, Box::new(load), Box::new(canaries), vec![observer]);
    say(&reloader.look());
    let in_force = reloader.in_force();
    let (wake, woken) = std::sync::mpsc::channel();
    std::thread::Builder::new()
        .name("policies".to_owned())
        .spawn(move || reloader.watch(LOOK, &woken, |looked| say(&looked)))?;
    Ok((in_force, Some(wake)))
}

fn say(looked: &Looked) {
    match looked {
        Looked::Same => {}
        Looked::Replaced(loaded) => tracing::info!(digest = %loaded.digest, "new policies are in force"),
        Looked::Refused(why) => {
            tracing::error!(%why, "new policies were refused; the old ones stay in force");
        }
        Looked::Gone(why) => tracing::error!(%why, "the policies are gone; everything is denied"),
    }
}

/// Policies and conditions from outside are asked in processes of their own.
fn load(bundle: &Bundle) -> Result<RegoPolicy, Vec<enact_core::diagnostic::Diagnostic>> {
    policy::isolated(bundle, 2)
}

/// The shipped modules must deny what they are there to deny. An operator's own are judged by nobody but the operator.
fn canaries(loaded: &RegoPolicy) -> Result<(), String> {
    const SHIPPED: [&str; 5] = [
        "action-allowlist",
        "namespace-restrictions",
        "node-safety",
        "resource-limits",
        "scale-safety",
    ];
    let names: Vec<&str> = loaded.loaded().versions.keys().map(String::as_str).collect();
    let has = |module: &&str| names.iter().any(|name| name.ends_with(&format!("{module}.rego")));
    if SHIPPED.iter().all(has) {
        return enact_engine::policy::canaries::actions(loaded);
    }
    Ok(())
}

/// SIGTERM and SIGINT end it in good order; a second one at once.
fn stop_on_signals(stop: &CancellationToken) -> Result<(), CommandError> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}
