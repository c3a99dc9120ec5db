//! The frozen form of a runbook: what stands in the plan that is approved and executed. Written by [`crate::compile`], read
//! by the provider, by policies and by views. Nothing in it is chosen later.
//!
//! The plan has `mode: run`, the target `{"kind": "host", "context": NAME}`, [`Document`] as its `document`, and one change
//! per step with action `RUN`, `resource_type: "step"`, the step's id as `change_id` and `resource_ref`, its title as
//! `resource_name` and [`StepSpec`] as its `spec`. A `konnect` step is as many changes as its own plan has, see [`Group`].

pub mod check;
pub mod document;
pub mod step;
pub mod text;
pub mod variable;

pub use check::{
    CHECK_TIMEOUT, CheckSpec, Compare, ExitExpectation, Expect, JsonExpectation, Matcher, Operand,
    TextExpectation,
};
pub use document::{
    ApprovalsAsked, Assumption, Criterion, Document, Downtime, Estimate, Group, Parameter, PinnedFile,
    Question, Requirement, Risk, STEP_TIMEOUT, Settings, Verification,
};
pub use step::{OutputSpec, ProbeSpec, Repeat, STEP, Simulation, StepSpec, UndoSpec, ValueType};
pub use text::{Part, Text};
pub use variable::Variable;
