//! Asking compiled policies: one question, one input, one bounded answer.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::compile::{Compiled, engine_place, timer};
use super::explain::{Explained, RuleAnswer};
use super::limits::{EXPLAIN_TIME, MAX_ANSWER_BYTES, MAX_MESSAGE, MAX_PRINTS};
use super::query::{Query, Question};

/// How much to find out about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// The answer, and where each objection comes from.
    Objections,
    /// Also what every rule said that had nothing to object.
    EveryRule,
}

/// What policies answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The values of the rules that were asked for; one that is undefined is not here.
    pub outputs: BTreeMap<String, Value>,
    /// Which rule said what.
    #[serde(default)]
    pub rules: Vec<RuleAnswer>,
    /// What the policies printed.
    #[serde(default)]
    pub prints: Vec<String>,
}

/// Why there is no answer. Every case denies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Failure {
    /// A rule failed: two values for one rule, a builtin that was given the wrong type.
    #[error("{message}")]
    Evaluation {
        /// What the engine says.
        message: String,
        /// `file:line`, when it says where.
        location: Option<String>,
    },
    /// It took too long.
    #[error("no answer within {} ms", .limit.as_millis())]
    Timeout {
        /// How long it was given.
        limit: Duration,
    },
    /// The answer is longer than [`MAX_ANSWER_BYTES`], or nested too deeply to be one.
    #[error("the answer is longer than {MAX_ANSWER_BYTES} bytes, or nested too deeply")]
    TooLarge,
    /// The package that should answer does not exist, or nothing in it has a value.
    #[error("nothing answers at data.{package}")]
    Undefined {
        /// The package.
        package: String,
    },
    /// The input is not the document that was promised.
    #[error("the input cannot be used: {message}")]
    Input {
        /// Why.
        message: String,
    },
    /// The process that evaluates ended, most likely because it needed more memory than it was given.
    #[error("the policy process ended: {message}")]
    Lost {
        /// How.
        message: String,
    },
    /// The bundle could not be loaded.
    #[error("{message}")]
    NotLoaded {
        /// Why.
        message: String,
        /// `file:line`.
        location: Option<String>,
    },
}

impl Failure {
    /// A short name, for a finding's rule and for metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Evaluation { .. } => "policy.evaluation_error",
            Self::Timeout { .. } => "policy.timeout",
            Self::TooLarge => "policy.answer_too_large",
            Self::Undefined { .. } => "policy.undefined",
            Self::Input { .. } => "policy.input",
            Self::Lost { .. } => "policy.process_lost",
            Self::NotLoaded { .. } => "policy.not_loaded",
        }
    }

    /// Where it happened, when that is known.
    pub fn location(&self) -> Option<&str> {
        match self {
            Self::Evaluation { location, .. } | Self::NotLoaded { location, .. } => location.as_deref(),
            Self::Timeout { .. }
            | Self::TooLarge
            | Self::Undefined { .. }
            | Self::Input { .. }
            | Self::Lost { .. } => None,
        }
    }
}

/// A [`Compiled`] with what it needs to be asked again and again.
#[derive(Debug)]
pub struct Evaluator {
    compiled: Compiled,
    /// The engine that is asked. After a failure another one takes its place: one that was stopped halfway may still
    /// hold what a `with` put there.
    engine: regorus::Engine,
    explained: BTreeMap<Question, Explained>,
    limit: Option<Duration>,
}

impl Evaluator {
    /// An evaluator of a compiled bundle.
    pub fn new(compiled: Compiled) -> Self {
        Self {
            engine: compiled.engine.clone(),
            compiled,
            explained: BTreeMap::new(),
            limit: None,
        }
    }

    /// The same with another time limit than the questions' own.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The bundle.
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// Asks, on the caller's stack, which must be a large one.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn ask(&mut self, question: Question, input: &str, detail: Detail) -> Result<Answer, Failure> {
        self.ask_about(question, read_input(input)?, detail)
    }

    /// The same of an input that was read already.
    pub(super) fn ask_about(
        &mut self,
        question: Question,
        input: regorus::Value,
        detail: Detail,
    ) -> Result<Answer, Failure> {
        let mut query = question.query();
        query.limit = self.limit.unwrap_or(query.limit);
        let started = Instant::now();
        let asked = ask_package(&mut self.engine, query, input.clone());
        if asked.is_err() {
            self.engine = self.compiled.engine.clone();
        }
        let (package, prints) = asked?;
        let mut answer = Answer {
            outputs: outputs(&package, query)?,
            rules: Vec::new(),
            prints,
        };
        drop(package);
        if answer.outputs.is_empty() {
            return Err(Failure::Undefined {
                package: query.package.to_owned(),
            });
        }
        if detail == Detail::EveryRule || objects(&answer) {
            // Together they stay within what a process is given, so that looking for places never costs the answer.
            query.limit = query.limit.saturating_sub(started.elapsed()).max(EXPLAIN_TIME);
            answer.rules = self.explain(query, input);
        }
        Ok(answer)
    }

    /// Which rule said what. The answer stands without it, so a failure here leaves the places out.
    fn explain(&mut self, query: Query, input: regorus::Value) -> Vec<RuleAnswer> {
        let explained = self
            .explained
            .entry(query.question)
            .or_insert_with(|| Explained::new(&self.compiled, query));
        match explained.ask(query.limit, input) {
            Some(rules) => rules,
            None => {
                self.explained.remove(&query.question);
                Vec::new()
            }
        }
    }
}

