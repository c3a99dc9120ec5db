//! The plan: an immutable value, named by the digest of its own content.
//!
//! A [`PlanDraft`] is written by a planner and frozen once; a [`Plan`] can only come from freezing or from reading a
//! file whose digest was checked. `plan_id` covers everything except `plan_id`, `metadata.generated_at` and `verdict`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::{Digest, ObjectDigest};
use crate::change::{Change, ChangeId, Precondition};
use crate::check::{PlanFault, check_plan};
use crate::diagnostic::Severity;
use crate::fault::{Fault, planted};
use crate::journal::RunId;
use crate::order::{OrderError, execution_order};
use crate::principal::Principal;
use crate::verdict::Verdict;

/// The one format this version writes and reads.
pub const FORMAT: &str = "enact.plan/v1";

/// The most changes a plan may hold.
pub const MAX_CHANGES: usize = 200_000;

/// The largest plan file that is read, in bytes.
pub const MAX_PLAN_BYTES: usize = 512 * 1024 * 1024;

/// The name of a plan: `sha256:…`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct PlanId(pub Digest);

impl PlanId {
    /// The first twelve digits, for people.
    pub fn short(&self) -> &str {
        self.0.short()
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What kind of plan it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Creates and updates.
    Apply,
    /// Creates, updates and deletes what is managed and no longer described.
    Sync,
    /// Deletes what is described.
    Delete,
    /// Runs a procedure.
    Run,
}

impl Mode {
    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Sync => "sync",
            Self::Delete => "delete",
            Self::Run => "run",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What the plan is for: another target refuses it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// `konnect`, `host`, `kubernetes`.
    pub kind: String,
    /// The API's base URL, or `local` for the local Konnect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The cluster's context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The organisation's id: the same URL with another token is another target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The region, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.kind)?;
        for part in [&self.base_url, &self.context].into_iter().flatten() {
            write!(formatter, " {part}")?;
        }
        if let Some(organization) = &self.organization {
            write!(formatter, " (organization {organization})")?;
        }
        Ok(())
    }
}

/// Where a plan comes from and what it is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// When it was made. Not part of the digest.
    #[schemars(with = "String")]
    pub generated_at: jiff::Timestamp,
    /// What made it: `enact`.
    pub generator: String,
    /// The version of what made it.
    pub version: String,
    /// Apply, sync, delete or run.
    pub mode: Mode,
    /// Digest of the inputs.
    pub config_hash: String,
    /// Who made it.
    pub author: Principal,
    /// What it is for.
    pub target: Target,
    /// The policy bundle it was first judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_digest: Option<String>,
    /// The run that it takes over, when it is a revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
}

/// Which run a plan takes over, and in which state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// The plan that it revises.
    pub plan_id: PlanId,
    /// The run of that plan.
    pub run_id: RunId,
    /// The digest of that run's last entry when the revision was made.
    pub head: Digest,
}

/// How many changes protection flags make.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProtectionCounts {
    /// Resources that become protected.
    pub protecting: usize,
    /// Resources that lose protection.
    pub unprotecting: usize,
}

/// Counts over all changes, blocked ones included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// All changes.
    pub total_changes: usize,
    /// By action: `CREATE`, `UPDATE`, `DELETE`, `RUN`; blocked changes are not counted here.
    pub by_action: BTreeMap<String, usize>,
    /// By resource type; blocked changes are not counted here.
    pub by_resource: BTreeMap<String, usize>,
    /// Changes that are blocked.
    pub blocked_count: usize,
    /// Protection flags that change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protection_changes: Option<ProtectionCounts>,
}

impl Summary {
    /// Counts changes.
    pub fn of(changes: &[Change]) -> Self {
        let mut summary = Self {
            total_changes: changes.len(),
            ..Self::default()
        };
        let mut protection = ProtectionCounts::default();
        for change in changes {
            if change.blocked {
                summary.blocked_count += 1;
                continue;
            }
            *summary
                .by_action
                .entry(change.action.as_str().to_owned())
                .or_default() += 1;
            *summary
                .by_resource
                .entry(change.resource_type.clone())
                .or_default() += 1;
            match change.protection {
                Some(flag) if flag.new && !flag.old => protection.protecting += 1,
                Some(flag) if flag.old && !flag.new => protection.unprotecting += 1,
                Some(_) | None => {}
            }
        }
        if protection != ProtectionCounts::default() {
            summary.protection_changes = Some(protection);
        }
        summary
    }
}

/// Something the reader of a plan should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Warning {
    /// The change it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_id: Option<ChangeId>,
    /// What to know.
    pub message: String,
}

/// A plan that is still being written.
#[derive(Debug, Clone)]
pub struct PlanDraft {
    /// Where it comes from.
    pub metadata: Metadata,
    /// What only the domain understands about the whole.
    pub document: Option<Value>,
    /// The changes; ties of the execution order keep this order.
    pub changes: Vec<Change>,
    /// Things to know.
    pub warnings: Vec<Warning>,
}

