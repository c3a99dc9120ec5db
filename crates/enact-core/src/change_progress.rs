//! What a run's journal tells about one change.

use std::collections::BTreeMap;

use crate::change_state::ChangeState;
use crate::confirmation::{Confirmation, Missing};
use crate::journal::{Choice, Fact, Mismatch, RunId, Settlement};
use crate::principal::Principal;
use crate::procedure::Hold;
use crate::reference::Outputs;

/// What is known about one change of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeProgress {
    /// Where it stands.
    pub state: ChangeState,
    /// When its effect was last about to start.
    pub intent_at: Option<jiff::Timestamp>,
    /// What went wrong, or why it was skipped.
    pub error: Option<String>,
    /// Why its effect did not come about; it stays when the change is taken back because of that.
    pub failure: Option<String>,
    /// What differed before its effect.
    pub drift: Vec<Mismatch>,
    /// What differed after the run; `None` when nobody looked.
    pub checked: Option<Vec<Mismatch>>,
    /// Was its outcome found out by looking?
    pub settled: bool,
    /// Did a person say that it happened, so that its own checks did not run?
    pub declared: bool,
    /// May its effect have happened, whole or in part, although it is not done? So it stays until it is done or taken back,
    /// or somebody has looked.
    pub partial: bool,
    /// Is the run to be taken back because it failed?
    pub take_back: bool,
    /// Is it in somebody's hands who has said nothing yet?
    pub handed_over: bool,
    /// Where it stood when taking it back began.
    pub undone_from: Option<ChangeState>,
    /// How often its effect was about to start.
    pub intents: u32,
    /// Was it ever done, whatever became of it since?
    pub was_done: bool,
    /// The number of the entry with which its effect last was about to start, or was done: its place among what is taken back.
    pub place: u64,
    /// When its effect was about to start the first time, in milliseconds of the run's own time.
    pub first_started_ms: Option<u64>,
    /// How long it took before it was about to start the last time: attempts that an earlier process made.
    pub earlier_ms: u64,
    /// When its effect was about to start the last time, in milliseconds of the run's own time.
    pub started_ms: Option<u64>,
    /// When its effect ended, one way or another; likewise.
    pub ended_ms: Option<u64>,
    /// How long in between nobody was at the run, because its process had died; in milliseconds.
    pub unattended_ms: u64,
    /// Attempts that failed and were followed by another.
    pub attempts_failed: u32,
    /// Attempts that failed and were followed by none, until a person said what comes next.
    pub given_up: u32,
    /// How much of the time it took was over when a person last had it tried again: what the time of all attempts begins behind.
    pub begun_anew_ms: u64,
    /// What went wrong with the newest of them, until the change is done.
    pub attempt_error: Option<String>,
    /// The assumption that an escalation is about.
    pub assumption: Option<String>,
    /// What somebody said about a delegated change.
    pub attested: Option<Box<Attestation>>,
    /// Was it left out because a person chose so?
    pub left_out_by_person: bool,
    /// What a person said who ended the run here, or had it taken back, before it came to anything. It did not fail then.
    pub ended_here: Option<String>,
    /// The newest hold that was opened at it.
    pub held: Option<Box<Hold>>,
    /// Who has confirmed it.
    pub confirmed: Vec<Confirmation>,
    /// The run that did it, where this one took that over.
    pub adopted_from: Option<RunId>,
}

/// Somebody's word that something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// Who.
    pub by: Principal,
    /// What they bring forward.
    pub evidence: BTreeMap<String, String>,
}

impl ChangeProgress {
    pub(crate) fn new(state: ChangeState) -> Self {
        Self {
            state,
            intent_at: None,
            error: None,
            failure: None,
            drift: Vec::new(),
            checked: None,
            settled: false,
            declared: false,
            partial: false,
            take_back: false,
            handed_over: false,
            undone_from: None,
            intents: 0,
            was_done: false,
            place: 0,
            first_started_ms: None,
            earlier_ms: 0,
            started_ms: None,
            ended_ms: None,
            unattended_ms: 0,
            attempts_failed: 0,
            given_up: 0,
            begun_anew_ms: 0,
            attempt_error: None,
            assumption: None,
            attested: None,
            left_out_by_person: false,
            ended_here: None,
            held: None,
            confirmed: Vec::new(),
            adopted_from: None,
        }
    }

