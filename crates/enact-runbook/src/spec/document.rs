//! What a runbook says about the whole: the frozen plan's `document`.

use std::collections::BTreeMap;

use enact_core::change::{ChangeId, Milliseconds};
use enact_core::condition::duration_in_words;
use enact_core::journal::{ChangeState, RunState};
use enact_core::procedure::RollbackRule;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check::{CheckSpec, Matcher};
use super::variable::Variable;

/// The one format this version writes and reads.
pub const FORMAT: &str = "enact.runbook/v1";

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// `enact.runbook/v1`.
    pub format: String,
    /// `users-mysql-to-postgres`.
    pub name: String,
    /// For people.
    pub title: String,
    /// Why it exists.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Labels, without those that begin with `x-`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What may go wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// The settings in force, defaults written out.
    pub settings: Settings,
    /// Parameters by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Parameter>,
    /// What is required.
    pub requirements: Vec<Requirement>,
    /// What was asked, with the answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// What the plan takes for granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<Assumption>,
    /// When the clock of the downtime runs, and its limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime: Option<Downtime>,
    /// How long the downtime is expected to be where nobody says which steps it lasts from and to. For people: no clock runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_estimate: Option<Milliseconds>,
    /// When what was done is taken back.
    pub rollback: RollbackRule,
    /// When it is good.
    pub acceptance: Vec<Criterion>,
    /// Tests, lint and type checks, in this order: `typecheck`, `lint`, `tests`.
    pub verification: Vec<Verification>,
    /// What approvals the author asks for.
    pub approvals: ApprovalsAsked,
    /// Files that the steps use, by path from the runbook's folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PinnedFile>,
    /// Environment of every command.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Variable>,
    /// Variables of the surroundings that commands may see; `LC_*` stands for all that begin so.
    pub environment_allowed: Vec<String>,
    /// The sum of the steps' estimates; absent when no step has one and the author gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// `sha256:…` over what is executed, without prose.
    pub exec_hash: String,
    /// What a `konnect` step's changes are for: `{"kind": "konnect", …}`, a target as in the plan's metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub konnect_target: Option<Value>,
    /// Steps that stand for several changes of another domain: step id, title and its changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// The plan that this one revises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revises: Option<String>,
}

/// What may go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    /// In one sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub worst: String,
    /// `low`, `medium`, `high`, `critical`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
}

/// How long one attempt at a step may take where neither it nor the settings say so.
pub const STEP_TIMEOUT: Milliseconds = Milliseconds(1_800_000);

/// Settings by the origin's names, all written out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The most steps at the top level.
    pub max_plan_steps: u32,
    /// Does nothing run without approval?
    pub require_approval: bool,
    /// Is the estimated time shown?
    pub show_estimated_time: bool,
    /// May a run go on with a revision of its plan?
    pub allow_plan_revision: bool,
    /// Does every step but the first wait for a confirmation?
    pub checkpoint_between_steps: bool,
    /// Does the first failure stop the run?
    pub stop_on_error: bool,
    /// Is every step's start and end printed?
    pub log_progress: bool,
    /// May an operator skip a step, with a reason?
    pub allow_skip: bool,
    /// Bound on one attempt at a step that names none.
    pub default_timeout: Milliseconds,
}

/// A parameter with its value, or with where its value comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// `string`, `integer`, `boolean`, `enum`, `secret`.
    #[serde(rename = "type")]
    pub parameter_type: String,
    /// The value; absent for a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// For a secret: `env:NAME`, `file:PATH`, `exec:["cmd", …]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// A requirement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// `R1`.
    pub id: String,
    /// What.
    pub text: String,
    /// `functional`, `limit`, `volume`, `preserve`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// For a limit: `downtime` or `duration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// For a limit: the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Milliseconds>,
    /// For a volume: how many are expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<i64>,
    /// For a volume: parts per million by which it may differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance_ppm: Option<u64>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// `Q1`.
    pub id: String,
    /// What was asked.
    pub text: String,
    /// Must it be answered before the plan can be frozen?
    pub blocking: bool,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// What is assumed instead of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Who answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<String>,
    /// Was it the plan's own author?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub self_answered: bool,
}

/// Something the plan takes for granted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assumption {
    /// `A1`.
    pub id: String,
    /// What.
    pub text: String,
    /// How it is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckSpec>,
    /// Is it checked when the plan is approved?
    pub at_approve: bool,
    /// Is it checked before anything runs?
    pub at_start: bool,
    /// Results of steps that prove it false.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken_when: Vec<Matcher>,
    /// How old a result may be before it is checked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freshness: Option<Milliseconds>,
}

/// The downtime: its clock starts when `from` starts and stops when `to` ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Downtime {
    /// The step that starts it.
    pub from: ChangeId,
    /// The step that ends it.
    pub to: ChangeId,
    /// The most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Milliseconds>,
    /// What is expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Milliseconds>,
    /// What happens when it takes longer: `escalate`, `warn`, `rollback`.
    pub on_overrun: String,
}

