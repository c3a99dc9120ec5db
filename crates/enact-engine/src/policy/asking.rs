//! Who is asked: policies that came with the program are evaluated in it, all others in a process of their own that can be
//! killed ([`super::process`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use enact_core::canonical::Digest;
use enact_core::diagnostic::Diagnostic;
use serde::{Deserialize, Serialize};

use super::bundle::Bundle;
use super::compile::{Compiled, Scope, on_large_stack};
use super::evaluate::{Answer, Detail, Evaluator, Failure};
use super::query::Question;
use super::syntax::RegoVersion;

/// Something that answers questions from a loaded bundle.
pub trait Ask: Send + Sync {
    /// Asks. Blocks until there is an answer or the question's time is over.
    ///
    /// # Errors
    /// See [`Failure`]. Each of them denies.
    fn ask(&self, question: Question, input: String, detail: Detail) -> Result<Answer, Failure>;
}

/// What is known about a bundle that was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loaded {
    /// Where it came from.
    pub origin: String,
    /// Its digest.
    pub digest: Digest,
    /// The dialect of each file.
    pub versions: BTreeMap<String, RegoVersion>,
    /// Full names of its rules: `enact.plan.deny`.
    pub rules: BTreeSet<String>,
    /// What is doubtful about it.
    pub warnings: Vec<Diagnostic>,
}

impl Loaded {
    /// What is known about a compiled bundle.
    pub fn of(compiled: &Compiled) -> Self {
        let names = compiled.modules().iter().flat_map(|module| {
            let package = module.package.join(".");
            module
                .rules
                .iter()
                .map(move |rule| format!("{package}.{}", rule.name.join(".")))
        });
        Self {
            origin: compiled.bundle.origin.clone(),
            digest: compiled.digest.clone(),
            versions: compiled
                .modules()
                .iter()
                .map(|module| (module.path.clone(), module.version))
                .collect(),
            rules: names.collect(),
            warnings: compiled.warnings.clone(),
        }
    }

    /// Does it declare a rule of this name in this package?
    pub fn declares(&self, package: &str, rule: &str) -> bool {
        let name = format!("{package}.{rule}");
        // `deny.x := …` makes something below the name: the name is declared then, if only by a part of it.
        let below = format!("{name}.");
        self.rules.contains(&name)
            || self
                .rules
                .range(below.clone()..)
                .next()
                .is_some_and(|next| next.starts_with(&below))
    }
}

/// Evaluation in this process, for policies that came with the program. Each thread that asks gets an engine of its own.
#[derive(Debug)]
pub struct InProcess {
    compiled: Compiled,
    idle: Mutex<Vec<Evaluator>>,
}

impl InProcess {
    /// Compiles a bundle.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(bundle: &Bundle) -> Result<(Self, Loaded), Vec<Diagnostic>> {
        let compiled = Compiled::load(bundle, Scope::Policies)?;
        let loaded = Loaded::of(&compiled);
        let asked = Self {
            compiled,
            idle: Mutex::new(Vec::new()),
        };
        Ok((asked, loaded))
    }
}

impl InProcess {
    /// The bundle that comes with the program.
    ///
    /// # Errors
    /// Never, as long as the tests pass: they load it with every check.
    pub fn built_in() -> Result<(Self, Loaded), Vec<Diagnostic>> {
        let bundle = super::default::bundle();
        let compiled = Compiled::embedded(&bundle, super::default::OUTPUTS)?;
        let versions = bundle.policies().map(|file| (file.path.clone(), RegoVersion::V1));
        let rules = super::default::OUTPUTS
            .iter()
            .map(|(package, rule)| format!("{package}.{rule}"));
        let loaded = Loaded {
            origin: bundle.origin.clone(),
            digest: compiled.digest.clone(),
            versions: versions.collect(),
            rules: rules.collect(),
            warnings: Vec::new(),
        };
        let asked = Self {
            compiled,
            idle: Mutex::new(Vec::new()),
        };
        Ok((asked, loaded))
    }
}

impl Ask for InProcess {
    fn ask(&self, question: Question, input: String, detail: Detail) -> Result<Answer, Failure> {
        // Here and not on the other stack, whose memory is its own: what planning has given back is used again. Of many changes the
        // text is as large as the plan, and nobody needs it then.
        let read = super::evaluate::read_input(&input)?;
        drop(input);
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut evaluator = idle.unwrap_or_else(|| Evaluator::new(self.compiled.clone()));
        let answered = on_large_stack(|| {
            let answer = evaluator.ask_about(question, read, detail);
            (evaluator, answer)
        });
        match answered {
            Ok((evaluator, answer)) => {
                self.idle
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(evaluator);
                answer
            }
            Err(message) => Err(Failure::Lost { message }),
        }
    }
}
