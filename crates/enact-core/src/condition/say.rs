//! What an approver says, understood completely or not at all: `Proceed, but confirm before step 6`.
//!
//! A sentence is yes-words, then clauses joined by `and`, `,`, `then` or `but`. A word that is not part of the grammar refuses
//! the whole sentence: half an answer is never taken for a yes.

use super::Condition;
use super::step::{StepName, find, find_quoted};
use super::words::{Word, duration, moment, split, unit};
use crate::change::Milliseconds;

/// What was understood. No condition means a plain yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The restrictions, in the order in which they were said.
    pub conditions: Vec<Condition>,
}

/// Why a sentence is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Nothing was said.
    Empty,
    /// It asks.
    Question,
    /// It says no, or may.
    Negation,
    /// It would change the plan.
    ChangesPlan,
    /// It names a step that the plan does not have, or two of a name.
    Step,
    /// It names a moment that is not one.
    Time,
    /// It names a moment that is past.
    Past,
    /// It names an end that is not after its beginning.
    Order,
    /// Something else is there than the grammar knows.
    Words,
}

impl Why {
    fn text(self) -> &'static str {
        match self {
            Self::Empty => "nothing was said",
            Self::Question => "this is a question, and a question is no answer",
            Self::Negation => "this may be a no",
            Self::ChangesPlan => "this would change the plan, and an approval cannot",
            Self::Step => "no step is meant by that",
            Self::Time => "this is not a time",
            Self::Past => "this time is past",
            Self::Order => "the end is not after the beginning",
            Self::Words => "this is not understood",
        }
    }
}

/// A sentence that is not understood completely. It counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("E_CONDITION_UNPARSED: {}{}", .why.text(), shown_at(.at))]
pub struct NotUnderstood {
    /// From which words on.
    pub at: String,
    /// Why.
    pub why: Why,
    /// What to do instead.
    pub hint: String,
}

fn shown_at(at: &str) -> String {
    if at.is_empty() {
        String::new()
    } else {
        format!(": {at:?}")
    }
}

impl NotUnderstood {
    fn new(at: impl Into<String>, why: Why, hint: impl Into<String>) -> Self {
        Self {
            at: at.into(),
            why,
            hint: hint.into(),
        }
    }
}

const YES: [&[&str]; 6] = [
    &["proceed"],
    &["go", "ahead"],
    &["approved"],
    &["ok"],
    &["yes"],
    &["lgtm"],
];
const JOINERS: [&str; 4] = ["and", ",", "then", "but"];
const PAUSES: [&[&str]; 6] = [
    &["confirm"],
    &["ask"],
    &["check", "with", "me"],
    &["pause"],
    &["stop"],
    &["checkpoint"],
];
const CHANGES: [&str; 20] = [
    "skip", "skipping", "instead", "also", "rather", "use", "replace", "remove", "add", "change", "omit",
    "leave", "drop", "without", "except", "ignore", "edit", "swap", "reorder", "unless",
];
const NEGATIONS: [&str; 22] = [
    "no",
    "not",
    "never",
    "nope",
    "don't",
    "dont",
    "do",
    "reject",
    "rejected",
    "cancel",
    "abort",
    "deny",
    "denied",
    "wait",
    "isn't",
    "won't",
    "can't",
    "cannot",
    "shouldn't",
    "doesn't",
    "hold",
    "later",
];
/// Words that name nobody else than whoever speaks, or nobody in particular.
const NOBODY: [&str; 12] = [
    "me", "myself", "i", "us", "we", "you", "it", "them", "anyone", "anybody", "someone", "somebody",
];

const EXAMPLES: &str =
    "say for example: proceed, but confirm before step 2; or use --condition checkpoint_before=STEP";
const REVISE: &str = "ask the plan's author for a revision, and approve that";
const TIMES: &str = "write the day, the time and the offset: 2026-11-21T22:00:00Z";

