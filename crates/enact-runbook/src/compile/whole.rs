//! What a runbook says about the whole: assumptions, acceptance, verification, and the frozen document.

use std::collections::BTreeMap;

use enact_core::change::{ChangeId, Milliseconds};
use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::{shown, suggest};
use serde_json::Value;

use super::{AssumptionHead, Compiler};
use crate::choices::DOWNTIME;
use crate::document::CommandSetting;
use crate::kinds::Exec;
use crate::reading::{Fields, Node};
use crate::spec::document::FORMAT;
use crate::spec::{
    Assumption, CheckSpec, Criterion, Document, Downtime, Estimate, Expect, PinnedFile, Requirement, Text,
    Verification,
};

/// How long tests, lint and type checks may take.
const VERIFICATION_TIMEOUT: Milliseconds = Milliseconds(1_800_000);

impl Compiler<'_> {
    pub(super) fn assumption_heads<'n>(&mut self, fields: &Fields<'n>) -> Vec<AssumptionHead<'n>> {
        let items = fields
            .get("assumptions")
            .map_or(&[] as &[Node], |node| self.reading.list(node, "`assumptions`"));
        items
            .iter()
            .filter_map(|item| self.assumption_head(item))
            .collect()
    }

    fn assumption_head<'n>(&mut self, node: &'n Node) -> Option<AssumptionHead<'n>> {
        let keys = ["id", "text", "check", "at", "broken_when", "freshness"];
        let fields = self.reading.fields(node, "an assumption", &keys)?;
        let block = format!("assumptions.{}", self.reading.scope.prefix);
        let id = self
            .reading
            .entry_id(&fields, block.trim_end_matches('.'), &mut self.map);
        let text = self
            .reading
            .require(&fields, "text")
            .and_then(|node| self.reading.prose(node, "`text`"));
        // A decision names what it is about, and must not be about both.
        if id.as_deref() == Some(DOWNTIME) {
            let fault = Diagnostic::error(format!("no assumption is called `{DOWNTIME}`"))
                .detail(
                    "decisions call the limit of the downtime so, and accepting one would accept the other",
                )
                .hint("give it another id");
            self.reading.fault(fields.key_span("id"), fault);
        }
        let mut head = AssumptionHead {
            id: id?,
            text: text?,
            at_approve: false,
            at_start: fields.get("at").is_none(),
            before: Vec::new(),
            node,
        };
        let at = fields
            .get("at")
            .map_or(Vec::new(), |node| self.reading.plain_list(node, "`at`"));
        if at.is_empty() && fields.get("at").is_some() {
            let fault = Diagnostic::error("`at` names no moment, so that it would never be looked at");
            let hint = "write `approve`, `start` or `before:STEP`, or leave `at` away";
            self.reading.fault(fields.key_span("at"), fault.hint(hint));
        }
        for moment in at {
            match moment.strip_prefix("before:") {
                Some(step) => head.before.push(step.to_owned()),
                None if moment == "approve" => head.at_approve = true,
                None if moment == "start" => head.at_start = true,
                None => {
                    let fault = Diagnostic::error(format!("`at`: {} is not possible here", shown(&moment)));
                    let hint = "write `approve`, `start` or `before:STEP`";
                    self.reading.fault(fields.key_span("at"), fault.hint(hint));
                }
            }
        }
        Some(head)
    }

    /// Reads the checks, when it is known what each may see.
    pub(super) fn freeze_assumptions(&mut self, heads: Vec<AssumptionHead<'_>>) {
        let outer_limit = self.reading.scope.limit;
        for head in heads {
            let Some(fields) = self.reading.any_fields(head.node, "an assumption") else {
                continue;
            };
            let prefix = self.reading.scope.prefix.clone();
            let mut limit = if head.at_approve || head.at_start {
                0
            } else {
                usize::MAX
            };
            for step in &head.before {
                match self.reading.scope.steps.get(&format!("{prefix}{step}")) {
                    Some(known) => {
                        limit = limit.min(known.index);
                        self.assume_inside(&format!("{prefix}{step}"), step, &format!("{prefix}{}", head.id));
                    }
                    None => self.no_step(step, fields.key_span("at")),
                }
            }
            self.reading.scope.limit = Some(limit);
            self.reading.step = None;
            self.reading.env.clone_from(&self.outer_env);
            self.reading.working_dir.clone_from(&self.settings.working_dir);
            let check = fields
                .get("check")
                .and_then(|node| self.reading.check(node, "`check`"));
            let broken = fields.get("broken_when");
            let broken = broken
                .map(|node| self.reading.matchers(node, "`broken_when`"))
                .unwrap_or_default();
            let freshness = fields
                .get("freshness")
                .and_then(|node| self.reading.duration(node, "`freshness`"));
            self.assumptions.push(Assumption {
                id: format!("{prefix}{}", head.id),
                text: head.text,
                check,
                at_approve: head.at_approve,
                at_start: head.at_start,
                broken_when: broken,
                freshness,
            });
        }
        self.reading.scope.limit = outer_limit;
    }

    /// A limit of the downtime is judged by when that is, which somebody has to say.
    fn limits_of_no_downtime(&mut self, requirements: &[Requirement], is_known: bool) {
        let is_about_it = |found: &&Requirement| found.metric.as_deref() == Some("downtime") && !is_known;
        for requirement in requirements.iter().filter(is_about_it) {
            let id = &requirement.id;
            let fault =
                format!("nothing says when the downtime is, so the limit of `{id}` could not be judged");
            let hint = "say it: `downtime: { from: STEP, to: STEP }`";
            if let Some(place) = self.map.get(&format!("requirements.{id}")).cloned() {
                self.reading.fault_at(place, Diagnostic::error(fault).hint(hint));
            }
        }
    }

    /// An assumption before a step of an included plan, which did not know of it when it was read.
    fn assume_inside(&mut self, full_id: &str, step: &str, assumption: &str) {
        let first = self
            .changes
            .get(full_id)
            .and_then(|changes| changes.first())
            .cloned();
        let Some(first) = first.filter(|_| step.contains('.')) else {
            return;
        };
        let steps = self.steps.iter_mut().chain(&mut self.finally);
        let mut changes = steps.flat_map(|step| &mut step.changes);
        let precondition = crate::compile::header::assumed(assumption);
        if let Some(change) = changes.find(|change| change.change_id == first)
            && !change.preconditions.contains(&precondition)
        {
            change.preconditions.push(precondition);
        }
    }

    fn no_step(&mut self, id: &str, span: enact_core::yaml::Span) {
        let fault = Diagnostic::error(format!("there is no step {}", shown(id)));
        let ids = self.reading.scope.ids.iter().map(String::as_str);
        let fault = match suggest::nearest(id, ids) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault,
        };
        self.reading.fault(span, fault);
    }

    pub(super) fn whole(&mut self, fields: &Fields<'_>, name: String) -> Document {
        self.reading.step = None;
        self.reading.env.clear();
        self.reading.working_dir.clone_from(&self.settings.working_dir);
        let reading = &mut self.reading;
        let title = reading.title(fields);
        let description = fields
            .get("description")
            .and_then(|node| reading.prose(node, "`description`"));
        let labels = reading.labels(fields);
        let risk = reading.risk(fields);
        let requirements = reading.requirements(fields, &mut self.map);
        let mut questions = reading.questions(fields, &self.options.author.id, &mut self.map);
        questions.append(&mut self.questions);
        let approvals = reading.approvals(fields);
        let estimate = fields
            .get("estimate")
            .map(|node| (reading.estimate(node), node.span));
        let revises = fields
            .get("revises")
            .and_then(|node| reading.plain(node, "`revises`"));
        if revises.is_some() {
            let place = reading.place(fields.key_span("revises"));
            self.map.insert("revises".to_owned(), place);
        }
        let acceptance = self.acceptance(fields);
        let verification = self.verification(fields);
        let downtime_estimate = self.reading.estimated_downtime(fields);
        let downtime = match downtime_estimate {
            Some(_) => None,
            None => self.downtime(fields),
        };
        self.limits_of_no_downtime(&requirements, downtime.is_some());
        let rollback = self.rollback(fields);
        self.check_satisfies(
            &requirements
                .iter()
                .map(|found| found.id.as_str())
                .collect::<Vec<_>>(),
        );
        let mut finally = std::mem::take(&mut self.finally);
        self.steps.append(&mut finally);
        let files = self.reading.pins.iter().map(|(path, digest)| PinnedFile {
            path: path.clone(),
            digest: digest.clone(),
        });
        Document {
            format: FORMAT.to_owned(),
            name,
            title: title.unwrap_or_default(),
            description: description.unwrap_or_default(),
            labels,
            risk,
            settings: self.settings.settings.clone(),
            parameters: std::mem::take(&mut self.parameters),
            requirements,
            questions,
            assumptions: std::mem::take(&mut self.assumptions),
            downtime,
            downtime_estimate,
            rollback,
            acceptance,
            verification,
            approvals,
            files: files.collect(),
            env: self.settings.env.clone(),
            environment_allowed: self.options.environment_allowed.clone(),
            estimate: self.total(estimate),
            exec_hash: String::new(),
            konnect_target: self.konnect_target.take(),
            groups: std::mem::take(&mut self.groups),
            revises,
        }
    }

    /// The sum of the steps' estimates; what the author says counts only when the steps have none.
    fn total(&mut self, own: Option<(Option<Estimate>, enact_core::yaml::Span)>) -> Option<Estimate> {
        let mut total: Option<Estimate> = None;
        for estimate in self.steps.iter().filter_map(|step| step.estimate) {
            let sum = total.get_or_insert(Estimate {
                low: Milliseconds(0),
                likely: Milliseconds(0),
                high: Milliseconds(0),
            });
            let add = |into: &mut Milliseconds, more: Milliseconds| into.0 = into.0.saturating_add(more.0);
            add(&mut sum.low, estimate.low);
            add(&mut sum.likely, estimate.likely);
            add(&mut sum.high, estimate.high);
        }
        if let (Some(_), Some((_, span))) = (total, own) {
            let fault = Diagnostic::error("`estimate` of the whole is the sum of the steps' estimates");
            self.reading
                .fault(span, fault.hint("remove it, or the estimates of the steps"));
        }
        total.or_else(|| own.and_then(|(estimate, _)| estimate))
    }

    fn acceptance(&mut self, fields: &Fields<'_>) -> Vec<Criterion> {
        let items = fields
            .get("acceptance")
            .map_or(&[] as &[Node], |node| self.reading.list(node, "`acceptance`"));
        items.iter().filter_map(|item| self.criterion(item)).collect()
    }

    fn criterion(&mut self, node: &Node) -> Option<Criterion> {
        let keys = ["id", "text", "satisfies", "check", "manual", "attest_by"];
        let fields = self.reading.fields(node, "a criterion", &keys)?;
        let id = self.reading.entry_id(&fields, "acceptance", &mut self.map);
        let reading = &mut self.reading;
        let text = reading
            .require(&fields, "text")
            .and_then(|node| reading.prose(node, "`text`"));
        let satisfies = fields
            .get("satisfies")
            .map(|node| reading.plain_list(node, "`satisfies`"));
        let check = fields
            .get("check")
            .and_then(|node| reading.check(node, "`check`"));
        let manual = fields
            .get("manual")
            .and_then(|node| reading.boolean(node, "`manual`"))
            .unwrap_or(false);
        let attest_by = fields
            .get("attest_by")
            .and_then(|node| reading.exact(node, "`attest_by`"));
        if manual && fields.get("check").is_some() {
            let fault = Diagnostic::error("a criterion is checked or attested by a person, not both");
            reading.fault(fields.key_span("manual"), fault);
        }
        Some(Criterion {
            id: id?,
            text: text?,
            satisfies: once(satisfies.unwrap_or_default()),
            check,
            manual,
            attest_by,
        })
    }

    fn verification(&mut self, fields: &Fields<'_>) -> Vec<Verification> {
        let keys = ["run_tests", "run_lint", "run_typecheck"];
        let block = fields
            .get("verification")
            .and_then(|node| self.reading.fields(node, "`verification`", &keys));
        let mut found = Vec::new();
        self.reading.check_timeout = Some(self.settings.settings.default_timeout);
        // In the order in which they run: the quick ones first.
        for (index, name) in [(2, "typecheck"), (1, "lint"), (0, "tests")] {
            let key = keys.get(index).copied().unwrap_or_default();
            let node = block.as_ref().and_then(|block| block.get(key));
            let setting = self.settings.commands.get(index).cloned();
            let mut verification = self.verify_with(name, node, setting);
            let by_plan = node.is_some() || self.settings.declined.get(index) == Some(&true);
            verification.declined_by_settings = !verification.wanted && !by_plan;
            found.push(verification);
        }
        self.reading.check_timeout = None;
        found
    }

    fn verify_with(
        &mut self,
        name: &str,
        node: Option<&Node>,
        setting: Option<CommandSetting>,
    ) -> Verification {
        let known = match &setting {
            Some(CommandSetting::Command(argv)) => Some(command(argv)),
            Some(CommandSetting::Wanted(_)) | None => None,
        };
        let by_default = !matches!(setting, Some(CommandSetting::Wanted(false)));
        let (wanted, check) = match node {
            None => (by_default, known),
            Some(node) => match node.scalar() {
                Some(Value::Bool(wanted)) => (wanted, known),
                _ => (true, self.reading.check(node, "an entry of `verification`")),
            },
        };
        Verification {
            name: name.to_owned(),
            check: check.filter(|_| wanted),
            wanted,
            declined_by_settings: false,
        }
    }

    fn downtime(&mut self, fields: &Fields<'_>) -> Option<Downtime> {
        let (mut downtime, named) = self.reading.downtime(fields)?;
        let indices: Vec<Option<usize>> = named
            .iter()
            .map(|(id, span)| {
                let found = self.reading.scope.steps.get(id).map(|step| step.index);
                if found.is_none() {
                    self.no_step(id, *span);
                }
                found
            })
            .collect();
        if let ([Some(from), Some(to)], [_, (_, span)]) = (indices.as_slice(), &named)
            && from > to
        {
            self.reading
                .fault(*span, Diagnostic::error("the downtime ends before it begins"));
        }
        // The clock of a step that stands for several starts with its first change and stops with its last.
        let change = |id: &ChangeId, last: bool| {
            let changes = self.changes.get(id.as_str())?;
            if last { changes.last() } else { changes.first() }.cloned()
        };
        downtime.from = change(&downtime.from, false).unwrap_or(downtime.from);
        downtime.to = change(&downtime.to, true).unwrap_or(downtime.to);
        Some(downtime)
    }

    fn rollback(&mut self, fields: &Fields<'_>) -> enact_core::procedure::RollbackRule {
        let (mut rule, point) = self.reading.rollback_rule(fields);
        if let Some((id, span)) = point {
            match self.changes.get(&id).and_then(|changes| changes.first()) {
                Some(change) => rule.point_of_no_return = Some(change.clone()),
                None => self.no_step(&id, span),
            }
        }
        rule
    }

    fn check_satisfies(&mut self, requirements: &[&str]) {
        let known: std::collections::HashSet<&str> = requirements.iter().copied().collect();
        let steps = self.steps.iter().chain(&self.finally);
        let unknown: Vec<_> = steps
            .filter(|step| !step.id.contains('.'))
            .flat_map(|step| step.satisfies.iter())
            .filter(|(id, _)| !known.contains(id.as_str()))
            .cloned()
            .collect();
        for (id, span) in unknown {
            let fault = Diagnostic::error(format!("there is no requirement {}", shown(&id)));
            let hint = if requirements.is_empty() {
                "declare it under `requirements`".to_owned()
            } else {
                suggest::hint(&id, requirements.iter().copied())
            };
            self.reading.fault(span, fault.hint(hint));
        }
    }
}

/// Each name once, where it is named first.
fn once(names: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    names
        .into_iter()
        .filter(|name| seen.insert(name.clone()))
        .collect()
}

fn command(argv: &[String]) -> CheckSpec {
    let exec = Exec {
        argv: argv.iter().map(Text::literal).collect(),
    };
    CheckSpec {
        for_each: None,
        kind: "exec".to_owned(),
        action: serde_json::to_value(exec).unwrap_or_default(),
        expect: Expect::default(),
        timeout: VERIFICATION_TIMEOUT,
        attempts: 1,
        delay: Milliseconds(0),
        env: BTreeMap::new(),
        working_dir: None,
    }
}
