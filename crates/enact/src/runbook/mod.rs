//! Runbooks on the line: a document to a plan, and a plan to a run. `enact run`, and `plan`, `apply`, `resume`, `rollback` when
//! they are given a runbook.

mod added;
mod beside;
mod carry_out;
#[cfg_attr(not(feature = "kubernetes"), path = "no_cluster.rs")]
mod cluster;
mod dry_run;
mod execute;
mod files;
mod folder;
mod looking;
mod revision;
mod secrets;
mod sub_plans;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;
use enact_core::plan::Plan;
use enact_runbook::lint::{LintFinding, is_about_markdown};
use enact_runbook::{CheckReport, CompileOptions, Compiled, Source};
use serde_json::Value;

use crate::commands::Context;
use crate::connect::KonnectFlags;
use crate::error::CommandError;
use crate::policy::Policies;
use crate::{state, views};

pub(crate) use added::{check_added, judged_with_added};
pub(crate) use beside::{refuse_beside, under_way};
pub(crate) use carry_out::{Going, Way, carry_out, read_document};
pub(crate) use execute::{Told, execute};
pub(crate) use files::DiskFiles;
pub(crate) use folder::{find_folder, folder_of_run, remember_folder};
pub(crate) use looking::check_at_approval;
pub(crate) use revision::{difference, parent};

/// Flags of every command that reads a runbook.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Runbook")]
pub(crate) struct RunbookFlags {
    /// A parameter of the runbook; repeatable
    #[arg(short = 'P', long = "param", value_name = "NAME=VALUE")]
    pub(crate) param: Vec<String>,
    /// A YAML or JSON file of parameters
    #[arg(long, value_name = "FILE")]
    pub(crate) params_file: Option<PathBuf>,
    /// The folder that relative paths of the runbook start from; default: where its file is
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// A document as it was read, and the folder its paths start from.
pub(crate) struct Opened {
    pub(crate) source: Source,
    pub(crate) folder: PathBuf,
}

/// Reads a document; `-` is standard input.
pub(crate) fn open(path: &Path, flags: &RunbookFlags) -> Result<Opened, CommandError> {
    let limit = enact_runbook::compile::MAX_BYTES as u64;
    let unreadable =
        |error: std::io::Error| CommandError::invalid(format!("{} cannot be read: {error}", path.display()));
    let mut content = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin()
            .lock()
            .take(limit + 1)
            .read_to_end(&mut content)
            .map_err(unreadable)?;
    } else {
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(limit + 1)
            .read_to_end(&mut content)
            .map_err(unreadable)?;
    }
    let beside = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = flags
        .dir
        .clone()
        .or_else(|| beside.map(Path::to_path_buf))
        .unwrap_or_else(|| PathBuf::from("."));
    let folder = std::fs::canonicalize(&folder)
        .map_err(|error| CommandError::invalid(format!("{} is not a folder: {error}", folder.display())))?;
    let name = if path.as_os_str() == "-" {
        "<stdin>".to_owned()
    } else {
        path.display().to_string()
    };
    Ok(Opened {
        source: Source { name, content },
        folder,
    })
}

/// Does this file look like a runbook? Its content decides: Markdown, or YAML that says `version: enact/v1` or `kind: Plan`. Of
/// standard input (`-`) the beginning is looked at, and nothing is used up.
pub(crate) fn is_runbook_file(path: &Path) -> bool {
    const HEAD: u64 = 64 * 1024;
    if path.as_os_str() == "-" {
        return std::io::stdin().lock().fill_buf().is_ok_and(says_runbook);
    }
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or("");
    if extension.eq_ignore_ascii_case("md") || extension.eq_ignore_ascii_case("markdown") {
        return path.is_file();
    }
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    if read.is_err() || path.is_dir() {
        return false;
    }
    says_runbook(&head)
}

fn says_runbook(head: &[u8]) -> bool {
    String::from_utf8_lossy(head).lines().any(names_a_runbook)
}

/// Is this line, at the top level, one that only runbooks have?
fn names_a_runbook(line: &str) -> bool {
    let Some((key, value)) = line.split_once(':') else {
        return false;
    };
    let plain = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
    let value = plain(value.split(" #").next().unwrap_or_default());
    // What is indented belongs to something else.
    match plain(key).as_str() {
        _ if key.starts_with([' ', '\t', '#']) => false,
        "version" => value.starts_with("enact/"),
        "kind" => value == "Plan",
        _ => false,
    }
}

