//! What the keys of a step say besides its action: when it runs, how it is treated, what it needs.

use std::collections::BTreeSet;

use enact_core::change::{ChangeId, Effect, Milliseconds, Precondition};
use enact_core::diagnostic::Diagnostic;
use enact_core::procedure::{Attempts, Handling, Hold, Moment, OnFailure};
use enact_core::yaml::{shown, suggest};
use serde_json::{Value, json};

use super::steps::Header;
use super::{AssumptionHead, Compiler, FrozenStep, Written};
use crate::reading::{Fields, Node, as_written, value_of};
use crate::spec::Repeat;

impl Compiler<'_> {
    pub(super) fn header(
        &mut self,
        fields: &Fields<'_>,
        id: String,
        default_effect: Effect,
        heads: &[AssumptionHead<'_>],
        top_level: bool,
        always: bool,
    ) -> Header {
        let reading = &mut self.reading;
        let title = reading.title(fields);
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
            depends_on: self.depends_on(fields, &id, always),
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
        // Named twice is named once.
        let mut seen = BTreeSet::new();
        named.filter(|(id, _)| seen.insert(id.clone())).collect()
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
        if !critical && on_failure == OnFailure::Rollback {
            let fault = Diagnostic::error(
                "a step that is not critical stops nothing when it fails, so nothing is taken back because of it",
            );
            let hint = "leave out `critical: false`, or `on_failure: rollback`";
            reading.fault(fields.key_span("on_failure"), fault.hint(hint));
        }
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
        let inner = checkpoint.and_then(|node| value_of(node, "approvers"));
        let quorum = match inner {
            Some(node) => reading.quorum(node),
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
        if let (Some(delay), Some(longest)) = (delay, longest)
            && longest < delay
        {
            let fault = Diagnostic::error("`max_delay` is shorter than `delay`")
                .hint("no wait is shorter than `delay`, nor longer than `max_delay`");
            reading.fault(retry.key_span("max_delay"), fault);
        }
        let delay = delay.unwrap_or(Milliseconds(1_000).min(longest.unwrap_or(Milliseconds(1_000))));
        (attempts > 1).then_some(Attempts {
            attempts,
            delay,
            growth_percent: growth.unwrap_or(200),
            longest: longest.unwrap_or(Milliseconds(60_000)).max(delay),
        })
    }

    fn depends_on(&mut self, fields: &Fields<'_>, own_id: &str, always: bool) -> Vec<ChangeId> {
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
                    let (fault, rule) = self.not_behind(&id, own_id);
                    self.reading.finding(rule, item.span, fault);
                }
            }
        }
        if !always {
            // The failure of what is not critical stops nothing that does not name it.
            if self.settings.settings.stop_on_error || own.is_none() {
                needed.extend(self.last_critical.iter().cloned());
            }
        }
        needed.into_iter().collect()
    }

    fn not_behind(&self, id: &str, own_id: &str) -> (Diagnostic, &'static str) {
        let ids = &self.reading.scope.ids;
        if id == own_id {
            let fault = Diagnostic::error(format!("step `{id}` cannot need itself"));
            return (fault.hint("remove it from `needs`"), "E_FORWARD_REF");
        }
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
                let hint = if heads.is_empty() {
                    "declare it under `assumptions`".to_owned()
                } else {
                    suggest::hint(&name, heads.iter().map(|head| head.id.as_str()))
                };
                self.reading.fault(item.span, fault.hint(hint));
            }
        }
        let before = heads
            .iter()
            .filter(|head| head.before.iter().any(|step| step == id));
        names.extend(before.map(|head| head.id.clone()));
        let prefix = &self.reading.scope.prefix;
        let full = names.into_iter().map(|name| format!("{prefix}{name}"));
        full.map(|name| assumed(&name)).collect()
    }
}

/// An assumption that is looked at right before a change.
pub(super) fn assumed(name: &str) -> Precondition {
    Precondition::Check {
        spec: json!({"assumption": name}),
        name: name.to_owned(),
    }
}

/// `2` and `1.5` as per cent of the wait before.
fn growth_percent(node: &Node) -> Option<u32> {
    let text = as_written(node)?.trim();
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
