//! One attempt at a step: act, see whether that is success, read the outputs, run the step's own checks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use enact_core::change::{Change, ChangeId, Effect};
use enact_core::secret::Secret;
use enact_engine::provider::{Disposition, Failure, Made};
use serde_json::json;

use super::checks::{Checked, Checks};
use super::folders::{Series, attempt_folder, newest};
use super::reply::{End, Reply};
use super::site::Site;
use super::values::Known;
use super::{RunbookProvider, Step, attempt_note, judge};
use crate::kinds;
use crate::process::{NamedLock, NamedSecret, environment};
use crate::spec::{CheckSpec, Repeat, Variable};

/// Variables by name.
type Environment = BTreeMap<String, Secret<String>>;

/// Where a step's, a check's or an undo's action happens.
pub(crate) struct Whereabouts<'s> {
    pub(crate) change_id: Option<&'s ChangeId>,
    pub(crate) env: &'s BTreeMap<String, Variable>,
    pub(crate) working_dir: Option<&'s str>,
    pub(crate) attempt_dir: PathBuf,
    pub(crate) timeout: Duration,
    pub(crate) lock: Option<&'s str>,
    pub(crate) key: Option<String>,
    /// Is something taken back? Then a request carries no idempotency key: it would be taken for the one that it undoes.
    pub(crate) undoing: bool,
    pub(crate) step_state: &'s str,
    pub(crate) attempt: u32,
}

