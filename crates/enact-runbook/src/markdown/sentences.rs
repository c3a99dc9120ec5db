//! Whole sentences around something that would be run: `Never run this in production.`, `once Dana has confirmed`.
//!
//! A word alone says little here (`Run this to see whether it works`), so the words that forbid or make something depend on
//! something must stand where they are about what is run.

use super::titles::{begins, lower, trouble};

/// What forbids.
const NEVER: [&str; 9] = [
    "never",
    "not",
    "don't",
    "dont",
    "cannot",
    "can't",
    "avoid",
    "mustn't",
    "shouldn't",
];

/// What something is that is not to be run in any case.
const LESS: [&str; 6] = [
    "optional",
    "example",
    "examples",
    "deprecated",
    "obsolete",
    "illustration",
];

/// What turns a prohibition into its opposite: `Do not forget to run this.`
const TURNS: [&str; 5] = ["forget", "hesitate", "only", "just", "fail"];

/// What stands before `not` where it forbids something.
const ORDERS: [&str; 8] = ["do", "must", "should", "may", "can", "is", "are", "to"];

/// Words for running something, and nothing else.
const RUNS: [&str; 6] = ["run", "running", "execute", "executing", "apply", "applying"];

/// Words that may be about running something.
const DOES: [&str; 7] = ["do", "doing", "use", "using", "start", "starting", "invoke"];

/// Words for what stands below.
const THIS: [&str; 3] = ["this", "it", "these"];

/// Words that mean it where it is run.
const THAT: [&str; 5] = ["them", "that", "those", "any", "anything"];

/// Pieces of a plan that are meant by their name: `the script`.
const PIECES: [&str; 9] = [
    "command",
    "commands",
    "script",
    "block",
    "step",
    "steps",
    "task",
    "tasks",
    "following",
];

/// How it is not to be run, where it is to be run all the same: `Never run this twice.`
const MANNERS: [&str; 8] = [
    "twice",
    "again",
    "once",
    "hand",
    "manually",
    "parallel",
    "concurrently",
    "simultaneously",
];

/// What is done about trouble before anything else, and not by what stands below: `If it fails, fix it.`
const STAYS: [&str; 14] = [
    "stop",
    "ask",
    "fix",
    "debug",
    "look",
    "see",
    "read",
    "check",
    "investigate",
    "report",
    "tell",
    "escalate",
    "wait",
    "retry",
];

/// How a text begins about what takes something back.
const UNDOS: [&str; 6] = [
    "to undo",
    "to roll back",
    "to revert",
    "to restore",
    "to abort",
    "to back out",
];

/// How a sentence begins that makes what follows one of several ways, or not needed.
const OPENERS: [&str; 16] = [
    "optional",
    "optionally",
    "alternatively",
    "skip this",
    "otherwise",
    "else",
    "skip if",
    "skip when",
    "skip unless",
    "as an alternative",
    "another way",
    "as a last resort",
    "worst case",
    "in the worst case",
    "in the event",
    "only needed",
];

/// How a condition begins that stands behind a command.
const CONDITIONS: [&str; 13] = [
    "pending",
    "subject to",
    "once",
    "when",
    "whenever",
    "after",
    "until",
    "provided",
    "providing",
    "assuming",
    "as soon as",
    "as long as",
    "in case",
];

/// What follows `once` where it says how often.
const COUNTS: [&str; 11] = [
    "only", "more", "again", "per", "a", "an", "for", "in", "on", "every", "each",
];

/// What follows `should` where it begins a condition: `should the migration fail`.
const SUBJECTS: [&str; 13] = [
    "the",
    "it",
    "this",
    "that",
    "these",
    "any",
    "anything",
    "something",
    "a",
    "an",
    "there",
    "you",
    "we",
];

/// The word with which the text above a block leaves it open whether that is to run.
pub(super) fn doubt_of_block(text: &str) -> Option<&'static str> {
    let last = last(text);
    let undo = || UNDOS.into_iter().find(|word| begins(&last, word));
    let stays = words(&last).iter().any(|word| STAYS.contains(word));
    let trouble = || trouble(&last).filter(|_| !stays);
    doubt_of_line(text).or_else(trouble).or_else(undo)
}

