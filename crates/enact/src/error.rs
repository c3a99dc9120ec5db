//! How a command fails: one type, with its exit code, the chain of causes, and what to do now.

use enact_core::approval::ApprovalId;
use enact_core::diagnostic::{Diagnostic, Severity};
use enact_core::exit::ExitCode;
use enact_core::gate::{GateClosed, Refusal};
use enact_core::journal::RunId;
use enact_core::plan::ReadError;
use enact_engine::runner::RunError;
use enact_engine::store::StoreError;

/// The ways to a yes where somebody can be asked.
const ASK_HERE: &str = ", at the prompt, or with --auto-approve";

/// What is true of a plan that was not let through the gate, unless its run had begun before.
const NOTHING_WRITTEN: &str = "nothing was written";

/// A failed command.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) code: ExitCode,
    /// What was attempted and what came of it, outermost first.
    pub(crate) chain: Vec<String>,
    /// What to do now.
    pub(crate) hints: Vec<String>,
    /// Faults in the user's files, shown with their places.
    pub(crate) faults: Vec<Diagnostic>,
}

/// What a command returns.
pub(crate) type CommandResult = Result<ExitCode, CommandError>;

impl CommandError {
    pub(crate) fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self {
            code,
            chain: vec![message.into()],
            hints: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// With the plan's own name where a hint says `PLAN`; and a run that is taken up again asks nobody.
    #[must_use]
    pub(crate) fn naming_plan(mut self, name: &str, resumed: Option<&RunId>) -> Self {
        for hint in &mut self.hints {
            if let Some(run_id) = resumed {
                let then = format!(", then: enact resume {run_id}");
                *hint = hint.replace(ASK_HERE, &then);
            }
            *hint = hint.replace("enact approve PLAN", &format!("enact approve {name}"));
        }
        self
    }

    /// With this hint in place of all others.
    #[must_use]
    pub(crate) fn hinting_only(mut self, hint: impl Into<String>) -> Self {
        self.hints = vec![hint.into()];
        self
    }

    /// The same of a run that has begun already: something may have been written before.
    #[must_use]
    pub(crate) fn after_effects(mut self) -> Self {
        for text in self.chain.iter_mut().chain(&mut self.hints) {
            *text = text.replace(NOTHING_WRITTEN, "the run goes no further");
        }
        self
    }

    /// Invalid usage, configuration or plan file.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ExitCode::InvalidInput, message)
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Failed, message)
    }

    /// Faults in the user's files.
    pub(crate) fn faults(faults: Vec<Diagnostic>) -> Self {
        // Warnings stand among them, and are no reason to refuse anything.
        let is_error = |fault: &&Diagnostic| fault.severity == Severity::Error;
        let count = faults.iter().filter(is_error).count();
        let message = format!(
            "{count} {} in the configuration; nothing was done",
            if count == 1 { "fault" } else { "faults" }
        );
        Self {
            faults,
            ..Self::invalid(message)
        }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says first which file it is about.
    #[must_use]
    pub(crate) fn about(mut self, file: &str) -> Self {
        if let Some(first) = self.chain.first_mut() {
            *first = format!("{file}: {first}");
        }
        self
    }

    /// An error with its causes.
    pub(crate) fn from_error(code: ExitCode, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut chain = vec![error.to_string()];
        let mut cause = error.source();
        while let Some(error) = cause {
            chain.push(error.to_string());
            cause = error.source();
        }
        // A transparent wrapper says the same as its cause.
        chain.dedup();
        Self {
            code,
            chain,
            hints: Vec::new(),
            faults: Vec::new(),
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::ApprovalSpent(_) | StoreError::OtherApproval(_) => ExitCode::NotApproved,
            StoreError::NoSuchRun(_) | StoreError::Ambiguous { .. } | StoreError::Superseded { .. } => {
                ExitCode::InvalidInput
            }
            StoreError::GoneOn(_) => ExitCode::Stale,
            StoreError::Held { .. }
            | StoreError::LeaseLost { .. }
            | StoreError::Newer { .. }
            | StoreError::Corrupt { .. }
            | StoreError::NotWritable { .. }
            | StoreError::Journal(_)
            | StoreError::Json(_) => ExitCode::Failed,
        };
        let failed = Self::from_error(code, &error);
        match &error {
            StoreError::Held { run_id, .. } => failed
                .hint(format!("wait for it, or stop it: enact stop {run_id}"))
                .hint("a process that was killed is noticed at once; one on another machine when its lease runs out"),
            StoreError::LeaseLost { run_id } => {
                failed.hint(format!("nothing more was written by this process; see: enact runs show {run_id}"))
            }
            StoreError::Newer { .. } => failed.hint("use the newer enact that wrote it, or another --state-dir"),
            StoreError::Corrupt { path, .. } => failed.hint(format!(
                "the file was left as it is; move {path} (with its -wal, -shm and -mark) aside to start anew, or restore a backup"
            )),
            StoreError::NotWritable { .. } => {
                failed.hint("check the directory's owner, permissions and free space, or name another with --state-dir")
            }
            StoreError::NoSuchRun(_) | StoreError::Ambiguous { .. } => failed.hint("enact runs list shows all runs"),
            StoreError::ApprovalSpent(_) => {
                failed.hint("one approval pays for as many runs as it says; approve the plan again")
            }
            StoreError::OtherApproval(_) => failed.hint("enact approvals list shows it; a record is never changed once it is kept"),
            StoreError::Superseded { by, .. } => failed.hint(format!("go on there: enact runs next {by}")),
            StoreError::GoneOn(_) => failed.hint("nothing was written; make the plan of the revision again"),
            StoreError::Journal(_) | StoreError::Json(_) => failed,
        }
    }
}

