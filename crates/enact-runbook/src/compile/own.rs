//! A step of its own: one change.

use std::collections::BTreeMap;

use enact_core::change::{Action, Change, ChangeId, Effect, Postcondition, Undo};
use enact_core::diagnostic::Diagnostic;
use serde_json::Value;

use super::kubernetes::InCluster;
use super::steps::Header;
use super::{Compiler, Written};
use crate::checks::ActionNode;
use crate::expression::{Expression, Type, Typed};
use crate::kinds::{KINDS, KUBERNETES, Use, VERIFIED, check_summary};
use crate::reading::{Fields, KnownStep, Node, Slot, is_blank, value_of};
use crate::spec::{
    Matcher, OutputSpec, ProbeSpec, Repeat, STEP, Simulation, StepSpec, Text, UndoSpec, ValueType,
};

impl Compiler<'_> {
    pub(super) fn own_step(&mut self, fields: &Fields<'_>, action: &ActionNode<'_>, mut header: Header) {
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
        let makes = fields.get("makes");
        let makes = makes
            .map(|node| self.reading.makes(node, self.read))
            .unwrap_or_default();
        let (frozen, in_cluster) = self.own_action(fields, action, &mut header);
        let dry_run = fields.get("dry_run").and_then(|node| self.simulation(node));
        let probe = fields.get("probe").and_then(|node| self.probe(node));
        let key = fields
            .get("key")
            .and_then(|node| self.reading.told(node, "`key`", Slot::Key));
        let outputs = self.own_outputs(fields, action, frozen.as_ref(), &header.full_id, never);
        let postconditions = self.postconditions(fields);
        let undo = self.own_undo(fields, &mut header, in_cluster.as_ref());
        let repeatable = in_cluster.as_ref().is_some_and(InCluster::repeatable);
        let repeat = self.repeat(fields, header.effect, repeatable);
        header.step.repeat = repeat;
        header.step.verified = !postconditions.is_empty();
        header.step.has_outputs = !outputs.is_empty();
        header.step.kind = action.kind.name();
        header.step.action = frozen.clone().unwrap_or_default();
        self.refuse_times(fields, action);
        let duration = |compiler: &mut Self, key: &'static str| {
            fields
                .get(key)
                .and_then(|node| compiler.reading.time(node, &format!("`{key}`")))
        };
        let usual = in_cluster.as_ref().map(InCluster::timeout);
        let usual = usual.unwrap_or(self.settings.settings.default_timeout);
        let timeout = duration(self, "timeout").unwrap_or(usual);
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
            makes,
            lock: self.lock(fields, action),
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

    /// What is timed, and read for a result, is something that runs: not whoever is asked or at work.
    fn refuse_times(&mut self, fields: &Fields<'_>, action: &ActionNode<'_>) {
        let kind = action.kind.name();
        let timed = ["timeout", "timeout_total", "escalate_on"];
        for key in timed
            .into_iter()
            .filter(|_| matches!(kind, "checkpoint" | "manual"))
        {
            if fields.get(key).is_some() {
                let fault = format!(
                    "`{key}` has no meaning on a step of kind `{kind}`: somebody is waited for, for as long as it takes"
                );
                let hint = "remove it; `approvals.window` and `downtime` say until when a run may go on";
                self.reading
                    .fault(fields.key_span(key), Diagnostic::error(fault).hint(hint));
            }
        }
    }

    /// A lock is held while something acts: not for as long as somebody is asked or at work.
    fn lock(&mut self, fields: &Fields<'_>, action: &ActionNode<'_>) -> Option<String> {
        let node = fields.get("lock")?;
        if matches!(action.kind.name(), "checkpoint" | "manual") {
            let fault = Diagnostic::error(format!(
                "a step of kind `{}` holds no lock: nothing runs while somebody is waited for",
                action.kind.name()
            ));
            let hint = "give it to the steps around that act";
            self.reading.fault(fields.key_span("lock"), fault.hint(hint));
        }
        let name = self.reading.exact(node, "`lock`")?;
        if is_blank(&name) {
            self.reading.says_nothing(node, "`lock`");
        }
        Some(name)
    }

    /// The frozen action; of one on a cluster also what was found out about it.
    fn own_action(
        &mut self,
        fields: &Fields<'_>,
        action: &ActionNode<'_>,
        header: &mut Header,
    ) -> (Option<Value>, Option<InCluster>) {
        self.reading.written.clear();
        let frozen = self.reading.read_as(action, Use::Step);
        // What may be left out, or fail while the run goes on, makes nothing for certain.
        if fields.get("when").is_none() && header.step.critical && !header.step.continues {
            self.reading.made_by(frozen.as_ref(), self.read);
        }
        if action.kind.name() != KUBERNETES {
            return (frozen, None);
        }
        let found = self.in_cluster(action, &header.full_id, frozen.as_ref(), false);
        if let Some(found) = &found {
            self.reach(fields, header, found);
        }
        (found.as_ref().and_then(InCluster::frozen), found)
    }

    /// What it produces, known to the steps after it.
    fn own_outputs(
        &mut self,
        fields: &Fields<'_>,
        action: &ActionNode<'_>,
        frozen: Option<&Value>,
        full_id: &str,
        never: bool,
    ) -> BTreeMap<String, OutputSpec> {
        let stated = frozen.and_then(|action| action.get("attest")?.as_array());
        let stated: Vec<&str> = stated.into_iter().flatten().filter_map(Value::as_str).collect();
        let outputs = fields
            .get("outputs")
            .map(|node| self.reading.outputs(node, action.kind.name(), &stated))
            .unwrap_or_default();
        let typed = outputs.iter();
        let typed = typed.map(|(name, output)| (name.clone(), type_of_output(output)));
        let known = KnownStep {
            index: 0,
            outputs: typed.collect(),
            never,
            stands_for_others: false,
        };
        self.know(full_id, known);
        outputs
    }

    /// How it is taken back: as its author says, else as its action on a cluster does.
    fn own_undo(&mut self, fields: &Fields<'_>, header: &mut Header, in_cluster: Option<&InCluster>) -> Undo {
        match in_cluster {
            Some(found) if fields.get("rollback").is_none() && header.effect != Effect::Read => {
                self.own_way_back(header, found)
            }
            _ => self.undo(fields, header),
        }
    }

    /// What verifies changes of another domain when they are made: a change that does nothing and has the step's checks. It also
    /// stands for a step that has nothing to change today, so that its place in the plan and all that is wanted there are the same
    /// whatever the other domain looks like.
    pub(super) fn verified(
        &mut self,
        fields: &Fields<'_>,
        header: &Header,
        changes: &[Change],
        unchanged: &[Change],
    ) -> Option<(Change, StepSpec)> {
        let env = fields.get("env").map(|node| self.reading.environment(node));
        self.reading.env.extend(env.unwrap_or_default());
        if let Some(node) = fields.get("working_dir") {
            self.reading.working_dir = self.reading.folder(node);
        }
        let postconditions = self.postconditions(fields);
        let stands_alone = changes.is_empty();
        if postconditions.is_empty() && !stands_alone {
            return None;
        }
        let mut depends_on: Vec<ChangeId> = changes.iter().map(|change| change.change_id.clone()).collect();
        let mut preconditions = Vec::new();
        if stands_alone {
            depends_on.clone_from(&header.depends_on);
            preconditions.clone_from(&header.preconditions);
        }
        let id = ChangeId(format!("{}/{VERIFIED}", header.full_id));
        let name = id.0.clone();
        let change = Change {
            depends_on,
            preconditions,
            postconditions,
            effect: Effect::Read,
            undo: Some(Undo::Nothing),
            timeout: Some(self.settings.settings.default_timeout),
            handling: Some(header.handling.clone()),
            ..Change::new(id, Action::Run, STEP, &name, &header.title)
        };
        let mut spec = StepSpec {
            number: 0,
            tasks: Vec::new(),
            kind: VERIFIED.to_owned(),
            action: crate::kinds::verifying(stands_alone.then_some(unchanged)),
            when: None,
            repeat: Repeat::Safe,
            key: None,
            probe: None,
            timeout_total: None,
            retry_on: Vec::new(),
            outputs: BTreeMap::new(),
            escalate_on: Vec::new(),
            env: self.reading.env.clone(),
            working_dir: self.reading.working_dir.clone(),
            makes: Vec::new(),
            lock: None,
            satisfies: Vec::new(),
            dry_run: None,
            step_hash: String::new(),
        };
        spec.step_hash = self.step_hash(&mut spec, &change);
        Some((change, spec))
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
        spec.step_hash = self.step_hash(&mut spec, &change);
        let ids = vec![change.change_id.clone()];
        self.ran(&header, ids);
        let mut step = header.step;
        step.spec = Some(spec);
        step.changes = vec![change];
        self.push(step);
    }

    /// What may happen to the step when its outcome is not known; what reads, or is made to be repeated, is repeated.
    fn repeat(&mut self, fields: &Fields<'_>, effect: Effect, repeatable: bool) -> Repeat {
        let words = ["safe", "keyed", "never"];
        match fields
            .get("repeat")
            .and_then(|node| self.reading.choice(node, "`repeat`", &words))
        {
            Some("safe") => Repeat::Safe,
            Some("keyed") => Repeat::Keyed,
            Some(_) => Repeat::Never,
            None if effect == Effect::Read || repeatable => Repeat::Safe,
            None => Repeat::Never,
        }
    }

    fn retry_on(&mut self, fields: &Fields<'_>) -> Vec<Matcher> {
        // The keys were checked with the attempts.
        let on = fields.get("retry").and_then(|node| value_of(node, "on"));
        on.map(|node| self.reading.matchers(node, "`on`"))
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
        if check.for_each.is_some() {
            // Where it holds for some of them the step is neither done nor not done.
            let fault = Diagnostic::error("a `probe` has no `for_each`: it answers for the step as a whole");
            let hint = "let one command look at all of them, and say by `partial` what means some of them";
            self.reading.fault(fields.key_span("for_each"), fault.hint(hint));
            return None;
        }
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
            action: self.reading.read_as(&action, Use::Check)?,
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
            let mut name = check_summary(&check);
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
            .undo_spec(node, &header.full_id)
            .and_then(|spec| serde_json::to_value(spec).ok());
        spec.map_or(Undo::Nothing, |spec| Undo::Run { spec })
    }

    fn undo_spec(&mut self, node: &Node, step_id: &str) -> Option<UndoSpec> {
        let mut keys = vec!["timeout", "env", "working_dir"];
        keys.extend(
            KINDS
                .iter()
                .filter(|kind| kind.may_undo())
                .map(|kind| kind.name()),
        );
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
        let mut frozen = self.reading.read_as(&action, Use::Undo);
        let mut usual = self.settings.settings.default_timeout;
        if action.kind.name() == KUBERNETES {
            let found = self.in_cluster(&action, step_id, frozen.as_ref(), true);
            usual = found.as_ref().map_or(usual, InCluster::timeout);
            frozen = found.and_then(|found| found.frozen());
        }
        let timeout = fields
            .get("timeout")
            .and_then(|node| self.reading.time(node, "`timeout`"));
        let env = std::mem::replace(&mut self.reading.env, outer.0);
        let working_dir = std::mem::replace(&mut self.reading.working_dir, outer.1);
        Some(UndoSpec {
            kind: action.kind.name().to_owned(),
            action: frozen?,
            timeout: timeout.unwrap_or(usual),
            env,
            working_dir,
        })
    }
}

/// What an expression takes an output for.
pub(crate) fn type_of_output(output: &OutputSpec) -> Typed {
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