impl Downtime {
    /// What follows when it takes longer than its limit, in words.
    pub fn when_longer(&self) -> &'static str {
        match self.on_overrun.as_str() {
            "warn" => "it is noted, and the run goes on",
            "rollback" => "everything is rolled back",
            _ => "a person is asked",
        }
    }
}

/// One acceptance criterion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// `C1`.
    pub id: String,
    /// What.
    pub text: String,
    /// Requirements it shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub satisfies: Vec<String>,
    /// How it is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckSpec>,
    /// Does a person attest it instead?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub manual: bool,
    /// Who: a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attest_by: Option<String>,
}

/// Tests, lint or type checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// `typecheck`, `lint`, `tests`.
    pub name: String,
    /// How; absent: not applicable, nothing is known to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckSpec>,
    /// Was it wanted (`true`) or declined (`false`)?
    pub wanted: bool,
    /// Was it the settings file that declined it, not the plan?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub declined_by_settings: bool,
}

/// What approvals the author asks for. Policy may ask for more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalsAsked {
    /// How many different people.
    pub count: u32,
    /// Roles of which each of them has one, and each is held by one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Must it be somebody other than the author?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_author: bool,
    /// How long an approval is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Milliseconds>,
    /// For how many runs.
    pub max_runs: u32,
    /// Not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// Nothing starts after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
}

impl ApprovalsAsked {
    /// In words: `2 people with role dba; good for one run, for 4h`. `None`: one person, for one run.
    fn in_words(&self) -> Option<String> {
        let people = match self.count {
            0 | 1 => "one person".to_owned(),
            count => format!("{count} people"),
        };
        let mut who = vec![match self.roles.as_slice() {
            [] => people,
            [role] => format!("{people} with role {role}"),
            roles => format!(
                "{people} with one of the roles {0}; each of {0} held by one of them",
                roles.join(", ")
            ),
        }];
        who.extend(self.not_author.then(|| "none of them the author".to_owned()));
        let mut good = vec![match self.max_runs {
            1 => "good for one run".to_owned(),
            runs => format!("good for {runs} runs at most"),
        }];
        good.extend(
            self.expires
                .map(|length| format!("for {}", duration_in_words(length))),
        );
        good.extend(
            self.not_before
                .as_ref()
                .map(|start| format!("not before {start}")),
        );
        good.extend(
            self.not_after
                .as_ref()
                .map(|end| format!("nothing starts from {end} on")),
        );
        let is_usual = who.len() == 1
            && self.roles.is_empty()
            && self.count <= 1
            && good.len() == 1
            && self.max_runs == 1;
        (!is_usual).then(|| format!("{}; {}", who.join(", "), good.join(", ")))
    }
}

impl Document {
    /// Where a step stands, by its id: one of another domain as its changes do.
    pub(crate) fn state_of(&self, step: &str, state: &RunState) -> ChangeState {
        match self.groups.iter().find(|group| group.step == step) {
            Some(group) => group.state(state),
            None => match state.changes.get(&ChangeId::from(step)) {
                // Where somebody ended the run it has not failed.
                Some(progress) if progress.is_ended_here() => ChangeState::Skipped,
                Some(progress) => progress.state,
                None => ChangeState::Pending,
            },
        }
    }

    /// The changes of each step that stands for several.
    pub(crate) fn wholes(&self) -> impl Iterator<Item = &[ChangeId]> {
        self.groups.iter().map(|group| group.changes.as_slice())
    }

    /// What the runbook asks of its approvals, in words; `None` where it asks for no more than one person's, for one run.
    pub fn approval_in_words(&self) -> Option<String> {
        let asked = self.approvals.in_words();
        if asked.is_none() && !self.settings.require_approval {
            return Some("none is asked for, unless policy does".to_owned());
        }
        asked
    }
}

/// A file and the digest of its content when the plan was frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PinnedFile {
    /// From the runbook's folder.
    pub path: String,
    /// `sha256:…`.
    pub digest: String,
}

/// How long something is expected to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// At best.
    pub low: Milliseconds,
    /// Most likely.
    pub likely: Milliseconds,
    /// At worst.
    pub high: Milliseconds,
}

/// A step that became several changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The step's id.
    pub step: String,
    /// Its place in the file.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// What it covers, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
    /// Its changes, in order.
    pub changes: Vec<ChangeId>,
    /// How many objects of each type a step that may delete found under management: what a policy compares its deletions
    /// with. Absent for other steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Value>,
}

impl Group {
    /// Where the step stands: as its first change that is not done; changes that are not needed count as done beside others.
    pub fn state(&self, run: &RunState) -> ChangeState {
        let states: Vec<ChangeState> = self.changes.iter().map(|change_id| run.of(change_id)).collect();
        if !states.is_empty() && states.iter().all(|state| *state == ChangeState::Omitted) {
            return ChangeState::Omitted;
        }
        let mut open = states
            .iter()
            .filter(|state| !matches!(state, ChangeState::Done | ChangeState::Omitted));
        open.next().copied().unwrap_or(ChangeState::Done)
    }
}
