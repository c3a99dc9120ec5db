//! `enact sync`: create, update, and delete what is managed and no longer described.

use clap::Args;
use enact_core::plan::Mode;

use super::Context;
use crate::connect::KonnectFlags;
use crate::error::CommandResult;
use crate::execute::{RunFlags, SavedFlags, run_mode};
use crate::line::ConfigFlags;

/// Make the managed state exactly what the configuration describes, deletions included
#[derive(Debug, Args)]
#[command(
    after_help = "What may be deleted: objects with the label of a namespace in play, of a kind whose key is
present in the configuration (even empty: `portals: []`), and that nobody describes any more.
Every deletion is listed before you are asked.

Examples:
  enact sync -f portals/
  enact plan --mode sync -f portals/ -o plan.json && enact sync --plan plan.json"
)]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    config: ConfigFlags,
    #[command(flatten)]
    saved: SavedFlags,
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    konnect: KonnectFlags,
}

pub(crate) async fn run(context: &Context, args: SyncArgs) -> CommandResult {
    run_mode(
        context,
        &args.config,
        &args.konnect,
        &args.run,
        &args.saved,
        Mode::Sync,
    )
    .await
}
