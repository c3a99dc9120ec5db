//! The public exit codes, in one place.

/// How a command ends. The numbers are a public interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// Done and verified, or nothing to do.
    Ok = 0,
    /// Failed.
    Failed = 1,
    /// Changes are pending (only with `--detailed-exitcode`).
    Pending = 2,
    /// Invalid input: usage, configuration, plan file.
    InvalidInput = 3,
    /// Denied by policy, or every remaining change is blocked by protection.
    Denied = 4,
    /// Approval missing, rejected, expired, spent, not strong enough, or declined.
    NotApproved = 5,
    /// Stale plan or drift before the first effect: nothing was written. Also single changes that met drift later.
    Stale = 6,
    /// Failed and rolled back.
    RolledBack = 7,
    /// Unknown or stuck: a person must settle it.
    Unsettled = 8,
    /// Paused: waits for a person.
    Paused = 9,
    /// Everything ran, verification failed.
    NotVerified = 10,
    /// Interrupted (Ctrl-C); `resume` goes on.
    Interrupted = 130,
    /// Terminated (SIGTERM); `resume` goes on.
    Terminated = 143,
}

impl ExitCode {
    /// The number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Every code, for the documentation and its test.
    pub const ALL: [Self; 13] = [
        Self::Ok,
        Self::Failed,
        Self::Pending,
        Self::InvalidInput,
        Self::Denied,
        Self::NotApproved,
        Self::Stale,
        Self::RolledBack,
        Self::Unsettled,
        Self::Paused,
        Self::NotVerified,
        Self::Interrupted,
        Self::Terminated,
    ];
}

impl crate::gate::GateClosed {
    /// The exit code for a gate that stays closed for this reason.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Latched { .. } | Self::Denied { .. } | Self::Unreadable(_) => ExitCode::Denied,
            Self::OtherTarget { .. } => ExitCode::InvalidInput,
            Self::VerdictOfOtherPlan { .. } | Self::VerdictOfOtherBundle { .. } | Self::NotProved(_) => {
                ExitCode::Stale
            }
            Self::Rejected { .. }
            | Self::HeldBack { .. }
            | Self::NotApproved { .. }
            | Self::NotAcknowledged { .. } => ExitCode::NotApproved,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_public_and_do_not_move() {
        let numbers: Vec<u8> = ExitCode::ALL.iter().map(|code| code.number()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130, 143]);
    }
}