/// The same for a `Run:` line, which is less bound to the paragraph above it.
pub(super) fn doubt_of_line(text: &str) -> Option<&'static str> {
    let last = last(text);
    let opener = || OPENERS.into_iter().find(|word| begins(&last, word));
    forbidden(text).or_else(opener).or_else(|| depends(&last))
}

/// The word with which a text says that what stands below it must not be run.
pub(super) fn forbidden(text: &str) -> Option<&'static str> {
    sentences(text).find_map(|sentence| {
        let words = words(&sentence);
        forbids(&words).or_else(|| belittles(&words))
    })
}

/// The word with which the text behind a command makes it wait for something: `once Dana has confirmed`.
pub(super) fn condition(text: &str) -> Option<&'static str> {
    let clauses = text.split([',', ';', '(', ')', '—', '–', '.']);
    let clauses = clauses.flat_map(|clause| clause.split(" - "));
    let mut clauses = clauses.map(|clause| clause.trim_start_matches(|next: char| !next.is_alphanumeric()));
    clauses.find_map(|clause| {
        let starts = ["and ", "but ", "then ", "just "];
        let clause = starts.iter().fold(clause, |clause, start| {
            clause.strip_prefix(start).unwrap_or(clause)
        });
        let only = ["only with", "only on", "only in", "only by", "only during"];
        if only.iter().any(|word| begins(clause, word)) {
            return Some("only");
        }
        begins_condition(clause.strip_prefix("only ").unwrap_or(clause))
    })
}

fn begins_condition(clause: &str) -> Option<&'static str> {
    let found = CONDITIONS.into_iter().find(|word| begins(clause, word));
    let next = |word: &str| {
        words(clause.get(word.len()..).unwrap_or_default())
            .first()
            .copied()
    };
    match found {
        Some("once") => found.filter(|word| next(word).is_some_and(|next| !COUNTS.contains(&next))),
        Some("after") => found.filter(|word| !matches!(next(word), Some("that" | "this" | "which"))),
        Some("when") => found.filter(|word| !matches!(next(word), Some("run" | "done"))),
        Some(_) => found,
        None => {
            let subject = || next("should").is_some_and(|next| SUBJECTS.contains(&next));
            (begins(clause, "should") && subject()).then_some("should")
        }
    }
}

fn sentences(text: &str) -> impl Iterator<Item = String> {
    let ends = [". ", "! ", "? ", ".** ", ".* "];
    let text = ends
        .iter()
        .fold(text.to_owned(), |text, end| text.replace(end, "\n"));
    let found: Vec<String> = text.lines().map(lower).filter(|line| !line.is_empty()).collect();
    found.into_iter()
}

fn last(text: &str) -> String {
    sentences(text).last().unwrap_or_default()
}

fn words(text: &str) -> Vec<&str> {
    let parts = text.split(|next: char| !(next.is_alphanumeric() || next == '\''));
    parts.filter(|word| !word.is_empty()).collect()
}

fn forbids(words: &[&str]) -> Option<&'static str> {
    if words.iter().any(|word| MANNERS.contains(word)) {
        return None;
    }
    let (at, never) = words.iter().enumerate().find_map(|(at, word)| {
        let never = NEVER.into_iter().find(|never| never == word)?;
        Some((at, never))
    })?;
    let rest = words.get(at + 1..)?;
    let passive = || {
        rest.windows(2)
            .position(|pair| matches!(pair, ["be", "run" | "executed"]))
    };
    let run = run_at(rest, &RUNS)
        .or_else(|| run_at(rest, &DOES))
        .or_else(passive)?;
    let turned = rest.iter().take(run).any(|word| TURNS.contains(word));
    let orders = never != "not" || at == 0 || words.get(at - 1).is_some_and(|before| ORDERS.contains(before));
    (orders && !turned).then_some(never)
}

