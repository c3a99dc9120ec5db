//! What names stand for at one place of the document.

use std::collections::{BTreeMap, HashMap, HashSet};

use enact_core::diagnostic::Place;
use enact_core::yaml::suggest;
use serde_json::Value;

use crate::each::Item;
use crate::expression::{Expression, Fault, Name, Names, RunFact, Type, Typed};

/// What a parameter stands for: a value, or an expression of the plan that includes this one.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    pub(crate) typed: Typed,
    pub(crate) expression: Expression,
    /// Is what it stands for a fault that was said already? Then whatever uses it is not at fault.
    pub(crate) at_fault: bool,
}

impl Binding {
    /// One that stands for this.
    pub(crate) fn new(typed: Typed, expression: Expression) -> Self {
        Self {
            typed,
            expression,
            at_fault: false,
        }
    }

    /// One whose declaration is at fault: nothing is known of it, not even what it is.
    pub(crate) fn unknown(name: &str) -> Self {
        let name = Name::Parameter(name.to_owned());
        Self {
            at_fault: true,
            ..Self::new(Typed::open(Type::Json), Expression::Name(name, 0))
        }
    }

    fn is_unknown(&self) -> bool {
        self.at_fault && self.typed.value_type == Type::Json
    }
}

/// A step that has been read.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownStep {
    pub(crate) index: usize,
    pub(crate) outputs: BTreeMap<String, Typed>,
    /// Is it known already that it will not run?
    pub(crate) never: bool,
    /// Does it stand for changes of their own, so that it has no outputs?
    pub(crate) stands_for_others: bool,
}

impl KnownStep {
    /// One of kind `plan` or `konnect`.
    pub(crate) fn of_others() -> Self {
        Self {
            stands_for_others: true,
            ..Self::default()
        }
    }
}

/// Names and what they stand for.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    pub(crate) parameters: BTreeMap<String, Binding>,
    /// Steps read so far, by full id.
    pub(crate) steps: HashMap<String, KnownStep>,
    /// Ids of all steps of the file that is being read, without prefix.
    pub(crate) ids: HashSet<String>,
    /// `parent.` inside an included plan.
    pub(crate) prefix: String,
    /// How many steps may be seen, counted in their order; `None`: all that have been read.
    pub(crate) limit: Option<usize>,
    pub(crate) plan_name: String,
    /// The step that includes what is read; `None` in the file that was named.
    pub(crate) included_at: Option<Place>,
    /// What `item` is; `None` outside of a check with `for_each`.
    pub(crate) item: Option<Item>,
}

impl Scope {
    /// The name as the whole plan knows it, or the value it has already.
    pub(crate) fn known(&self, name: &Name) -> Option<Expression> {
        match name {
            Name::Parameter(parameter) => self
                .parameters
                .get(parameter)
                .map(|found| found.expression.clone()),
            Name::PlanName => Some(Expression::Literal(Value::String(self.plan_name.clone()))),
            Name::Output { step, output } if !self.prefix.is_empty() => {
                let step = format!("{}{step}", self.prefix);
                let output = output.clone();
                Some(Expression::Name(Name::Output { step, output }, 0))
            }
            Name::State(step) if !self.prefix.is_empty() => {
                Some(Expression::Name(Name::State(format!("{}{step}", self.prefix)), 0))
            }
            Name::Output { .. } | Name::State(_) | Name::Run(_) | Name::PlanHash | Name::Item => None,
        }
    }

    /// Does an expression name a parameter of which nothing is known? Then nothing can be said of the expression either.
    pub(crate) fn cannot_tell_of(&self, expression: &Expression) -> bool {
        let mut found = false;
        expression.names(&mut |name, _| {
            if let Name::Parameter(name) = name {
                found |= self.parameters.get(name).is_some_and(Binding::is_unknown);
            }
        });
        found
    }

    fn step(&self, id: &str) -> Result<&KnownStep, Fault> {
        let found = self.steps.get(&format!("{}{id}", self.prefix));
        let limit = self.limit.unwrap_or(usize::MAX);
        match found {
            Some(step) if step.index < limit => Ok(step),
            Some(_) => Err(forward(id)),
            None if self.ids.contains(id) => Err(forward(id)),
            None => {
                let hint = suggest::nearest(id, self.ids.iter().map(String::as_str));
                let fault = Fault::new(0, format!("there is no step `{id}`"));
                Err(match hint {
                    Some(near) => fault.hint(format!("did you mean `{near}`?")),
                    None => fault,
                })
            }
        }
    }

    fn no_output(&self, step: &str, known: &KnownStep, output: &str) -> Fault {
        let mut said = format!("step `{step}` has no output `{output}`");
        if known.stands_for_others {
            said.push_str(": it stands for others");
            return Fault::new(0, said).hint(match self.inner_step_with(step, output) {
                Some(inner) => format!("name the step that has it: `steps.{inner}.outputs.{output}`"),
                None => "take the value from a step of its own that looks it up".to_owned(),
            });
        }
        let fault = Fault::new(0, said);
        if known.outputs.is_empty() {
            return fault.hint(format!("declare it under `outputs` of `{step}`"));
        }
        let names = known.outputs.keys().map(String::as_str);
        fault.hint(suggest::hint(output, names))
    }

    /// Of the steps that `step` stands for, the first that has this output.
    fn inner_step_with(&self, step: &str, output: &str) -> Option<&str> {
        let inside = format!("{}{step}.", self.prefix);
        let having = self
            .steps
            .iter()
            .filter(|(id, known)| id.starts_with(&inside) && known.outputs.contains_key(output));
        let first = having.min_by_key(|(_, known)| known.index)?.0;
        first.strip_prefix(&self.prefix)
    }
}

fn forward(id: &str) -> Fault {
    Fault::new(0, format!("step `{id}` has not run at this point"))
        .hint("move this behind that step, or take the value from an earlier one")
        .rule("E_FORWARD_REF")
}

impl Names for Scope {
    fn typed(&self, name: &Name) -> Result<Typed, Fault> {
        match name {
            Name::Parameter(parameter) => match self.parameters.get(parameter) {
                Some(binding) => Ok(binding.typed),
                None => {
                    let fault = Fault::new(0, format!("there is no parameter `{parameter}`"));
                    let known = self.parameters.keys().map(String::as_str);
                    Err(if self.parameters.is_empty() {
                        fault.hint("declare it under `parameters`")
                    } else {
                        fault.hint(suggest::hint(parameter, known))
                    })
                }
            },
            Name::Output { step, output } => {
                let known = self.step(step)?;
                if known.never {
                    let fault = format!("step `{step}` never runs: its `when` is false");
                    return Err(Fault::new(0, fault).rule("E_FORWARD_REF"));
                }
                let found = known.outputs.get(output).copied();
                found.ok_or_else(|| self.no_output(step, known, output))
            }
            Name::State(step) => self.step(step).map(|_| Typed::open(Type::Word)),
            Name::Run(RunFact::Id) | Name::PlanHash | Name::PlanName => Ok(Typed::open(Type::Word)),
            Name::Run(RunFact::Number | RunFact::Elapsed | RunFact::Downtime) => {
                Ok(Typed::open(Type::Integer))
            }
            Name::Item => {
                let fault = "`item` has a value only inside `for_each` of a check";
                let item = self.item.as_ref().ok_or_else(|| Fault::new(0, fault))?;
                item.used.set(true);
                Ok(Typed::open(item.value_type))
            }
        }
    }
}
