//! A dry run: what would happen, and how much of it was looked at. Never "ok" for what was not simulated.

use std::collections::{BTreeMap, BTreeSet};

use enact_core::change::{Change, Effect};
use enact_core::exit::ExitCode;
use enact_core::journal::{RunId, RunState};
use enact_core::plan::Plan;
use enact_engine::provider::Provider as _;
use enact_runbook::provider::{RunbookProvider, Simulated};
use enact_runbook::spec::{Document, STEP};
use serde::Serialize;

use super::execute::{CONTRADICTED, Told};
use super::looking::looking;
use crate::cli::Output;
use crate::commands::Context;
use crate::error::{CommandError, CommandResult};
use crate::views;
use crate::views::runbook_text::listed;

/// What a dry run says about one step.
#[derive(Debug, Serialize)]
struct Line {
    step: String,
    number: u32,
    title: String,
    /// `simulated`, `run` (it only looks), `rendered`, `left_out` (by its `when`), `contradiction`, `planned` (by its own domain),
    /// `adopted`.
    result: &'static str,
    detail: String,
}

/// The result of a dry run.
#[derive(Debug, Serialize)]
struct DryRun {
    format: &'static str,
    plan_id: String,
    steps: Vec<Line>,
    /// What did not agree before anything would have started.
    contradictions: Vec<String>,
    #[serde(flatten)]
    coverage: Coverage,
}

/// How many steps of each kind there are. A step of another domain is one, however many changes it stands for.
#[derive(Debug, Serialize)]
struct Coverage {
    simulated: usize,
    /// Of these a part at least was only shown.
    rendered_only: usize,
    /// Nothing of them will run.
    left_out: usize,
    /// They did run, in the run that is taken over.
    adopted: usize,
}

pub(crate) async fn dry_run(
    context: &Context,
    plan: &Plan,
    document: &Document,
    told: &Told<'_>,
) -> CommandResult {
    let scratch = std::env::temp_dir().join(format!("enact-dry-run-{}", std::process::id()));
    let result = look(context, plan, document, told, &scratch).await;
    // Output of what was simulated is in the result; the folder would only pile up.
    let _removed = std::fs::remove_dir_all(&scratch);
    let result = result?;
    show(context, &result, told)?;
    let contradicted =
        !result.contradictions.is_empty() || result.steps.iter().any(|line| line.result == "contradiction");
    Ok(if contradicted { CONTRADICTED } else { ExitCode::Ok })
}

async fn look(
    context: &Context,
    plan: &Plan,
    document: &Document,
    told: &Told<'_>,
    scratch: &std::path::Path,
) -> Result<DryRun, CommandError> {
    let provider = looking(context, plan, document, &told.folder, scratch)?;
    provider.take_up(&RunId("dry-run".to_owned()), &RunState::default());
    let mut changes = plan.executable();
    changes.retain(|change| change.adopted.is_none());
    let contradictions = provider
        .preflight(&changes, &BTreeMap::new())
        .await
        .map_err(|failure| CommandError::failed(failure.message))?;
    let mut steps = Vec::new();
    for step in listed(plan, document) {
        let Some(change) = plan.change(&step.change_id) else {
            continue;
        };
        let (result, detail) = look_at(&provider, change, told.read).await;
        steps.push(Line {
            step: step.change_id.to_string(),
            number: step.number,
            title: step.title,
            result,
            detail,
        });
    }
    Ok(DryRun {
        format: "enact.dry-run/v1",
        plan_id: plan.id().to_string(),
        coverage: Coverage::of(&steps),
        contradictions: contradictions.iter().map(ToString::to_string).collect(),
        steps,
    })
}

impl Coverage {
    fn of(lines: &[Line]) -> Self {
        let steps = |results: &[&str]| {
            let of_them = lines.iter().filter(|line| results.contains(&line.result));
            of_them.map(|line| line.number).collect::<BTreeSet<u32>>()
        };
        // A step with several parts is counted once: as what is least sure of it.
        let mut counted = BTreeSet::new();
        let mut count = |results: &[&str]| {
            let found = steps(results);
            let before = counted.len();
            counted.extend(found);
            counted.len() - before
        };
        Self {
            rendered_only: count(&["rendered"]),
            simulated: count(&["simulated", "run", "planned", "contradiction"]),
            left_out: count(&["left_out"]),
            adopted: count(&["adopted"]),
        }
    }

    /// `3 of 5 steps simulated, 1 rendered only, 1 left out`.
    fn in_words(&self) -> String {
        let all = self.simulated + self.rendered_only + self.left_out + self.adopted;
        let mut text = format!(
            "{} of {all} steps simulated, {} rendered only",
            self.simulated, self.rendered_only
        );
        for (number, word) in [(self.left_out, "left out"), (self.adopted, "adopted")] {
            if number > 0 {
                text.push_str(&format!(", {number} {word}"));
            }
        }
        text
    }
}

async fn look_at(provider: &RunbookProvider<'_>, change: &Change, read: bool) -> (&'static str, String) {
    if change.adopted.is_some() {
        return ("adopted", "done by the run that is taken over".to_owned());
    }
    if change.resource_type != STEP {
        return (
            "planned",
            "its difference was computed from the present state".to_owned(),
        );
    }
    match provider
        .simulate(change, read && change.effect == Effect::Read)
        .await
    {
        Simulated::Holds(seen) if change.effect == Effect::Read => ("run", seen),
        Simulated::Holds(seen) => ("simulated", seen),
        Simulated::Contradicts(seen) => ("contradiction", seen),
        Simulated::Rendered(text) => ("rendered", text),
        Simulated::LeftOut(why) => ("left_out", why),
    }
}

fn show(context: &Context, result: &DryRun, told: &Told<'_>) -> Result<(), CommandError> {
    if told.flags.output != Output::Text {
        return views::print_document(result, told.flags.output);
    }
    let mut text = format!("\n{}\n", context.painter.strong("DRY RUN: nothing was changed"));
    for contradiction in &result.contradictions {
        text.push_str(&format!(
            "  {} {contradiction}\n",
            context.painter.bad("not as planned:")
        ));
    }
    for line in &result.steps {
        let word = match line.result {
            "contradiction" => context.painter.bad("would fail"),
            "rendered" => "not simulated, shown only".to_owned(),
            "run" => "looked".to_owned(),
            "left_out" => "left out".to_owned(),
            other => other.to_owned(),
        };
        text.push_str(&format!(
            " [{}] {}: {word}\n      {}\n",
            line.number, line.title, line.detail
        ));
    }
    text.push_str(&format!("{}\n", result.coverage.in_words()));
    views::print_text(&text)
}
