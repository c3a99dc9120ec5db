//! `enact runbook questions`: what is still open, and answers.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use enact_core::exit::ExitCode;
use enact_core::principal::PrincipalKind;
use enact_runbook::questions::{self, Answer, Asked};
use serde_json::json;

use super::{Context, unreadable};
use crate::cli::Output;
use crate::error::{CommandError, CommandResult};
use crate::runbook::{self, RunbookFlags};
use crate::{state, views};

/// List the questions of a runbook, or answer one
#[derive(Debug, Args)]
#[command(
    after_help = "While a blocking question has no answer, nothing can be planned. An answer is written into the file, with who gave it
and when; everything else in the file stays as it is. An agent's answer is recorded as an agent's.

Examples:
  enact runbook questions move-users.plan.yaml
  enact runbook questions move-users.plan.yaml answer Q1 \"yes, 30 minutes on Sunday\""
)]
pub(crate) struct QuestionsArgs {
    /// A runbook in YAML or Markdown
    #[arg(value_name = "RUNBOOK")]
    file: PathBuf,
    /// The form of the list
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(subcommand)]
    action: Option<QuestionsAction>,
}

#[derive(Debug, Subcommand)]
enum QuestionsAction {
    /// List the questions; this is the default
    List,
    /// Write an answer into the file
    Answer {
        /// The question
        #[arg(value_name = "ID")]
        id: String,
        /// The answer
        #[arg(value_name = "TEXT")]
        text: String,
    },
}

pub(super) fn run(context: &Context, args: &QuestionsArgs) -> CommandResult {
    match &args.action {
        None | Some(QuestionsAction::List) => list(args),
        Some(QuestionsAction::Answer { id, text }) => answer(context, args, id, text),
    }
}

fn list(args: &QuestionsArgs) -> CommandResult {
    let opened = runbook::open(&args.file, &RunbookFlags::default())?;
    let found = questions::list(&opened.source).map_err(unreadable)?;
    match args.output {
        Output::Text => views::print_text(&text(&found, &opened.source.name))?,
        Output::Json | Output::Yaml => {
            let document = json!({ "format": "enact.questions/v1", "questions": found });
            views::print_document(&document, args.output)?;
        }
    }
    Ok(ExitCode::Ok)
}

fn text(found: &[Asked], file: &str) -> String {
    if found.is_empty() {
        return "The runbook asks nothing.\n".to_owned();
    }
    let mut text = String::new();
    for question in found {
        let mark = match (&question.answer, question.blocking) {
            (Some(_), _) => "answered",
            (None, true) => "open, blocks",
            (None, false) => "open",
        };
        text.push_str(&format!("{:<6} {mark:<13} {}\n", question.id, question.text));
        match (&question.answer, &question.default) {
            (Some(answer), _) => {
                let by = question.answered_by.as_deref().unwrap_or("nobody named");
                let at = question
                    .answered_at
                    .as_deref()
                    .map_or_else(String::new, |at| format!(", {at}"));
                text.push_str(&format!("       {answer} ({by}{at})\n"));
            }
            (None, Some(default)) => text.push_str(&format!("       until then: {default}\n")),
            (None, None) => {}
        }
    }
    if let Some(open) = found.iter().find(|question| question.answer.is_none()) {
        let id = &open.id;
        text.push_str(&format!(
            "\nTo answer: enact runbook questions {file} answer {id} \"…\"\n"
        ));
    }
    text
}

fn answer(context: &Context, args: &QuestionsArgs, id: &str, text: &str) -> CommandResult {
    if args.file.as_os_str() == "-" {
        let error = CommandError::invalid("an answer is written into a file, and standard input is none");
        return Err(error.hint("name the file"));
    }
    if text.trim().is_empty() {
        return Err(CommandError::invalid("an empty answer answers nothing"));
    }
    let opened = runbook::open(&args.file, &RunbookFlags::default())?;
    let principal = context.settings.principal();
    let by = match principal.kind {
        PrincipalKind::Agent => format!("agent:{}", principal.id),
        PrincipalKind::Person | PrincipalKind::Service => principal.id.clone(),
    };
    let at = state::now();
    let at = jiff::Timestamp::from_second(at.as_second())
        .unwrap_or(at)
        .to_string();
    let given = Answer {
        text: text.to_owned(),
        by: by.clone(),
        at,
    };
    let edited = questions::answer(&opened.source, id, &given).map_err(unreadable)?;
    replace(&args.file, &opened.source.content, edited.as_bytes())?;
    if text.trim().lines().count() > 1 {
        views::say("note: an answer is one line: its line breaks became blanks\n");
    }
    views::say(&format!("{id} is answered by {by} in {}.\n", args.file.display()));
    Ok(ExitCode::Ok)
}

/// Replaces a file's content in one step; its permissions stay, a link is followed. Nothing is written when it has changed
/// since it was read.
fn replace(path: &Path, before: &[u8], after: &[u8]) -> Result<(), CommandError> {
    let shown = path.display().to_string();
    let failed = |error: std::io::Error| CommandError::failed(format!("{shown} cannot be written: {error}"));
    let target = std::fs::canonicalize(path).map_err(failed)?;
    let permissions = std::fs::metadata(&target).map_err(failed)?.permissions();
    let mut now = Vec::new();
    std::fs::File::open(&target)
        .and_then(|mut file| file.read_to_end(&mut now))
        .map_err(failed)?;
    if now != before {
        return Err(CommandError::failed(format!(
            "{shown} changed in the meantime; nothing was written"
        )));
    }
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let temporary = target.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = std::fs::File::create_new(&temporary)
        .and_then(|mut file| {
            file.set_permissions(permissions)?;
            file.write_all(after)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&temporary, &target));
    written.map_err(|error| {
        // Half a file helps nobody; if even that fails there is nothing more to do.
        let _removed = std::fs::remove_file(&temporary);
        failed(error)
    })
}
