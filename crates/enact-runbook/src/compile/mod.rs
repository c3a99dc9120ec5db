//! A runbook to a plan. Pure: files come through [`Files`], the time and the author through the options.
//!
//! `parse` makes a tree of a text, `steps` reads steps in the order of the file (`header` their keys, `own` those that are a change of their own), `include` and `konnect` put others in their place, `kubernetes` has them planned, `whole` reads what is
//! about all of them, `hashes` names the parts.

mod hashes;
mod header;
mod include;
mod konnect;
mod kubernetes;
mod outputs;
mod own;
mod parse;
mod steps;
mod whole;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use enact_core::change::{Change, ChangeId, Effect};
use enact_core::diagnostic::{Diagnostic, Place, Severity};
use enact_core::plan::{Metadata, Mode, PlanDraft, Target, Warning};
use enact_core::principal::Principal;
use enact_core::yaml::Span;
use serde_json::Value;

pub(crate) use self::own::type_of_output;
pub(crate) use self::parse::{Parsed, parse};
pub use konnect::{SubPlan, SubPlanRequest, SubPlanner};

use crate::document::{Effective, Given, SettingsDefaults};
use crate::files::Files;
use crate::lint::{self, LintFinding};
use crate::reading::{DOCUMENT, Node, Reading};
use crate::spec::{Document, Estimate, Group, Repeat, StepSpec, Variable};

/// The largest document, in bytes.
pub const MAX_BYTES: usize = 10 << 20;
/// The most steps of a document, those of included ones counted.
pub const MAX_STEPS: usize = 10_000;
pub(crate) const NESTING: usize = 64;
pub(crate) const NODES: usize = 2_000_000;
pub(crate) const ALIAS_NODES: usize = 100_000;

/// The author's document.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file as the user named it, or `<stdin>`.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// What compiling depends on besides the document.
#[derive(Debug, Clone)]
pub struct CompileOptions {
    /// When the plan is made.
    pub generated_at: jiff::Timestamp,
    /// Who makes it.
    pub author: Principal,
    /// The policy bundle that it will be judged by.
    pub policy_digest: Option<String>,
    /// Values of parameters by name. Text is read as the parameter's type; for a secret it says where to read it.
    pub parameters: BTreeMap<String, Value>,
    /// Settings of the configuration file.
    pub settings: SettingsDefaults,
    /// Variables of the surroundings that commands may see.
    pub environment_allowed: Vec<String>,
    /// Why steps of kind `kubernetes` are not possible here; `None`: they are.
    pub no_cluster: Option<String>,
    /// The largest document, in bytes; at most [`MAX_BYTES`].
    pub max_bytes: usize,
}

impl CompileOptions {
    /// Options of a plan made by somebody at some time, everything else by default.
    pub fn new(generated_at: jiff::Timestamp, author: Principal) -> Self {
        Self {
            generated_at,
            author,
            policy_digest: None,
            parameters: BTreeMap::new(),
            settings: SettingsDefaults::default(),
            environment_allowed: crate::process::environment::ALLOWED
                .map(ToOwned::to_owned)
                .to_vec(),
            no_cluster: None,
            max_bytes: MAX_BYTES,
        }
    }
}

/// A runbook that can be frozen.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The plan, still to be frozen.
    pub draft: PlanDraft,
    /// What to know about it.
    pub warnings: Vec<Diagnostic>,
    /// Where things stand in the document: a step by its id, others as `requirements.R1`.
    pub source_map: BTreeMap<String, Place>,
}

/// Everything that is to be said about a document.
#[derive(Debug, Clone)]
pub struct CheckReport {
    /// Faults and advice, in the order of the file.
    pub findings: Vec<LintFinding>,
    /// The plan, when nothing is an error.
    pub compiled: Option<Compiled>,
}

