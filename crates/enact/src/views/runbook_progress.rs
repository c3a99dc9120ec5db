//! Progress of a runbook on standard error: a line per step as it ends, the running step live on a terminal.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;
use std::time::Duration;

use enact_core::change::{Change, ChangeId, Undo};
use enact_core::criterion::{CriterionReport, CriterionVerdict};
use enact_core::event::{Event, Progress, Reporter};
use enact_core::journal::{Entry, Fact};
use enact_core::plan::Plan;
use enact_core::procedure::Hold;
use enact_runbook::choices::{DOWNTIME, Stop, is_downtime, may_run_again};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use serde_json::Value;

use super::runbook_report::decide_with;
use super::runbook_text::{Listed, listed, span};
use super::runbook_whole::{below, one_line};
pub(crate) use super::told::Told;
use super::{Painter, say};

/// How wide a step's title is padded to.
const TITLE: usize = 32;

/// What an outcome that nobody saw says of itself, and the line about it says already.
const UNSEEN: &str = "nobody saw how it ended: ";

/// How often the live line is drawn.
const TICK: Duration = Duration::from_millis(250);

/// Lines for people.
pub(crate) struct StepLines {
    painter: Painter,
    marks: Marks,
    steps: BTreeMap<ChangeId, Listed>,
    /// Steps at the top level.
    of: usize,
    started: BTreeMap<ChangeId, Timestamp>,
    live: Option<ProgressBar>,
    is_terminal: bool,
    run_id: String,
    verifying: bool,
    log_progress: bool,
    may_skip: bool,
    /// Is a stop because of `downtime` one because of its limit?
    limits_downtime: bool,
    /// What never runs again once it was started.
    once: BTreeSet<ChangeId>,
    nothing_to_undo: BTreeSet<ChangeId>,
    /// What somebody else does, with how often they may try.
    delegated: BTreeMap<ChangeId, u32>,
    told: Told,
}

/// The characters in front of a step: never colour alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks {
    pub(crate) done: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) waiting: &'static str,
    pub(crate) escalated: &'static str,
    pub(crate) unknown: &'static str,
    pub(crate) undone: &'static str,
    pub(crate) left_out: &'static str,
    pub(crate) adopted: &'static str,
}

impl Marks {
    /// Plain letters where the terminal may not know others.
    pub(crate) fn of(ascii: bool) -> Self {
        if ascii {
            Self {
                done: "ok",
                failed: "FAILED",
                waiting: "WAITS",
                escalated: "STOP",
                unknown: "?",
                undone: "undone",
                left_out: "-",
                adopted: "adopted",
            }
        } else {
            Self {
                done: "✓",
                failed: "✗",
                waiting: "⏸",
                escalated: "■",
                unknown: "?",
                undone: "↩",
                left_out: "–",
                adopted: "=",
            }
        }
    }
}

impl StepLines {
    pub(crate) fn new(painter: Painter, ascii: bool, told: Told) -> Self {
        let (plan, document) = (&told.plan, &told.document);
        let steps = listed(plan, document);
        let of = steps.iter().map(|step| step.number).max().unwrap_or(0);
        Self {
            painter,
            marks: Marks::of(ascii),
            of: usize::try_from(of).unwrap_or(0),
            steps: steps
                .into_iter()
                .map(|step| (step.change_id.clone(), step))
                .collect(),
            started: BTreeMap::new(),
            live: None,
            is_terminal: std::io::stderr().is_terminal(),
            run_id: String::new(),
            verifying: false,
            log_progress: document.settings.log_progress,
            may_skip: document.settings.allow_skip,
            limits_downtime: is_downtime(plan, Some(DOWNTIME)),
            once: those(plan, |change| !may_run_again(change, true)),
            nothing_to_undo: those(plan, |change| change.undo == Some(Undo::Nothing)),
            delegated: delegated(plan),
            told,
        }
    }

    fn line(&self, text: &str) {
        match &self.live {
            Some(bar) => bar.suspend(|| say(&format!("{text}\n"))),
            None => say(&format!("{text}\n")),
        }
    }

