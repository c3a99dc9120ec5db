//! Steps, in the order of the file.

use enact_core::change::{ChangeId, Effect, Precondition};
use enact_core::diagnostic::Diagnostic;
use enact_core::procedure::Handling;

use super::{AssumptionHead, Compiler, FrozenStep, MAX_STEPS};
use crate::checks::ActionNode;
use crate::kinds::{KINDS, Role};
use crate::reading::{Fields, KnownStep, Node, value_of};

const KEYS: [&str; 29] = [
    "id",
    "title",
    "tasks",
    "needs",
    "when",
    "effect",
    "repeat",
    "key",
    "probe",
    "estimate",
    "timeout",
    "timeout_total",
    "retry",
    "assume",
    "verify",
    "outputs",
    "rollback",
    "on_failure",
    "critical",
    "escalate_on",
    "confirm",
    "approvers",
    "env",
    "working_dir",
    "makes",
    "lock",
    "satisfies",
    "dry_run",
    "lint",
];

/// Keys that a step which stands for others cannot have.
const OWN_ONLY: [&str; 14] = [
    "when",
    "key",
    "probe",
    "timeout",
    "timeout_total",
    "retry",
    "outputs",
    "rollback",
    "escalate_on",
    "lock",
    "makes",
    "dry_run",
    "effect",
    "repeat",
];

/// Nor these, when the others are steps with keys of their own.
const INNER_ONLY: [&str; 5] = ["verify", "env", "working_dir", "critical", "on_failure"];

/// What the keys of a step say before its action is read.
pub(super) struct Header {
    pub(super) full_id: String,
    pub(super) title: String,
    pub(super) tasks: Vec<String>,
    pub(super) effect: Effect,
    pub(super) handling: Handling,
    pub(super) depends_on: Vec<ChangeId>,
    pub(super) preconditions: Vec<Precondition>,
    pub(super) step: FrozenStep,
}

impl Compiler<'_> {
    /// Settings apart, everything that a plan and an included plan have in common: assumptions, steps, `finally`.
    /// What stands in `finally`, and all of a plan that is included there, runs in any case.
    pub(super) fn body(&mut self, fields: &Fields<'_>, top_level: bool, always: bool) {
        let heads = self.assumption_heads(fields);
        let steps = fields
            .get("steps")
            .map_or(&[] as &[Node], |node| self.reading.list(node, "`steps`"));
        if fields.get("steps").is_none() {
            self.reading.require(fields, "steps");
        } else if steps.is_empty() {
            let fault = Diagnostic::error("`steps` is empty").hint("a runbook has at least one step");
            self.reading.fault(fields.key_span("steps"), fault);
        }
        let finally = fields
            .get("finally")
            .map_or(&[] as &[Node], |node| self.reading.list(node, "`finally`"));
        if steps.len() + finally.len() + self.read > MAX_STEPS {
            let fault = Diagnostic::error(format!("more than {MAX_STEPS} steps")).hint("split the runbook");
            self.reading.fault(fields.key_span("steps"), fault);
            return;
        }
        let all = steps.iter().chain(finally);
        self.reading.scope.ids = all.filter_map(id_of).map(ToOwned::to_owned).collect();
        for node in steps {
            self.step(node, &heads, top_level, always);
        }
        let outer = std::mem::take(&mut self.last_critical);
        for node in finally {
            self.step(node, &heads, top_level, true);
        }
        self.last_critical = outer;
        self.freeze_assumptions(heads);
    }

    fn step(&mut self, node: &Node, heads: &[AssumptionHead<'_>], top_level: bool, always: bool) {
        let mut known: Vec<&'static str> = KEYS.to_vec();
        known.extend(KINDS.iter().filter(|kind| kind.is_step()).map(|kind| kind.name()));
        let Some(fields) = self.reading.fields(node, "a step", &known) else {
            return;
        };
        let id = self.step_id(&fields);
        let full = id.as_ref().map(|id| format!("{}{id}", self.reading.scope.prefix));
        self.reading.step = full.as_deref().map(Into::into);
        self.reading.uses.clear();
        self.reading.working_dir.clone_from(&self.settings.working_dir);
        self.reading.env.clone_from(&self.outer_env);
        let action = self.reading.one_action(&fields, &|kind| kind.is_step());
        // Without a name everything else is still read, for its faults.
        let id = id.unwrap_or_else(|| format!("step-{}", self.read + 1));
        let default_effect = action
            .as_ref()
            .map_or(Effect::Write, |action| action.kind.default_effect());
        let header = self.header(&fields, id, default_effect, heads, top_level, always);
        if let Some(action) = action {
            match action.kind.role() {
                Role::Step | Role::CheckOnly => self.own_step(&fields, &action, header),
                Role::Include => {
                    self.refuse_own_keys(&fields, &action);
                    self.include(&action, header, top_level);
                }
                Role::SubPlan => {
                    self.refuse_own_keys(&fields, &action);
                    self.sub_plan(&fields, &action, header);
                }
            }
        } else {
            self.know(&header.full_id, KnownStep::default());
        }
        self.reading.step = None;
    }

    fn step_id(&mut self, fields: &Fields<'_>) -> Option<String> {
        let node = self.reading.require(fields, "id")?;
        let id = self.reading.ident(node, "`id`")?;
        let full = format!("{}{id}", self.reading.scope.prefix);
        let place = self.reading.place(node.span);
        if let Some(earlier) = self.map.get(&full).cloned() {
            self.reading.twice(&id, node.span, &earlier);
            return None;
        }
        self.map.insert(full, place);
        Some(id)
    }

    fn refuse_own_keys(&mut self, fields: &Fields<'_>, action: &ActionNode<'_>) {
        let includes = action.kind.role() == Role::Include;
        let inner = INNER_ONLY.iter().filter(|_| includes);
        for key in OWN_ONLY.iter().chain(inner) {
            let Some(node) = fields.get(key) else {
                continue;
            };
            // Another domain settles an unknown outcome by looking, so this is true of its changes.
            if !includes && *key == "repeat" && node.text() == Some("safe") {
                continue;
            }
            let fault = format!(
                "`{key}` has no meaning on a step of kind `{}`, which stands for others",
                action.kind.name()
            );
            let fault = Diagnostic::error(fault).hint("put it on a step of its own");
            self.reading.fault(fields.key_span(key), fault);
        }
    }

    /// Makes a step known to what comes after it.
    pub(super) fn know(&mut self, full_id: &str, mut step: KnownStep) {
        step.index = self.read;
        self.read += 1;
        self.reading.scope.steps.insert(full_id.to_owned(), step);
    }

    pub(super) fn push(&mut self, step: FrozenStep) {
        if step.always {
            self.finally.push(step);
        } else {
            self.steps.push(step);
        }
    }

    /// Remembers what a step's place in the order means for those after it.
    pub(super) fn ran(&mut self, header: &Header, changes: Vec<ChangeId>) {
        self.changes.insert(header.full_id.clone(), changes.clone());
        if header.handling.critical && !changes.is_empty() {
            self.last_critical = changes;
        }
    }
}

fn id_of(node: &Node) -> Option<&str> {
    value_of(node, "id").and_then(Node::text)
}