/// An input as policies see it.
pub(super) fn read_input(input: &str) -> Result<regorus::Value, Failure> {
    regorus::Value::from_json_str(input).map_err(|error| Failure::Input {
        message: error.to_string(),
    })
}

/// Is there a set with something in it?
fn objects(answer: &Answer) -> bool {
    answer
        .outputs
        .values()
        .any(|value| value.as_array().is_some_and(|members| !members.is_empty()))
}

/// The values of the asked rules by their names, and what was printed.
pub(super) fn ask_package(
    engine: &mut regorus::Engine,
    query: Query,
    input: regorus::Value,
) -> Result<(regorus::Value, Vec<String>), Failure> {
    engine.set_execution_timer_config(timer(query.limit));
    engine.set_input(input);
    let asked = engine.eval_rule(query.asking_rule());
    // The engine keeps the input until the next one; a large plan would stay in memory with it.
    engine.set_input(regorus::Value::Undefined);
    let mut prints = engine.take_prints().unwrap_or_default();
    prints.truncate(MAX_PRINTS);
    for line in &mut prints {
        *line = line.chars().take(MAX_MESSAGE).collect();
    }
    match asked {
        Ok(value) => Ok((value, prints)),
        // No policy declares what is asked for.
        Err(error) if error.to_string() == "not a valid rule path" => Ok((regorus::Value::Undefined, prints)),
        Err(error) => Err(failure(&format!("{error:#}"), query.limit)),
    }
}

/// An error of the engine as a [`Failure`].
pub(super) fn failure(message: &str, limit: Duration) -> Failure {
    if message.contains("execution exceeded time limit") || message.contains("time limit") {
        return Failure::Timeout { limit };
    }
    let told = message
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("error: "));
    let text = told.unwrap_or_else(|| message.trim());
    Failure::Evaluation {
        message: text.chars().take(500).collect(),
        location: engine_place(message).map(|(file, line, _)| format!("{file}:{line}")),
    }
}

fn outputs(package: &regorus::Value, query: Query) -> Result<BTreeMap<String, Value>, Failure> {
    let Ok(package) = package.as_object() else {
        return Ok(BTreeMap::new());
    };
    let mut found = BTreeMap::new();
    let mut left = MAX_ANSWER_BYTES;
    for name in query.outputs {
        if let Some(value) = package.get(&regorus::Value::from(*name)) {
            found.insert((*name).to_owned(), to_json(value, &mut left)?);
        }
    }
    Ok(found)
}

/// A value of the engine as JSON, of bounded length: shared parts can make a small value endless when written out. What
/// it takes is taken off what is left.
pub(super) fn to_json(value: &regorus::Value, left: &mut usize) -> Result<Value, Failure> {
    let mut bounded = Bounded {
        bytes: Vec::new(),
        most: *left,
    };
    serde_json::to_writer(&mut bounded, value).map_err(|_| Failure::TooLarge)?;
    *left -= bounded.bytes.len();
    serde_json::from_slice(&bounded.bytes).map_err(|_| Failure::TooLarge)
}

struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.most {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::bundle::{Bundle, BundleFile};
    use super::super::compile::{Scope, on_large_stack};
    use super::*;

    /// The engine leaves what `with` replaced in place when a statement fails halfway.
    #[test]
    fn a_failed_question_leaves_nothing_replaced_for_the_next_one() {
        let text = "package enact.plan

deny contains \"halfway\" if {
    input.broken
    x := split(input.text, to_number(input.broken))[_] with data.limit as 1000
    x
}

deny contains \"too big\" if is_big with input.other as 1

is_big if input.size > data.limit
";
        let file = |path: &str, text: &str| BundleFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let files = vec![file("a.rego", text), file("data.yaml", "limit: 10\n")];
        let bundle = Bundle::new("here", files).unwrap();
        let said = on_large_stack(|| {
            let compiled = Compiled::load_here(&bundle, Scope::Policies).unwrap();
            let mut evaluator = Evaluator::new(compiled);
            let broken = evaluator.ask(
                Question::Plan,
                r#"{"broken": "q", "text": ""}"#,
                Detail::Objections,
            );
            assert!(matches!(broken, Err(Failure::Evaluation { .. })), "{broken:?}");
            let big = evaluator.ask(Question::Plan, r#"{"size": 20}"#, Detail::Objections);
            big.unwrap().outputs["deny"].clone()
        });
        assert_eq!(said.unwrap(), serde_json::json!(["too big"]));
    }
}