/// load and plan: a document to a draft, with everything that is to be said about it.
pub(crate) async fn check(
    context: &Context,
    opened: &Opened,
    flags: &RunbookFlags,
    konnect: &KonnectFlags,
    policies: &mut Policies,
) -> Result<CheckReport, CommandError> {
    let options = CompileOptions {
        policy_digest: Some(policies.digest().to_string()),
        parameters: parameters(flags)?,
        no_cluster: cluster::missing(),
        settings: context.settings.runbook_settings().clone(),
        ..CompileOptions::new(state::now(), context.settings.principal())
    };
    let files = DiskFiles::in_folder(&opened.folder);
    // First without the other domains, to learn what would be asked of it; then with the answers.
    let asked = sub_plans::Asked::default();
    let report = enact_runbook::check(&opened.source, &options, &files, Some(&asked));
    let wanted = asked.into_wanted();
    if wanted.0.is_empty() && wanted.1.is_empty() {
        return revision::lay(context, report);
    }
    let answers = sub_plans::answer_all(context, &opened.folder, konnect, policies, wanted).await?;
    let report = enact_runbook::check(&opened.source, &options, &files, Some(&answers));
    revision::lay(context, report)
}

/// load and plan: a document to a frozen plan. Warnings are part of the plan, where the approver sees them.
pub(crate) async fn plan(
    context: &Context,
    path: &Path,
    flags: &RunbookFlags,
    konnect: &KonnectFlags,
    policies: &mut Policies,
) -> Result<(Plan, PathBuf), CommandError> {
    let opened = open(path, flags)?;
    let report = check(context, &opened, flags, konnect, policies).await?;
    say_how_read(&report, &opened.source.name);
    let Some(Compiled { draft, .. }) = report.compiled else {
        let faults = report.findings.into_iter().map(|finding| finding.diagnostic);
        return Err(CommandError::faults(faults.collect()));
    };
    let plan = draft
        .freeze()
        .map_err(|error| CommandError::from_error(enact_core::exit::ExitCode::InvalidInput, &error))?;
    remember_folder(context, plan.id(), &opened.folder);
    Ok((plan, opened.folder))
}

/// How Markdown was read is no part of the plan, which is the same in any form. Whoever makes the plan is told.
fn say_how_read(report: &CheckReport, file: &str) {
    let about = |finding: &&LintFinding| is_about_markdown(finding.rule);
    let lines: Vec<String> = report
        .findings
        .iter()
        .filter(about)
        .map(|finding| one_line(finding, file))
        .collect();
    if !lines.is_empty() && report.compiled.is_some() {
        views::say(&format!("How {file} was read:\n{}\n", lines.concat()));
    }
}

/// `- line 12:1: what it says (W_MARKDOWN)`, with the file of a plan that is included.
fn one_line(finding: &LintFinding, file: &str) -> String {
    let place = finding.diagnostic.place.as_ref();
    let other = place
        .map(|place| place.file.as_str())
        .filter(|other| *other != file);
    let other = other.map_or_else(String::new, |other| format!("{other}, "));
    let position = place.and_then(|place| place.position);
    let place = position.map_or_else(String::new, |at| {
        format!("{other}line {}:{}: ", at.line, at.column)
    });
    format!("- {place}{} ({})\n", finding.diagnostic.summary, finding.rule)
}

/// Values of parameters from the command line and from a file; the command line wins.
fn parameters(flags: &RunbookFlags) -> Result<BTreeMap<String, Value>, CommandError> {
    let mut values = match &flags.params_file {
        Some(path) => parameters_of_file(path)?,
        None => BTreeMap::new(),
    };
    let mut named = BTreeSet::new();
    for given in &flags.param {
        let Some((name, value)) = given.split_once('=') else {
            return Err(CommandError::invalid(format!("{given:?} is not NAME=VALUE"))
                .hint("for example: --param node=worker-1"));
        };
        if !named.insert(name) {
            return Err(CommandError::invalid(format!("--param {name} is given twice"))
                .hint("leave one away: nothing says which of them is meant"));
        }
        values.insert(name.to_owned(), Value::String(value.to_owned()));
    }
    Ok(values)
}

fn parameters_of_file(path: &Path) -> Result<BTreeMap<String, Value>, CommandError> {
    const MAX: u64 = 1024 * 1024;
    let shown = path.display();
    let invalid = |problem: String| CommandError::invalid(format!("{shown}: {problem}"));
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX + 1).read_to_string(&mut text))
        .map_err(|error| invalid(error.to_string()))?;
    if text.len() as u64 > MAX {
        return Err(invalid(format!("it is longer than {MAX} bytes")));
    }
    enact_runbook::parameters::of_file(&shown.to_string(), &text).map_err(|faults| CommandError {
        faults,
        ..invalid("the parameters cannot be read".to_owned()).hint("every finding above names its place")
    })
}

#[cfg(test)]
mod tests {
    use super::names_a_runbook;

    #[test]
    fn version_or_kind_at_the_top_makes_a_runbook() {
        for line in [
            "version: enact/v1",
            "\"version\": 'enact/v1'",
            "kind: Plan",
            "kind: \"Plan\" # mine",
        ] {
            assert!(names_a_runbook(line), "{line}");
        }
        for line in [
            "  kind: Plan",
            "# kind: Plan",
            "kind: Planning",
            "version: 1",
            "portals:",
            "kind",
        ] {
            assert!(!names_a_runbook(line), "{line}");
        }
    }
}
