//! Is plan-and-execute the right way to do something? The questions of the pattern's own table, each with a verdict and its
//! reason, and what to do. Advice never blocks anything.

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::{Body, Entry, Plain};
use serde::Serialize;

use crate::compile::{MAX_BYTES, Source, parse};
use crate::questions::check_runbook;
use crate::reading::{Node, as_written, is_blank};

/// Does the world change while one works?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// It does not, or in known ways.
    Predictable,
    /// It does.
    Dynamic,
}

/// Is it known what is wanted?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Requirements {
    /// Everything.
    Known,
    /// Questions are open.
    Partly,
    /// Not yet.
    Unknown,
}

/// How much there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Steps {
    /// One thing.
    One,
    /// Two or three.
    Few,
    /// More.
    Many,
}

/// How steps hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dependencies {
    /// Each needs the one before it.
    Sequential,
    /// They can go in any order.
    Independent,
}

/// What is lost when it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stakes {
    /// Little.
    Low,
    /// Much.
    High,
}

/// What is known about the task. What is not known is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The surroundings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// The requirements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirements: Option<Requirements>,
    /// The number of steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Steps>,
    /// Their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<Dependencies>,
    /// Must somebody agree first?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<bool>,
    /// The stakes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stakes: Option<Stakes>,
}

impl Facts {
    /// These facts, and the others' where these say nothing.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            environment: self.environment.or(others.environment),
            requirements: self.requirements.or(others.requirements),
            steps: self.steps.or(others.steps),
            dependencies: self.dependencies.or(others.dependencies),
            approval: self.approval.or(others.approval),
            stakes: self.stakes.or(others.stakes),
        }
    }
}

/// What one row of the table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It speaks for a plan.
    For,
    /// It speaks against one.
    Against,
    /// It does not apply.
    Neutral,
    /// Nobody said.
    NotSaid,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The situation.
    pub scenario: &'static str,
    /// What it says.
    pub verdict: Verdict,
    /// Why.
    pub reason: &'static str,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Recommendation {
    /// Plan it whole, then execute.
    PlanAndExecute,
    /// The same, and somebody confirms on the way.
    PlanAndExecuteWithCheckpoints,
    /// Find out first what is wanted.
    ExploreFirst,
    /// Just do it.
    DoNotPlan,
}

impl Recommendation {
    /// As a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::PlanAndExecute => {
                "plan and execute: write the whole plan, have it approved, run exactly that"
            }
            Self::PlanAndExecuteWithCheckpoints => {
                "plan and execute with checkpoints: the whole plan, and a person confirms before the dangerous steps"
            }
            Self::ExploreFirst => {
                "explore first, then plan: find out what is not known, and plan what you learned"
            }
            Self::DoNotPlan => "do not plan: it is one simple step",
        }
    }
}

/// The whole advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// `enact.advice/v1`.
    pub format: &'static str,
    /// What it is based on.
    pub facts: Facts,
    /// Each row of the table.
    pub rows: Vec<Row>,
    /// What to do.
    pub recommendation: Recommendation,
    /// Why.
    pub because: Vec<&'static str>,
}

/// Advice on the facts.
pub fn advise(facts: Facts) -> Advice {
    let (recommendation, because) = recommend(&facts);
    Advice {
        format: "enact.advice/v1",
        facts,
        rows: rows(&facts),
        recommendation,
        because,
    }
}

fn rows(facts: &Facts) -> Vec<Row> {
    let row = |scenario, verdict: Option<Verdict>, reason| Row {
        scenario,
        verdict: verdict.unwrap_or(Verdict::NotSaid),
        reason,
    };
    let when = |holds: bool, verdict| if holds { verdict } else { Verdict::Neutral };
    let dynamic = facts.environment.map(|found| found == Environment::Dynamic);
    let many = match (facts.steps, facts.dependencies) {
        (None, None) => None,
        (steps, dependencies) => {
            let complex = steps == Some(Steps::Many)
                || (steps != Some(Steps::One) && dependencies == Some(Dependencies::Sequential));
            Some(when(complex, Verdict::For))
        }
    };
    vec![
        row(
            "predictable environment",
            dynamic.map(|dynamic| when(!dynamic, Verdict::For)),
            "there are no surprises during the execution",
        ),
        row(
            "clear requirements",
            facts
                .requirements
                .map(|found| when(found == Requirements::Known, Verdict::For)),
            "everything can be planned before anything is done",
        ),
        row(
            "complex task of several steps",
            many,
            "order and dependencies gain from being thought through",
        ),
        row(
            "approval needed",
            facts.approval.map(|needed| when(needed, Verdict::For)),
            "the finished plan is what somebody can agree to",
        ),
        row(
            "dynamic environment",
            dynamic.map(|dynamic| when(dynamic, Verdict::Against)),
            "the plan is outdated before it is done",
        ),
        row(
            "unknown requirements",
            facts
                .requirements
                .map(|found| when(found != Requirements::Known, Verdict::Against)),
            "what is not known cannot be planned",
        ),
    ]
}