/// A frozen plan. Read it, judge it, admit it; nobody can change it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    format: String,
    plan_id: PlanId,
    metadata: Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Value>,
    /// Shared by all clones: of many changes this is nearly all of a plan.
    #[serde(serialize_with = "shared")]
    changes: Arc<Vec<Change>>,
    execution_order: Vec<ChangeId>,
    summary: Summary,
    #[serde(serialize_with = "shared")]
    warnings: Arc<Vec<Warning>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    /// Where each change stands, by its id: a listing asks for every one of them.
    #[serde(skip)]
    by_id: Vec<usize>,
}

/// What is shared, as if it were not.
fn shared<T: Serialize, S: serde::Serializer>(items: &Arc<Vec<T>>, serializer: S) -> Result<S::Ok, S::Error> {
    items.as_slice().serialize(serializer)
}

/// The places of these changes, sorted by id; of the same id the first comes first.
fn places_by_id(changes: &[Change]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..changes.len()).collect();
    places.sort_by_key(|place| changes.get(*place).map(|change| &change.change_id));
    places
}

/// The plan on the wire (`enact.plan/v1`), as it stands in a file before anybody believes it.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "enact.plan/v1")]
pub struct PlanDocument {
    /// `enact.plan/v1`.
    pub format: String,
    /// `sha256:` over the canonical JSON of all but `plan_id`, `metadata.generated_at` and `verdict`.
    pub plan_id: PlanId,
    /// Where it comes from.
    pub metadata: Metadata,
    /// What only the domain understands about the whole.
    #[serde(default)]
    pub document: Option<Value>,
    /// The changes.
    pub changes: Vec<Change>,
    /// Every change once, dependencies first.
    pub execution_order: Vec<ChangeId>,
    /// Counts.
    pub summary: Summary,
    /// Things to know.
    pub warnings: Vec<Warning>,
    /// What policy said when the plan was made. Judged again before it runs.
    #[serde(default)]
    pub verdict: Option<Verdict>,
}

/// Why a draft cannot be frozen. Each of these is a fault of the planner or of its input.
#[derive(Debug, thiserror::Error)]
pub enum FreezeError {
    /// No order exists.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// Structural faults.
    #[error("the plan is not well formed: {}", list_faults(.0))]
    Faults(Vec<PlanFault>),
    /// A value without JSON form.
    #[error("the plan cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// Why a plan file is refused.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Longer than [`MAX_PLAN_BYTES`].
    #[error("the plan is {bytes} bytes long; at most {MAX_PLAN_BYTES} are read")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not JSON, cut off, or not of the plan's shape.
    #[error("the plan is not readable at line {line}, column {column}: {message}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// Written in a format this version does not know.
    #[error("the plan has format {found:?}; this version reads {FORMAT:?}")]
    Format {
        /// What it says.
        found: String,
    },
    /// Changed after it was made.
    #[error("the plan's content does not match its plan_id: it says {claimed}, its content has {actual}")]
    Digest {
        /// What the file claims.
        claimed: PlanId,
        /// What its content has.
        actual: PlanId,
    },
    /// Structural faults.
    #[error("the plan is not well formed: {}", list_faults(.0))]
    Faults(Vec<PlanFault>),
}

fn list_faults(faults: &[PlanFault]) -> String {
    let mut text = faults
        .iter()
        .take(5)
        .map(PlanFault::to_string)
        .collect::<Vec<_>>()
        .join("; ");
    if faults.len() > 5 {
        text.push_str(&format!("; and {} more", faults.len() - 5));
    }
    text
}

impl PlanDraft {
    /// Orders, counts, checks and names the plan. Pure: the same draft gives the same plan.
    ///
    /// # Errors
    /// See [`FreezeError`].
    pub fn freeze(self) -> Result<Plan, FreezeError> {
        let execution_order = execution_order(&self.changes)?;
        let mut plan = Plan {
            format: FORMAT.to_owned(),
            plan_id: PlanId(Digest::of(b"")),
            metadata: self.metadata,
            document: self.document,
            summary: Summary::of(&self.changes),
            by_id: places_by_id(&self.changes),
            changes: Arc::new(self.changes),
            execution_order,
            warnings: Arc::new(self.warnings),
            verdict: None,
        };
        let faults = errors_only(check_plan(&plan));
        if !faults.is_empty() {
            return Err(FreezeError::Faults(faults));
        }
        plan.plan_id = plan.content_id()?;
        Ok(plan)
    }
}

fn errors_only(faults: Vec<PlanFault>) -> Vec<PlanFault> {
    faults
        .into_iter()
        .filter(|fault| fault.severity == Severity::Error)
        .collect()
}

