//! `enact show`: a plan, from a file or by its id.

use std::path::Path;

use clap::Args;
use enact_core::exit::ExitCode;
use enact_core::plan::Plan;

use super::Context;
use super::run::is_plan_file;
use crate::cli::Output;
use crate::error::{CommandError, CommandResult};
use crate::execute::read_plan;
use crate::runbook::is_runbook_file;
use crate::state;
use crate::views::{self, plan_text, runbook_text};

/// Show a plan, from a file or by its id
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  enact show plan.json
  enact show 3f9c21aa04be --output json")]
pub(crate) struct ShowArgs {
    /// A plan file, `-`, or a plan id (six digits are enough)
    #[arg(value_name = "FILE|PLAN_ID")]
    what: String,
    /// Show whole values, however long
    #[arg(long)]
    full_content: bool,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

pub(crate) fn run(context: &Context, args: &ShowArgs) -> CommandResult {
    let plan = find(context, &args.what)?;
    match args.output {
        Output::Text => {
            let detail = plan_text::Detail {
                full: args.full_content,
            };
            let text = match enact_runbook::provider::document_of(&plan) {
                Ok(document) => runbook_text::approval_request(context.painter, &plan, &document),
                Err(_) => plan_text::render(context.painter, &plan, detail),
            };
            views::print_text(&text)?;
        }
        Output::Json => views::print(&String::from_utf8_lossy(&plan.to_bytes()?))?,
        Output::Yaml => views::print_document(&plan, Output::Yaml)?,
    }
    Ok(ExitCode::Ok)
}

/// A file to make a plan from is no damaged plan.
fn no_plan(path: &Path, error: CommandError) -> CommandError {
    let shown = path.display();
    if !path.is_file() || is_plan_file(path) {
        return error;
    }
    let what = if is_runbook_file(path) {
        format!("{shown} is a runbook, and not a plan that was made from one")
    } else {
        format!("{shown} is not a plan as enact writes it")
    };
    CommandError::invalid(what).hint(format!(
        "make a plan from what plans are made from: enact plan -f {shown} -o plan.json"
    ))
}

/// The plan in a file, on standard input (`-`), or kept here under an id.
pub(crate) fn find(context: &Context, what: &str) -> Result<Plan, CommandError> {
    let path = Path::new(what);
    if what == "-" || path.exists() {
        return read_plan(path).map_err(|error| no_plan(path, error));
    }
    match state::open(&context.settings)?.store.load_plan(what)? {
        Some(bytes) => Ok(Plan::parse(&bytes)?),
        None => Err(CommandError::invalid(format!(
            "{what:?} is neither a file nor the id of a plan that is kept here"
        ))
        .hint("enact runs list shows the plans that ran; of one that never did, give the file")),
    }
}