fn recommend(facts: &Facts) -> (Recommendation, Vec<&'static str>) {
    let high = facts.stakes == Some(Stakes::High);
    if facts.requirements == Some(Requirements::Unknown) {
        return (
            Recommendation::ExploreFirst,
            vec!["the requirements are not known"],
        );
    }
    if facts.requirements == Some(Requirements::Partly) {
        return (
            Recommendation::ExploreFirst,
            vec!["questions are open: ask them before planning"],
        );
    }
    if facts.environment == Some(Environment::Dynamic) && !high {
        return (
            Recommendation::ExploreFirst,
            vec!["the surroundings change while one works"],
        );
    }
    if facts.steps == Some(Steps::One) && !high && facts.approval != Some(true) {
        return (
            Recommendation::DoNotPlan,
            vec!["one step, nothing much at stake, nobody has to agree"],
        );
    }
    let mut because = Vec::new();
    if facts.environment == Some(Environment::Dynamic) {
        because.push("the surroundings change, so a person looks at each dangerous step; declare what the plan assumes");
    }
    if high {
        because.push("much is at stake");
        return (Recommendation::PlanAndExecuteWithCheckpoints, because);
    }
    if facts.approval == Some(true) {
        because.push("somebody has to agree first");
    }
    if facts.dependencies == Some(Dependencies::Sequential) {
        because.push("each step needs the one before it");
    }
    if because.is_empty() {
        because.push("nothing speaks against it");
    }
    (Recommendation::PlanAndExecute, because)
}

/// What a runbook says about itself; one that cannot be read says nothing.
///
/// # Errors
/// A file that is something else.
pub fn facts_of(source: &Source) -> Result<Facts, Vec<Diagnostic>> {
    let Ok(parsed) = parse(&source.name, &source.content, MAX_BYTES) else {
        return Ok(Facts::default());
    };
    check_runbook(source, &parsed)?;
    let root = &parsed.root;
    let steps = list(root, "steps");
    let questions = list(root, "questions");
    let open = questions.iter().any(|question| {
        get(question, "answer").and_then(as_written).is_none_or(is_blank)
            && get(question, "blocking").and_then(Node::scalar) != Some(serde_json::Value::Bool(false))
    });
    let requirements = match (list(root, "requirements").is_empty(), open) {
        (true, _) => Requirements::Unknown,
        (false, true) => Requirements::Partly,
        (false, false) => Requirements::Known,
    };
    let destroys = steps
        .iter()
        .any(|step| get(step, "effect").and_then(Node::text) == Some("destroy"));
    let level = get(root, "risk")
        .and_then(|risk| get(risk, "level"))
        .and_then(Node::text);
    Ok(Facts {
        environment: None,
        requirements: Some(requirements),
        steps: Some(match steps.len() {
            0 | 1 => Steps::One,
            2 | 3 => Steps::Few,
            _ => Steps::Many,
        }),
        dependencies: (steps.len() > 1).then_some(Dependencies::Sequential),
        approval: get(root, "approvals").map(|_| true),
        stakes: match (level, destroys) {
            (Some("high" | "critical"), _) | (_, true) => Some(Stakes::High),
            (Some(_), false) => Some(Stakes::Low),
            (None, false) => None,
        },
    })
}

fn get<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Body::Mapping(entries) = &node.body else {
        return None;
    };
    let found = entries
        .iter()
        .find(|entry: &&Entry<'static, Plain>| entry.key == key);
    found.map(|entry| &entry.value).filter(|value| !value.is_null())
}

fn list<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    match get(node, key).map(|node| &node.body) {
        Some(Body::Sequence(items)) => items,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_situation_gets_its_recommendation() {
        let none = Facts::default();
        for (facts, expected) in [
            (none, Recommendation::PlanAndExecute),
            (
                Facts {
                    requirements: Some(Requirements::Unknown),
                    ..none
                },
                Recommendation::ExploreFirst,
            ),
            (
                Facts {
                    environment: Some(Environment::Dynamic),
                    ..none
                },
                Recommendation::ExploreFirst,
            ),
            (
                Facts {
                    steps: Some(Steps::One),
                    ..none
                },
                Recommendation::DoNotPlan,
            ),
            (
                Facts {
                    steps: Some(Steps::One),
                    approval: Some(true),
                    ..none
                },
                Recommendation::PlanAndExecute,
            ),
            (
                Facts {
                    stakes: Some(Stakes::High),
                    ..none
                },
                Recommendation::PlanAndExecuteWithCheckpoints,
            ),
            (
                Facts {
                    stakes: Some(Stakes::High),
                    steps: Some(Steps::One),
                    ..none
                },
                Recommendation::PlanAndExecuteWithCheckpoints,
            ),
        ] {
            assert_eq!(advise(facts).recommendation, expected, "{facts:?}");
        }
    }

    #[test]
    fn the_table_has_the_rows_of_the_pattern() {
        let facts = Facts {
            environment: Some(Environment::Predictable),
            requirements: Some(Requirements::Partly),
            ..Facts::default()
        };
        let verdicts: Vec<Verdict> = advise(facts).rows.iter().map(|row| row.verdict).collect();
        use Verdict::{Against, For, Neutral, NotSaid};
        assert_eq!(verdicts, [For, Neutral, NotSaid, NotSaid, Neutral, Against]);
    }
}
