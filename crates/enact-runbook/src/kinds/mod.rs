//! The kinds of step, one file each. Another kind is another file and a line in [`KINDS`].

mod checkpoint;
mod compare;
mod exec;
mod http;
mod konnect;
mod kubernetes;
mod manual;
mod plan;
mod run;
mod verified;
mod wait;

use std::pin::Pin;

use enact_core::change::Effect;
use enact_core::diagnostic::Diagnostic;
use schemars::{Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use checkpoint::Checkpoint;
pub use exec::Exec;
pub use http::{Body, Http};
pub use konnect::Konnect;
pub(crate) use kubernetes::KUBERNETES;
pub use kubernetes::{Kubernetes, Target as KubernetesTarget};
pub(crate) use manual::MANUAL;
pub use manual::{Assignee, Manual};
pub use plan::Include;
pub use run::Run;
pub use verified::relied_upon;
pub(crate) use verified::{VERIFIED, verifying};
pub use wait::{WAIT_EVERY, Wait};

use crate::provider::{End, Reply, Site};
use crate::reading::{Node, Reading};
use crate::spec::CheckSpec;

/// What a step of a kind becomes in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// One change.
    Step,
    /// Nothing by itself: it exists in checks only.
    CheckOnly,
    /// The steps of another runbook.
    Include,
    /// The changes of another domain's plan.
    SubPlan,
}

/// What an action is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A step.
    Step,
    /// A check, which only looks.
    Check,
    /// Taking a step back.
    Undo,
}

/// An action under way.
pub type Acting<'a> = Pin<Box<dyn Future<Output = Reply> + 'a>>;

/// One kind of action.
pub trait Kind: Sync {
    /// The key that names it in a step: `exec`.
    fn name(&self) -> &'static str;

    /// What a step of it becomes.
    fn role(&self) -> Role {
        Role::Step
    }

    /// Can it look, as a check?
    fn may_check(&self) -> bool {
        false
    }

    /// Can it take a step back?
    fn may_undo(&self) -> bool {
        self.may_check() && self.is_step()
    }

    /// Can it be a step?
    fn is_step(&self) -> bool {
        self.role() != Role::CheckOnly
    }

    /// Why an action of it that was read may not be used so; `None`: it may.
    fn unfit(&self, _action: &Value, _used: Use) -> Option<Diagnostic> {
        None
    }

    /// How far a step of it reaches when it does not say.
    fn default_effect(&self) -> Effect {
        Effect::Write
    }

    /// Reads what stands under its key: the frozen action, or faults on the reading.
    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Value>;

    /// A frozen action in one line for people.
    fn summary(&self, action: &Value) -> String;

    /// All of a frozen action for people who have to agree to it: every line, nothing cut.
    fn whole(&self, action: &Value) -> String {
        self.summary(action)
    }

    /// Does it, once. A kind that is never a step by itself cannot.
    fn act<'a>(&'a self, _action: &'a Value, _site: &'a Site<'a>) -> Acting<'a> {
        let why = format!("`{}` is nothing that can be done", self.name());
        Box::pin(std::future::ready(Reply::bare(End::NotStarted(why))))
    }

    /// Is this reply a success of the action, before anything else is expected of it?
    fn is_success(&self, _action: &Value, reply: &Reply) -> bool {
        matches!(reply.end, End::Exit(0) | End::Finished)
    }

    /// Does it run a command, whose outcome outlives a crash?
    fn is_command(&self) -> bool {
        false
    }

    /// The program that must be there, when it is known.
    fn program(&self, _action: &Value) -> Option<String> {
        None
    }

    /// What may stand under its key, for editors.
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema;
}

/// Every kind.
pub const KINDS: &[&dyn Kind] = &[
    &run::RunKind,
    &exec::ExecKind,
    &http::HttpKind,
    &checkpoint::CheckpointKind,
    &manual::ManualKind,
    &wait::WaitKind,
    &plan::PlanKind,
    &konnect::KonnectKind,
    &kubernetes::KubernetesKind,
    &compare::CompareKind,
    &verified::VerifiedKind,
];

/// The kind of a name.
pub fn kind(name: &str) -> Option<&'static dyn Kind> {
    KINDS.iter().find(|kind| kind.name() == name).copied()
}

/// An action that cannot be carried out as it stands in the plan.
fn unreadable<'a>(why: impl std::fmt::Display) -> Acting<'a> {
    Box::pin(std::future::ready(Reply::bare(End::NotStarted(why.to_string()))))
}

/// A frozen action in one line for people.
pub fn summary(kind_name: &str, action: &Value) -> String {
    kind(kind_name).map_or_else(|| kind_name.to_owned(), |kind| kind.summary(action))
}

/// A frozen check in one line for people.
pub fn check_summary(check: &CheckSpec) -> String {
    let action = summary(&check.kind, &check.action);
    match &check.for_each {
        Some(list) => line(&format!("{action}, for each of {}", crate::each::shown(list))),
        None => action,
    }
}

/// What runs scripts where the settings name no other shell.
pub const DEFAULT_SHELL: [&str; 4] = ["bash", "-euo", "pipefail", "-c"];

/// All of a frozen action, for people who have to agree to it.
pub fn whole(kind_name: &str, action: &Value) -> String {
    kind(kind_name).map_or_else(|| kind_name.to_owned(), |kind| kind.whole(action))
}

/// A program and its arguments as a shell would take them, for people who have to agree to it.
pub fn argv_whole(argv: &[String]) -> String {
    let words: Vec<String> = argv.iter().map(|word| exec::quoted(word)).collect();
    words.join(" ")
}

/// All of a frozen check, for people who have to agree to it.
pub fn check_whole(check: &CheckSpec) -> String {
    let mut text = whole(&check.kind, &check.action);
    if let Some(list) = &check.for_each {
        text.push_str(&format!(", for each of {}", crate::each::shown(list)));
    }
    let expected = check.expect.shown(&check.kind);
    if !expected.is_empty() {
        text.push_str(&format!(": {expected}"));
    }
    text
}

/// An action in its frozen form. Actions are plain data, which always has a JSON form.
fn frozen<T: Serialize>(action: &T) -> Option<Value> {
    serde_json::to_value(action).ok()
}

fn thawed<T: DeserializeOwned>(action: &Value) -> Option<T> {
    serde_json::from_value(action.clone()).ok()
}

/// One line, not too long.
fn line(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("");
    let mut cut: String = first.chars().take(LONGEST).collect();
    if first.chars().nth(LONGEST).is_some() || lines.next().is_some() {
        cut.push_str(" …");
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let mut names: Vec<&str> = KINDS.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KINDS.len());
    }
}
