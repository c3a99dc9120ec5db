//! The Job that does an action: its object, what it is given, what it gives back.

mod build;
mod perform;
mod protocol;
mod told;

pub use build::{NAME_ANNOTATION, NAMESPACE_ANNOTATION, Parts, REQUEST_KEY, UID_ANNOTATION, build, selector};
pub use perform::{Performed, Performing, perform};
pub use protocol::{ExitStatus, MOST_REQUEST, REQUEST_VARIABLE, Report, Request, read_report, write_report};
pub use told::{told_rollback, told_text};

/// The container of the pod.
pub const CONTAINER: &str = "action";

/// How much longer the pod may live than the action: so that its end is written down before the cluster ends it.
pub const ALLOWANCE_SECONDS: u64 = 30;