/// `This is only an example.`, `The following steps are optional.`
fn belittles(words: &[&str]) -> Option<&'static str> {
    let at = words
        .iter()
        .take(4)
        .position(|word| matches!(*word, "is" | "are"))?;
    let (subject, said) = words.split_at(at);
    let is_this = matches!(subject.first(), Some(&("this" | "these" | "the")));
    let of_plan = subject.iter().skip(1).all(|word| PIECES.contains(word));
    let bare = subject.len() > 1 || subject != ["the"];
    let fill = ["is", "are", "only", "just", "merely", "purely", "an", "a", "for"];
    let said = said.iter().find(|word| !fill.contains(word))?;
    let found = LESS.into_iter().find(|word| word == said);
    found.filter(|_| is_this && of_plan && bare)
}

/// Where it is said that something is run: `run this`, `use the script`.
fn run_at(words: &[&str], verbs: &[&str]) -> Option<usize> {
    words.windows(2).enumerate().find_map(|(at, pair)| {
        let [verb, object] = pair else {
            return None;
        };
        let piece = || words.get(at + 2).is_some_and(|word| PIECES.contains(word));
        let that = || RUNS.contains(verb) && THAT.contains(object);
        let this = THIS.contains(object) || that() || (*object == "the" && piece());
        (verbs.contains(verb) && this).then_some(at)
    })
}

/// The word with which a sentence makes it depend on something that what follows is run: `If Dana agrees, run this.`
fn depends(sentence: &str) -> Option<&'static str> {
    let words = words(sentence);
    let run = run_at(&words, &RUNS)?;
    let is_case = |word: &&str| ["if", "when", "once", "after", "unless", "until", "with"].contains(word);
    if words.contains(&"only") && words.iter().any(is_case) {
        return Some("only");
    }
    let behind = words.get(run + 2).copied();
    let cases = ["if", "unless", "until", "provided"];
    cases
        .into_iter()
        .find(|case| words.first() == Some(case) || behind == Some(case))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_that_leave_it_open_are_told_from_those_that_do_not() {
        for (text, word) in [
            ("Never run this in production.", "never"),
            ("Look first. Do not, whatever happens, run it now. Ask.", "not"),
            ("This must not be run on Fridays.", "not"),
            ("Avoid using the script.", "avoid"),
            ("Only run this when Dana agrees.", "only"),
            ("If Dana agrees, run this.", "if"),
            ("Run this if Dana agrees.", "if"),
            ("Alternatively, use docker.", "alternatively"),
            ("This is only an example.", "example"),
            ("The following steps are optional.", "optional"),
        ] {
            assert_eq!(doubt_of_line(text), Some(word), "{text}");
        }
        for text in [
            "Never run this twice.",
            "Do not forget to run this.",
            "Run this to see whether it works, not only on Linux.",
            "Run it to check if the tests pass.",
            "Do not commit the logs.",
            "Building does not run it.",
            "If the tests pass, commit.",
            "If the tests fail, fix them.",
            "The flag is optional.",
            "Do not use any library.",
            "If you use it, say so.",
            "This test is for the examples.",
            "Once it is done, use it.",
            "",
        ] {
            assert_eq!(doubt_of_block(text), None, "{text}");
        }
        assert_eq!(
            doubt_of_block("If the deploy fails, restore the dump."),
            Some("if")
        );
        assert_eq!(
            doubt_of_block("To roll back, restore the dump."),
            Some("to roll back")
        );
        assert_eq!(doubt_of_line("If the deploy fails, restore the dump."), None);
    }

    #[test]
    fn conditions_behind_a_command_are_told_from_what_it_shows() {
        for (text, word) in [
            ("once dana has confirmed", "once"),
            ("on staging, but only after task 9", "after"),
            ("should the migration fail", "should"),
            ("provided that it is there", "provided"),
            ("only with a copy", "only"),
        ] {
            assert_eq!(condition(text), Some(word), "{text}");
        }
        for text in [
            "once per host",
            "once",
            "should print ok",
            "prints 3 when done",
            "after that it is gone",
            "it should pass",
        ] {
            assert_eq!(condition(text), None, "{text}");
        }
    }
}
