//! What a decision is made from, and what it can be.

use std::collections::BTreeMap;
use std::time::Duration;

use enact_core::approval::Approval;
use enact_core::canonical::Digest;
use enact_core::plan::Plan;
use enact_core::secret::Secret;
use enact_core::verdict::Verdict;
use enact_engine::policy::decision::ActionDecision;
use enact_engine::policy::input::ActionInput;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Secret as SecretObject};
use serde_json::Value;

use crate::api::{ConditionResult, KubernetesExecution, KubernetesExecutionStatus};
use crate::catalog::{Catalog, Target};

/// What the operator decided for all executions.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The namespace of the executor, its Jobs and its accounts.
    pub namespace: String,
    /// The image of the Jobs.
    pub image: String,
    /// May a request bring its own Rego?
    pub allow_inline_conditions: bool,
    /// The cluster, for plans: its uid, or a name.
    pub cluster: String,
    /// The priority class of the Jobs.
    pub priority_class: Option<String>,
    /// Only look: nothing is written anywhere.
    pub observe_only: bool,
}

/// Everything that a decision is made from.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The object as it was read.
    pub object: &'a KubernetesExecution,
    /// What was found out in this pass.
    pub facts: &'a Facts,
    /// What the operator decided.
    pub settings: &'a Settings,
    /// The actions that may be asked for.
    pub catalog: &'a Catalog,
    /// The policies in force now; none: there are none.
    pub bundle: Option<&'a Digest>,
    /// The present time.
    pub now: Timestamp,
}

/// What was found out in this pass. What is `None` was not asked.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Is everything stopped?
    pub halt: Option<Halt>,
    /// The target.
    pub target: Option<Looked>,
    /// The patch that stands in a Secret; or why it cannot be had.
    pub values: Option<Result<Secret<String>, String>>,
    /// The namespace of the target; the labels of the namespace of the request.
    pub namespaces: Option<Namespaces>,
    /// What the policies say.
    pub policy: Option<PolicyFact>,
    /// Who approved or rejected it, as far as signatures prove it.
    pub approvals: Option<Vec<Approval>>,
    /// May the action's account do it?
    pub account: Option<AccountFact>,
    /// Conditions before and after.
    pub conditions: BTreeMap<Which, Vec<ConditionFact>>,
    /// Who else has the target.
    pub lock: Option<Option<String>>,
    /// How the executions stand that this one depends on.
    pub dependencies: Option<Vec<DependencyFact>>,
    /// The Job of the name in the status.
    pub job: Option<Option<Box<Job>>>,
    /// Its pods.
    pub pods: Option<Vec<Pod>>,
    /// What it printed.
    pub output: Option<Output>,
    /// What it told of the way back, as far as its log was followed until now.
    pub told: Option<Option<String>>,
}

/// What was found where the target should be.
#[derive(Debug, Clone, PartialEq)]
pub enum Looked {
    /// It is there.
    Found(Box<Value>),
    /// It is not.
    Absent,
    /// The controller may not look.
    Forbidden(String),
}

/// Labels and annotations around the target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Namespaces {
    /// Labels of the target's namespace.
    pub target_labels: BTreeMap<String, String>,
    /// Annotations of the target's namespace.
    pub target_annotations: BTreeMap<String, String>,
    /// Labels of the request's namespace.
    pub request_labels: BTreeMap<String, String>,
}

/// Is everything stopped, and why?
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Halt {
    /// Nothing new starts.
    pub new: Option<String>,
    /// What runs is stopped too.
    pub running: bool,
}

/// What the policies say.
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyFact {
    /// They said something.
    Decided {
        /// What, about the action.
        decision: Box<ActionDecision>,
        /// What, about the plan that the execution is.
        on_plan: Box<Verdict>,
        /// How long it took.
        took: Duration,
    },
    /// There are none, or they cannot be used.
    Unavailable(String),
}

/// May the action's account do it?
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountFact {
    /// What it lacks: `patch apps/deployments/scale`. Empty: nothing.
    pub lacks: Vec<String>,
}

/// Conditions before, or after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// Before the action.
    Before,
    /// After it.
    After,
}

/// How a condition stands.
#[derive(Debug, Clone, PartialEq)]
pub struct ConditionFact {
    /// Its place in the spec.
    pub index: usize,
    /// How it stands.
    pub result: ConditionResult,
}

