//! A bundle as a [`PolicyEngine`]: what it is asked, how long it may think, and that no answer is a denial.

use std::sync::Arc;
use std::time::Instant;

use enact_core::canonical::Digest;
use enact_core::diagnostic::Diagnostic;
use enact_core::plan::Plan;
use enact_core::verdict::Verdict;

use super::PolicyEngine;
use super::asking::{Ask, InProcess, Loaded};
use super::decision::{
    ActionDecision, Basis, ConditionDecision, action_decision, condition_decision, plan_verdict,
};
use super::evaluate::{Answer, Detail, Failure};
use super::input::{ActionInput, ConditionInput, Occasion, plan_input};
use super::observe::{Decided, PolicyObserver};
use super::query::Question;

/// A bundle in force.
#[derive(Clone)]
pub struct RegoPolicy {
    loaded: Arc<Loaded>,
    asked: Arc<dyn Ask>,
    observers: Vec<Arc<dyn PolicyObserver>>,
}

impl std::fmt::Debug for RegoPolicy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RegoPolicy")
            .field("loaded", &self.loaded)
            .finish_non_exhaustive()
    }
}

impl RegoPolicy {
    /// A loaded bundle.
    pub fn new(loaded: Loaded, asked: Arc<dyn Ask>) -> Self {
        Self {
            loaded: Arc::new(loaded),
            asked,
            observers: Vec::new(),
        }
    }

    /// The bundle that comes with the program.
    pub fn built_in() -> Self {
        match InProcess::built_in() {
            Ok((asked, loaded)) => Self::new(loaded, Arc::new(asked)),
            Err(faults) => Self::broken(
                super::default::ORIGIN,
                &super::default::bundle().digest(),
                &faults,
            ),
        }
    }

    /// A bundle that could not be loaded. It denies everything, with the first thing that is wrong with it.
    pub fn broken(origin: &str, digest: &Digest, faults: &[Diagnostic]) -> Self {
        let loaded = Loaded {
            origin: origin.to_owned(),
            digest: Digest::of(format!("not loaded: {digest}").as_bytes()),
            versions: Default::default(),
            rules: Default::default(),
            warnings: Vec::new(),
        };
        Self::new(loaded, Arc::new(Broken::of(origin, faults)))
    }

    /// The same with one more that is told of every decision.
    #[must_use]
    pub fn observed(mut self, observer: Arc<dyn PolicyObserver>) -> Self {
        observer.loaded(&self.loaded);
        self.observers.push(observer);
        self
    }

    /// What is known about the bundle.
    pub fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Judges a catalog action. A failure denies.
    pub fn judge_action(&self, input: &ActionInput) -> ActionDecision {
        let document = serde_json::to_string(input).map_err(|error| error.to_string());
        let (basis, answer, took) = self.ask(Question::Action, document);
        let failure = answer.as_ref().err().cloned();
        let decision = action_decision(&basis, answer);
        self.tell(&Decided::action(input, &decision, failure.as_ref(), took));
        decision
    }

    /// Judges a condition. Only `true` passes.
    pub fn judge_condition(&self, input: &ConditionInput) -> ConditionDecision {
        let document = input.to_json().map_err(|error| error.to_string());
        let (basis, answer, _) = self.ask(Question::Condition, document);
        condition_decision(&basis, answer)
    }

    fn ask(
        &self,
        question: Question,
        document: Result<String, String>,
    ) -> (Basis, Result<Answer, Failure>, std::time::Duration) {
        let started = Instant::now();
        let document = document.map_err(|message| Failure::Input { message });
        let basis = Basis {
            bundle_digest: self.loaded.digest.clone(),
            input_digest: Digest::of(document.as_deref().unwrap_or_default().as_bytes()),
        };
        let answer = document.and_then(|input| self.asked.ask(question, input, Detail::Objections));
        (basis, answer, started.elapsed())
    }

    fn tell(&self, decided: &Decided<'_>) {
        for observer in &self.observers {
            observer.decided(decided);
        }
    }
}

impl PolicyEngine for RegoPolicy {
    fn bundle_digest(&self) -> Digest {
        self.loaded.digest.clone()
    }

    fn judge(&self, plan: &Plan, occasion: &Occasion) -> Verdict {
        let document = plan_input(plan, occasion).map_err(|error| error.to_string());
        let (basis, answer, took) = self.ask(Question::Plan, document);
        let failure = answer.as_ref().err().cloned();
        let declared = |rule: &str| self.loaded.declares(Question::Plan.query().package, rule);
        let verdict = plan_verdict(plan.id().clone(), &basis, &declared, answer);
        self.tell(&Decided::plan(plan, &verdict, occasion, failure.as_ref(), took));
        verdict
    }
}

/// Answers nothing, and says why.
struct Broken(Failure);

impl Broken {
    fn of(origin: &str, faults: &[Diagnostic]) -> Self {
        let first = faults.first();
        let place = first.and_then(|fault| fault.place.as_ref());
        let location = place.map(|place| match place.position {
            Some(at) => format!("{}:{}", place.file, at.line),
            None => place.file.clone(),
        });
        let more = match faults.len() {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        let what = first.map_or("it is not there", |fault| fault.summary.as_str());
        // A fault with a place stands in a source; one without is about the directory.
        let how = if place.is_some() {
            "did not compile"
        } else {
            "cannot be used"
        };
        Self(Failure::NotLoaded {
            message: format!("the policies of {origin} {how}: {what}{more}"),
            location,
        })
    }
}

impl Ask for Broken {
    fn ask(&self, _: Question, _: String, _: Detail) -> Result<Answer, Failure> {
        Err(self.0.clone())
    }
}
