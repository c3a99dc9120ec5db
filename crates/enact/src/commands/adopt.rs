//! `enact adopt`: take over an object that nobody manages, by putting the namespace label on it. A plan like any other.

use clap::Args;
use enact_konnect::adopt::{AdoptError, plan_adoption};
use enact_konnect::plan::PlanOptions;

use super::Context;
use super::get::{find_kind, find_one};
use crate::connect::{KonnectFlags, connect};
use crate::error::{CommandError, CommandResult};
use crate::execute::{RunFlags, SavedFlags, Told, execute};
use crate::policy::Policies;
use crate::{line, state, views};

/// Take over an object that nobody manages yet
#[derive(Debug, Args)]
#[command(
    after_help = "Adoption only adds the label KONGCTL-namespace; nothing else changes. A page belongs to its
portal, so adopting the portal adopts its pages.

Examples:
  enact adopt portal harbor-portal --namespace docs
  enact dump portals portal_pages --name harbor-portal > harbor.yaml && enact apply -f harbor.yaml"
)]
pub(crate) struct AdoptArgs {
    /// The kind: `portal`
    kind: String,
    /// The object's name or id
    name: String,
    /// The namespace that will own it
    #[arg(long, value_name = "NAMESPACE")]
    namespace: String,
    /// Take it over even if another namespace owns it
    #[arg(long)]
    overwrite_namespace: bool,
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    konnect: KonnectFlags,
}

pub(crate) async fn run(context: &Context, args: AdoptArgs) -> CommandResult {
    let kind = find_kind(&args.kind)?;
    if let Some(link) = kind.parent() {
        let message = format!(
            "a {} has no owner of its own: it belongs to its {}",
            kind.name, link.kind
        );
        return Err(CommandError::invalid(message).hint(format!(
            "adopt the {0}: enact adopt {0} NAME --namespace {1}",
            link.kind, args.namespace
        )));
    }
    let mut policies = Policies::in_force(&context.settings, &args.run.policy)?;
    let connection = connect(&context.settings, &args.konnect).await?;
    let object = find_one(&connection, kind, None, &args.name).await?;
    let options = PlanOptions {
        mode: enact_core::plan::Mode::Apply,
        generated_at: state::now(),
        author: context.settings.principal(),
        target: line::full_target(&context.settings, &connection).await?,
        policy_digest: Some(policies.digest().to_string()),
    };
    let plan = plan_adoption(kind, &object, &args.namespace, args.overwrite_namespace, &options)
        .map_err(|error| adopt_error(&error))?;
    if plan.changes().is_empty() {
        views::say(&format!(
            "{} {:?} belongs to namespace {:?} already.\n",
            kind.name, object.identity, args.namespace
        ));
    }
    let told = Told {
        verb: "adopt",
        flags: &args.run,
        saved: &SavedFlags::default(),
        stdin_taken: false,
    };
    execute(context, &connection, plan, &mut policies, told).await
}

fn adopt_error(error: &AdoptError) -> CommandError {
    let refused = CommandError::from_error(enact_core::exit::ExitCode::InvalidInput, error);
    match error {
        AdoptError::Owned { .. } => refused.hint("to take it over all the same: --overwrite-namespace"),
        AdoptError::Namespace { .. } | AdoptError::Freeze(_) => refused,
    }
}