/// Understands a sentence about a plan with these steps, or says what in it is not understood. `now` is the moment at which
/// it was said; a window that is over already is refused.
///
/// # Errors
/// See [`NotUnderstood`].
pub fn understand(said: &str, steps: &[StepName], now: jiff::Timestamp) -> Result<Said, NotUnderstood> {
    let words = split(said).ok_or_else(|| {
        NotUnderstood::new(
            said.trim(),
            Why::Words,
            "close the quotation, or name the step by its number",
        )
    })?;
    if words.is_empty() {
        return Err(NotUnderstood::new("", Why::Empty, EXAMPLES));
    }
    let asks = words
        .iter()
        .find(|word| !word.is_quoted() && word.text.contains(['?', '？']));
    if let Some(word) = asks {
        return Err(NotUnderstood::new(
            &word.text,
            Why::Question,
            "approve, reject, or ask the plan's author",
        ));
    }
    let mut reader = Reader {
        words: &words,
        at: 0,
        steps,
        now,
    };
    let mut said_yes = false;
    while YES.iter().any(|yes| reader.take(yes)) {
        said_yes = true;
        if reader.is_over() {
            return Ok(Said {
                conditions: Vec::new(),
            });
        }
        reader.joiners();
    }
    // A joiner at the very beginning joins nothing.
    let dangling = !said_yes && reader.joiners();
    let mut conditions = Vec::new();
    loop {
        let from = reader.at;
        match reader.clause()? {
            Some(condition) if !dangling => conditions.push(condition),
            Some(_) | None => return Err(reader.refuse(from)),
        }
        if reader.is_over() {
            return Ok(Said { conditions });
        }
        let from = reader.at;
        if !reader.joiners() || reader.is_over() {
            return Err(reader.refuse(from));
        }
    }
}

/// A place in the sentence.
struct Reader<'a> {
    words: &'a [Word],
    at: usize,
    steps: &'a [StepName],
    now: jiff::Timestamp,
}

