//! Between controller and Job: one JSON document in, one out, and an exit code.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::RollbackInfo;
use crate::catalog::{Acted, Basis, Failure, Target};

/// The environment variable that holds the request.
pub const REQUEST_VARIABLE: &str = "ENACT_REQUEST";

/// The longest request, in bytes: one environment string may not exceed 128 KiB.
pub const MOST_REQUEST: usize = 64 * 1024;

/// The longest termination message, in bytes.
const MOST_REPORT: usize = 4096;

/// What a Job is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The version of this document: 1.
    pub v: u32,
    /// The action.
    pub action: String,
    /// What it is aimed at.
    pub target: Target,
    /// The parameters as they were written.
    pub parameters: BTreeMap<String, String>,
    /// What of the target must be as it was judged.
    pub basis: Basis,
    /// Who asks: `namespace/name/uid`.
    pub on_behalf_of: String,
    /// How long it may take, in seconds.
    pub seconds: u64,
}

/// What a Job says when it ends (its termination message).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this document: 1.
    pub v: u32,
    /// Did it go well?
    pub ok: bool,
    /// For programs: `done`, `failed`, `refused`, `cancelled`, `deadline`, `target_changed`.
    pub code: String,
    /// In words.
    pub msg: String,
    /// How the target was.
    #[serde(default)]
    pub before: BTreeMap<String, String>,
    /// How it is.
    #[serde(default)]
    pub after: BTreeMap<String, String>,
    /// How to take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackInfo>,
    /// Counts.
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
    /// Was something left out because it is too long?
    #[serde(default)]
    pub trunc: bool,
}

/// The exit codes of `enact action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Done.
    Done = 0,
    /// Tried, and it did not work.
    Failed = 1,
    /// It cannot work; nothing was written.
    Refused = 42,
    /// Somebody stopped it.
    Cancelled = 43,
    /// It took too long.
    Deadline = 44,
    /// The target is not the one that was judged; nothing was written.
    TargetChanged = 45,
}

impl ExitStatus {
    /// That of an end.
    pub fn of(acted: &Acted) -> Self {
        match acted {
            Ok(_) => Self::Done,
            Err(failed) => match failed.failure {
                Failure::Failed => Self::Failed,
                Failure::Refused => Self::Refused,
                Failure::Cancelled => Self::Cancelled,
                Failure::Deadline => Self::Deadline,
                Failure::TargetChanged => Self::TargetChanged,
            },
        }
    }

    /// For programs.
    fn code(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Deadline => "deadline",
            Self::TargetChanged => "target_changed",
        }
    }
}

impl Report {
    /// The report of an end.
    pub fn of(acted: &Acted) -> Self {
        let code = ExitStatus::of(acted).code().to_owned();
        match acted {
            Ok(done) => Self {
                v: 1,
                ok: true,
                code,
                msg: done.message.clone(),
                before: done.before.clone(),
                after: done.after.clone(),
                rollback: done.rollback.clone(),
                counts: done.counts.clone(),
                trunc: false,
            },
            Err(failed) => Self {
                v: 1,
                ok: false,
                code,
                msg: failed.message.clone(),
                counts: failed.counts.clone(),
                ..Self::default()
            },
        }
    }
}

/// The report as the termination message, never longer than the cluster takes: what is long is left out in the order of what it is worth.
pub fn write_report(report: &Report) -> String {
    let mut report = report.clone();
    report.msg = crate::machine::text_cut(&report.msg, 1024);
    for step in 0..4_u8 {
        let text = serde_json::to_string(&report).unwrap_or_default();
        if text.len() <= MOST_REPORT {
            return text;
        }
        report.trunc = true;
        match step {
            0 => report.rollback = None,
            1 => report.before.clear(),
            2 => report.after.clear(),
            _ => report.msg = crate::machine::text_cut(&report.msg, 256),
        }
    }
    serde_json::to_string(&report).unwrap_or_default()
}

/// Reads a termination message. Anything else than a report is none.
pub fn read_report(text: &str) -> Option<Report> {
    if text.len() > MOST_REPORT {
        return None;
    }
    serde_json::from_str(text.trim())
        .ok()
        .filter(|report: &Report| report.v == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_never_exceeds_what_the_cluster_takes() {
        let long = "ä".repeat(40_000);
        let map: BTreeMap<String, String> = [("key".to_owned(), long.clone())].into();
        let report = Report {
            v: 1,
            ok: true,
            code: "done".to_owned(),
            msg: long.clone(),
            before: map.clone(),
            after: map.clone(),
            rollback: Some(RollbackInfo {
                available: true,
                parameters: map,
                ..RollbackInfo::default()
            }),
            counts: BTreeMap::new(),
            trunc: false,
        };
        let text = write_report(&report);
        assert!(text.len() <= MOST_REPORT, "{}", text.len());
        let read = read_report(&text).unwrap();
        assert!(read.ok && read.trunc);
        assert_eq!(read_report("{}"), None);
        assert_eq!(read_report("not json"), None);
    }
}