    fn step(&self, change_id: &ChangeId) -> (String, String, Option<u64>) {
        match self.steps.get(change_id) {
            Some(step) => (
                format!("[{}/{}]", step.number, self.of),
                step.title.clone(),
                step.estimate_ms,
            ),
            None => (String::new(), change_id.to_string(), None),
        }
    }

    fn begin(&mut self, change_id: &ChangeId, at: Timestamp) {
        self.started.insert(change_id.clone(), at);
        if !self.is_terminal || !self.log_progress {
            return;
        }
        let (number, title, _) = self.step(change_id);
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(" {prefix} {spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_prefix(number);
        bar.set_message(title);
        bar.enable_steady_tick(TICK);
        self.live = Some(bar);
    }

    /// One line for a step that has come to something.
    fn ended(&mut self, change_id: &ChangeId, at: Timestamp, mark: &str, note: &str) {
        if let Some(bar) = self.live.take() {
            bar.finish_and_clear();
        }
        let (number, title, estimate) = self.step(change_id);
        let took = self
            .started
            .get(change_id)
            .map(|from| {
                span(u64::try_from(at.as_millisecond().saturating_sub(from.as_millisecond())).unwrap_or(0))
            })
            .unwrap_or_default();
        let estimate = estimate.map_or(String::new(), |estimate| format!("  (est. {})", span(estimate)));
        let padded = format!("{title:<TITLE$}");
        let line = format!(" {number} {mark} {padded} {took:>8}{estimate}");
        self.line(&format!("{}{note}", line.trim_end()));
    }

    fn waits(&self, at: Timestamp, change_id: &ChangeId, hold: &Hold, evidence: &BTreeMap<String, Value>) {
        let (number, title, _) = self.step(change_id);
        let mark = self.painter.careful(self.marks.waiting);
        self.line(&format!(
            " {number} {mark} {title}: waits for a confirmation {} it",
            hold.at.as_str()
        ));
        let message = self.told.message(change_id, hold, at);
        if !message.is_empty() {
            self.line(&format!("        {}", below(&message)));
        }
        let known: Vec<String> = evidence
            .iter()
            .map(|(name, value)| match value.as_str() {
                Some(text) => format!("{name}={text}"),
                None => format!("{name}={value}"),
            })
            .collect();
        if !known.is_empty() {
            self.line(&format!("        {}", one_line(&known.join(" "))));
        }
        if hold.is_demanding() {
            self.line(&format!("        needs {}", hold.who()));
        }
        self.line(&format!(
            "        confirm with: enact confirm {} {change_id}{}",
            self.run_id,
            signing(hold)
        ));
    }

    fn recorded(&mut self, entry: &Entry) {
        let painter = self.painter;
        let marks = self.marks;
        let at = entry.at;
        match &entry.fact {
            Fact::RunStarted { .. } => {
                self.run_id = entry.run_id.to_string();
                self.line(&format!("{}  run {}", painter.strong("EXECUTE"), entry.run_id));
            }
            Fact::Resumed { .. } => {
                self.run_id = entry.run_id.to_string();
                self.line(&format!("{}   run {}", painter.strong("RESUME"), entry.run_id));
            }
            Fact::Preflight { mismatches } => {
                for mismatch in mismatches.iter().take(50) {
                    self.line(&format!("  {} {mismatch}", painter.bad("not as planned:")));
                }
            }
            Fact::Intent { change_id } => self.begin(change_id, at),
            Fact::Done {
                change_id, settled, ..
            } => {
                let note = if *settled { "  (found done)" } else { "" };
                if self.log_progress {
                    self.ended(change_id, at, &painter.good(marks.done), note);
                }
            }
            Fact::Adopted {
                change_id, run_id, ..
            } => {
                if self.log_progress {
                    let note = format!("  done in run {run_id}, adopted");
                    self.ended(change_id, at, &painter.good(marks.adopted), &note);
                }
            }
            Fact::Failed { change_id, error, .. } => self.ended(
                change_id,
                at,
                &painter.bad(marks.failed),
                &format!("\n        {}", below(error)),
            ),
            Fact::Escalated {
                change_id,
                error,
                assumption,
                partial,
            } => {
                let stop = Stop {
                    by_assumption: assumption.is_some(),
                    by_downtime: self.limits_downtime && assumption.as_deref() == Some(DOWNTIME),
                    may_run: !(*partial && self.once.contains(change_id)),
                    may_skip: self.may_skip,
                    decided: self.told.decided,
                };
                let decide = decide_with(&entry.run_id, change_id, stop);
                let error = below(error);
                let note = format!("\n        STOPPED: {error}\n        {decide}");
                self.ended(change_id, at, &painter.bad(marks.escalated), &note);
            }
            Fact::Unknown { change_id, error } => {
                let run_id = &self.run_id;
                let error = below(error.strip_prefix(UNSEEN).unwrap_or(error));
                let note = format!(
                    "\n        nobody knows how it ended: {error}\n        settle with: enact decide {run_id} {change_id} done|not-done --reason …"
                );
                self.ended(change_id, at, &painter.bad(marks.unknown), &note);
            }
            Fact::Delegated { change_id } => {
                let run_id = &self.run_id;
                let note = format!(
                    "\n        somebody else does it: enact runs next {run_id}\n        then: enact attest {run_id} {change_id}"
                );
                self.ended(change_id, at, &painter.careful(marks.waiting), &note);
            }
            Fact::Drifted {
                change_id,
                mismatches,
            } => {
                self.ended(
                    change_id,
                    at,
                    &painter.bad(marks.failed),
                    "  not as planned; nothing was done",
                );
                for mismatch in mismatches.iter().take(50) {
                    self.line(&format!("        {mismatch}"));
                }
            }
            Fact::Omitted { change_id, because } => {
                self.ended(
                    change_id,
                    at,
                    marks.left_out,
                    &format!("  not needed: {}", one_line(because)),
                );
            }
            Fact::Skipped { change_id, .. } => self.ended(change_id, at, marks.left_out, "  not run"),
            Fact::Held {
                change_id,
                hold,
                evidence,
            } => self.waits(at, change_id, hold, evidence),
            Fact::UndoIntent { change_id } => self.begin(change_id, at),
            Fact::Undone { change_id } if self.nothing_to_undo.contains(change_id) => {
                self.started.remove(change_id);
                self.ended(change_id, at, marks.left_out, "  nothing to undo");
            }
            Fact::Undone { change_id } => self.ended(change_id, at, &painter.good(marks.undone), "  undone"),
            Fact::UndoFailed { change_id, error } => {
                self.ended(
                    change_id,
                    at,
                    &painter.bad(marks.failed),
                    &format!("  STUCK: {}", below(error)),
                );
            }
            Fact::Judged { criterion } => self.judged(criterion),
            Fact::Noted(note) => {
                if let Some(left) = enact_runbook::report::left_behind(note) {
                    self.line(&format!("        {} {left}", painter.bad("left behind:")));
                }
                if let Some(warning) = enact_runbook::report::warned_of(note) {
                    self.line(&format!(
                        "        {} {}",
                        painter.careful("warning:"),
                        one_line(warning)
                    ));
                }
            }
            Fact::Stopped { reason } => {
                self.line(&format!("{} {}", painter.careful("STOPPED "), one_line(reason)));
            }
            Fact::Paused { reason } => {
                let reason = one_line(reason);
                self.line(&format!("{} waits for {reason}", painter.careful("PAUSED  ")));
            }
            Fact::Attempted {
                change_id,
                attempt,
                error,
                ..
            } => self.refused(change_id, *attempt, error, at),
            Fact::NotDone { .. }
            | Fact::Checked { .. }
            | Fact::Decided { .. }
            | Fact::Confirmed { .. }
            | Fact::Attested { .. }
            | Fact::Chosen { .. }
            | Fact::Superseded { .. }
            | Fact::Finished { .. } => {}
        }
    }

    /// What somebody attested does not hold, and they may try again. Of other steps it is said before they run again.
    fn refused(&mut self, change_id: &ChangeId, attempt: u32, error: &str, at: Timestamp) {
        if let Some(of) = self.delegated.get(change_id) {
            let error = below(error);
            let note = format!("  not accepted, attempt {attempt} of {of}\n        {error}");
            self.ended(change_id, at, &self.painter.bad(self.marks.failed), &note);
        }
    }

    fn judged(&mut self, criterion: &CriterionReport) {
        if !std::mem::replace(&mut self.verifying, true) {
            self.line(&self.painter.strong("VERIFY"));
        }
        self.line(&criterion_line(self.painter, self.marks, criterion));
    }
}

fn those(plan: &Plan, wanted: impl Fn(&Change) -> bool) -> BTreeSet<ChangeId> {
    let changes = plan.changes().iter().filter(|change| wanted(change));
    changes.map(|change| change.change_id.clone()).collect()
}

/// Every step that somebody else does, with how often they may try.
fn delegated(plan: &Plan) -> BTreeMap<ChangeId, u32> {
    let changes = plan.changes().iter().filter(|change| {
        let kind = change.spec.as_ref().and_then(|spec| spec.get("kind"));
        kind.and_then(Value::as_str) == Some("manual")
    });
    changes
        .map(|change| (change.change_id.clone(), attempts_of(change)))
        .collect()
}

/// How often a step may be tried in all.
pub(crate) fn attempts_of(change: &Change) -> u32 {
    let attempts = change.handling.as_ref().and_then(|handling| handling.attempts);
    attempts.map_or(1, |attempts| attempts.attempts)
}

/// What a confirmation that has to be signed needs besides.
pub(crate) fn signing(hold: &Hold) -> &'static str {
    if hold.is_signed() { " --sign-with KEY" } else { "" }
}

