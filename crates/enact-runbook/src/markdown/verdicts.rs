//! What `Expected:` says of how a command ends. Only a verdict is one: `FAIL`, `it should fail`, and not `Failures: 0`.

/// How a command is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// `PASS`: it ends with 0, and nothing else is said.
    Pass,
    /// `FAIL`: it ends with something else.
    Fail,
    /// Nothing of how it ends; what it shows, or a count without failures.
    Text,
    /// It may be the one or the other.
    Unclear,
}

/// Words for a failure.
const FAILS: [&str; 6] = ["fail", "fails", "failed", "failing", "failure", "failures"];

/// Words for a success, at the beginning and elsewhere.
const PASSES: [&str; 9] = [
    "pass", "passes", "passed", "passing", "succeeds", "succeed", "success", "ok", "green",
];

/// How a text begins that says nothing but that a command ends well.
const PLAIN: [&str; 9] = [
    "pass",
    "clean",
    "success",
    "succeeds",
    "ok",
    "no errors",
    "no output",
    "exit 0",
    "exit code 0",
];

/// What follows the verdict where a reason for it begins.
const REASONS: [&str; 19] = [
    "with", "because", "since", "as", "due", "for", "on", "in", "at", "when", "until", "before", "to", "and",
    "here", "now", "again", "first", "by",
];

/// What may stand between a failing thing and its verdict: `FAIL: test …`, `failing tests because …`.
const THINGS: [&str; 6] = ["test", "tests", "build", "check", "assertion", "compilation"];

/// What says that there are none.
const NONE: [&str; 15] = [
    "0",
    "zero",
    "no",
    "none",
    "not",
    "never",
    "without",
    "nothing",
    "doesn't",
    "don't",
    "shouldn't",
    "won't",
    "cannot",
    "mustn't",
    "isn't",
];

/// What says that it was so before.
const EARLIER: [&str; 3] = ["previously", "formerly", "earlier"];

/// What stands before a verdict in a sentence that is one: `the command should fail`.
const SUBJECTS: [&str; 26] = [
    "it",
    "this",
    "that",
    "the",
    "all",
    "both",
    "new",
    "a",
    "command",
    "test",
    "tests",
    "suite",
    "script",
    "build",
    "check",
    "run",
    "compile",
    "compilation",
    "should",
    "must",
    "will",
    "to",
    "still",
    "now",
    "is",
    "expected",
];

/// How a command ends by the value of an `Expected:` line.
pub(super) fn verdict(value: &str) -> Verdict {
    let text = unquoted(value).to_lowercase().replace('\u{2019}', "'");
    let words = words(&text);
    let first = words.first().copied().unwrap_or_default();
    if FAILS.contains(&first) {
        return leading(&text, &words);
    }
    let failing = asserted(&words);
    match (plain(&text), failing) {
        (_, Some(Failing::Counted)) => Verdict::Unclear,
        (true, None) => Verdict::Pass,
        (true, Some(Failing::At(_))) => Verdict::Text,
        (false, Some(Failing::At(at))) => within(&words, at),
        (false, None) if ends_otherwise(&words) => Verdict::Unclear,
        (false, None) => Verdict::Text,
    }
}

/// Is a text in backticks a verdict by its word, so that it may be none that is printed?
pub(super) fn is_failure(text: &str) -> bool {
    FAILS.contains(&text.trim().to_lowercase().as_str())
}

fn plain(text: &str) -> bool {
    let text = text.trim_start_matches(|next: char| !next.is_alphanumeric());
    PLAIN.iter().any(|known| text.starts_with(known))
}