impl From<ReadError> for CommandError {
    fn from(error: ReadError) -> Self {
        let refused = Self::from_error(ExitCode::InvalidInput, &error);
        match &error {
            ReadError::Digest { .. } => {
                refused.hint("the file was edited after it was made; make the plan again")
            }
            ReadError::Format { .. } => refused.hint("make the plan again with this version of enact"),
            ReadError::Json { message, .. } if message.starts_with("EOF") => {
                refused.hint("the file is cut off there; copy it again, or make the plan again")
            }
            ReadError::Json { .. } => {
                refused.hint("this is not a plan as enact writes it; make the plan again")
            }
            ReadError::TooLarge { .. } | ReadError::Faults(_) => refused.hint("make the plan again"),
        }
    }
}

impl From<GateClosed> for CommandError {
    fn from(error: GateClosed) -> Self {
        let closed = Self::from_error(error.exit_code(), &error);
        match &error {
            GateClosed::Denied { findings } => denied(findings),
            GateClosed::Latched { .. } => closed.hint("to go on: enact stop --all off"),
            GateClosed::OtherTarget { .. } => {
                closed.hint("connect to the plan's target, or make a plan for this one")
            }
            GateClosed::NotAcknowledged { .. } => {
                closed.hint("answer the second question at the prompt, or add --allow-unprotect")
            }
            GateClosed::NotApproved { needed, .. } if needed.is_demanding() => {
                closed.hint("whoever may approve it: enact approve PLAN --sign-with KEY")
            }
            GateClosed::NotApproved { .. } => {
                closed.hint(format!("approve it: enact approve PLAN{ASK_HERE}"))
            }
            GateClosed::HeldBack {
                approval_id,
                reason,
                until,
                ..
            } => held_back(closed, approval_id, reason, *until),
            GateClosed::Rejected { approval_id, .. } => closed.hint(format!(
                "whoever said no can take it back: enact approvals withdraw {approval_id}"
            )),
            GateClosed::NotProved(fault) => {
                let closed = closed.hint(NOTHING_WRITTEN);
                match enact_runbook::revise::hint(fault) {
                    Some(hint) => closed.hint(hint),
                    None => closed,
                }
            }
            GateClosed::Unreadable(_) => closed.hint("make the plan again with this version of enact"),
            GateClosed::VerdictOfOtherPlan { .. } | GateClosed::VerdictOfOtherBundle { .. } => closed,
        }
    }
}

/// Until when no run begins or the conditions hold, and how whoever gave the approval lets go of them.
fn held_back(
    closed: CommandError,
    id: &ApprovalId,
    reason: &Refusal,
    until: Option<jiff::Timestamp>,
) -> CommandError {
    let until = until.map_or_else(String::new, |end| format!(" until {end:.0}"));
    let holds = if matches!(reason, Refusal::WindowOver(..)) {
        format!("its time is over, and it keeps every run of this plan from starting{until}")
    } else {
        format!("its conditions hold{until} for every run of this plan")
    };
    closed.hint(format!("{NOTHING_WRITTEN}; {holds}")).hint(format!(
        "whoever gave it can take it back: enact approvals withdraw {id}"
    ))
}

/// Each rule that denies, with its place, and how to see more.
fn denied(findings: &[enact_core::verdict::Finding]) -> CommandError {
    let count = findings.len();
    let objections = if count == 1 { "objection" } else { "objections" };
    CommandError {
        faults: findings.iter().map(crate::views::policy_text::as_fault).collect(),
        ..CommandError::new(
            ExitCode::Denied,
            format!("policy denies the plan ({count} {objections}); {NOTHING_WRITTEN}"),
        )
    }
}

impl From<RunError> for CommandError {
    fn from(error: RunError) -> Self {
        let failed = Self::from_error(ExitCode::Failed, &error);
        match &error {
            RunError::Journal(cause) if matches!(**cause, StoreError::NotWritable { .. }) => failed.hint(
                "what was not written down was not begun; make room, or see to the directory's permissions",
            ),
            RunError::Journal(_) | RunError::Illegal(_) | RunError::Unreadable(_) | RunError::OnlyBack => {
                failed
            }
        }
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self::from_error(ExitCode::Failed, &error)
    }
}

impl From<serde_json::Error> for CommandError {
    fn from(error: serde_json::Error) -> Self {
        Self::from_error(ExitCode::Failed, &error)
    }
}
