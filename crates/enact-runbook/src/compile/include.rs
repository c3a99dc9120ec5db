//! `plan` steps: the steps of another runbook take the place of the step.

use std::collections::BTreeMap;

use enact_core::diagnostic::Diagnostic;
use enact_core::procedure::Moment;
use enact_core::yaml::{Body, Span};
use serde_json::Value;

use super::steps::Header;
use super::{Compiler, FrozenStep, MAX_BYTES, parse};
use crate::checks::ActionNode;
use crate::document::{Effective, Given};
use crate::expression::{Expression, Name, Piece, Type, Typed};
use crate::files::FileFault;
use crate::lint::{INCLUDED, TOO_MANY_STEPS, too_many_steps};
use crate::reading::{Binding, Fields, KnownStep, Node, Scope, Slot, as_given, as_written, value_of};
use crate::spec::{Group, Text};

/// How deep plans include plans.
const DEPTH: usize = 8;

impl Compiler<'_> {
    pub(super) fn include(&mut self, action: &ActionNode<'_>, header: Header, top_level: bool) {
        let frozen = action.kind.read(action.node, &mut self.reading);
        let Some(file) = frozen
            .as_ref()
            .and_then(|frozen| frozen.get("file"))
            .and_then(Value::as_str)
        else {
            self.know(&header.full_id, KnownStep::of_others());
            return;
        };
        let given = self.bound(action.node);
        let Some((source, root)) = self.included(file, action) else {
            self.know(&header.full_id, KnownStep::of_others());
            return;
        };
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let always = header.step.always;
        let first = self.all(always).len();
        // The inside has names, settings and a folder of its own.
        let inner = Scope {
            prefix: format!("{}.", header.full_id),
            included_at: Some(self.reading.place(action.span)),
            steps: std::mem::take(&mut self.reading.scope.steps),
            ..Scope::default()
        };
        let outer_scope = std::mem::replace(&mut self.reading.scope, inner);
        let outer_file = std::mem::replace(&mut self.reading.file, source);
        let outer_base = std::mem::replace(&mut self.reading.base, folder.clone());
        let outer_settings = self.settings.clone();
        let outer_env = self.outer_env.clone();
        let outer_shell = self.reading.shell.clone();
        // What is made outside is not known inside, where the plan is good by itself or not at all.
        let outer_made = std::mem::take(&mut self.reading.made);
        self.includes.push(file.to_owned());
        self.inner_settings(&folder);
        self.inside(&root, given, &header.step);
        self.includes.pop();
        let inner_made = std::mem::replace(&mut self.reading.made, outer_made);
        self.reading.made.extend(inner_made);
        let inner = std::mem::replace(&mut self.reading.scope, outer_scope);
        self.reading.scope.steps = inner.steps;
        self.reading.file = outer_file;
        self.reading.base = outer_base;
        self.reading.shell = outer_shell;
        self.settings = outer_settings;
        self.outer_env = outer_env;
        self.put_around(&header, first, top_level);
        self.know(&header.full_id, KnownStep::of_others());
    }

    fn inner_settings(&mut self, folder: &str) {
        let inherited = Effective::new(&self.options.settings);
        self.settings = Effective {
            working_dir: (!folder.is_empty()).then(|| folder.to_owned()),
            settings: crate::spec::Settings {
                stop_on_error: self.settings.settings.stop_on_error,
                checkpoint_between_steps: self.settings.settings.checkpoint_between_steps,
                ..inherited.settings
            },
            ..inherited
        };
    }

    /// The steps of the run, or those that run in any case.
    fn all(&mut self, always: bool) -> &mut Vec<FrozenStep> {
        if always {
            &mut self.finally
        } else {
            &mut self.steps
        }
    }

    fn inside(&mut self, root: &Node, given: BTreeMap<String, Given>, step: &FrozenStep) {
        let Some(fields) = self.reading.document(root) else {
            return;
        };
        self.reading.scope.plan_name = self.reading.document_name(&fields).unwrap_or_default();
        let between = self.settings.settings.checkpoint_between_steps;
        if let Some(node) = fields.get("settings") {
            self.reading.settings(node, &mut self.settings);
        }
        // A checkpoint that the including plan asks for cannot be switched off from inside.
        self.settings.settings.checkpoint_between_steps |= between;
        self.reading.shell.clone_from(&self.settings.shell);
        self.inside_limits(&fields, step);
        self.not_for_an_included_plan(&fields);
        let prefix = self.reading.scope.prefix.clone();
        self.reading.pin_files(&fields);
        let parameters = self.reading.parameters(&fields, given, &prefix);
        self.parameters.extend(parameters);
        if let Some(settings) = fields
            .get("settings")
            .and_then(|node| self.reading.any_fields(node, "`settings`"))
            && let Some(env) = settings.get("env")
        {
            let env = self.reading.environment(env);
            self.outer_env.extend(env);
        }
        self.body(&fields, false, step.always);
    }

    /// What an included plan says of itself that keeps it from running, or from running anew: it is part of another run here.
    fn not_for_an_included_plan(&mut self, fields: &Fields<'_>) {
        if fields.get("revises").is_some() {
            let fault = Diagnostic::error("an included plan revises nothing: `revises` has no meaning here")
                .hint("remove it, or write it into the runbook that includes this one");
            self.reading.fault(fields.key_span("revises"), fault);
        }
        if !self.settings.enabled {
            let (span, fault) = crate::document::switched_off(fields, true);
            self.reading.fault(span, fault);
        }
    }

    /// What holds up the included plan holds up whatever includes it; what it says of itself and nobody looks at is named.
    fn inside_limits(&mut self, fields: &Fields<'_>, step: &FrozenStep) {
        let author = &self.options.author.id;
        let questions = self.reading.questions(fields, author, &mut self.map);
        self.questions.extend(questions);
        let most = self.settings.settings.max_plan_steps as usize;
        let steps = match fields.get("steps").map(|node| &node.body) {
            Some(Body::Sequence(steps)) => steps.len(),
            Some(_) | None => 0,
        };
        if let Some(fault) = too_many_steps(steps, most) {
            self.reading
                .finding(TOO_MANY_STEPS, fields.key_span("steps"), fault);
        }
        let lost = ["downtime", "risk"]
            .into_iter()
            .filter(|key| fields.get(key).is_some());
        for key in lost {
            let note = Diagnostic::warning(format!("`{key}` of an included plan is not taken along"))
                .hint(format!("say it in the runbook that includes it: `{key}: …`"));
            if !self.allowed.contains(INCLUDED) && !step.allowed.contains(INCLUDED) {
                self.reading.finding(INCLUDED, fields.key_span(key), note);
            }
        }
    }

    /// Holds, dependencies and assumptions of the including step go to the first and last of its steps.
    fn put_around(&mut self, header: &Header, first: usize, top_level: bool) {
        let steps = self.all(header.step.always).get_mut(first..).unwrap_or_default();
        let mut ids = Vec::new();
        let last = steps.len().saturating_sub(1);
        for (index, step) in steps.iter_mut().enumerate() {
            step.satisfies.extend(header.step.satisfies.iter().cloned());
            step.top_level = top_level && index == 0;
            ids.extend(step.changes.iter().map(|change| change.change_id.clone()));
            for change in &mut step.changes {
                let Some(handling) = &mut change.handling else {
                    continue;
                };
                for hold in &header.handling.holds {
                    let here = if hold.at == Moment::Before {
                        index == 0
                    } else {
                        index == last
                    };
                    if here && !handling.holds.contains(hold) {
                        handling.holds.push(hold.clone());
                    }
                }
                if index == 0 {
                    change.preconditions.extend(header.preconditions.iter().cloned());
                    for needed in &header.depends_on {
                        if !change.depends_on.contains(needed) {
                            change.depends_on.push(needed.clone());
                        }
                    }
                    change.depends_on.sort();
                }
            }
        }
        self.groups.push(Group {
            step: header.full_id.clone(),
            number: 0,
            title: header.title.clone(),
            tasks: header.tasks.clone(),
            changes: ids.clone(),
            observed: None,
        });
        self.changes.insert(header.full_id.clone(), ids);
    }

    fn included(
        &mut self,
        file: &str,
        action: &ActionNode<'_>,
    ) -> Option<(std::rc::Rc<crate::reading::SourceFile>, Node)> {
        let fault = if self.includes.iter().any(|outer| outer == file) {
            let chain: Vec<String> = self.includes.iter().map(|file| format!("`{file}`")).collect();
            Some(format!(
                "`{file}` includes itself: {} → `{file}`",
                chain.join(" → ")
            ))
        } else if self.includes.len() >= DEPTH {
            Some(format!("plans include plans at most {DEPTH} deep"))
        } else {
            None
        };
        if let Some(fault) = fault {
            self.reading.fault(action.span, Diagnostic::error(fault));
            return None;
        }
        let content = match self.reading.files.read(file, MAX_BYTES as u64) {
            Ok(content) => content,
            Err(error) => {
                let mut fault = Diagnostic::error(format!("`{file}` cannot be included: {error}"));
                if error == FileFault::Missing {
                    fault = fault.hint("paths start at the folder of the runbook");
                }
                self.reading.fault(action.span, fault);
                return None;
            }
        };
        match parse(file, &content, MAX_BYTES) {
            Ok(parsed) => {
                self.reading.findings.extend(parsed.notes);
                Some((parsed.file, parsed.root))
            }
            Err(findings) => {
                self.reading.findings.extend(findings);
                None
            }
        }
    }

    /// What the including step gives to the parameters.
    fn bound(&mut self, node: &Node) -> BTreeMap<String, Given> {
        let Some(node) = value_of(node, "parameters").filter(|node| !node.is_null()) else {
            return BTreeMap::new();
        };
        let Some(fields) = self.reading.any_fields(node, "`parameters`") else {
            return BTreeMap::new();
        };
        let mut given = BTreeMap::new();
        for entry in fields.entries() {
            if let Some(binding) = self.binding(&entry.value) {
                let place = self.reading.place(entry.span);
                given.insert(entry.key.to_string(), Given::Bound(binding, place));
            }
        }
        given
    }

    /// Does a text name a parameter whose value is a fault already?
    fn rests_on_fault(&self, pieces: &[Piece]) -> bool {
        let parameters = &self.reading.scope.parameters;
        let mut found = false;
        for piece in pieces {
            let Piece::Expression { source, .. } = piece else {
                continue;
            };
            let Ok(expression) = crate::expression::parse(source) else {
                continue;
            };
            expression.names(&mut |name, _| {
                if let Name::Parameter(name) = name {
                    found |= parameters.get(name).is_some_and(|binding| binding.at_fault);
                }
            });
        }
        found
    }

    fn binding(&mut self, node: &Node) -> Option<Binding> {
        let literal = |value: Value| Binding::new(Typed::open(Type::of(&value)), Expression::Literal(value));
        let Some(raw) = as_written(node)
            .filter(|text| text.contains("${{"))
            .map(ToOwned::to_owned)
        else {
            let value = as_given(node);
            if let Some(text) = value.as_ref().and_then(Value::as_str) {
                self.reading.see(text, node.span, Slot::Exact);
            }
            if value.is_none() {
                self.reading.expected(node, "a parameter", "a single value");
            }
            return value.map(literal);
        };
        self.reading.see(&raw, node.span, Slot::Value);
        let pieces = crate::expression::pieces(&raw).ok()?;
        if self.rests_on_fault(&pieces) {
            return Some(Binding {
                at_fault: true,
                ..literal(Value::Null)
            });
        }
        if let [Piece::Expression { source, .. }] = pieces.as_slice() {
            // Secrets may be handed on: the inside decides where they go.
            let span: Span = node.span;
            let (expression, typed) = self.reading.freeze_expression(source, span, Slot::Environment)?;
            return Some(Binding::new(typed, expression));
        }
        match self.reading.freeze_text(&raw, node.span, Slot::Value)? {
            Text::Literal(text) => Some(literal(Value::String(text))),
            Text::Template(_) => {
                let fault = Diagnostic::error("a parameter is one expression, or text that is known now");
                self.reading.fault(node.span, fault);
                None
            }
        }
    }
}
