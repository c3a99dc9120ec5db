//! The questions that policies are asked, and the names under which they answer.

use std::time::Duration;

use super::limits::{ACTION_TIME, PLAN_TIME};

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// May this plan run? `data.enact.plan`.
    Plan,
    /// May this catalog action run? `data.kubernetes_executor.safety`.
    Action,
    /// Does this condition hold? `data.condition`.
    Condition,
    /// Is the bundle in order? `data.enact.bundle`, asked once when it is loaded, without an input.
    Bundle,
}

/// Where a question is answered.
#[derive(Debug, Clone, Copy)]
pub struct Query {
    /// The question.
    pub question: Question,
    /// The package that answers.
    pub package: &'static str,
    /// The rules that are read.
    pub outputs: &'static [&'static str],
    /// How long the answer may take.
    pub limit: Duration,
}

/// All questions.
pub const QUERIES: &[Query] = &[
    Query {
        question: Question::Plan,
        package: "enact.plan",
        outputs: &["deny", "require_approval", "warn"],
        limit: PLAN_TIME,
    },
    Query {
        question: Question::Action,
        package: "kubernetes_executor.safety",
        outputs: &["allow", "deny", "warn"],
        limit: ACTION_TIME,
    },
    Query {
        question: Question::Condition,
        package: "condition",
        outputs: &["allow"],
        limit: ACTION_TIME,
    },
    Query {
        question: Question::Bundle,
        package: "enact.bundle",
        outputs: &["faults"],
        limit: ACTION_TIME,
    },
];

/// The package that puts the answers together. No policy may be called so.
pub const ASKING_PACKAGE: &str = "enact_question";

impl Query {
    /// The path of the rule that puts the answers together.
    pub fn asking_rule(&self) -> String {
        format!("data.{ASKING_PACKAGE}.{}", self.question.name())
    }

    /// The source of that rule, for the rules of these names. Each is asked for by its own path: the engine evaluates a
    /// package that is spread over files wrongly when it is asked for as a whole.
    pub fn asking_source<'a>(&self, names: impl Iterator<Item = &'a str>) -> String {
        let question = self.question.name();
        let rule = |name| {
            let value = format!("data.{}.{name}", self.package);
            format!("{question}[name] := value if {{\n  name := \"{name}\"\n  value := {value}\n}}\n")
        };
        names.map(rule).collect()
    }
}

impl Question {
    /// `plan`, `action`, `condition`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Action => "action",
            Self::Condition => "condition",
            Self::Bundle => "bundle",
        }
    }

    /// Where it is answered.
    pub fn query(self) -> Query {
        let index = match self {
            Self::Plan => 0,
            Self::Action => 1,
            Self::Condition => 2,
            Self::Bundle => 3,
        };
        // The table has one row a question, in this order; a test holds it to that.
        QUERIES.get(index).copied().unwrap_or(Query {
            question: self,
            package: "",
            outputs: &[],
            limit: ACTION_TIME,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_finds_its_row() {
        for question in [
            Question::Plan,
            Question::Action,
            Question::Condition,
            Question::Bundle,
        ] {
            assert_eq!(question.query().question, question);
            assert!(!question.query().package.is_empty());
        }
    }
}
