//! What a dry run can say about a step: it is run when it only looks, its own `dry_run` is run, or it is only shown.

use enact_core::change::Change;

use serde_json::Value;

use super::RunbookProvider;
use super::attempt::Whereabouts;
use super::folders::{Series, attempt_folder, newest};
use crate::expression::{Name, evaluate_source, parse};
use crate::kinds;

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Simulated {
    /// Something was run, and nothing spoke against the step.
    Holds(String),
    /// Something was run, and the step would fail.
    Contradicts(String),
    /// Nothing was run: the step as it would be.
    Rendered(String),
    /// Nothing was run, because a run would leave it out: why.
    LeftOut(String),
}

impl RunbookProvider<'_> {
    /// Simulates a step as far as that goes. `may_run`: it only looks, and may be run.
    pub async fn simulate(&self, change: &Change, may_run: bool) -> Simulated {
        let Ok(step) = self.step(change) else {
            return Simulated::Contradicts("it is not a step".to_owned());
        };
        match self.whether(step.spec.when.as_deref()) {
            Whether::Runs => {}
            Whether::LeftOut(why) => return Simulated::LeftOut(why),
            Whether::Unknown(why) => {
                let summary = kinds::summary(&step.spec.kind, &step.spec.action);
                return Simulated::Rendered(format!("{summary} ({why})"));
            }
        }
        let (kind, action) = match &step.spec.dry_run {
            Some(simulation) => (simulation.kind.as_str(), &simulation.action),
            None if may_run && kinds::kind(&step.spec.kind).is_some_and(|kind| kind.may_check()) => {
                (step.spec.kind.as_str(), &step.spec.action)
            }
            None if step.spec.kind == kinds::KUBERNETES => (step.spec.kind.as_str(), &step.spec.action),
            None => return Simulated::Rendered(kinds::summary(&step.spec.kind, &step.spec.action)),
        };
        let Some(kind) = kinds::kind(kind) else {
            return Simulated::Contradicts(format!("there is no kind {kind:?}"));
        };
        if let Err(why) = self.as_pinned() {
            return Simulated::Contradicts(format!("{why}; nothing of it was run"));
        }
        let folder = self.folder_of(&change.change_id, step);
        let known = self.known();
        let here = Whereabouts {
            change_id: Some(&change.change_id),
            env: &step.spec.env,
            working_dir: step.spec.working_dir.as_deref(),
            attempt_dir: attempt_folder(&folder, Series::Attempts, newest(&folder, Series::Attempts) + 1),
            timeout: std::time::Duration::from_millis(
                change.timeout.unwrap_or(self.document.settings.default_timeout).0,
            ),
            lock: None,
            key: None,
            undoing: false,
            step_state: "dry_run",
            attempt: 1,
        };
        // What the step needs from earlier ones does not exist in a dry run.
        let site = match self.site(here, &known) {
            Ok(site) => super::Site {
                rehearse: true,
                ..site
            },
            Err(why) => {
                return Simulated::Rendered(format!(
                    "{} ({why})",
                    kinds::summary(&step.spec.kind, &step.spec.action)
                ));
            }
        };
        let reply = kind.act(action, &site).await;
        if let super::End::NotStarted(why) = &reply.end
            && why.contains("has no value")
        {
            let summary = kinds::summary(&step.spec.kind, &step.spec.action);
            return Simulated::Rendered(format!("{summary} ({why})"));
        }
        if kind.is_success(action, &reply) {
            Simulated::Holds(reply.summary())
        } else {
            Simulated::Contradicts(reply.summary())
        }
    }
    /// Whether a step would run, by its condition. What only a run brings about, nobody knows before.
    fn whether(&self, when: Option<&str>) -> Whether {
        let Some(when) = when else {
            return Whether::Runs;
        };
        let unknown = |why: &str| Whether::Unknown(format!("whether it runs is not known: {why}"));
        if asks_the_run(when) {
            return unknown(&format!("its condition `{when}` needs a run"));
        }
        match evaluate_source(when, &self.known()) {
            Ok(value) => match value.open() {
                Some(Value::Bool(true)) => Whether::Runs,
                Some(Value::Bool(false)) => Whether::LeftOut(format!("its condition `{when}` is false")),
                _ => unknown(&format!("its condition `{when}` is neither true nor false")),
            },
            Err(error) => unknown(&error.to_string()),
        }
    }
}

/// Would a step run?
enum Whether {
    Runs,
    LeftOut(String),
    Unknown(String),
}

/// Does an expression ask for what only a run knows?
fn asks_the_run(source: &str) -> bool {
    let mut asks = false;
    if let Ok(expression) = parse(source) {
        expression.names(&mut |name, _| asks |= !matches!(name, Name::Parameter(_)));
    }
    asks
}