/// How an execution stands that another depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependencyFact {
    /// Its name.
    pub name: String,
    /// Where it stands; none: it is not there.
    pub phase: Option<crate::api::Phase>,
    /// Does it have the same owner?
    pub same_owner: bool,
    /// Does it depend on this one, directly or by others?
    pub depends_on_us: bool,
}

/// What a Job printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// The end of it, already cut and redacted.
    pub text: String,
    /// The rollback information that it told before its first write, as JSON.
    pub rollback: Option<String>,
}

/// How a Job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// All is well.
    Complete,
    /// It failed: reason and message of its condition.
    Failed(String, String),
}

/// Something that is still to be found out.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// Is everything stopped?
    Halt,
    /// The target, read from the server, not from a cache.
    Target(Target),
    /// What a key of a Secret holds.
    Values {
        /// The Secret's namespace.
        namespace: String,
        /// The Secret.
        name: String,
        /// The key.
        key: String,
    },
    /// The namespaces of target and request.
    Namespaces(Target),
    /// What policy says.
    Policy(Box<ActionInput>, Box<Plan>),
    /// Who approved it.
    Approvals,
    /// May the action's account do it?
    Account(Target),
    /// How conditions stand, by their places in the spec.
    Conditions(Which, Vec<usize>, Box<ActionInput>),
    /// Who else has the target.
    Lock(Target),
    /// How others stand.
    Dependencies(Vec<String>),
    /// The Job.
    Job(String),
    /// The pods of the Job.
    Pods(String),
    /// What the Job printed.
    Output(String),
    /// What the Job told of the way back, as far as its log was followed until now. Known here: nobody is asked.
    Told(String),
}

impl Question {
    /// What it is about, in a word: for traces.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Halt => "halt",
            Self::Target(_) => "target",
            Self::Values { .. } => "values",
            Self::Namespaces(_) => "namespaces",
            Self::Policy(..) => "policy",
            Self::Approvals => "approvals",
            Self::Account(_) => "account",
            Self::Conditions(..) => "conditions",
            Self::Lock(_) => "lock",
            Self::Dependencies(_) => "dependencies",
            Self::Job(_) => "job",
            Self::Pods(_) => "pods",
            Self::Output(_) => "output",
            Self::Told(_) => "told",
        }
    }
}

/// Something to do. They are done in order; when one fails, those after it are left, and everything is decided again.
#[derive(Debug, Clone, PartialEq)]
pub enum Intent {
    /// Hold the object back from being deleted.
    AddFinalizer,
    /// Let it go.
    RemoveFinalizer,
    /// Write this status, if nobody else wrote in between.
    Status(Box<KubernetesExecutionStatus>),
    /// Keep what the way back needs.
    KeepSnapshot(Box<SecretObject>),
    /// Forget what the way back needed. Where it is gone nothing happens.
    DeleteSnapshot(String),
    /// Create the Job. Where one of its name is there, nothing is created.
    CreateJob(Box<Admission>, Box<Job>),
    /// Delete the Job and its pods.
    DeleteJob(String),
    /// Let the Job go after so many seconds.
    LetJobGo(String, i32),
    /// Follow the log of a pod of the Job, until it tells the way back. It is done beside everything else, and where it is done already
    /// nothing happens.
    Follow {
        /// The Job.
        job: String,
        /// Its pod.
        pod: String,
    },
    /// Tell people, once what stands before it is written.
    Event {
        /// Is it a warning?
        warning: bool,
        /// For programs.
        reason: &'static str,
        /// For people.
        note: String,
    },
}

pub(super) use super::admitting::Admission;

/// What to do after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing, until something changes.
    Settled,
    /// Look again after so long.
    After(Duration),
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Find this out, and ask again.
    Learn(Vec<Question>),
    /// Do this.
    Do(Vec<Intent>, Then),
}

impl Next {
    /// Nothing, until something changes.
    pub fn nothing() -> Self {
        Self::Do(Vec::new(), Then::Settled)
    }

    /// Nothing, but look again after so long.
    pub fn wait(length: Duration) -> Self {
        Self::Do(Vec::new(), Then::After(length))
    }
}