/// Compiles a document.
///
/// # Errors
/// Every fault of the document and every rule of severity error that it breaks.
pub fn compile(
    source: &Source,
    options: &CompileOptions,
    files: &dyn Files,
    konnect: Option<&dyn SubPlanner>,
) -> Result<Compiled, Vec<Diagnostic>> {
    let report = check(source, options, files, konnect);
    report.compiled.ok_or_else(|| {
        let findings = report.findings.into_iter().map(|finding| finding.diagnostic);
        findings
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .collect()
    })
}

/// Compiles a document and says everything about it, advice included.
pub fn check(
    source: &Source,
    options: &CompileOptions,
    files: &dyn Files,
    konnect: Option<&dyn SubPlanner>,
) -> CheckReport {
    match parse(&source.name, &source.content, options.max_bytes.min(MAX_BYTES)) {
        Err(findings) => CheckReport {
            findings,
            compiled: None,
        },
        Ok(parsed) => {
            let compiler = Compiler::new(Reading::new(files, parsed.file), options, konnect);
            compiler.report(&parsed.root, parsed.notes)
        }
    }
}

type Order<'d> = (
    Option<(&'d str, Option<enact_core::diagnostic::Position>)>,
    Severity,
);

/// In the order of the file, errors before advice.
fn order(diagnostic: &Diagnostic) -> Order<'_> {
    let place = diagnostic.place.as_ref();
    (
        place.map(|place| (place.file.as_str(), place.position)),
        diagnostic.severity,
    )
}

/// What a step says of its rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Absent,
    Nothing,
    Given,
}

/// A step on its way to the plan, with what the rules look at.
#[derive(Debug, Clone)]
pub(crate) struct FrozenStep {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) place: Place,
    pub(crate) kind: &'static str,
    pub(crate) action: Value,
    /// Not for a step that stands for changes of another domain.
    pub(crate) spec: Option<StepSpec>,
    pub(crate) changes: Vec<Change>,
    pub(crate) top_level: bool,
    pub(crate) always: bool,
    pub(crate) critical: bool,
    pub(crate) continues: bool,
    pub(crate) effect: Effect,
    pub(crate) repeat: Repeat,
    pub(crate) retries: bool,
    pub(crate) rollback: Written,
    pub(crate) verified: bool,
    pub(crate) has_outputs: bool,
    pub(crate) held: bool,
    pub(crate) tasks: usize,
    pub(crate) estimate: Option<Estimate>,
    pub(crate) satisfies: Vec<(String, Span)>,
    pub(crate) allowed: BTreeSet<String>,
}

/// What an assumption says before its check is read.
struct AssumptionHead<'n> {
    id: String,
    text: String,
    at_approve: bool,
    at_start: bool,
    before: Vec<String>,
    node: &'n Node,
}

pub(crate) struct Compiler<'e> {
    pub(crate) reading: Reading<'e>,
    options: &'e CompileOptions,
    planner: Option<&'e dyn SubPlanner>,
    settings: Effective,
    steps: Vec<FrozenStep>,
    finally: Vec<FrozenStep>,
    /// Steps read so far, to number them in the scope.
    read: usize,
    /// The changes of every step, by full id.
    changes: HashMap<String, Vec<ChangeId>>,
    /// The changes of the last step that must have gone well.
    last_critical: Vec<ChangeId>,
    assumptions: Vec<crate::spec::Assumption>,
    /// Those of included plans.
    questions: Vec<crate::spec::Question>,
    groups: Vec<Group>,
    konnect_target: Option<Value>,
    /// What `konnect` steps change, each with its step.
    konnect_objects: BTreeMap<String, String>,
    /// Objects that a step changes, by type and id.
    konnect_touched: BTreeMap<(String, String), konnect::Touched>,
    /// Objects that steps rely on, by type and id.
    konnect_relied: BTreeMap<(String, String), Vec<konnect::Reliance>>,
    /// Environment of an included plan's own settings.
    outer_env: BTreeMap<String, Variable>,
    includes: Vec<String>,
    parameters: BTreeMap<String, crate::spec::Parameter>,
    map: BTreeMap<String, Place>,
    allowed: BTreeSet<String>,
}