/// `FAIL` and what follows it.
fn leading(text: &str, words: &[&str]) -> Verdict {
    let first = words.first().copied().unwrap_or_default();
    let rest = text.split_once(first).map_or("", |(_, rest)| rest);
    let rest = rest.trim_start_matches('*');
    let after = words.get(1..).unwrap_or_default();
    if let Some(count) = count(rest) {
        return if count == 0 {
            Verdict::Text
        } else {
            Verdict::Unclear
        };
    }
    if after.contains(&"count") && after.iter().any(|word| NONE.contains(word)) {
        return Verdict::Text;
    }
    let things = after.iter().take_while(|word| THINGS.contains(word)).count();
    let reason = match after.get(things) {
        None => true,
        Some(word) => REASONS.contains(word) || is_error(word) || opens_reason(rest),
    };
    if reason && first != "failures" {
        Verdict::Fail
    } else {
        Verdict::Unclear
    }
}

/// The number right behind a word: `: 0`, ` = 3`, `(2)`, ` none`.
fn count(rest: &str) -> Option<u64> {
    let rest = rest.trim_start_matches([':', '=', ' ']);
    let inner = rest.trim_start_matches('(');
    let in_reason = inner.len() < rest.len();
    let rest = inner;
    if rest.starts_with("none") || rest.starts_with("zero") {
        return Some(0);
    }
    let digits = rest
        .find(|next: char| !next.is_ascii_digit())
        .unwrap_or(rest.len());
    let number = rest.get(..digits)?.parse().ok()?;
    let behind = rest.get(digits..).unwrap_or_default();
    // In `FAIL (0 tests passed)` and `FAILED: 2nd row` the number is part of the reason.
    let alone = if in_reason {
        behind.starts_with(')')
    } else {
        !behind.starts_with(char::is_alphanumeric)
    };
    alone.then_some(number)
}

/// Does a reason begin behind the verdict: `FAIL (…)`, `FAILED: no such function`, `FAIL "…"`, `FAIL tests/a.py::test`?
fn opens_reason(rest: &str) -> bool {
    let trimmed = rest.trim_start();
    let marks = ['(', '[', ',', ';', ':', '.', '!', '–', '—', QUOTED];
    let dash = || trimmed.starts_with("- ") || trimmed.starts_with("-> ");
    let place = trimmed.split_whitespace().next().unwrap_or_default();
    let apart = trimmed.len() < rest.len();
    trimmed.starts_with(marks) || dash() || (apart && place.contains(['/', '_', '.', ':']))
}

/// `FAIL ModuleNotFoundError`.
fn is_error(word: &str) -> bool {
    word.ends_with("error") || word.ends_with("exception")
}

/// What is said of failures elsewhere in a text.
enum Failing {
    /// Of so many: `3 failed`.
    Counted,
    /// By the word at this place.
    At(usize),
}

fn asserted(words: &[&str]) -> Option<Failing> {
    let mut found = None;
    for (at, _) in words.iter().enumerate().filter(|(_, word)| FAILS.contains(word)) {
        let before = words.get(at.saturating_sub(3)..at).unwrap_or_default();
        let near = before.iter().rev().take(2);
        let counted = near
            .chain(words.get(at + 1))
            .filter_map(|word| word.parse::<u64>().ok());
        let counts: Vec<u64> = counted.collect();
        let denied = before
            .iter()
            .any(|word| NONE.contains(word) || EARLIER.contains(word));
        if words.get(at + 1).is_some_and(|word| NONE.contains(word)) {
            continue;
        }
        if counts.iter().any(|count| *count > 0) && !counts.contains(&0) {
            return Some(Failing::Counted);
        }
        if !denied && counts.is_empty() {
            found.get_or_insert(Failing::At(at));
        }
    }
    found
}

/// A failure in the middle of a text: `the command fails` is a verdict, `tests pass; see below if some fail` is none.
fn within(words: &[&str], at: usize) -> Verdict {
    let is_pass = |word: &&str| PASSES.contains(word);
    let before = words.get(..at).unwrap_or_default();
    let after = words.get(at + 1..).unwrap_or_default();
    if before.iter().any(is_pass) {
        Verdict::Text
    } else if before.iter().all(|word| SUBJECTS.contains(word)) && !after.iter().any(is_pass) {
        Verdict::Fail
    } else {
        Verdict::Unclear
    }
}