/// One criterion in one line.
pub(crate) fn criterion_line(painter: Painter, marks: Marks, criterion: &CriterionReport) -> String {
    let (mark, word) = match criterion.verdict {
        CriterionVerdict::Passed => (painter.good(marks.done), ""),
        CriterionVerdict::Failed => (painter.bad(marks.failed), ""),
        CriterionVerdict::Attested => (painter.careful(marks.done), "attested, not verified: "),
        CriterionVerdict::NotChecked => (painter.bad(marks.unknown), "not checked: "),
        CriterionVerdict::Waiting => (painter.careful(marks.waiting), "waiting: "),
        CriterionVerdict::NotApplicable => (marks.left_out.to_owned(), "not applicable: "),
    };
    let title = one_line(&format!("{} {}", criterion.id, criterion.text));
    format!(" {mark} {title:<TITLE$}   {word}{}", one_line(&criterion.detail))
}

impl Reporter for StepLines {
    fn report(&mut self, event: &Event) {
        match event {
            Event::Recorded(entry) => {
                self.told.take_in(entry);
                self.recorded(entry);
            }
            Event::Progress(Progress::Retrying {
                change_id,
                error,
                after,
            }) => {
                let (number, title, _) = self.step(change_id);
                let seconds = after.as_secs_f32();
                self.line(&format!(
                    " {number} {title}: again in {seconds:.1} s: {}",
                    below(error)
                ));
            }
            Event::Progress(Progress::Settling { change_id, error }) => {
                let (number, title, _) = self.step(change_id);
                let looking = if self.delegated.contains_key(change_id) {
                    ""
                } else {
                    "looking what became of it: "
                };
                self.line(&format!(" {number} {title}: {looking}{}", below(error)));
            }
            Event::Progress(Progress::Stopping { running }) => {
                if *running > 0 {
                    self.line("Stopping after the current step; once more to end it now");
                }
            }
            Event::Progress(Progress::CheckingPreconditions { .. } | Progress::Verifying { .. }) => {}
        }
    }
}