impl<'e> Compiler<'e> {
    fn new(
        mut reading: Reading<'e>,
        options: &'e CompileOptions,
        planner: Option<&'e dyn SubPlanner>,
    ) -> Self {
        reading.no_cluster.clone_from(&options.no_cluster);
        Self {
            reading,
            options,
            planner,
            settings: Effective::new(&options.settings),
            steps: Vec::new(),
            finally: Vec::new(),
            read: 0,
            changes: HashMap::new(),
            last_critical: Vec::new(),
            assumptions: Vec::new(),
            questions: Vec::new(),
            groups: Vec::new(),
            konnect_target: None,
            konnect_objects: BTreeMap::new(),
            konnect_touched: BTreeMap::new(),
            konnect_relied: BTreeMap::new(),
            outer_env: BTreeMap::new(),
            includes: Vec::new(),
            parameters: BTreeMap::new(),
            map: BTreeMap::new(),
            allowed: BTreeSet::new(),
        }
    }

    fn report(mut self, root: &Node, notes: Vec<LintFinding>) -> CheckReport {
        let document = self.document(root);
        let mut findings = std::mem::take(&mut self.reading.findings);
        let declined = |finding: &LintFinding| self.allowed.contains(finding.rule);
        findings.extend(notes.into_iter().filter(|finding| !declined(finding)));
        if let Some(document) = &document {
            findings.extend(lint::run(&lint::Subject {
                document,
                steps: &self.steps,
                texts: &self.reading.texts,
                map: &self.map,
                allowed: &self.allowed,
                root: self.reading.place(root.span),
            }));
        }
        findings.sort_by(|a, b| order(&a.diagnostic).cmp(&order(&b.diagnostic)));
        // What stands behind an anchor is read wherever its alias is, and is wrong once.
        findings.dedup();
        let sound = findings
            .iter()
            .all(|finding| finding.diagnostic.severity != Severity::Error);
        let compiled = document
            .filter(|_| sound)
            .map(|document| self.compiled(document, &findings));
        match compiled {
            Some(Err(fault)) => CheckReport {
                findings: vec![LintFinding {
                    rule: DOCUMENT,
                    diagnostic: *fault,
                }],
                compiled: None,
            },
            Some(Ok(compiled)) => CheckReport {
                findings,
                compiled: Some(compiled),
            },
            None => CheckReport {
                findings,
                compiled: None,
            },
        }
    }

    /// Reads everything; `None` when it is not a document at all.
    fn document(&mut self, root: &Node) -> Option<Document> {
        let fields = self.reading.document(root)?;
        let name = self.reading.document_name(&fields);
        self.reading.scope.plan_name = name.clone().unwrap_or_default();
        let enabled = self.settings.enabled;
        if let Some(node) = fields.get("settings") {
            self.reading.settings(node, &mut self.settings);
        }
        if !self.settings.enabled {
            let (span, fault) = crate::document::switched_off(&fields, enabled);
            self.reading.fault(span, fault);
            return None;
        }
        self.reading.shell.clone_from(&self.settings.shell);
        self.allowed = self.allowed_rules(&fields);
        let given = self.options.parameters.iter();
        let given = given
            .map(|(name, value)| (name.clone(), Given::Value(value.clone())))
            .collect();
        self.reading.pin_files(&fields);
        self.parameters = self.reading.parameters(&fields, given, "");
        if let Some(settings) = fields
            .get("settings")
            .and_then(|node| self.reading.any_fields(node, "`settings`"))
            && let Some(env) = settings.get("env")
        {
            self.settings.env = self.reading.environment(env);
        }
        self.body(&fields, true, false);
        Some(self.whole(&fields, name.unwrap_or_default()))
    }

