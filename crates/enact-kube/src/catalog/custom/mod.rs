//! Actions that an operator adds: a program in an image of theirs, under an account of theirs, with an argv in which parameters stand.
//!
//! `read.rs` reads the file that names them (with `fields.rs` and `parameters.rs`), `template.rs` is the argv. What such a program does is
//! not known here: it is judged, run and recorded like the others, and nothing is said of the way back but what it tells itself.

mod fields;
mod parameters;
mod read;
mod template;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::Value;

pub use read::{MOST_ACTIONS, read};
pub use template::{Argument, argv};

use super::act::{Acted, Acting, BoxFuture, Failed};
use super::{About, Asked, Basis, CatalogAction, Foreseen, Parameter, Runs, Shows};
use crate::api::RollbackInfo;

/// What the account of every custom action begins with.
pub const ACCOUNT_PREFIX: &str = "kubernetes-executor-custom-";

/// What a custom action runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The account of its Job, with the [`ACCOUNT_PREFIX`].
    pub account: String,
    /// Its image, by digest.
    pub image: String,
    /// Its argv, the program first.
    pub argv: Vec<Argument>,
}

/// An action of an operator's catalog.
#[derive(Debug, Clone)]
pub struct CustomAction {
    about: About,
    parameters: Vec<Parameter>,
}

impl CatalogAction for CustomAction {
    fn about(&self) -> &About {
        &self.about
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.parameters.clone()
    }

    fn foresee(&self, target: &Value, asked: &Asked) -> Result<Foreseen, String> {
        let Runs::Program(program) = &self.about.runs else {
            return Err("it names no program".to_owned());
        };
        let shown = argv(&program.argv, asked)?.join(" ");
        let description = format!("run {} of {}", shown.escape_debug(), program.image);
        Ok(Foreseen {
            description: crate::machine::text_cut(&description, 512),
            affected: 1,
            rollback: RollbackInfo {
                reason: Some(
                    "what a custom action does is not known before; its Job may tell a way back".to_owned(),
                ),
                captured_at: Some(asked.now.clone()),
                ..RollbackInfo::default()
            },
            basis: basis(target),
            ..Foreseen::default()
        })
    }

    fn shows(&self, _: Option<&Value>, _: &Asked, _: &Basis) -> Shows {
        Shows::Nothing
    }

    /// Never asked: its Job runs a program of its own.
    fn act<'a>(&'a self, _: &'a Acting) -> BoxFuture<'a, Acted> {
        let why = format!("{} is done by the image that its catalog names", self.about.name);
        Box::pin(std::future::ready(Err(Failed::refused(why))))
    }
}

/// What the target is known by: the program may check it, and the controller does before it makes the Job.
fn basis(target: &Value) -> Basis {
    let metadata = target.get("metadata").cloned().unwrap_or_default();
    let text = |field: &str| metadata.get(field).and_then(Value::as_str).map(ToOwned::to_owned);
    Basis {
        uid: text("uid").unwrap_or_default(),
        generation: metadata.get("generation").and_then(Value::as_i64),
        resource_version: None,
    }
}

impl About {
    /// Is it an operator's?
    pub fn is_custom(&self) -> bool {
        matches!(self.runs, Runs::Program(_))
    }

    /// Its name where names are few: custom actions come and go, and share one.
    pub fn label(&self) -> Cow<'static, str> {
        if self.is_custom() {
            Cow::Borrowed("custom")
        } else {
            self.name.clone()
        }
    }
}