impl Plan {
    /// Reads a plan file and believes nothing: format, shape, digest and structure are checked, in that order.
    ///
    /// # Errors
    /// See [`ReadError`]; each case is a message of its own.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct FormatOnly {
            format: String,
        }
        if bytes.len() > MAX_PLAN_BYTES {
            return Err(ReadError::TooLarge { bytes: bytes.len() });
        }
        let probe: FormatOnly = serde_json::from_slice(bytes).map_err(|error| read_error(&error))?;
        if probe.format != FORMAT {
            return Err(ReadError::Format { found: probe.format });
        }
        let document: PlanDocument = serde_json::from_slice(bytes).map_err(|error| read_error(&error))?;
        Self::believe(document)
    }

    fn believe(document: PlanDocument) -> Result<Self, ReadError> {
        let plan = Self {
            format: document.format,
            plan_id: document.plan_id,
            metadata: document.metadata,
            document: document.document,
            by_id: places_by_id(&document.changes),
            changes: Arc::new(document.changes),
            execution_order: document.execution_order,
            summary: document.summary,
            warnings: Arc::new(document.warnings),
            verdict: document.verdict,
        };
        let actual = plan.content_id().map_err(|error| read_error(&error))?;
        if actual != plan.plan_id {
            return Err(ReadError::Digest {
                claimed: plan.plan_id,
                actual,
            });
        }
        let faults = errors_only(check_plan(&plan));
        if faults.is_empty() {
            Ok(plan)
        } else {
            Err(ReadError::Faults(faults))
        }
    }

    /// The digest of the content, see the module's header: of all members but these, in the order of their names.
    fn content_id(&self) -> Result<PlanId, serde_json::Error> {
        let mut metadata = serde_json::to_value(&self.metadata)?;
        if let Some(members) = metadata.as_object_mut()
            && !planted(Fault::TimeInDigest)
        {
            members.remove("generated_at");
        }
        let mut content = ObjectDigest::default();
        content.list("changes", self.changes.as_slice())?;
        if let Some(document) = &self.document {
            content.member("document", document)?;
        }
        content.list("execution_order", &self.execution_order)?;
        content.member("format", &self.format)?;
        content.member("metadata", &metadata)?;
        content.member("summary", &self.summary)?;
        content.list("warnings", self.warnings.as_slice())?;
        Ok(PlanId(content.finish()))
    }

    /// The plan with further checks right before changes of it: what a run does that an approval adds checks to. It is another
    /// plan, for judging; the id that was approved is not its id.
    ///
    /// # Errors
    /// See [`FreezeError`].
    pub fn with_checks(&self, added: &[(ChangeId, Precondition)]) -> Result<Self, FreezeError> {
        let mut changes = self.changes.to_vec();
        for change in &mut changes {
            let own = added
                .iter()
                .filter(|(change_id, _)| *change_id == change.change_id);
            change.preconditions.extend(own.map(|(_, check)| check.clone()));
        }
        let draft = PlanDraft {
            metadata: self.metadata.clone(),
            document: self.document.clone(),
            changes,
            warnings: self.warnings.to_vec(),
        };
        draft.freeze()
    }

    /// The same plan with what policy said about it. The id stays.
    #[must_use]
    pub fn with_verdict(mut self, verdict: Verdict) -> Self {
        self.verdict = Some(verdict);
        self
    }

    /// Its name.
    pub fn id(&self) -> &PlanId {
        &self.plan_id
    }

    /// Where it comes from.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The domain's own part.
    pub fn document(&self) -> Option<&Value> {
        self.document.as_ref()
    }

    /// All changes, blocked ones included.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The change of that name.
    pub fn change(&self, change_id: &ChangeId) -> Option<&Change> {
        let at = |place: &usize| self.changes.get(*place);
        let first = self
            .by_id
            .partition_point(|place| at(place).is_some_and(|change| change.change_id < *change_id));
        let change = self.by_id.get(first).and_then(at)?;
        (change.change_id == *change_id).then_some(change)
    }

    /// Every change once, dependencies first.
    pub fn execution_order(&self) -> &[ChangeId] {
        &self.execution_order
    }

    /// Counts.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Things to know.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// What policy said when it was made.
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// The changes that would be executed, in execution order.
    pub fn executable(&self) -> Vec<&Change> {
        self.execution_order
            .iter()
            .filter_map(|id| self.change(id))
            .filter(|change| !change.blocked)
            .collect()
    }

    /// Does it hold nothing to execute?
    pub fn is_noop(&self) -> bool {
        self.changes.iter().all(|change| change.blocked)
    }

    /// The file's bytes: indented JSON and a final newline.
    ///
    /// # Errors
    /// When a value has no JSON form; a frozen plan always has one.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

fn read_error(error: &serde_json::Error) -> ReadError {
    let text = error.to_string();
    // serde_json appends the place; it is carried in fields of its own.
    let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
    ReadError::Json {
        line: error.line(),
        column: error.column(),
        message,
    }
}