    /// How long its effect took, once it has ended, without the time in which nobody was at the run.
    pub fn took_ms(&self) -> Option<u64> {
        let until = self.ended_ms?;
        self.started_ms.map(|_| self.all_ms(until))
    }

    /// How long all attempts at it have taken by this moment of the run, those of earlier processes included: since the first, or
    /// since a person had it tried again.
    pub fn trying_ms(&self, now: u64) -> u64 {
        self.all_ms(now).saturating_sub(self.begun_anew_ms)
    }

    /// A person has it tried again: what it took until now counts no more against the time of all attempts.
    fn begins_anew(&mut self, now: u64) {
        self.begun_anew_ms = self.all_ms(self.ended_ms.unwrap_or(now));
    }

    fn all_ms(&self, until: u64) -> u64 {
        self.earlier_ms.saturating_add(self.newest_ms(until).unwrap_or(0))
    }

    /// It is about to start, again or for the first time, at this moment of the run.
    pub(crate) fn starts(&mut self, now: u64) {
        self.earlier_ms = self.all_ms(self.ended_ms.unwrap_or(now));
        self.first_started_ms.get_or_insert(now);
        self.started_ms = Some(now);
        self.ended_ms = None;
        self.unattended_ms = 0;
        self.declared = false;
    }

    /// How long it took until then since it was last about to start.
    fn newest_ms(&self, until: u64) -> Option<u64> {
        let span = until.saturating_sub(self.started_ms?);
        Some(span.saturating_sub(self.unattended_ms))
    }

    /// Did a person end the run here, so that it never came to anything?
    pub fn is_ended_here(&self) -> bool {
        self.state == ChangeState::Failed && self.ended_here.is_some()
    }

    /// Why it stands where it does: why it failed also when it was taken back or left out since, or could not be taken back.
    pub fn reason(&self) -> Option<String> {
        if self.is_ended_here() {
            return self.ended_here.clone();
        }
        match (&self.failure, &self.error, self.state) {
            (Some(failure), Some(error), ChangeState::Stuck) => {
                Some(format!("{failure}; taking it back: {error}"))
            }
            (Some(failure), Some(error), ChangeState::Omitted) if self.intents > 0 => {
                Some(format!("it ran and failed ({failure}); {error}"))
            }
            (Some(failure), Some(error), ChangeState::Omitted) => Some(format!("{failure}; {error}")),
            (failure, error, _) => error.clone().or_else(|| failure.clone()),
        }
    }

    /// Has enough been confirmed for this hold?
    pub fn satisfies(&self, hold: &Hold) -> bool {
        Missing::at(hold, &self.confirmed).is_nobody()
    }
}

/// Keeps how often it was tried until somebody was asked, and from when on its time counts once somebody has answered.
pub(crate) fn remember_tries(progress: &mut ChangeProgress, fact: &Fact, from: ChangeState, now: u64) {
    let has_failed = matches!(progress.state, ChangeState::Failed | ChangeState::Escalated);
    if has_failed && from == ChangeState::Started {
        progress.given_up = progress.given_up.saturating_add(1);
    }
    if matches!(fact, Fact::Chosen { .. } | Fact::Decided { .. }) {
        progress.begins_anew(now);
    }
}

/// Keeps why a change did not come about for as long as that is so.
pub(crate) fn remember_failure(progress: &mut ChangeProgress, from: ChangeState) {
    match progress.state {
        ChangeState::Failed | ChangeState::Escalated | ChangeState::Unknown => {
            progress.failure.clone_from(&progress.error);
        }
        // A stuck undo that did not happen leaves the change as it was before.
        ChangeState::Done if from == ChangeState::Stuck => {}
        // What somebody leaves out after it failed has failed all the same.
        ChangeState::Omitted if progress.left_out_by_person => {}
        ChangeState::Done | ChangeState::Pending | ChangeState::Omitted => progress.failure = None,
        ChangeState::Started
        | ChangeState::Drifted
        | ChangeState::Skipped
        | ChangeState::Delegated
        | ChangeState::Undoing
        | ChangeState::Undone
        | ChangeState::Stuck => {}
    }
}

