//! What names in expressions stand for while a runbook runs.

use enact_core::change::ChangeId;
use enact_core::journal::ChangeState;
use enact_engine::provider::Made;
use serde_json::{Value, json};

use super::RunbookProvider;
use crate::expression::{Datum, Name, RunFact, Values};

/// Everything that has a name. Looks things up when it is asked: the run goes on while it exists.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) provider: &'a RunbookProvider<'a>,
    /// Outputs of a step that the journal does not hold yet.
    pub(crate) fresh: Option<(&'a ChangeId, &'a Made)>,
    /// What a check with `for_each` looks at right now.
    pub(crate) item: Option<&'a Value>,
}

impl<'a> Known<'a> {
    pub(crate) fn of(provider: &'a RunbookProvider<'_>) -> Self {
        Self {
            provider,
            fresh: None,
            item: None,
        }
    }

    /// An output: of this very attempt, a secret one that this process remembers, or one of the journal.
    fn output(&self, step: &str, output: &str) -> Option<Datum> {
        if let Some((change_id, made)) = self.fresh.filter(|(change_id, _)| change_id.as_str() == step) {
            let spec = self.provider.steps.get(change_id).map(|step| &step.spec);
            let is_secret = spec.is_some_and(|spec| spec.outputs.get(output).is_some_and(|one| one.secret));
            return made
                .get(output)
                .cloned()
                .map(|value| Datum::new(value, is_secret));
        }
        let step = ChangeId::from(step);
        let key = (step.clone(), output.to_owned());
        if let Some(secret) = self.provider.secret_outputs.borrow().get(&key) {
            return Some(Datum::Tainted(secret.clone()));
        }
        let value = self
            .provider
            .with_state(|state| state.outputs.get(&step)?.get(output).cloned());
        value.map(Datum::Open)
    }

    fn run_fact(&self, fact: RunFact) -> Option<Value> {
        let now = self.provider.now();
        Some(match fact {
            RunFact::Id => json!(self.provider.run.borrow().id.as_ref()?.0),
            RunFact::Number => json!(self.provider.host.run_number),
            RunFact::Elapsed => json!(self.provider.with_state(|state| milliseconds(state.worked(now)))),
            RunFact::Downtime => {
                let document = &self.provider.document;
                let length = self
                    .provider
                    .with_state(|state| super::downtime::length(document, state, now));
                json!(milliseconds(length.unwrap_or_default()))
            }
        })
    }

    fn parameter(&self, name: &str) -> Option<Datum> {
        if let Some(secret) = self.provider.secrets.get(name) {
            return Some(Datum::new(json!(secret.expose()), true));
        }
        let parameter = self.provider.document.parameters.get(name)?;
        parameter.value.clone().map(Datum::Open)
    }
}

impl Values for Known<'_> {
    fn value(&self, name: &Name) -> Option<Datum> {
        Some(Datum::Open(match name {
            Name::Parameter(name) => return self.parameter(name),
            Name::Output { step, output } => return self.output(step, output),
            Name::State(step) => {
                let document = &self.provider.document;
                let stands = self.provider.with_state(|state| document.state_of(step, state));
                json!(word(stands))
            }
            Name::Run(fact) => self.run_fact(*fact)?,
            Name::PlanHash => json!(self.provider.plan_hash),
            Name::PlanName => json!(self.provider.document.name),
            Name::Item => self.item?.clone(),
        }))
    }
}

fn milliseconds(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The word for a step's state, as expressions and `ENACT_STEP_STATE` say it.
pub fn word(state: ChangeState) -> &'static str {
    match state {
        ChangeState::Pending => "pending",
        ChangeState::Started => "running",
        ChangeState::Done => "succeeded",
        ChangeState::Failed => "failed",
        ChangeState::Drifted => "stopped",
        ChangeState::Unknown => "unknown",
        ChangeState::Skipped => "not_run",
        ChangeState::Omitted => "skipped",
        ChangeState::Delegated => "waiting",
        ChangeState::Escalated => "escalated",
        ChangeState::Undoing => "undoing",
        ChangeState::Undone => "undone",
        ChangeState::Stuck => "undo_failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::STATES;

    #[test]
    fn expressions_know_the_states_that_there_are() {
        use ChangeState as State;
        let all = [
            State::Pending,
            State::Started,
            State::Done,
            State::Failed,
            State::Drifted,
            State::Unknown,
            State::Skipped,
            State::Omitted,
            State::Delegated,
            State::Escalated,
            State::Undoing,
            State::Undone,
            State::Stuck,
        ];
        assert_eq!(all.map(word).len(), STATES.len());
        assert!(all.iter().all(|state| STATES.contains(&word(*state))));
    }
}
