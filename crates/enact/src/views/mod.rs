//! Everything that is printed. Results and machine output go to standard output, the rest to standard error.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write};

use serde::Serialize;

use crate::cli::{ColorChoice, LogLevel, Output};
use crate::error::CommandError;

pub(crate) mod approval_text;
pub(crate) mod diagnostics;
pub(crate) mod event_lines;
pub(crate) mod junit;
pub(crate) mod lint_report;
pub(crate) mod next_text;
pub(crate) mod plan_text;
pub(crate) mod policy_text;
pub(crate) mod progress;
pub(crate) mod report_text;
pub(crate) mod revision_text;
pub(crate) mod run_text;
pub(crate) mod runbook_progress;
pub(crate) mod runbook_report;
mod runbook_rest;
pub(crate) mod runbook_text;
pub(crate) mod runbook_whole;
pub(crate) mod test_text;
mod told;

/// The most faults of a configuration that are shown one by one.
const FAULTS: usize = 50;

/// Paints text, or leaves it. Colour never carries meaning alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Painter {
    on: bool,
}

/// The codes that a painter uses.
const CODES: [&str; 5] = ["\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m"];

impl Painter {
    /// For standard error, where people read.
    pub(crate) fn of(choice: ColorChoice) -> Self {
        let on = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let environment = crate::config::Environment::read().ok();
                let wanted = environment.is_none_or(|environment| {
                    environment.get("NO_COLOR").is_none() && environment.get("TERM") != Some("dumb")
                });
                wanted && std::io::stderr().is_terminal()
            }
        };
        Self { on }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.on {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }

    pub(crate) fn careful(self, text: &str) -> String {
        self.paint("33", text)
    }

    pub(crate) fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }
}

/// Writes to standard error. A reader that went away changes nothing.
pub(crate) fn say(text: &str) {
    let _written = std::io::stderr().lock().write_all(harmless(text).as_bytes());
}

/// Writes a result for people to standard output.
pub(crate) fn print_text(text: &str) -> Result<(), CommandError> {
    print(&harmless(text))
}

/// Writes a result to standard output as it is: for documents, which programs read.
pub(crate) fn print(text: &str) -> Result<(), CommandError> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        // `enact … | head` is no failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| {
            CommandError::failed(format!(
                "the result cannot be written to standard output: {error}"
            ))
        }),
    }
}

/// A text in which names and messages from elsewhere cannot steer a terminal: of all control characters only line breaks,
/// tabs and the painter's own codes are left, and characters that turn the direction of writing are shown as escapes.
fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(steers) {
        let (before, from) = rest.split_at(at);
        shown.push_str(before);
        let painted = CODES.iter().find(|code| from.starts_with(**code));
        let length = match painted {
            Some(code) => {
                shown.push_str(code);
                code.len()
            }
            None => {
                let first = from.chars().next().unwrap_or_default();
                shown.extend(first.escape_unicode());
                first.len_utf8()
            }
        };
        rest = from.get(length..).unwrap_or_default();
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

fn steers(character: char) -> bool {
    // Unicode's controls of direction show a name backwards, and what has no width lets two names look like one.
    (character.is_control() && !matches!(character, '\n' | '\t'))
        || enact_runbook::process::display::is_hidden(character)
}

/// Prints one document.
pub(crate) fn print_document<T: Serialize>(document: &T, output: Output) -> Result<(), CommandError> {
    match output {
        Output::Json | Output::Text => print(&format!("{}\n", serde_json::to_string_pretty(document)?)),
        Output::Yaml => print(&yaml(document)?),
    }
}

/// A value as YAML.
pub(crate) fn yaml<T: Serialize>(document: &T) -> Result<String, CommandError> {
    let mut text = serde_saphyr::to_string(document)
        .map_err(|error| CommandError::failed(format!("the result cannot be written as YAML: {error}")))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Prints a failed command: faults with their places, the chain of causes once, then what to do.
pub(crate) fn failure(painter: &Painter, error: &CommandError) {
    let mut text = String::new();
    for fault in error.faults.iter().take(FAULTS) {
        text.push_str(&diagnostics::render(*painter, fault));
        text.push('\n');
    }
    if error.faults.len() > FAULTS {
        let more = error.faults.len() - FAULTS;
        text.push_str(&format!(
            "… and {more} more faults; the first {FAULTS} are shown\n\n"
        ));
    }
    let mut chain = error.chain.iter();
    text.push_str(&format!(
        "{} {}\n",
        painter.bad("error:"),
        chain.next().map_or("", String::as_str)
    ));
    for cause in chain {
        text.push_str(&format!("  because: {cause}\n"));
    }
    for hint in &error.hints {
        text.push_str(&format!("  {} {hint}\n", painter.strong("hint:")));
    }
    say(&text);
}

/// Sends log lines to standard error.
pub(crate) fn start_logging(level: LogLevel, color: ColorChoice) {
    let filter = tracing_subscriber::EnvFilter::new(level.as_filter());
    let ansi = Painter::of(color).on;
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(ansi)
        .without_time()
        .try_init();
    // Somebody else's subscriber serves as well.
    drop(started);
}

/// Sends log lines to standard error, and spans to a collector.
#[cfg(feature = "kubernetes")]
pub(crate) fn start_logging_with_traces(level: LogLevel, color: ColorChoice, traces: &crate::traces::Traces) {
    use tracing_subscriber::filter::filter_fn;
    use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
    use tracing_subscriber::util::SubscriberInitExt as _;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(Painter::of(color).on)
        .without_time()
        .with_filter(tracing_subscriber::EnvFilter::new(level.as_filter()));
    let spans = tracing_opentelemetry::layer()
        .with_tracer(traces.tracer())
        .with_filter(filter_fn(|metadata| metadata.target().starts_with("enact")));
    let started = tracing_subscriber::registry().with(spans).with(lines).try_init();
    // Somebody else's subscriber serves as well.
    drop(started);
}