/// Keeps what a person said who ended the run, or had it taken back, at a change that had come to nothing yet.
pub(crate) fn remember_end(progress: &mut ChangeProgress, fact: &Fact, from: ChangeState) {
    let Fact::Chosen {
        choice, by, reason, ..
    } = fact
    else {
        return;
    };
    let what = match choice {
        Choice::Abort => "ended the run here",
        Choice::Rollback => "had the run taken back here",
        Choice::Retry | Choice::Accept | Choice::Skip => return,
    };
    let was = if from == ChangeState::Delegated {
        "it was in somebody's hands; "
    } else if from == ChangeState::Pending {
        ""
    } else {
        return;
    };
    progress.ended_here = Some(format!("{was}{} {what}: {reason}", by.id));
}

/// Keeps the particulars of a fact about one change.
pub(crate) fn remember(
    progress: &mut ChangeProgress,
    fact: &Fact,
    at: jiff::Timestamp,
    outputs: &mut Outputs,
) {
    match fact {
        Fact::Done {
            change_id,
            outputs: made,
            settled,
        } => {
            progress.settled = *settled;
            progress.error = None;
            progress.attempt_error = None;
            progress.partial = false;
            outputs.insert(change_id.clone(), made.clone());
        }
        Fact::Adopted {
            change_id,
            run_id,
            adopted,
        } => {
            progress.intent_at = Some(adopted.started_at);
            progress.starts(0);
            progress.ended_ms = Some(adopted.took_ms);
            progress.adopted_from = Some(run_id.clone());
            outputs.insert(change_id.clone(), adopted.outputs.clone());
        }
        Fact::Failed {
            error,
            partial,
            take_back,
            ..
        } => {
            progress.error = Some(error.clone());
            progress.take_back = *take_back;
            progress.partial |= *partial;
        }
        Fact::Escalated {
            error,
            assumption,
            partial,
            ..
        } => {
            progress.error = Some(error.clone());
            progress.partial |= *partial;
            progress.assumption.clone_from(assumption);
        }
        Fact::Unknown { error, .. } | Fact::UndoFailed { error, .. } => {
            progress.error = Some(error.clone());
        }
        Fact::Attempted { error, partial, .. } => {
            progress.error = Some(error.clone());
            progress.attempt_error = Some(error.clone());
            progress.partial |= *partial;
            progress.attempts_failed += 1;
        }
        Fact::Held { hold, .. } => progress.held = Some(Box::new(hold.clone())),
        Fact::Confirmed {
            at: moment,
            by,
            roles,
            proof,
            ..
        } => progress.confirmed.push(Confirmation {
            at: *moment,
            by: by.clone(),
            person: by.id.clone(),
            key_id: proof.as_ref().map(|proof| proof.signature.key_id.clone()),
            roles: roles.clone(),
            when: at,
        }),
        Fact::Delegated { .. } => {
            progress.partial = true;
            progress.handed_over = true;
        }
        Fact::Attested { by, evidence, .. } => {
            progress.handed_over = false;
            progress.attested = Some(Box::new(Attestation {
                by: by.clone(),
                evidence: evidence.clone(),
            }));
        }
        Fact::Chosen {
            choice: Choice::Skip,
            reason,
            ..
        } => {
            progress.error = Some(format!("left out: {reason}"));
            progress.left_out_by_person = true;
        }
        Fact::Skipped { because, .. } | Fact::Omitted { because, .. } => {
            progress.error = Some(because.clone());
        }
        Fact::Drifted { mismatches, .. } => progress.drift.clone_from(mismatches),
        Fact::Checked { mismatches, .. } => progress.checked = Some(mismatches.clone()),
        Fact::Decided {
            change_id,
            outputs: made,
            settlement,
            ..
        } => {
            progress.declared = *settlement == Settlement::Done && progress.undone_from.is_none();
            progress.error = None;
            // A person has looked.
            progress.partial = false;
            if !made.is_empty() {
                outputs.insert(change_id.clone(), made.clone());
            }
        }
        Fact::NotDone { partial, .. } => {
            progress.error = None;
            progress.partial |= *partial;
        }
        Fact::Undone { .. } => {
            progress.error = None;
            progress.partial = false;
        }
        // What was attested was about the attempt before.
        Fact::Intent { .. } => progress.attested = None,
        Fact::UndoIntent { .. }
        | Fact::Chosen { .. }
        | Fact::Noted(_)
        | Fact::Judged { .. }
        | Fact::RunStarted { .. }
        | Fact::Resumed { .. }
        | Fact::Preflight { .. }
        | Fact::Stopped { .. }
        | Fact::Paused { .. }
        | Fact::Superseded { .. }
        | Fact::Finished { .. } => {}
    }
}
