//! What became of a step whose end the journal does not hold, and taking steps back. Never a blind repeat: what may run again, and
//! when, is the step's own `repeat`.

use std::path::Path;
use std::time::Duration;

use enact_core::change::{Change, Effect};
use enact_core::journal::ChangeState;
use enact_engine::provider::{Disposition, Failure, Made, Settled};
use enact_engine::stop::Urgency;
use serde_json::json;

use super::attempt::{Whereabouts, not_possible};
use super::folders::{Series, attempt_folder, newest};
use super::reply::Reply;
use super::{RunbookProvider, Step, attempt_note, judge};
use crate::kinds;
use crate::process::{Found, KILL_GRACE, end_left_running, look, output_path, wait_for_end};
use crate::spec::{ProbeSpec, Repeat};

impl RunbookProvider<'_> {
    /// Looks what became of a step.
    pub(crate) async fn what_became_of(&self, change: &Change) -> Result<Settled, Failure> {
        let step = self.step(change)?;
        let attested = self.with_state(|state| {
            let progress = state.changes.get(&change.change_id)?;
            progress.attested.clone()
        });
        if attested.is_some() {
            return Ok(settled(self.accept_attestation(change, step).await));
        }
        let folder = self.folder_of(&change.change_id, step);
        let attempt = attempt_folder(
            &folder,
            Series::Attempts,
            newest(&folder, Series::Attempts).max(1),
        );
        if let Some(made) = self.kept_answer(change, step) {
            let checked = self.run_own_checks(change, step, &made).await;
            return Ok(settled(checked.map(|()| made)));
        }
        if step.spec.kind == kinds::MANUAL {
            // Nobody has it in hand: what is, is known as delegated.
            return Ok(Settled::NotDone);
        }
        if step.spec.kind == kinds::KUBERNETES {
            return self.what_the_target_shows(change, step, &attempt).await;
        }
        if !kinds::kind(&step.spec.kind).is_some_and(|kind| kind.is_command()) {
            // Why nobody saw its end is known to whoever asks.
            return self.by_repeat(change, step, None).await;
        }
        if !self.has_begun(change, &attempt) {
            return Ok(Settled::NotDone);
        }
        match self.found(&attempt).await {
            Found::Ended(outcome) => {
                let output = super::site::read_output_file(&output_path(&attempt));
                let reply = Reply::of_command(&outcome, output);
                if reply.end == super::End::Stopped {
                    return self.by_repeat(change, step, Some(&reply.in_words())).await;
                }
                Ok(settled(self.finish_attempt(change, step, reply).await))
            }
            Found::NeverStarted => Ok(Settled::NotDone),
            Found::Running => Ok(Settled::Unknown("its command still runs".to_owned())),
            Found::Lost => match end_what_is_left(&attempt).await {
                Some(left) => Ok(left),
                None => {
                    self.by_repeat(change, step, Some("its supervisor was lost"))
                        .await
                }
            },
        }
    }

    /// Looks into an attempt's folder; waits where its command still runs.
    async fn found(&self, attempt: &Path) -> Found {
        let boot_before = self.run.borrow().boot_before.clone();
        let found = look(attempt, boot_before.as_deref());
        if found == Found::Running {
            return wait_for_end(attempt, &self.host.stop).await;
        }
        found
    }

    /// Nobody knows how it ended: what may happen now is declared by the step.
    pub(crate) async fn by_repeat(
        &self,
        change: &Change,
        step: &Step,
        why: Option<&str>,
    ) -> Result<Settled, Failure> {
        let looks_only = change.effect == Effect::Read;
        match (&step.spec.repeat, &step.spec.probe) {
            (Repeat::Never, Some(probe)) => self.probe(change, step, probe).await,
            _ if looks_only => Ok(Settled::NotDone),
            (Repeat::Safe | Repeat::Keyed, _) => Ok(Settled::Repeatable),
            (Repeat::Never, None) => {
                let rule = "the step is not repeatable and has no probe";
                let why = why.map_or_else(|| rule.to_owned(), |why| format!("{why}; {rule}"));
                Ok(Settled::Unknown(why))
            }
        }
    }

    /// Asks whether the effect happened: done, not done, or in part.
    async fn probe(&self, change: &Change, step: &Step, probe: &ProbeSpec) -> Result<Settled, Failure> {
        let known = self.known();
        let checks = self.checks(&known, Some(change));
        let (checked, reply) = checks.run_keeping_reply(&probe.check).await;
        let checked = checked.unless_stopped()?;
        let in_part = reply.as_ref().is_some_and(|reply| {
            probe
                .partial
                .iter()
                .any(|matcher| judge::matches(reply, matcher, &known))
        });
        let detail = json!({ "done": checked.holds, "partial": in_part, "seen": checked.seen });
        self.note(Some(&change.change_id), "probe", detail);
        if in_part {
            let message = format!(
                "its probe says that its effect happened in part: {}",
                checked.seen
            );
            return Ok(Settled::Failed(
                Failure::new(Disposition::Escalate, message).in_part(),
            ));
        }
        if checked.holds {
            let made = self.outputs_left(change, step);
            return Ok(match self.run_own_checks(change, step, &made).await {
                Ok(()) => Settled::Done(self.without_secrets(change, step, made)),
                Err(failure) => Settled::Failed(failure),
            });
        }
        // A probe that could not be asked has not said no.
        let answered = reply.is_some_and(|reply| judge::says_no(&reply, &probe.check.expect));
        if answered {
            Ok(Settled::NotDone)
        } else {
            Ok(Settled::Unknown(format!(
                "its probe could not be asked: {}",
                checked.seen
            )))
        }
    }

    /// What a command wrote into its file of outputs before nobody saw it any more. Nothing, where more is declared than is there:
    /// half of it would look like the whole.
    fn outputs_left(&self, change: &Change, step: &Step) -> Made {
        if !step.spec.outputs.values().all(|output| output.from == "output") {
            return Made::new();
        }
        let folder = self.folder_of(&change.change_id, step);
        let attempt = attempt_folder(&folder, Series::Attempts, newest(&folder, Series::Attempts));
        let reply = Reply {
            output_file: super::site::read_output_file(&output_path(&attempt)),
            ..Reply::bare(super::End::Finished)
        };
        self.outputs_of(change, step, &reply).unwrap_or_default()
    }

    /// Takes one step back.
    pub(crate) async fn take_back(&self, change: &Change) -> Result<(), Failure> {
        let step = self.step(change)?;
        let Some(undo) = &step.undo else {
            return Err(not_possible(
                "the runbook says of no way to take it back".to_owned(),
            ));
        };
        let folder = self.folder_of(&change.change_id, step);
        let number = newest(&folder, Series::Undos) + 1;
        let known = self.known();
        let here = Whereabouts {
            change_id: Some(&change.change_id),
            env: &undo.env,
            working_dir: undo.working_dir.as_deref(),
            attempt_dir: attempt_folder(&folder, Series::Undos, number),
            timeout: Duration::from_millis(undo.timeout.0),
            lock: step.spec.lock.as_deref(),
            // The key that the step ran under: an undo takes back what carries it.
            key: Some(self.key_of(change, step)?),
            undoing: true,
            step_state: self.state_before_undo(change),
            attempt: number,
        };
        self.as_pinned().map_err(|why| {
            not_possible(format!(
                "{why}, so its rollback was not run; put the file back as it was"
            ))
        })?;
        let site = self.site(here, &known).map_err(not_possible)?;
        let Some(kind) = kinds::kind(&undo.kind) else {
            return Err(not_possible(format!("there is no kind {:?}", undo.kind)));
        };
        let reply = site.act(kind, &undo.action).await;
        self.note(
            Some(&change.change_id),
            "undo",
            attempt_note(&reply, step.prints_secrets()),
        );
        if self.is_open(&reply) {
            return Err(Failure::new(Disposition::Look, reply.in_words()));
        }
        if kind.is_success(&undo.action, &reply) {
            return Ok(());
        }
        Err(not_possible(reply.summary()))
    }

    /// Did an undo come to no end of its own? A stop is no failure of it, nor is the loss of its supervisor.
    fn is_open(&self, reply: &Reply) -> bool {
        match &reply.end {
            super::End::Stopped | super::End::Lost(_) => true,
            super::End::NotStarted(_) => self.host.stop.urgency() >= Some(Urgency::Now),
            super::End::Exit(_)
            | super::End::Signal(_)
            | super::End::Status(_)
            | super::End::Finished
            | super::End::TimedOut
            | super::End::Unmet(_)
            | super::End::Delegated(_) => false,
        }
    }

    /// What the undo command is told: whether the step was done, failed in part, or is not known.
    fn state_before_undo(&self, change: &Change) -> &'static str {
        self.with_state(|state| {
            let progress = state.changes.get(&change.change_id);
            let failed = progress.is_some_and(|progress| {
                let ended_badly = progress.undone_from == Some(ChangeState::Failed);
                // Why it failed stays known also where somebody left it out since.
                let left_out = progress.undone_from == Some(ChangeState::Omitted);
                (ended_badly && !progress.handed_over)
                    || (left_out && progress.failure.is_some())
                    || progress.attempts_failed > 0
            });
            if progress.is_some_and(|progress| progress.was_done) {
                "succeeded"
            } else if failed {
                "failed"
            } else {
                "unknown"
            }
        })
    }

    /// Looks what became of an undo. Undos are repeatable, so only one that is known to have ended well counts.
    pub(crate) async fn what_became_of_undo(&self, change: &Change) -> Result<Settled, Failure> {
        let step = self.step(change)?;
        let folder = self.folder_of(&change.change_id, step);
        let number = newest(&folder, Series::Undos);
        let is_command = step
            .undo
            .as_ref()
            .and_then(|undo| kinds::kind(&undo.kind))
            .is_some_and(|kind| kind.is_command());
        if number == 0 || !is_command {
            return Ok(Settled::NotDone);
        }
        let attempt = attempt_folder(&folder, Series::Undos, number);
        Ok(match self.found(&attempt).await {
            Found::Ended(outcome) if outcome.exit.is_success() => Settled::Done(Made::new()),
            Found::Ended(_) | Found::NeverStarted => Settled::NotDone,
            Found::Running => Settled::Unknown("its rollback still runs".to_owned()),
            Found::Lost => end_what_is_left(&attempt).await.unwrap_or(Settled::NotDone),
        })
    }
}

/// Ends what a lost supervisor left running, so that nothing changes any more what is looked at next. An answer is that this
/// was not possible.
async fn end_what_is_left(attempt: &Path) -> Option<Settled> {
    let survivors = end_left_running(attempt, KILL_GRACE).await;
    (!survivors.is_empty())
        .then(|| Settled::Unknown(format!("processes of it cannot be ended: {survivors:?}")))
}

pub(crate) fn settled(result: Result<Made, Failure>) -> Settled {
    match result {
        Ok(made) => Settled::Done(made),
        Err(failure) => Settled::Failed(failure),
    }
}
