//! How the runner treats a change of a procedure (a runbook's step): where it waits for a person, what its failure means.
//!
//! Resources of an API have none of this; a change without [`Handling`] behaves as if it were critical, stopped what depends
//! on it when it fails, and waited for nobody.

use serde::{Deserialize, Serialize};

use crate::change::{ChangeId, Milliseconds};
use crate::principal::People;

/// Before or after a change.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Right before its effect.
    Before,
    /// Right after its effect.
    After,
}

impl Moment {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// A place where the run waits until people confirm. No time-out ever means yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Before or after the change.
    pub at: Moment,
    /// What to consider; empty when the plan does not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// How many different people must confirm; at least 1.
    pub count: u32,
    /// Each of them holds one of these roles, and each role is held by one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Roles of which each must be held by one of them besides, as conditions of approvals want it: a further role that is
    /// wanted must not make somebody count who did not before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The names of those who want that. Nobody is their own second: in `also` their word does not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not: Vec<String>,
}

impl Hold {
    /// One person, whoever it is.
    pub fn at(at: Moment) -> Self {
        Self {
            at,
            message: String::new(),
            count: 1,
            roles: Vec::new(),
            also: Vec::new(),
            not: Vec::new(),
        }
    }

    /// Must each of them sign? Where more than one is asked for: otherwise the user of a machine, who is also the owner of a
    /// key, would be two.
    pub fn is_signed(&self) -> bool {
        self.count > 1
    }

    /// Does it ask for more than one person, whoever it is?
    pub fn is_demanding(&self) -> bool {
        self.count > 1 || !self.roles.is_empty() || !self.also.is_empty()
    }

    fn but_whom(&self) -> &'static str {
        if self.not.is_empty() {
            ""
        } else {
            " (not whoever asked for it)"
        }
    }

    /// Does somebody with this id, as this person and with these roles count for anything at it?
    pub fn counts(&self, id: &str, person: &str, roles: &[String]) -> bool {
        let anybody = self.roles.is_empty() && (self.count > 1 || self.also.is_empty());
        let holds_one = |wanted: &[String]| wanted.iter().any(|role| holds(id, roles, role));
        anybody || holds_one(&self.roles) || (holds_one(&self.also) && !self.excludes(id, person))
    }

    /// Is this one of those whose word does not count as a second one?
    pub(crate) fn excludes(&self, id: &str, person: &str) -> bool {
        let known = People::default();
        self.not
            .iter()
            .any(|name| name == person || known.is_same(name, id))
    }

    /// Who must confirm, in words: `2 people with role dba, each with a key of their own`.
    pub fn who(&self) -> String {
        if self.count <= 1 {
            return match names(self.roles.iter().chain(&self.also)) {
                nobody if nobody.is_empty() => "one person".to_owned(),
                names => format!("{names}{}", self.but_whom()),
            };
        }
        // A number of people with one role says that it is held; with several it does not.
        let own = if self.roles.len() > 1 {
            &self.roles[..]
        } else {
            &[]
        };
        let among = match names(own.iter().chain(&self.also)) {
            nobody if nobody.is_empty() => nobody,
            names => format!(", among them {names}{}", self.but_whom()),
        };
        let role = with_role(&self.roles);
        format!("{} people{role}, each with a key of their own{among}", self.count)
    }
}

/// Has somebody a role? A role `principal:ID` stands for that one person.
pub(crate) fn holds(id: &str, roles: &[String], role: &str) -> bool {
    match role.strip_prefix("principal:") {
        Some(who) => id == who,
        None => roles.iter().any(|held| held == role),
    }
}

/// ` with role dba or sre`; nothing where there is none.
pub(crate) fn with_role(roles: &[String]) -> String {
    match roles {
        [] => String::new(),
        roles => format!(" with role {}", roles.join(" or ")),
    }
}

/// `somebody with role dba and os:ana`.
pub(crate) fn names<'a>(roles: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<String> = roles.map(|role| named(role)).collect();
    names.join(" and ")
}

/// A role `principal:ID` stands for that one person.
fn named(role: &str) -> String {
    match role.strip_prefix("principal:") {
        Some(who) => who.to_owned(),
        None => format!("somebody with role {role}"),
    }
}

/// What the failure of a change leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Nothing further runs; then the plan's rollback rule applies.
    #[default]
    Stop,
    /// The run pauses and a person decides.
    Escalate,
    /// What was done is taken back at once.
    Rollback,
    /// The next change runs. Only for changes that are not critical.
    Continue,
}

/// Attempts at one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attempts {
    /// In all, the first included; at least 1.
    pub attempts: u32,
    /// Wait before the second.
    pub delay: Milliseconds,
    /// By how many per cent each further wait is of the one before it; 100 keeps it, 200 doubles it.
    pub growth_percent: u32,
    /// The longest wait.
    pub longest: Milliseconds,
}

/// How the runner treats one change of a procedure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Handling {
    /// Does it run however the run ends, after everything else (`finally`)?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub always: bool,
    /// Does its failure fail the run?
    pub critical: bool,
    /// What its failure leads to.
    pub on_failure: OnFailure,
    /// Where the run waits for people, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    /// Attempts, where more than one is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Attempts>,
}

impl Default for Handling {
    fn default() -> Self {
        Self {
            always: false,
            critical: true,
            on_failure: OnFailure::Stop,
            holds: Vec::new(),
            attempts: None,
        }
    }
}

/// Whether what was done is taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RollbackMode {
    /// A person is asked.
    Ask,
    /// At once.
    Auto,
    /// Not by the run; `enact rollback` still can.
    #[default]
    Never,
}

/// When a run takes back what it did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackRule {
    /// After a failure.
    pub on_failure: RollbackMode,
    /// When everything ran and verification failed.
    pub on_verify_failed: RollbackMode,
    /// Once this change has been started, only a person who says so can have things taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point_of_no_return: Option<ChangeId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_must_confirm_is_said_in_words() {
        let hold = |count, roles: &[&str]| Hold {
            count,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            ..Hold::at(Moment::Before)
        };
        let mut asked_more = hold(2, &["dba"]);
        asked_more.also = vec!["principal:os:ana".to_owned(), "sre".to_owned()];
        let words = [
            (hold(1, &[]), "one person"),
            (hold(1, &["principal:os:ana"]), "os:ana"),
            (hold(1, &["dba"]), "somebody with role dba"),
            (
                hold(1, &["dba", "sre"]),
                "somebody with role dba and somebody with role sre",
            ),
            (hold(2, &[]), "2 people, each with a key of their own"),
            (
                hold(2, &["dba"]),
                "2 people with role dba, each with a key of their own",
            ),
            (
                hold(2, &["dba", "sre"]),
                "2 people with role dba or sre, each with a key of their own, among them somebody with role dba and \
                 somebody with role sre",
            ),
            (
                asked_more,
                "2 people with role dba, each with a key of their own, among them os:ana and somebody with role sre",
            ),
        ];
        for (hold, expected) in words {
            assert_eq!(hold.who(), expected);
        }
    }
}