    fn compiled(
        mut self,
        mut document: Document,
        findings: &[LintFinding],
    ) -> Result<Compiled, Box<Diagnostic>> {
        let internal = |error: serde_json::Error| {
            Box::new(Diagnostic::error(format!("the plan cannot be written: {error}")))
        };
        let warnings = findings
            .iter()
            .map(|finding| finding.diagnostic.clone())
            .collect();
        let notes = self.notes(findings);
        let mut numbers: HashMap<&ChangeId, u32> = HashMap::new();
        let places = places(&self.steps);
        for (number, step) in places.iter().copied().zip(&self.steps) {
            numbers.extend(step.changes.first().map(|change| (&change.change_id, number)));
        }
        for group in &mut document.groups {
            let first = group.changes.first().and_then(|change| numbers.get(change));
            group.number = first.copied().unwrap_or_default();
        }
        document.exec_hash = self.exec_hash(&document).map_err(internal)?;
        let document_value = serde_json::to_value(&document).map_err(internal)?;
        let config_hash = self.config_hash(&document_value).map_err(internal)?;
        let mut changes = Vec::with_capacity(self.steps.len());
        for (number, step) in places.into_iter().zip(&mut self.steps) {
            // The step itself, or what verifies the changes that it stands for.
            if let (Some(spec), Some(change)) = (&mut step.spec, step.changes.last_mut()) {
                spec.number = number;
                change.spec = Some(serde_json::to_value(spec).map_err(internal)?);
            }
            changes.append(&mut step.changes);
        }
        let metadata = Metadata {
            generated_at: self.options.generated_at,
            generator: "enact".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode: Mode::Run,
            config_hash,
            author: self.options.author.clone(),
            target: Target {
                kind: "host".to_owned(),
                base_url: None,
                context: Some(document.name.clone()),
                organization: None,
                region: None,
            },
            policy_digest: self.options.policy_digest.clone(),
            revision: None,
        };
        let draft = PlanDraft {
            metadata,
            document: Some(document_value),
            changes,
            warnings: notes,
        };
        Ok(Compiled {
            draft,
            warnings,
            source_map: self.map,
        })
    }

    /// Advice that the approver sees: step by step in the order of the plan, then what is about the whole. The order of blocks in
    /// the file, and its form, make no difference: the same plan has the same id.
    fn notes(&self, findings: &[LintFinding]) -> Vec<Warning> {
        let first = |step: &FrozenStep| Some(step.changes.first()?.change_id.clone());
        let by_place: HashMap<_, (usize, ChangeId)> = self
            .steps
            .iter()
            .enumerate()
            .filter_map(|(order, step)| {
                let at = (step.place.file.as_str(), step.place.position?);
                Some((at, (order, first(step)?)))
            })
            .collect();
        // How Markdown was read is no part of the plan, which is the same in any form.
        let mut notes: Vec<(usize, Warning)> = findings
            .iter()
            .filter(|finding| !lint::is_about_markdown(finding.rule))
            .map(|finding| {
                let place = finding.diagnostic.place.as_ref();
                let step = place.and_then(|place| by_place.get(&(place.file.as_str(), place.position?)));
                let (order, change_id) = step.cloned().unzip();
                let message = format!("{}: {}", finding.rule, finding.diagnostic.summary);
                (order.unwrap_or(usize::MAX), Warning { change_id, message })
            })
            .collect();
        notes.sort_by(|(a, left), (b, right)| (a, &left.message).cmp(&(b, &right.message)));
        notes.dedup();
        notes.into_iter().map(|(_, note)| note).collect()
    }
}

/// The number of each step: the place in the file of the step that it is, or that it stands for, from 1. The steps of an included
/// plan all have that of the including step, what it runs in any case too.
fn places(steps: &[FrozenStep]) -> Vec<u32> {
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    let mut next = 1;
    steps
        .iter()
        .map(|step| {
            let written = step.id.split('.').next().unwrap_or_default();
            *numbers.entry(written).or_insert_with(|| {
                let number = next;
                next += 1;
                number
            })
        })
        .collect()
}
