//! `enact konnect serve`: the local Konnect, as a server of its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use enact_core::exit::ExitCode;
use enact_konnect::local::{LocalKonnect, LocalOptions};

use super::Context;
use crate::error::{CommandError, CommandResult};
use crate::{state, views};

/// The Konnect built into enact
#[derive(Debug, Args)]
#[command(after_help = "Example:
  enact konnect serve")]
pub(crate) struct KonnectArgs {
    #[command(subcommand)]
    command: KonnectCommand,
}

#[derive(Debug, Subcommand)]
enum KonnectCommand {
    /// Serve a local, persistent Konnect for trying, demonstrating and testing
    #[command(
        after_help = "Point enact at it with --konnect http://127.0.0.1:8080. Any token will do.
Faults are injected with PUT /_enact/faults; requests are counted at GET /_enact/requests (see the guide).

Examples:
  enact konnect serve
  enact konnect serve --listen 127.0.0.1:9000 --data /tmp/konnect.db --latency-ms 20"
    )]
    Serve(ServeArgs),
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// Address to listen on; port 0 takes a free one and prints it
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The database file; default: konnect-local.db in the state directory
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Let every request take so long, in milliseconds
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    latency_ms: u64,
}

pub(crate) async fn run(context: &Context, args: KonnectArgs) -> CommandResult {
    let KonnectCommand::Serve(args) = args.command;
    let failed =
        |error: &(dyn std::error::Error + 'static)| CommandError::from_error(ExitCode::Failed, error);
    let data = match args.data {
        Some(path) => path,
        None => {
            state::prepare(&context.settings.state_dir)?;
            context.settings.state_dir.join("konnect-local.db")
        }
    };
    let latency = std::time::Duration::from_millis(args.latency_ms);
    let options = LocalOptions {
        latency,
        ..LocalOptions::default()
    };
    let konnect = LocalKonnect::open(&data, options).map_err(|error| failed(&error))?;
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .map_err(|error| {
            failed(&error).hint(format!(
                "is something else listening on {}? --listen 127.0.0.1:0 takes a free port",
                args.listen
            ))
        })?;
    let address = listener.local_addr()?;
    views::print(&format!(
        "Local Konnect on http://{address} (data in {}). Ctrl-C ends it.\n",
        data.display()
    ))?;
    konnect.serve(listener, shutdown()).await;
    Ok(ExitCode::Ok)
}

/// Ctrl-C or SIGTERM.
async fn shutdown() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _interrupted = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
