//! `enact delete`: remove what the configuration describes.

use clap::Args;
use enact_core::plan::Mode;

use super::Context;
use crate::connect::KonnectFlags;
use crate::error::CommandResult;
use crate::execute::{RunFlags, SavedFlags, run_mode};
use crate::line::ConfigFlags;

/// Delete the top-level resources that the configuration describes, with all that belongs to them
#[derive(Debug, Args)]
#[command(
    after_help = "Only objects of the described namespace are deleted; one of the same name that is not managed
stays. What is not there is a warning, not a failure.

Examples:
  enact delete -f portals/old.yaml
  enact plan --mode delete -f portals/old.yaml -o plan.json && enact delete --plan plan.json"
)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    config: ConfigFlags,
    #[command(flatten)]
    saved: SavedFlags,
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    konnect: KonnectFlags,
}

pub(crate) async fn run(context: &Context, args: DeleteArgs) -> CommandResult {
    run_mode(
        context,
        &args.config,
        &args.konnect,
        &args.run,
        &args.saved,
        Mode::Delete,
    )
    .await
}
