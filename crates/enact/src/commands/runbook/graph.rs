//! `enact runbook graph`: what needs what.

use clap::{Args, ValueEnum};
use enact_core::exit::ExitCode;
use enact_runbook::graph;
use enact_runbook::provider::document_of;

use super::{Context, WhatFlags, plan_of};
use crate::error::{CommandError, CommandResult};
use crate::views;

/// The form of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For Markdown that shows Mermaid.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// For people.
    Text,
}

/// Show the steps of a runbook or plan as a graph
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  enact runbook graph move-users.plan.yaml
  enact runbook graph move-users.plan.yaml --format dot | dot -Tsvg > graph.svg
  enact runbook graph plan.json --format mermaid")]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    what: WhatFlags,
    /// The form
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

pub(super) async fn run(context: &Context, args: GraphArgs) -> CommandResult {
    let plan = plan_of(context, &args.what).await?;
    let document = document_of(&plan).map_err(|error| {
        CommandError::from_error(ExitCode::InvalidInput, &error).hint("only runbooks have steps")
    })?;
    let form = match args.format {
        Form::Mermaid => graph::Form::Mermaid,
        Form::Dot => graph::Form::Dot,
        Form::Text => graph::Form::Text,
    };
    views::print_text(&graph::graph(plan.changes(), &document, form))?;
    Ok(ExitCode::Ok)
}
