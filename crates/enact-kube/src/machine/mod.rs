//! What to do next for one execution. A function of values: the object, what was found out about its surroundings, the settings and
//! the time go in; what is still to be found out, or what is to be done, comes out. It reads nothing, writes nothing and waits for
//! nothing; [`crate::controller`] does, and is the only one who does.
//!
//! One transition per call. Reading order: [`next`], then `pending.rs`, `validating.rs` (with `judging.rs`: policy and people; `waits.rs`),
//! `starting.rs` (the Job), `running.rs` (with `refined.rs`: what it tells), `finished.rs` (its end), `converging.rs` (conditions after), `deleted.rs`.

mod admitting;
mod asked;
mod converging;
mod deleted;
mod durations;
mod finished;
mod input;
mod judging;
mod known;
mod pending;
mod refined;
mod running;
mod starting;
mod status;
mod validating;
mod waits;

pub use admitting::{Admission, admitted};
pub(crate) use asked::read_target;
pub use asked::{Resolved, resolve};
pub use durations::{parse_duration, time_limit};
pub(crate) use input::{Request, input_of};
pub use known::{
    AccountFact, ConditionFact, DependencyFact, Facts, Halt, Intent, JobEnd, Known, Looked, Namespaces, Next,
    Output, PolicyFact, Question, Settings, Then, Which,
};
pub use starting::{job_name, job_refused};
pub use status::{cut as text_cut, output_cut, spec_hash, stamp};
pub use waits::for_the_catalog;

use crate::api::Phase;

/// What to do next.
pub fn next(known: &Known<'_>) -> Next {
    let object = known.object;
    if object.metadata.deletion_timestamp.is_some() {
        return deleted::next(known);
    }
    match phase(known) {
        Phase::Pending => pending::next(known),
        Phase::Validating => validating::next(known),
        Phase::Running => running::next(known),
        Phase::Completed | Phase::Failed => deleted::settled(known),
    }
}

/// Where it stands. One that nobody looked at yet is pending; no write is spent on saying so.
fn phase(known: &Known<'_>) -> Phase {
    let status = known.object.status.as_ref();
    status.and_then(|status| status.phase).unwrap_or_default()
}
