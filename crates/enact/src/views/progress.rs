//! Progress of a run on standard error: a line per change as it ends, and a bar on a terminal when there are many.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use enact_core::change::{Action, Change, ChangeId};
use enact_core::event::{Event, Progress, Reporter};
use enact_core::journal::{Fact, Mismatch};
use enact_core::plan::Plan;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::runbook_whole::below;
use super::{Painter, say};

/// From how many changes on a terminal shows a bar instead of a line for each success.
const BAR_FROM: usize = 25;

/// Lines for people.
pub(crate) struct ProgressLines {
    painter: Painter,
    changes: BTreeMap<ChangeId, (Action, String, String)>,
    blocked: Vec<String>,
    bar: Option<ProgressBar>,
    undoing: bool,
}

impl ProgressLines {
    /// The same for taking a run back.
    pub(crate) fn undoing(painter: Painter, plan: &Plan) -> Self {
        Self {
            undoing: true,
            ..Self::new(painter, plan)
        }
    }

    pub(crate) fn new(painter: Painter, plan: &Plan) -> Self {
        let describe = |change: &Change| {
            let named = (
                change.action,
                change.resource_type.clone(),
                change.resource_name.clone(),
            );
            (change.change_id.clone(), named)
        };
        let many = plan.changes().len() >= BAR_FROM && std::io::stderr().is_terminal();
        let bar = many.then(|| bar(plan.executable().len()));
        let blocked = plan
            .changes()
            .iter()
            .filter(|change| change.blocked)
            .map(|change| blocked_line(painter, change));
        Self {
            painter,
            changes: plan.changes().iter().map(describe).collect(),
            blocked: blocked.collect(),
            bar,
            undoing: false,
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(&format!("{text}\n"))),
            None => say(&format!("{text}\n")),
        }
    }

    fn subject(&self, change_id: &ChangeId) -> String {
        let unknown = (Action::Run, String::new(), change_id.to_string());
        let (action, kind, name) = self.changes.get(change_id).unwrap_or(&unknown);
        let verb = match (action, self.undoing) {
            (_, true) => "Undoing",
            (Action::Create, false) => "Creating",
            (Action::Update, false) => "Updating",
            (Action::Delete, false) => "Deleting",
            (Action::Run, false) => "Running",
        };
        format!("{verb} {kind}: {name}...")
    }

    fn ended(&self, change_id: &ChangeId, mark: &str) {
        self.line(&format!("{} {mark}", self.subject(change_id)));
        self.advance();
    }

    fn advance(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    fn recorded(&mut self, fact: &Fact) {
        let painter = self.painter;
        match fact {
            Fact::RunStarted { .. } => {
                self.line("Executing plan...");
                for line in std::mem::take(&mut self.blocked) {
                    self.line(&line);
                }
            }
            Fact::Resumed { .. } => self.line("Taking up the run..."),
            Fact::Preflight { mismatches } => self.drift("Stale", mismatches),
            Fact::Done {
                change_id, settled, ..
            } => {
                if self.bar.is_some() && !settled {
                    self.advance();
                } else {
                    let note = if *settled {
                        " (found done: its answer had been lost)"
                    } else {
                        ""
                    };
                    self.ended(change_id, &format!("{}{note}", painter.good("✓")));
                }
            }
            Fact::Failed { change_id, error, .. } => {
                self.ended(
                    change_id,
                    &format!("{} Error: {}", painter.bad("✗"), below(error)),
                );
            }
            Fact::Unknown { change_id, error } => {
                self.ended(
                    change_id,
                    &format!("{} Unknown: {}", painter.bad("?"), below(error)),
                );
            }
            Fact::Drifted {
                change_id,
                mismatches,
            } => {
                self.ended(
                    change_id,
                    &format!("{} Stopped: the world changed meanwhile", painter.bad("✗")),
                );
                self.drift("Drift", mismatches);
            }
            Fact::Skipped { change_id, because } => {
                self.ended(
                    change_id,
                    &format!("{} Skipped: it depends on {because}", painter.careful("⚠")),
                );
            }
            Fact::UndoIntent { .. } => self.undoing = true,
            Fact::Undone { change_id } => self.ended(change_id, &painter.good("✓")),
            Fact::UndoFailed { change_id, error } => {
                self.ended(
                    change_id,
                    &format!("{} Stuck: {}", painter.bad("✗"), below(error)),
                );
            }
            Fact::Stopped { reason } | Fact::Paused { reason } => self.line(&format!("Stopped: {reason}")),
            Fact::Finished { .. } => {
                if let Some(bar) = &self.bar {
                    bar.finish_and_clear();
                }
            }
            // Resources of an API have no steps to wait at.
            Fact::Intent { .. }
            | Fact::NotDone { .. }
            | Fact::Checked { .. }
            | Fact::Decided { .. }
            | Fact::Attempted { .. }
            | Fact::Omitted { .. }
            | Fact::Held { .. }
            | Fact::Confirmed { .. }
            | Fact::Delegated { .. }
            | Fact::Attested { .. }
            | Fact::Escalated { .. }
            | Fact::Chosen { .. }
            | Fact::Noted(_)
            | Fact::Adopted { .. }
            | Fact::Superseded { .. }
            | Fact::Judged { .. } => {}
        }
    }

    fn drift(&self, word: &str, mismatches: &[Mismatch]) {
        for mismatch in mismatches.iter().take(50) {
            self.line(&format!("  {} {mismatch}", self.painter.bad(&format!("{word}:"))));
        }
    }
}

fn blocked_line(painter: Painter, change: &Change) -> String {
    let verb = match change.action {
        Action::Create => "Creating",
        Action::Update => "Updating",
        Action::Delete => "Deleting",
        Action::Run => "Running",
    };
    let reason = change.block_reason.as_deref().unwrap_or_default();
    let mark = painter.careful("⊘");
    format!(
        "{verb} {}: {}... {mark} Blocked: {reason}",
        change.resource_type, change.resource_name
    )
}

fn bar(total: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(u64::try_from(total).ok(), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} changes, {eta} left") {
        bar.set_style(style);
    }
    bar
}

impl Reporter for ProgressLines {
    fn report(&mut self, event: &Event) {
        match event {
            Event::Recorded(entry) => self.recorded(&entry.fact),
            Event::Progress(Progress::Retrying {
                change_id,
                error,
                after,
            }) => {
                let seconds = after.as_secs_f32();
                self.line(&format!(
                    "{} again in {seconds:.1} s: {error}",
                    self.subject(change_id)
                ));
            }
            Event::Progress(Progress::Settling { change_id, error }) => {
                self.line(&format!(
                    "{} looking what became of it: {error}",
                    self.subject(change_id)
                ));
            }
            Event::Progress(Progress::Stopping { running }) => {
                self.line(&format!(
                    "Stopping: {running} under way are being finished; once more to stop now"
                ));
            }
            Event::Progress(Progress::CheckingPreconditions { .. } | Progress::Verifying { .. }) => {}
        }
    }
}