impl RunbookProvider<'_> {
    pub(crate) fn known(&self) -> Known<'_> {
        Known::of(self)
    }

    /// Carries a step out once.
    pub(crate) async fn attempt(&self, change: &Change) -> Result<Made, Failure> {
        let step = self.step(change)?;
        let folder = self.folder_of(&change.change_id, step);
        let before = newest(&folder, Series::Attempts);
        self.refuse_unknown_attempt(change, before)?;
        self.forget_answer(change, step)?;
        let number = before + 1;
        self.mark_begun(change, &attempt_folder(&folder, Series::Attempts, number))?;
        let known = self.known();
        let here = self.of_step(change, step, &folder, number)?;
        let checks = self.checks(&known, Some(change));
        self.as_pinned().map_err(|why| {
            Failure::new(Disposition::Escalate, format!("{why}; this attempt was not made"))
        })?;
        let mut site = self.site(here, &known).map_err(not_possible)?;
        site.checks = Some(&checks);
        let Some(kind) = kinds::kind(&step.spec.kind) else {
            return Err(not_possible(format!("there is no kind {:?}", step.spec.kind)));
        };
        let reply = site.act(kind, &step.spec.action).await;
        if let End::Delegated(what) = &reply.end {
            return Err(self.hand_over(change, step, &folder, what));
        }
        self.finish_attempt(change, step, reply).await
    }

    /// An attempt that the journal does not know was made by a run whose journal was cut since: SQLite drops what follows a
    /// damaged place of its log without a word. What became of it, a person has to find out.
    fn refuse_unknown_attempt(&self, change: &Change, newest: u32) -> Result<(), Failure> {
        let known = self.with_state(|state| {
            let progress = state.changes.get(&change.change_id);
            progress.map_or(0, |progress| {
                progress
                    .intents
                    .saturating_sub(1)
                    .saturating_add(progress.attempts_failed)
            })
        });
        if newest <= known {
            return Ok(());
        }
        let message = format!(
            "attempt {newest} at this step is on disk and not in the journal, which was damaged or cut; look what became of it"
        );
        Err(Failure::new(Disposition::Escalate, message).in_part())
    }

    pub(crate) fn of_step<'s>(
        &self,
        change: &'s Change,
        step: &'s Step,
        folder: &Path,
        number: u32,
    ) -> Result<Whereabouts<'s>, Failure> {
        Ok(Whereabouts {
            change_id: Some(&change.change_id),
            env: &step.spec.env,
            working_dir: step.spec.working_dir.as_deref(),
            attempt_dir: attempt_folder(folder, Series::Attempts, number),
            timeout: self.time_left(change, step)?,
            lock: step.spec.lock.as_deref(),
            key: Some(self.key_of(change, step)?),
            undoing: false,
            step_state: "running",
            attempt: number,
        })
    }

    /// The idempotency key: the same for every attempt of this run.
    pub(crate) fn key_of(&self, change: &Change, step: &Step) -> Result<String, Failure> {
        let Some(text) = &step.spec.key else {
            let run = self.run.borrow();
            let run_id = run.id.as_ref().map_or("", |run_id| run_id.0.as_str());
            return Ok(format!("{run_id}-{}", change.change_id));
        };
        let datum =
            crate::expression::text(text, &self.known()).map_err(|error| not_possible(error.to_string()))?;
        let key = datum
            .open()
            .and_then(|value| value.as_str().map(ToOwned::to_owned));
        key.ok_or_else(|| not_possible("a secret cannot be an idempotency key".to_owned()))
    }

    /// Where commands run, from the runbook's folder.
    pub(crate) fn working_dir(&self, folder: Option<&str>) -> PathBuf {
        folder.map_or_else(
            || self.host.folder.clone(),
            |folder| self.host.folder.join(folder),
        )
    }

    /// Runs checks for a change, or for the whole run.
    pub(crate) fn checks<'s>(&'s self, known: &'s Known<'s>, change: Option<&'s Change>) -> Checks<'s> {
        Checks {
            provider: self,
            known,
            change,
            until: None,
        }
    }

    /// The site of an action. Everything that the plan runs passes here, and nothing does while a pinned file is another.
    pub(crate) fn site<'s>(
        &'s self,
        here: Whereabouts<'_>,
        known: &'s Known<'_>,
    ) -> Result<Site<'s>, String> {
        self.as_pinned()?;
        let working_dir = self.working_dir(here.working_dir);
        let (env, secret_files) = self.environment_of(&here, known)?;
        let mut secrets = self.secrets.named();
        secrets.extend(self.made_of_secrets(&here, known)?);
        Ok(Site {
            supervisor: &self.supervisor,
            stop: &self.host.stop,
            values: known,
            folder: &self.host.folder,
            working_dir,
            env,
            secret_files,
            secrets,
            attempt_dir: here.attempt_dir,
            timeout: here.timeout,
            lock: here.lock.map(|name| self.lock_of(name, here.change_id)),
            key: here.key.filter(|_| !here.undoing),
            cluster: self.host.cluster.as_deref(),
            step: here.change_id.map_or_else(String::new, ToString::to_string),
            run: self.run_id(),
            plan_name: &self.document.name,
            undoing: here.undoing,
            rehearse: false,
            checks: None,
        })
    }

    /// The run; empty where nothing runs.
    fn run_id(&self) -> String {
        let run = self.run.borrow();
        run.id
            .as_ref()
            .map_or_else(String::new, |run_id| run_id.0.clone())
    }

    /// Locks are files named by a digest: a lock may have any name.
    fn lock_of(&self, name: &str, change_id: Option<&ChangeId>) -> NamedLock {
        let digest = enact_core::canonical::Digest::of(name.as_bytes());
        let step = change_id.map_or_else(|| "a check".to_owned(), |change_id| format!("step {change_id}"));
        NamedLock {
            name: name.to_owned(),
            path: self.host.locks_dir.join(format!("{}.lock", digest.short())),
            taker: format!("{step} of run {}", self.run_id()),
        }
    }

    /// What a command may see: the allowed variables of the surroundings, the runbook's, the step's, and ours. Then the
    /// contents of the files that further ones name.
    fn environment_of(
        &self,
        here: &Whereabouts<'_>,
        known: &Known<'_>,
    ) -> Result<(Environment, Environment), String> {
        let mut env: Environment =
            environment::allowed(&self.host.environment, &self.document.environment_allowed)
                .into_iter()
                .map(|(name, value)| (name, Secret::new(value)))
                .collect();
        let mut files = Environment::new();
        for (name, variable) in self.document.env.iter().chain(here.env) {
            let value = super::site::as_secret_text(crate::expression::text(variable.text(), known))
                .map_err(|why| format!("the variable {name}: {why}"))?;
            // The last one to set a variable decides what it is.
            env.remove(name);
            files.remove(name);
            let kept = match variable {
                Variable::Text(_) => &mut env,
                Variable::SecretFile(_) => &mut files,
            };
            kept.insert(name.clone(), value);
        }
        let step = here.change_id.map_or("", |change_id| change_id.as_str());
        let ours = [
            ("ENACT_RUN_ID", self.run_id()),
            ("ENACT_STEP_ID", step.to_owned()),
            ("ENACT_PLAN_HASH", self.plan_hash.clone()),
            ("ENACT_IDEMPOTENCY_KEY", here.key.clone().unwrap_or_default()),
            ("ENACT_STEP_STATE", here.step_state.to_owned()),
            ("ENACT_ATTEMPT", here.attempt.to_string()),
        ];
        env.extend(ours.map(|(name, value)| (name.to_owned(), Secret::new(value))));
        // Whatever the runbook sets: a step of an agent's run is no person either.
        env.remove(environment::PRINCIPAL_KIND);
        files.remove(environment::PRINCIPAL_KIND);
        if let Some(kind) = self.host.environment.get(environment::PRINCIPAL_KIND) {
            env.insert(environment::PRINCIPAL_KIND.to_owned(), Secret::new(kind.clone()));
        }
        Ok((env, files))
    }

    /// What variables make of secrets, so that it is not shown either.
    fn made_of_secrets(&self, here: &Whereabouts<'_>, known: &Known<'_>) -> Result<Vec<NamedSecret>, String> {
        let mut made = Vec::new();
        for (name, variable) in self.document.env.iter().chain(here.env) {
            let parts = crate::expression::secret_parts(variable.text(), known);
            for value in parts.map_err(|why| format!("the variable {name}: {why}"))? {
                if !self.secrets.holds(&value) {
                    let name = name.clone();
                    made.push(NamedSecret { name, value });
                }
            }
        }
        Ok(made)
    }

    pub(crate) fn site_of_check<'s>(
        &'s self,
        check: &CheckSpec,
        folder: &Path,
        known: &'s Known<'_>,
        change: Option<&Change>,
    ) -> Result<Site<'s>, String> {
        let here = Whereabouts {
            change_id: change.map(|change| &change.change_id),
            env: &check.env,
            working_dir: check.working_dir.as_deref(),
            attempt_dir: folder.to_path_buf(),
            timeout: Duration::from_millis(check.timeout.0),
            lock: None,
            key: None,
            undoing: false,
            step_state: "checking",
            attempt: 1,
        };
        self.site(here, known)
    }

    /// Runs one check for a change, or for the whole run. `made` are outputs that the journal does not hold yet.
    pub(crate) async fn check_now(
        &self,
        check: &CheckSpec,
        change: Option<&Change>,
        made: Option<&Made>,
    ) -> Checked {
        let known = Known {
            fresh: change.zip(made).map(|(change, made)| (&change.change_id, made)),
            ..self.known()
        };
        self.checks(&known, change).run(check).await
    }

    /// A folder for one look. None is used twice, also after a crash: what an earlier process left is counted from the disk.
    pub(crate) fn next_check_folder(&self) -> PathBuf {
        let folder = self.run_folder().join("checks");
        let last = self
            .last_check
            .get()
            .unwrap_or_else(|| newest(&folder, Series::Checks));
        self.last_check.set(Some(last + 1));
        attempt_folder(&folder, Series::Checks, last + 1)
    }

    /// What an answer means for the step.
    pub(crate) async fn finish_attempt(
        &self,
        change: &Change,
        step: &Step,
        reply: Reply,
    ) -> Result<Made, Failure> {
        let reply = Self::presentable(step, reply);
        self.note(
            Some(&change.change_id),
            "attempt",
            attempt_note(&reply, step.prints_secrets()),
        );
        match &reply.end {
            // The step's own attempts count what a remote leaves unanswered; a supervisor that is lost is none of them.
            End::Lost(_) if self.may_ask_again(change, step) => {
                return Err(self.failure_of(change, step, &reply));
            }
            End::Lost(_) | End::Stopped => return Err(Failure::new(Disposition::Look, reply.in_words())),
            End::NotStarted(_) => return Err(Failure::new(Disposition::GiveUp, reply.in_words())),
            End::Exit(_)
            | End::Signal(_)
            | End::Status(_)
            | End::Finished
            | End::TimedOut
            | End::Unmet(_)
            | End::Delegated(_) => {}
        }
        let known = self.known();
        if step
            .spec
            .escalate_on
            .iter()
            .any(|matcher| judge::matches(&reply, matcher, &known))
        {
            let message = format!("{} (the plan says that this needs a person)", reply.summary());
            return Err(self.partly(change, Failure::new(Disposition::Escalate, message)));
        }
        let succeeded =
            kinds::kind(&step.spec.kind).is_some_and(|kind| kind.is_success(&step.spec.action, &reply));
        if !succeeded {
            return Err(self.failure_of(change, step, &reply));
        }
        let made = self
            .outputs_of(change, step, &reply)
            .map_err(|why| self.partly(change, Failure::new(Disposition::GiveUp, why)))?;
        if let Err(failure) = self.run_own_checks(change, step, &made).await {
            self.keep_answer(change, step, &made, &failure);
            return Err(failure);
        }
        Ok(self.without_secrets(change, step, made))
    }

    /// What messages may quote: of a step with secret outputs not what it printed to standard error. Its outputs are still
    /// read from the rest.
    fn presentable(step: &Step, mut reply: Reply) -> Reply {
        if step.prints_secrets() {
            reply.stderr = "(what it printed is not shown: it has secret outputs)".to_owned();
        }
        reply
    }

    /// The step's `verify`: all must hold.
    pub(crate) async fn run_own_checks(
        &self,
        change: &Change,
        step: &Step,
        made: &Made,
    ) -> Result<(), Failure> {
        for (name, check) in &step.verify {
            let checked = self.check_now(check, Some(change), Some(made)).await;
            let checked = checked.unless_stopped()?;
            let detail = json!({ "name": name, "holds": checked.holds, "seen": checked.seen });
            self.note(Some(&change.change_id), "check", detail);
            if !checked.holds {
                let message = format!("its check {name:?} does not hold: {}", checked.seen);
                // Where the plan says after which results it tries again, a check that does not hold is none of them.
                if !step.spec.retry_on.is_empty() {
                    return Err(self.partly(change, Failure::new(Disposition::GiveUp, message)));
                }
                return Err(self.after_failed_attempt(change, step, message));
            }
        }
        Ok(())
    }

    /// Is it a request that does no harm when it is sent once more? Otherwise it is looked what became of it.
    fn may_ask_again(&self, change: &Change, step: &Step) -> bool {
        let is_command = kinds::kind(&step.spec.kind).is_some_and(|kind| kind.is_command());
        !is_command && (step.spec.repeat != Repeat::Never || change.effect == Effect::Read)
    }

    /// A failed action: a broken assumption if its output says so, else a failure of the step.
    fn failure_of(&self, change: &Change, step: &Step, reply: &Reply) -> Failure {
        let known = self.known();
        let broken = self.document.assumptions.iter().find(|assumption| {
            let waived = self.with_state(|state| state.waived.contains(&assumption.id));
            let patterns = &assumption.broken_when;
            !waived
                && patterns
                    .iter()
                    .any(|matcher| judge::matches(reply, matcher, &known))
        });
        if let Some(assumption) = broken {
            let message = format!(
                "the assumption {} is broken ({}): {}",
                assumption.id,
                assumption.text,
                reply.summary()
            );
            let mut failure = Failure::new(Disposition::Escalate, message);
            failure.assumption = Some(assumption.id.clone());
            return self.partly(change, failure);
        }
        let may_retry = step.spec.retry_on.is_empty()
            || step
                .spec
                .retry_on
                .iter()
                .any(|matcher| judge::matches(reply, matcher, &known));
        if may_retry {
            return self.after_failed_attempt(change, step, reply.summary());
        }
        self.partly(change, Failure::new(Disposition::GiveUp, reply.summary()))
    }

    /// Another attempt where repeating is declared safe; the kernel counts them.
    pub(crate) fn after_failed_attempt(&self, change: &Change, step: &Step, message: String) -> Failure {
        let disposition = if step.spec.repeat == Repeat::Never {
            Disposition::GiveUp
        } else {
            Disposition::Retry { after: None }
        };
        self.partly(change, Failure::new(disposition, message))
    }

    /// A step that only looks leaves nothing behind.
    pub(crate) fn partly(&self, change: &Change, failure: Failure) -> Failure {
        if change.effect == Effect::Read {
            failure
        } else {
            failure.in_part()
        }
    }

    /// Secret outputs stay out of the journal: this process remembers them, and after a crash they are gone.
    pub(crate) fn without_secrets(&self, change: &Change, step: &Step, made: Made) -> Made {
        let is_secret = |name: &String| step.spec.outputs.get(name).is_some_and(|spec| spec.secret);
        let (secret, open): (Made, Made) = made.into_iter().partition(|(name, _)| is_secret(name));
        let mut kept = self.secret_outputs.borrow_mut();
        for (name, value) in secret {
            kept.insert((change.change_id.clone(), name), Secret::new(value));
        }
        open
    }
}

/// A value as a command would print it.
pub(crate) fn shown_value(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned)
}

pub(crate) fn not_possible(why: String) -> Failure {
    Failure::new(Disposition::GiveUp, why)
}
