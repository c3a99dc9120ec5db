//! Steps, in the order of the file.

use std::collections::{BTreeMap, BTreeSet};

use enact_core::change::{Action, Change, ChangeId, Effect, Milliseconds, Postcondition, Precondition, Undo};
use enact_core::diagnostic::Diagnostic;
use enact_core::procedure::{Attempts, Handling, Hold, Moment, OnFailure};
use enact_core::yaml::{Body, shown, suggest};
use serde_json::{Value, json};

use super::{AssumptionHead, Compiler, FrozenStep, MAX_STEPS, Written};
use crate::checks::ActionNode;
use crate::expression::{Expression, Type, Typed};
use crate::kinds::{KINDS, NOT_YET, Role, summary};
use crate::reading::{Fields, KnownStep, Node, Slot};
use crate::spec::{
    Matcher, OutputSpec, ProbeSpec, Repeat, STEP, Simulation, StepSpec, Text, UndoSpec, ValueType,
};

const KEYS: [&str; 28] = [
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
    "lock",
    "satisfies",
    "dry_run",
    "lint",
];

/// Keys that a step which stands for others cannot have.
const OWN_ONLY: [&str; 15] = [
    "when",
    "repeat",
    "key",
    "probe",
    "timeout",
    "timeout_total",
    "retry",
    "verify",
    "outputs",
    "rollback",
    "escalate_on",
    "env",
    "working_dir",
    "lock",
    "dry_run",
];

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
    pub(super) fn body(&mut self, fields: &Fields<'_>, top_level: bool) {
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
            self.step(node, &heads, top_level, false);
        }
        let outer = (
            std::mem::take(&mut self.previous),
            std::mem::take(&mut self.last_critical),
        );
        for node in finally {
            self.step(node, &heads, top_level, true);
        }
        (self.previous, self.last_critical) = outer;
        self.freeze_assumptions(heads);
    }

    fn step(&mut self, node: &Node, heads: &[AssumptionHead<'_>], top_level: bool, always: bool) {
        let mut known: Vec<&'static str> = KEYS.to_vec();
        known.extend(KINDS.iter().filter(|kind| kind.is_step()).map(|kind| kind.name()));
        known.extend(NOT_YET.iter().map(|(name, _)| *name));
        let Some(fields) = self.reading.fields(node, "a step", &known) else {
            return;
        };
        let id = self.step_id(&fields);
        let full = id.as_ref().map(|id| format!("{}{id}", self.reading.scope.prefix));
        self.reading.step.clone_from(&full);
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
                    self.sub_plan(&action, header);
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
        for key in OWN_ONLY.iter().filter(|key| fields.get(key).is_some()) {
            let fault = format!(
                "`{key}` has no meaning on a step of kind `{}`, which stands for others",
                action.kind.name()
            );
            let fault = Diagnostic::error(fault).hint("put it on a step of its own");
            self.reading.fault(fields.key_span(key), fault);
        }
    }

    fn header(
        &mut self,
        fields: &Fields<'_>,
        id: String,
        default_effect: Effect,
        heads: &[AssumptionHead<'_>],
        top_level: bool,
        always: bool,
    ) -> Header {
        let reading = &mut self.reading;
        let title = reading
            .require(fields, "title")
            .and_then(|node| reading.prose(node, "`title`"));
        let tasks = fields
            .get("tasks")
            .map(|node| reading.prose_list(node, "`tasks`"))
            .unwrap_or_default();
        let effect = fields
            .get("effect")
            .and_then(|node| reading.choice(node, "`effect`", &["read", "write", "destroy"]));
        let effect = match effect {
            Some("read") => Effect::Read,
            Some("destroy") => Effect::Destroy,
            Some(_) => Effect::Write,
            None => default_effect,
        };
        let place = reading.place(fields.get("id").map_or(fields.span, |node| node.span));
        let estimate = fields.get("estimate").and_then(|node| reading.estimate(node));
        let allowed = self.allowed_rules(fields);
        let handling = self.handling(fields, always);
        let full_id = format!("{}{id}", self.reading.scope.prefix);
        let continues = handling.on_failure == OnFailure::Continue && fields.get("on_failure").is_some();
        let step = FrozenStep {
            id: full_id.clone(),
            title: title.clone().unwrap_or_default(),
            place,
            kind: "",
            action: Value::Null,
            spec: None,
            changes: Vec::new(),
            top_level,
            always,
            critical: handling.critical,
            continues,
            effect,
            repeat: if effect == Effect::Read {
                Repeat::Safe
            } else {
                Repeat::Never
            },
            retries: handling.attempts.is_some(),
            rollback: Written::Absent,
            verified: false,
            has_outputs: false,
            held: !handling.holds.is_empty(),
            tasks: tasks.len(),
            estimate,
            satisfies: self.satisfies(fields),
            allowed,
        };
        Header {
            depends_on: self.depends_on(fields, always),
            preconditions: self.assumed(fields, &id, heads),
            full_id,
            title: title.unwrap_or_default(),
            tasks,
            effect,
            handling,
            step,
        }
    }

    fn satisfies(&mut self, fields: &Fields<'_>) -> Vec<(String, enact_core::yaml::Span)> {
        let items = fields
            .get("satisfies")
            .map_or(&[] as &[Node], |node| self.reading.list(node, "`satisfies`"));
        let named = items
            .iter()
            .filter_map(|item| Some((self.reading.plain(item, "`satisfies`")?, item.span)));
        named.collect()
    }

    /// `lint: {allow: [rule], reason: …}`: advice that is not wanted here. Errors cannot be allowed.
    pub(super) fn allowed_rules(&mut self, fields: &Fields<'_>) -> BTreeSet<String> {
        let reading = &mut self.reading;
        let lint = fields
            .get("lint")
            .and_then(|node| reading.fields(node, "`lint`", &["allow", "reason"]));
        let Some(list) = lint.and_then(|lint| reading.require(&lint, "allow")) else {
            return BTreeSet::new();
        };
        let mut allowed = BTreeSet::new();
        for rule in reading.plain_list(list, "`allow`") {
            if crate::lint::ADVICE.contains(&rule.as_str()) {
                allowed.insert(rule);
            } else if rule.starts_with("E_") {
                let fault = Diagnostic::error(format!("{} is an error and cannot be allowed", shown(&rule)));
                reading.fault(list.span, fault);
            } else {
                let fault = Diagnostic::error(format!("there is no rule {}", shown(&rule)));
                let hint = suggest::hint(&rule, crate::lint::ADVICE.iter().copied());
                reading.fault(list.span, fault.hint(hint));
            }
        }
        allowed
    }

    fn handling(&mut self, fields: &Fields<'_>, always: bool) -> Handling {
        let reading = &mut self.reading;
        let critical = fields
            .get("critical")
            .and_then(|node| reading.boolean(node, "`critical`"))
            .unwrap_or(true);
        let words = ["stop", "escalate", "rollback", "continue"];
        let on_failure = match fields
            .get("on_failure")
            .and_then(|node| reading.choice(node, "`on_failure`", &words))
        {
            Some("escalate") => OnFailure::Escalate,
            Some("rollback") => OnFailure::Rollback,
            Some("continue") => OnFailure::Continue,
            Some(_) => OnFailure::Stop,
            None if self.settings.settings.stop_on_error => OnFailure::Stop,
            None => OnFailure::Continue,
        };
        Handling {
            always,
            critical,
            on_failure,
            holds: self.holds(fields, always),
            attempts: self.attempts(fields),
        }
    }

    fn holds(&mut self, fields: &Fields<'_>, always: bool) -> Vec<Hold> {
        let reading = &mut self.reading;
        let confirm = fields
            .get("confirm")
            .and_then(|node| reading.choice(node, "`confirm`", &["before", "after", "none"]));
        let own = fields.get("approvers").and_then(|node| reading.quorum(node));
        let checkpoint = fields.get("checkpoint");
        let inner = checkpoint.and_then(|node| match &node.body {
            Body::Mapping(entries) => entries.iter().find(|entry| entry.key == "approvers"),
            _ => None,
        });
        let quorum = match inner {
            Some(entry) => reading.quorum(&entry.value),
            None => own,
        };
        let at = match confirm {
            Some("after") => Some(Moment::After),
            Some("before") => Some(Moment::Before),
            _ if quorum.is_some() || checkpoint.is_some() => Some(Moment::Before),
            _ => None,
        };
        let mut holds: Vec<Hold> = at.map(Hold::at).into_iter().collect();
        for hold in &mut holds {
            if let Some(quorum) = &quorum {
                hold.count = quorum.count;
                hold.roles.clone_from(&quorum.roles);
            }
        }
        let first = self.steps.is_empty();
        let before = holds.iter().any(|hold| hold.at == Moment::Before);
        if self.settings.settings.checkpoint_between_steps && !first && !before && !always {
            holds.insert(0, Hold::at(Moment::Before));
        }
        holds
    }

    fn attempts(&mut self, fields: &Fields<'_>) -> Option<Attempts> {
        let reading = &mut self.reading;
        let keys = ["attempts", "delay", "backoff", "max_delay", "on"];
        let retry = fields
            .get("retry")
            .and_then(|node| reading.fields(node, "`retry`", &keys))?;
        let attempts = reading
            .require(&retry, "attempts")
            .and_then(|node| reading.count(node, "`attempts`"))?;
        let delay = retry
            .get("delay")
            .and_then(|node| reading.duration(node, "`delay`"));
        let longest = retry
            .get("max_delay")
            .and_then(|node| reading.duration(node, "`max_delay`"));
        let growth = retry.get("backoff").and_then(|node| {
            growth_percent(node).or_else(|| {
                reading.expected(
                    node,
                    "`backoff`",
                    "`constant`, `exponential` or a factor from 1 to 10",
                );
                None
            })
        });
        let delay = delay.unwrap_or(Milliseconds(1_000));
        (attempts > 1).then_some(Attempts {
            attempts,
            delay,
            growth_percent: growth.unwrap_or(200),
            longest: longest.unwrap_or(Milliseconds(60_000)).max(delay),
        })
    }

    fn depends_on(&mut self, fields: &Fields<'_>, always: bool) -> Vec<ChangeId> {
        let mut needed: BTreeSet<ChangeId> = BTreeSet::new();
        let own = fields.get("needs");
        let prefix = self.reading.scope.prefix.clone();
        let items = own.map_or(&[] as &[Node], |node| self.reading.list(node, "`needs`"));
        for item in items {
            let Some(id) = self.reading.plain(item, "`needs`") else {
                continue;
            };
            match self.changes.get(&format!("{prefix}{id}")) {
                Some(changes) => needed.extend(changes.iter().cloned()),
                None => {
                    let (fault, rule) = self.not_behind(&id);
                    self.reading.finding(rule, item.span, fault);
                }
            }
        }
        if !always {
            if self.settings.settings.stop_on_error {
                needed.extend(self.last_critical.iter().cloned());
            } else if own.is_none() {
                needed.extend(self.previous.iter().cloned());
            }
        }
        needed.into_iter().collect()
    }

    fn not_behind(&self, id: &str) -> (Diagnostic, &'static str) {
        let ids = &self.reading.scope.ids;
        if ids.contains(id) {
            let fault = Diagnostic::error(format!("`needs` must point backwards; `{id}` comes later"));
            return (
                fault.hint("steps run in the order of the file: move one of them"),
                "E_FORWARD_REF",
            );
        }
        let fault = Diagnostic::error(format!("there is no step {}", shown(id)));
        let fault = match suggest::nearest(id, ids.iter().map(String::as_str)) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault,
        };
        (fault, crate::reading::DOCUMENT)
    }

    /// Assumptions that are looked at again right before the step.
    fn assumed(&mut self, fields: &Fields<'_>, id: &str, heads: &[AssumptionHead<'_>]) -> Vec<Precondition> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        let items = fields
            .get("assume")
            .map_or(&[] as &[Node], |node| self.reading.list(node, "`assume`"));
        for item in items {
            let Some(name) = self.reading.plain(item, "`assume`") else {
                continue;
            };
            if heads.iter().any(|head| head.id == name) {
                names.insert(name);
            } else {
                let fault = Diagnostic::error(format!("there is no assumption {}", shown(&name)));
                let hint = suggest::hint(&name, heads.iter().map(|head| head.id.as_str()));
                self.reading.fault(item.span, fault.hint(hint));
            }
        }
        let before = heads
            .iter()
            .filter(|head| head.before.iter().any(|step| step == id));
        names.extend(before.map(|head| head.id.clone()));
        let prefix = &self.reading.scope.prefix;
        let full = names.into_iter().map(|name| format!("{prefix}{name}"));
        full.map(|name| Precondition::Check {
            spec: json!({"assumption": name}),
            name,
        })
        .collect()
    }

    /// Makes a step known to what comes after it.
    pub(super) fn know(&mut self, full_id: &str, mut step: KnownStep) {
        step.index = self.read;
        self.read += 1;
        self.reading.scope.steps.insert(full_id.to_owned(), step);
    }

    fn own_step(&mut self, fields: &Fields<'_>, action: &ActionNode<'_>, mut header: Header) {
        let when = fields
            .get("when")
            .and_then(|node| self.reading.condition(node, "`when`"));
        let never = when == Some(Expression::Literal(Value::Bool(false)));
        let own_env = fields
            .get("env")
            .map(|node| self.reading.environment(node))
            .unwrap_or_default();
        self.reading.env.extend(own_env);
        if let Some(node) = fields.get("working_dir") {
            self.reading.working_dir = self.reading.folder(node);
        }
        let frozen = action.kind.read(action.node, &mut self.reading);
        let dry_run = fields.get("dry_run").and_then(|node| self.simulation(node));
        let probe = fields.get("probe").and_then(|node| self.probe(node));
        let key = fields
            .get("key")
            .and_then(|node| self.reading.template(node, "`key`", Slot::Value));
        let outputs = fields
            .get("outputs")
            .map(|node| self.reading.outputs(node, action.kind.name()))
            .unwrap_or_default();
        let typed = outputs
            .iter()
            .map(|(name, output)| (name.clone(), type_of_output(output)))
            .collect();
        self.know(
            &header.full_id,
            KnownStep {
                index: 0,
                outputs: typed,
                never,
            },
        );
        let postconditions = self.postconditions(fields);
        let undo = self.undo(fields, &mut header);
        let repeat = self.repeat(fields, header.effect);
        header.step.repeat = repeat;
        header.step.verified = !postconditions.is_empty();
        header.step.has_outputs = !outputs.is_empty();
        header.step.kind = action.kind.name();
        header.step.action = frozen.clone().unwrap_or_default();
        let duration = |compiler: &mut Self, key: &'static str| {
            fields
                .get(key)
                .and_then(|node| compiler.reading.duration(node, &format!("`{key}`")))
        };
        let timeout = duration(self, "timeout").unwrap_or(self.settings.settings.default_timeout);
        let spec = StepSpec {
            number: 0,
            tasks: std::mem::take(&mut header.tasks),
            kind: action.kind.name().to_owned(),
            action: frozen.unwrap_or_default(),
            when: when
                .filter(|when| *when != Expression::Literal(Value::Bool(true)))
                .map(|when| when.to_string()),
            repeat,
            key,
            probe,
            timeout_total: duration(self, "timeout_total"),
            retry_on: self.retry_on(fields),
            outputs,
            escalate_on: self.matchers(fields, "escalate_on", "`escalate_on`"),
            env: self.reading.env.clone(),
            working_dir: self.reading.working_dir.clone(),
            lock: fields
                .get("lock")
                .and_then(|node| self.reading.plain(node, "`lock`")),
            satisfies: header.step.satisfies.iter().map(|(id, _)| id.clone()).collect(),
            dry_run,
            step_hash: String::new(),
        };
        let change = Change {
            undo: Some(undo),
            postconditions,
            timeout: Some(timeout),
            ..self.change(&header)
        };
        self.finish(header, spec, change);
    }

    fn change(&self, header: &Header) -> Change {
        let id = ChangeId(header.full_id.clone());
        Change {
            depends_on: header.depends_on.clone(),
            preconditions: header.preconditions.clone(),
            effect: header.effect,
            estimate: header.step.estimate.map(|estimate| estimate.likely),
            handling: Some(header.handling.clone()),
            ..Change::new(id, Action::Run, STEP, &header.full_id, &header.title)
        }
    }

    fn finish(&mut self, header: Header, mut spec: StepSpec, mut change: Change) {
        if let Some(checkpoint) = spec.action.get("message").filter(|_| spec.kind == "checkpoint")
            && let Ok(message) = serde_json::from_value::<Text>(checkpoint.clone())
            && let Some(handling) = &mut change.handling
        {
            handling
                .holds
                .iter_mut()
                .for_each(|hold| hold.message = message.shown());
        }
        spec.step_hash = self.step_hash(&spec, &change);
        let ids = vec![change.change_id.clone()];
        self.ran(&header, ids);
        let mut step = header.step;
        step.spec = Some(spec);
        step.changes = vec![change];
        self.push(step);
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
        if changes.is_empty() {
            return;
        }
        if header.handling.critical {
            self.last_critical.clone_from(&changes);
        }
        self.previous = changes;
    }

    fn repeat(&mut self, fields: &Fields<'_>, effect: Effect) -> Repeat {
        let words = ["safe", "keyed", "never"];
        match fields
            .get("repeat")
            .and_then(|node| self.reading.choice(node, "`repeat`", &words))
        {
            Some("safe") => Repeat::Safe,
            Some("keyed") => Repeat::Keyed,
            Some(_) => Repeat::Never,
            None if effect == Effect::Read => Repeat::Safe,
            None => Repeat::Never,
        }
    }

    fn retry_on(&mut self, fields: &Fields<'_>) -> Vec<Matcher> {
        // The keys were checked with the attempts.
        let on = fields.get("retry").and_then(|node| match &node.body {
            Body::Mapping(entries) => entries.iter().find(|entry| entry.key == "on"),
            _ => None,
        });
        on.map(|entry| self.reading.matchers(&entry.value, "`on`"))
            .unwrap_or_default()
    }

    fn matchers(&mut self, fields: &Fields<'_>, key: &str, what: &'static str) -> Vec<Matcher> {
        fields
            .get(key)
            .map(|node| self.reading.matchers(node, what))
            .unwrap_or_default()
    }

    fn probe(&mut self, node: &Node) -> Option<ProbeSpec> {
        let check = self.reading.check_with(node, "`probe`", &["partial"])?;
        let fields = self.reading.any_fields(node, "`probe`")?;
        let partial = self.matchers(&fields, "partial", "`partial`");
        Some(ProbeSpec { check, partial })
    }

    fn simulation(&mut self, node: &Node) -> Option<Simulation> {
        let keys: Vec<&'static str> = KINDS
            .iter()
            .filter(|kind| kind.may_check())
            .map(|kind| kind.name())
            .collect();
        let fields = self.reading.fields(node, "`dry_run`", &keys)?;
        let action = self
            .reading
            .one_action(&fields, &|kind| kind.may_check() && kind.is_step())?;
        Some(Simulation {
            kind: action.kind.name().to_owned(),
            action: action.kind.read(action.node, &mut self.reading)?,
        })
    }

    fn postconditions(&mut self, fields: &Fields<'_>) -> Vec<Postcondition> {
        let items = fields
            .get("verify")
            .map_or(&[] as &[Node], |node| self.reading.list(node, "`verify`"));
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut found = Vec::new();
        for item in items {
            let Some(check) = self.reading.check(item, "an entry of `verify`") else {
                continue;
            };
            let mut name = summary(&check.kind, &check.action);
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            if *count > 1 {
                name = format!("{name} ({count})");
            }
            if let Ok(spec) = serde_json::to_value(&check) {
                found.push(Postcondition::Check { name, spec });
            }
        }
        found
    }

    fn undo(&mut self, fields: &Fields<'_>, header: &mut Header) -> Undo {
        let Some(node) = fields.get("rollback") else {
            return match header.effect {
                Effect::Read => Undo::Nothing,
                Effect::Write | Effect::Destroy => Undo::Impossible {
                    reason: "the runbook names no rollback".to_owned(),
                },
            };
        };
        if node.text() == Some("none") {
            header.step.rollback = Written::Nothing;
            return Undo::Nothing;
        }
        header.step.rollback = Written::Given;
        let spec = self
            .undo_spec(node)
            .and_then(|spec| serde_json::to_value(spec).ok());
        spec.map_or(Undo::Nothing, |spec| Undo::Run { spec })
    }

    fn undo_spec(&mut self, node: &Node) -> Option<UndoSpec> {
        let mut keys = vec!["timeout", "env", "working_dir"];
        keys.extend(
            KINDS
                .iter()
                .filter(|kind| kind.may_undo())
                .map(|kind| kind.name()),
        );
        keys.extend(NOT_YET.iter().map(|(name, _)| *name));
        let fields = self.reading.fields(node, "`rollback`", &keys)?;
        let action = self.reading.one_action(&fields, &|kind| kind.may_undo())?;
        let outer = (self.reading.env.clone(), self.reading.working_dir.clone());
        if let Some(node) = fields.get("env") {
            let own = self.reading.environment(node);
            self.reading.env.extend(own);
        }
        if let Some(node) = fields.get("working_dir") {
            self.reading.working_dir = self.reading.folder(node);
        }
        let frozen = action.kind.read(action.node, &mut self.reading);
        let timeout = fields
            .get("timeout")
            .and_then(|node| self.reading.duration(node, "`timeout`"));
        let env = std::mem::replace(&mut self.reading.env, outer.0);
        let working_dir = std::mem::replace(&mut self.reading.working_dir, outer.1);
        Some(UndoSpec {
            kind: action.kind.name().to_owned(),
            action: frozen?,
            timeout: timeout.unwrap_or(self.settings.settings.default_timeout),
            env,
            working_dir,
        })
    }
}

fn id_of(node: &Node) -> Option<&str> {
    match &node.body {
        Body::Mapping(entries) => entries
            .iter()
            .find(|entry| entry.key == "id")
            .and_then(|entry| entry.value.text()),
        _ => None,
    }
}

fn type_of_output(output: &OutputSpec) -> Typed {
    Typed {
        value_type: match output.value_type {
            ValueType::String => Type::Text,
            ValueType::Integer => Type::Integer,
            ValueType::Boolean => Type::Boolean,
            ValueType::Json => Type::Json,
        },
        secret: output.secret,
    }
}

/// `2` and `1.5` as per cent of the wait before.
fn growth_percent(node: &Node) -> Option<u32> {
    let text = match &node.body {
        Body::Scalar { text, .. } => text.trim(),
        _ => return None,
    };
    match text {
        "constant" | "fixed" => return Some(100),
        "exponential" => return Some(200),
        _ => {}
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let whole: u32 = whole.parse().ok()?;
    let fraction: u32 = format!("{fraction:0<2}").get(..2)?.parse().ok()?;
    let percent = whole.checked_mul(100)?.checked_add(fraction)?;
    (100..=1000).contains(&percent).then_some(percent)
}