impl Reader<'_> {
    fn is_over(&self) -> bool {
        self.at >= self.words.len()
    }

    fn rest(&self) -> &[Word] {
        self.words.get(self.at..).unwrap_or_default()
    }

    /// Takes these words, if they are the next ones.
    fn take(&mut self, wanted: &[&str]) -> bool {
        let next = self.rest().iter().map(|word| word.folded.as_str());
        let found = next.take(wanted.len()).eq(wanted.iter().copied());
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn take_any(&mut self, choices: &[&[&str]]) -> bool {
        choices.iter().any(|words| self.take(words))
    }

    fn joiners(&mut self) -> bool {
        let from = self.at;
        while JOINERS.iter().any(|joiner| self.take(&[joiner])) {}
        self.at > from
    }

    fn next(&mut self) -> Option<Word> {
        let word = self.rest().first().cloned();
        self.at += usize::from(word.is_some());
        word
    }

    /// One clause. `None`: none begins here, or it breaks off in the middle.
    fn clause(&mut self) -> Result<Option<Condition>, NotUnderstood> {
        let from = self.at;
        if self.take(&["stop", "after"]) || self.take(&["only", "up", "to"]) {
            return Ok(self
                .step()?
                .map(|step| Condition::StopAfter { change_id: step.last }));
        }
        if self.take(&["stop", "if", "it", "takes", "longer", "than"]) || self.take(&["within"]) {
            return Ok(self.length().map(|limit| Condition::MaxDuration { limit }));
        }
        if self.take_any(&[
            &["step", "by", "step"],
            &["confirm", "every", "step"],
            &["confirm", "each", "step"],
        ]) {
            return Ok(Some(Condition::CheckpointBetweenSteps));
        }
        if self.take_any(&[&["dry", "run", "only"], &["dry-run", "only"]]) {
            return Ok(Some(Condition::DryRunOnly));
        }
        if self.take_any(&PAUSES) {
            return self.pause();
        }
        if self.take(&["at", "most"]) {
            return Ok(self.downtime());
        }
        if self.take(&["let"]) {
            return self.second();
        }
        let window = self.window()?;
        if window.is_none() {
            self.at = from;
        }
        Ok(window)
    }

    fn pause(&mut self) -> Result<Option<Condition>, NotUnderstood> {
        if self.take(&["before"]) {
            return Ok(self.step()?.map(|step| Condition::CheckpointBefore {
                change_id: step.first,
            }));
        }
        if self.take(&["after"]) {
            return Ok(self
                .step()?
                .map(|step| Condition::CheckpointAfter { change_id: step.last }));
        }
        Ok(None)
    }

    fn downtime(&mut self) -> Option<Condition> {
        let limit = self.length()?;
        self.take(&["downtime"])
            .then_some(Condition::MaxDowntime { limit })
    }

    fn second(&mut self) -> Result<Option<Condition>, NotUnderstood> {
        let role = self.take(&["role"]);
        let Some(name) = self.next() else { return Ok(None) };
        let name = if role {
            who(&format!("role:{}", name.text))
        } else {
            who(&name.text)
        };
        if !self.take(&["confirm"]) {
            return Ok(None);
        }
        let step = self.step()?;
        Ok(step.zip(name).map(|(step, who)| Condition::SecondApprover {
            change_id: step.first,
            who,
        }))
    }

    fn window(&mut self) -> Result<Option<Condition>, NotUnderstood> {
        let (not_before, not_after) = if self.take(&["not", "before"]) {
            (Some(self.time()?), None)
        } else if self.take(&["only", "between"]) {
            let start = self.time()?;
            if !self.take(&["and"]) {
                return Ok(None);
            }
            (Some(start), Some(self.time()?))
        } else if self.take(&["by"]) {
            (None, Some(self.time()?))
        } else {
            return Ok(None);
        };
        if let Some(end) = not_after {
            self.still_to_come(not_before, end)?;
        }
        Ok(Some(Condition::Window {
            not_before,
            not_after,
        }))
    }

    /// A window must have an end that is ahead, and after its beginning.
    fn still_to_come(
        &self,
        start: Option<jiff::Timestamp>,
        end: jiff::Timestamp,
    ) -> Result<(), NotUnderstood> {
        let (why, hint) = if end <= self.now {
            (
                Why::Past,
                format!("name a time after now, {}", in_seconds(self.now)),
            )
        } else if start.is_some_and(|start| end <= start) {
            (Why::Order, "say the earlier time first".to_owned())
        } else {
            return Ok(());
        };
        Err(NotUnderstood::new(self.before(1), why, hint))
    }

    /// `step 6`, `step migrate`, `step "Migrate the data"`.
    fn step(&mut self) -> Result<Option<StepName>, NotUnderstood> {
        if !self.take(&["step"]) {
            return Ok(None);
        }
        let Some(name) = self.next() else { return Ok(None) };
        let found = if name.is_quoted() {
            find_quoted(&name.text, self.steps)
        } else {
            find(&name.text, self.steps)
        };
        match found {
            Ok(step) => Ok(Some(step.clone())),
            Err(error) => {
                let known: Vec<String> = self
                    .steps
                    .iter()
                    .take(12)
                    .map(|step| format!("{} ({})", step.number, step.id))
                    .collect();
                let hint = format!("{error}; steps: {}", known.join(", "));
                Err(NotUnderstood::new(name.text, Why::Step, hint))
            }
        }
    }

    fn time(&mut self) -> Result<jiff::Timestamp, NotUnderstood> {
        let word = self.next();
        let text = word.map(|word| word.text).unwrap_or_default();
        moment(&text).ok_or_else(|| NotUnderstood::new(text, Why::Time, TIMES))
    }

    /// `90s`, `1h30m`, `2 hours`, `1 hour 30 minutes`.
    fn length(&mut self) -> Option<Milliseconds> {
        let mut total = 0_u64;
        while let Some(word) = self.rest().first() {
            let pair = self.rest().get(1).and_then(|name| unit(&name.folded));
            let (length, taken) = match (word.folded.parse::<u64>(), pair) {
                (Ok(number), Some(unit)) => (number.checked_mul(unit)?, 2),
                _ => match duration(&word.folded) {
                    Some(length) => (length.0, 1),
                    None => break,
                },
            };
            total = total.checked_add(length)?;
            self.at += taken;
        }
        (total > 0).then_some(Milliseconds(total))
    }

    /// The words before this place, for messages.
    fn before(&self, count: usize) -> String {
        let from = self.at.saturating_sub(count);
        spoken(self.words.get(from..self.at).unwrap_or_default())
    }

    /// Why the words from this place on are not a clause.
    fn refuse(&self, from: usize) -> NotUnderstood {
        let rest = self.words.get(from..).unwrap_or_default();
        let has = |list: &[&str]| rest.iter().any(|word| list.contains(&word.folded.as_str()));
        let at = spoken(rest);
        if has(&CHANGES) {
            NotUnderstood::new(at, Why::ChangesPlan, REVISE)
        } else if has(&NEGATIONS) {
            NotUnderstood::new(
                at,
                Why::Negation,
                "to say no: enact reject; otherwise say only what must hold",
            )
        } else {
            NotUnderstood::new(at, Why::Words, EXAMPLES)
        }
    }
}

fn in_seconds(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn spoken(words: &[Word]) -> String {
    let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    words.join(" ").replace(" ,", ",")
}

/// Somebody by name: `role:dba`, `ssh:dana@example` (also without `ssh:`), `os:dana` (also without `os:`).
pub(super) fn who(name: &str) -> Option<String> {
    let plain = name
        .strip_prefix("role:")
        .or_else(|| name.strip_prefix("ssh:"))
        .or_else(|| name.strip_prefix("os:"));
    let bare = plain.unwrap_or(name);
    let is_name = |c: char| c.is_alphanumeric() || "@._-+".contains(c);
    if bare.is_empty() || !bare.chars().all(is_name) || NOBODY.contains(&bare.to_lowercase().as_str()) {
        return None;
    }
    Some(match plain {
        Some(_) => name.to_owned(),
        None if bare.contains('@') => format!("ssh:{bare}"),
        None => format!("os:{bare}"),
    })
}
