//! `enact apply`: create and update, never delete.

use clap::Args;
use enact_core::plan::Mode;

use super::Context;
use crate::connect::KonnectFlags;
use crate::error::CommandResult;
use crate::execute::{RunFlags, SavedFlags, run_mode};
use crate::line::ConfigFlags;

/// Create and update what the configuration describes; never delete
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  enact apply -f portals/ --konnect local
  enact plan -f portals/ -o plan.json && enact apply --plan plan.json
  enact apply -f portals/ --auto-approve --output json")]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    config: ConfigFlags,
    #[command(flatten)]
    saved: SavedFlags,
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    konnect: KonnectFlags,
}

pub(crate) async fn run(context: &Context, args: ApplyArgs) -> CommandResult {
    run_mode(
        context,
        &args.config,
        &args.konnect,
        &args.run,
        &args.saved,
        Mode::Apply,
    )
    .await
}