/// `exit code 1`, `exits non-zero`, `does not pass`.
fn ends_otherwise(words: &[&str]) -> bool {
    let non_zero = words.contains(&"nonzero") || words.windows(2).any(|pair| matches!(pair, ["non", "zero"]));
    let exit = words
        .iter()
        .position(|word| matches!(*word, "exit" | "exits" | "exited"));
    let near = words.iter().skip(exit.map_or(words.len(), |at| at + 1)).take(3);
    let code = near.filter_map(|word| word.parse::<u64>().ok()).next();
    let nots = ["not", "doesn't", "don't", "never", "cannot", "can't", "won't"];
    let denied = |pair: &[&str]| matches!(pair, [no, pass] if nots.contains(no) && is_success(pass));
    non_zero || code.is_some_and(|code| code > 0) || words.windows(2).any(denied)
}

fn is_success(word: &str) -> bool {
    PASSES.contains(&word) || matches!(word, "compile" | "compiles" | "build" | "builds")
}

/// What stands for text in quotes or backticks, which is what a command shows and no verdict.
const QUOTED: char = '\u{fffc}';

fn unquoted(value: &str) -> String {
    let mut found = String::new();
    let mut end: Option<char> = None;
    for next in value.chars() {
        match (end, next) {
            (Some(closing), _) if closing == next => end = None,
            (Some(_), _) => {}
            (None, '`' | '"' | '“') => {
                end = Some(if next == '“' { '”' } else { next });
                found.push(QUOTED);
            }
            (None, _) => found.push(next),
        }
    }
    found
}

fn words(text: &str) -> Vec<&str> {
    let parts = text.split(|next: char| !(next.is_alphanumeric() || next == '\''));
    parts.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_a_verdict_or_a_count_or_asked_about() {
        for (verdict_is, values) in [
            (
                Verdict::Fail,
                vec![
                    "FAIL",
                    "fails.",
                    "**FAIL**",
                    "❌ FAILED",
                    "FAIL with \"unknown language: fr\"",
                    "FAIL, because only English is there",
                    "FAIL (function not defined)",
                    "FAIL (0 tests passed)",
                    "FAILED: no such function",
                    "FAIL - module not found",
                    "FAIL `NameError`",
                    "FAILED tests/test_x.py::test_y",
                    "failing tests because there is no code",
                    "Failure",
                    "FAIL ModuleNotFoundError",
                    "it should fail",
                    "command fails",
                    "The new test fails with \"not defined\"",
                    "tests FAIL",
                ],
            ),
            (
                Verdict::Text,
                vec![
                    "Failures: 0",
                    "Failed: 0, passed: 12",
                    "FAIL count is 0",
                    "failures = 0",
                    "Failed: none",
                    "Failed: 0 tests",
                    "3 passed, failures: none",
                    "0 failures",
                    "no tests fail",
                    "it does not fail",
                    "12 tests, 0 failed",
                    "all 12 tests pass",
                    "All tests pass; the previously failing test too",
                    "3 lines",
                    "prints \"1 failed\"",
                    "passes here, and may fail elsewhere",
                    "no output (the command fails)",
                    "ends with exit code 0",
                    "exits 0 after 3 retries",
                    "no build warnings",
                ],
            ),
            (
                Verdict::Pass,
                vec![
                    "PASS",
                    "**PASS**",
                    "✅ PASS (12 passed, 0 failed)",
                    "clean",
                    "exit code 0",
                    "PASS, no longer failing",
                ],
            ),
            (
                Verdict::Unclear,
                vec![
                    "Failures: 2",
                    "Failed: 3, passed: 12",
                    "3 failed",
                    "12 passed, 1 failed",
                    "FAIL count is low",
                    "FAIL/PASS",
                    "FAILED: 2 of 3",
                    "fail-safe mode",
                    "first fails, then passes",
                    "one of them may fail",
                    "exit code 1",
                    "exits with 1",
                    "tests do not pass",
                    "a non-zero exit code",
                ],
            ),
        ] {
            for value in values {
                assert_eq!(verdict(value), verdict_is, "{value}");
            }
        }
    }
}
