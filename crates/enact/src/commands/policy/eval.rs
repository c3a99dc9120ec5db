//! `enact policy eval`: ask policies about one document, and see which rule said what.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use enact_core::exit::ExitCode;
use enact_core::plan::Plan;
use enact_engine::policy::asking::Ask;
use enact_engine::policy::bundle::Bundle;
use enact_engine::policy::default;
use enact_engine::policy::evaluate::{Answer, Detail};
use enact_engine::policy::input::{Occasion, plan_input};
use enact_engine::policy::process::Isolated;
use enact_engine::policy::query::Question;
use serde_json::Value;

use super::super::Context;
use super::Shown;
use crate::cli::Output;
use crate::error::{CommandError, CommandResult};
use crate::policy::worker_program;
use crate::{state, views};

/// The longest input that is read, in bytes.
const MAX_INPUT: u64 = enact_core::plan::MAX_PLAN_BYTES as u64;

/// What to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Asked {
    /// `data.enact.plan`.
    Plan,
    /// `data.kubernetes_executor.safety`.
    Action,
    /// `data.condition`.
    Condition,
}

/// Ask policies about one document and show what they answer
#[derive(Debug, Args)]
#[command(
    after_help = "The input is a plan file, or a document as `enact schema policy-input` describes it. A plan file is put
into such a document, with the present time and with you as the one who asks.

Examples:
  enact policy eval --input plan.json --explain
  enact policy eval policies/ --input request.json --question action --output json"
)]
pub(crate) struct EvalArgs {
    /// The directory of the policies, or one .rego file; default: the built-in ones
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
    /// The document, or `-`
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// What to ask; default: what the document is for
    #[arg(long, value_enum)]
    question: Option<Asked>,
    /// Show what every rule said, with its place, also those that had nothing to say
    #[arg(long)]
    explain: bool,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

pub(crate) fn run(context: &Context, args: &EvalArgs) -> CommandResult {
    let shown = Shown::new(args.path.as_slice());
    let bundle = match &args.path {
        Some(path) => Bundle::read(path).map_err(|fault| shown.unusable(vec![fault]))?,
        None => default::bundle(),
    };
    let (question, document) = document(context, args)?;
    let (asked, _) =
        Isolated::load(worker_program()?, &bundle, 1).map_err(|faults| shown.unusable(faults))?;
    let asked: Arc<dyn Ask> = Arc::new(asked);
    let detail = if args.explain {
        Detail::EveryRule
    } else {
        Detail::Objections
    };
    let answer = asked.ask(question, document, detail).map_err(|failure| {
        let place = failure
            .location()
            .map(|place| format!(" at {place}"))
            .unwrap_or_default();
        CommandError::new(
            ExitCode::Denied,
            format!("there is no answer, which denies: {failure}{place}"),
        )
    })?;
    match args.output {
        Output::Text => views::print_text(&text(&answer, args.explain))?,
        Output::Json | Output::Yaml => views::print_document(&answer, args.output)?,
    }
    Ok(ExitCode::Ok)
}

fn text(answer: &Answer, explain: bool) -> String {
    let mut text = String::new();
    for (name, value) in &answer.outputs {
        match value.as_array() {
            Some(members) if members.is_empty() => text.push_str(&format!("{name}: nothing\n")),
            Some(members) => {
                text.push_str(&format!("{name}:\n"));
                members
                    .iter()
                    .for_each(|member| text.push_str(&format!("- {}\n", short(member))));
            }
            None => text.push_str(&format!("{name}: {}\n", short(value))),
        }
    }
    if explain {
        text.push_str("\nRules:\n");
        for rule in &answer.rules {
            let said = match rule.values.len() {
                0 => "nothing".to_owned(),
                _ => rule.values.iter().map(short).collect::<Vec<_>>().join("; "),
            };
            text.push_str(&format!("- {} {}: {said}\n", rule.location, rule.rule));
        }
    }
    for line in &answer.prints {
        text.push_str(&format!("print: {line}\n"));
    }
    text
}

/// What a member says; as JSON where it is not a message.
fn short(member: &Value) -> String {
    let message = member
        .as_str()
        .or_else(|| member.get("msg").and_then(Value::as_str));
    match (message, member.get("code").and_then(Value::as_str)) {
        (Some(message), Some(code)) => format!("{message} ({code})"),
        (Some(message), None) => message.to_owned(),
        (None, _) => member.to_string(),
    }
}

/// The question and its document: a plan file is wrapped, anything else goes as it is.
fn document(context: &Context, args: &EvalArgs) -> Result<(Question, String), CommandError> {
    let text = read(&args.input)?;
    let shown = args.input.display();
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| CommandError::invalid(format!("{shown} is not readable: {error}")))?;
    if value.get("format").and_then(Value::as_str) == Some(enact_core::plan::FORMAT) {
        let plan = Plan::parse(text.as_bytes())
            .map_err(|error| CommandError::from(error).about(&shown.to_string()))?;
        if args.question.is_some_and(|asked| asked != Asked::Plan) {
            return Err(CommandError::invalid(format!(
                "{shown} is a plan, and can only be asked about as one"
            ))
            .hint("leave --question out"));
        }
        let occasion = Occasion {
            now: state::now(),
            actor: context.settings.principal(),
        };
        return Ok((Question::Plan, plan_input(&plan, &occasion)?));
    }
    let question = match args.question {
        Some(Asked::Plan) => Question::Plan,
        Some(Asked::Action) => Question::Action,
        Some(Asked::Condition) => Question::Condition,
        None if value.get("plan").is_some() => Question::Plan,
        None if value.get("state").is_some() => Question::Condition,
        None if value.get("action").is_some() => Question::Action,
        None => {
            return Err(CommandError::invalid(format!(
                "{shown} is neither a plan nor a document for policies"
            ))
            .hint("its shape: enact schema policy-input; or say what to ask with --question"));
        }
    };
    Ok((question, text))
}

fn read(path: &Path) -> Result<String, CommandError> {
    let mut text = String::new();
    let most = MAX_INPUT + 1;
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(most).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_string(&mut text))
    };
    read.map_err(|error| CommandError::invalid(format!("{} cannot be read: {error}", path.display())))?;
    if text.len() as u64 > MAX_INPUT {
        return Err(CommandError::invalid(format!(
            "{} is too long; at most {MAX_INPUT} bytes are read",
            path.display()
        )));
    }
    Ok(text)
}
