//! Texts of a plan as people read them while it runs: what is known by then is put in, what is secret is not.

use enact_core::change::{Change, ChangeId};
use enact_core::journal::{RunId, RunState};
use enact_core::plan::Plan;
use enact_core::procedure::Hold;
use serde_json::{Value, json};

use crate::expression::{Datum, Name, RunFact, Values, evaluate_source};
use crate::process::display_line;
use crate::provider::{downtime_length, state_word};
use crate::spec::{Document, Part, Text};

/// What stands where a secret would.
const SECRET: &str = "***";

/// A run as far as it is known to whoever only reads about it.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Its runbook.
    pub document: &'a Document,
    /// The run.
    pub run_id: &'a RunId,
    /// How it stands.
    pub state: &'a RunState,
    /// Which run of its plan it is, from 1.
    pub run_number: u64,
    /// When it is read.
    pub now: jiff::Timestamp,
}

/// Does a text that [`Reader::message`] gives put in what is known of the run?
pub fn asks_for_the_run(plan: &Plan) -> bool {
    let mut messages = plan.changes().iter().filter_map(message_of);
    messages.any(|message| matches!(message, Text::Template(_)))
}

/// What a checkpoint asks.
fn message_of(change: &Change) -> Option<Text> {
    let spec = change.spec.as_ref()?;
    let is_checkpoint = spec.get("kind").and_then(Value::as_str) == Some("checkpoint");
    let message = spec.pointer("/action/message").filter(|_| is_checkpoint)?;
    serde_json::from_value(message.clone()).ok()
}

impl Reader<'_> {
    /// The text with its expressions put in. One that is not known, or not yet, stays as its author wrote it.
    pub fn text(&self, text: &Text) -> String {
        match text {
            Text::Literal(text) => text.clone(),
            Text::Template(parts) => parts.iter().map(|part| self.part(part)).collect(),
        }
    }

    /// What whoever confirms at a step is asked to consider.
    pub fn message(&self, change_id: &ChangeId, hold: &Hold) -> String {
        match self.plan.change(change_id).and_then(message_of) {
            Some(message) => self.text(&message),
            None => hold.message.clone(),
        }
    }

    fn part(&self, part: &Part) -> String {
        let source = match part {
            Part::Text(text) => return text.clone(),
            Part::Expression(source) => source,
        };
        match evaluate_source(source, self) {
            Ok(Datum::Tainted(_)) => SECRET.to_owned(),
            // A command's output does not lay out the text around it.
            Ok(Datum::Open(Value::String(text))) => display_line(&text),
            Ok(Datum::Open(value)) => value.to_string(),
            Err(_) => format!("${{{{ {source} }}}}"),
        }
    }

    /// Secret outputs are in no journal, and secret parameters in no plan.
    fn output(&self, step: &str, output: &str) -> Option<Datum> {
        let change_id = ChangeId::from(step);
        let spec = self
            .plan
            .change(&change_id)
            .and_then(|change| change.spec.as_ref());
        let declared = spec.and_then(|spec| spec.get("outputs")?.get(output)?.get("secret"));
        if declared.and_then(Value::as_bool) == Some(true) {
            return Some(Datum::new(Value::Null, true));
        }
        let made = self.state.outputs.get(&change_id)?;
        made.get(output).cloned().map(Datum::Open)
    }

    fn parameter(&self, name: &str) -> Option<Datum> {
        let parameter = self.document.parameters.get(name)?;
        if parameter.from.is_some() {
            return Some(Datum::new(Value::Null, true));
        }
        parameter.value.clone().map(Datum::Open)
    }

    fn run_fact(&self, fact: RunFact) -> Option<Value> {
        let milliseconds = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Some(match fact {
            RunFact::Id => json!(self.run_id),
            RunFact::Number => json!(self.run_number),
            RunFact::Elapsed => json!(milliseconds(self.state.worked(self.now))),
            RunFact::Downtime => {
                let length = downtime_length(self.document, self.state, self.now);
                json!(milliseconds(length.unwrap_or_default()))
            }
        })
    }
}

impl Values for Reader<'_> {
    fn value(&self, name: &Name) -> Option<Datum> {
        Some(Datum::Open(match name {
            Name::Parameter(name) => return self.parameter(name),
            Name::Output { step, output } => return self.output(step, output),
            Name::State(step) => json!(state_word(self.document.state_of(step, self.state))),
            Name::Run(fact) => self.run_fact(*fact)?,
            Name::PlanHash => json!(self.plan.id().to_string()),
            Name::PlanName => json!(self.document.name),
            Name::Item => return None,
        }))
    }
}
