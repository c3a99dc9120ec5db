//! Words of headings, labels and titles that leave it open whether what stands below them is to run: undos, conditions, what is
//! optional, one of several ways, an example, or left out.

use super::title_words::{
    ASIDES, BEGINNINGS, CASES, LABELS, LEFT_OUT, MADE, MAKES, MARKS, OBJECTS, OTHERS, PIECES, ROW_UNDOS,
    RUNNING, TROUBLE, UNDOS, WAYS,
};

/// Without marks around it.
pub(super) fn bare(text: &str) -> &str {
    text.trim_matches(['*', '_', ' ', ':', '#'])
}

/// As it is compared: in small letters, without marks and pictures before it.
pub(super) fn lower(text: &str) -> String {
    let quotes = ['`', '"', '\'', '“'];
    let text = bare(text).trim_start_matches(|next: char| !next.is_alphanumeric() && !quotes.contains(&next));
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").to_lowercase().replace('\u{2019}', "'")
}

/// Is a line nothing but a label: `Rollback:`, `**If it fails**`?
pub(super) fn is_label(line: &str) -> bool {
    let is_bold = line.starts_with("**") && line.ends_with("**");
    is_bold || line.trim_end_matches('*').ends_with(':')
}

/// Does it begin what takes something back, or what is done when something goes wrong?
pub(super) fn is_aside(title: &str) -> bool {
    let title = lower(title);
    let title = without_start(&title);
    UNDOS.iter().any(|word| begins(title, word)) || trouble(title).is_some()
}

/// Is below such a title within a task nothing run in any case?
pub(super) fn is_doubtful(title: &str) -> bool {
    let text = lower(title);
    let marked = || segments(&text).skip(1).any(|segment| mark_of(segment).is_some());
    is_aside(title) || begins_any(&text, &ASIDES) || is_other(&text) || marked()
}

/// The same of a numbered step or task, which is one in a row: nothing but an undo, a condition or a mark makes it doubtful.
pub(super) fn is_doubtful_step(title: &str) -> bool {
    let text = lower(title);
    let name = text.split(['(', ':', ',', '—', '–']).next().unwrap_or_default();
    let name = name.trim();
    let in_trouble = is_aside(title) && TROUBLE.iter().any(|word| text.contains(word));
    ROW_UNDOS.contains(&name)
        || in_trouble
        || ASIDES.iter().any(|word| opens_step(name, word))
        || begins_any(name, &LEFT_OUT)
        || segments(&text).skip(1).any(|segment| mark_of(segment).is_some())
        || is_labelled(&text)
}

/// Does such a word at the beginning of a title take the step back? `Do not log passwords` is work, `Do not run this` is none.
fn opens_step(name: &str, word: &str) -> bool {
    let rest = name.strip_prefix(word).unwrap_or_default();
    let next = rest.split_whitespace().next().unwrap_or_default();
    match word {
        "never" | "don't" | "do not" => {
            begins(name, word) && (next.is_empty() || RUNNING.contains(&next) || name.ends_with(" yet"))
        }
        _ => opens(name, word),
    }
}

fn is_labelled(text: &str) -> bool {
    let mut rests = LABELS.iter().filter_map(|word| text.strip_prefix(word));
    rests.any(|rest| rest.starts_with([':', ']', ')']))
}

/// The mark behind something to run with which it is not, or only under a condition: `(later)`.
pub(super) fn mark(text: &str) -> Option<&'static str> {
    let text = lower(text);
    let mut parts = text.split(['(', ')', '[', ']', '—', '–', '.']);
    parts.find_map(|part| mark_of(part.trim()))
}

/// The same of what is set apart from the text of an item: `The old one is gone (optional)`.
pub(super) fn mark_behind(text: &str) -> Option<&'static str> {
    segments(&lower(text)).skip(1).find_map(mark_of)
}

/// The same of what is set apart from a title: `(if Task 1 fails)`.
fn mark_of(segment: &str) -> Option<&'static str> {
    let parts = || segment.split([',', ';', '.']).map(str::trim);
    let marked = || MARKS.into_iter().find(|mark| parts().any(|part| part == *mark));
    let begun = || BEGINNINGS.into_iter().find(|word| begins(segment, word));
    trouble(segment).or_else(marked).or_else(begun)
}

/// The same of a heading above tasks, which may be about something that is to be made: `Phase 2: Rollback support`.
pub(super) fn is_doubtful_section(title: &str) -> bool {
    let text = lower(title);
    segments(&text).any(|segment| {
        is_undo(without_start(segment))
            || trouble(segment).is_some()
            || ASIDES.iter().any(|word| opens(segment, word))
            || is_other(segment)
    })
}

/// Does what such a word opens stand below the title? `If-Match` is no condition, and `Optional fields` are to be made.
fn opens(segment: &str, word: &str) -> bool {
    let rest = segment.strip_prefix(word).unwrap_or_default();
    let next = rest.split_whitespace().next().unwrap_or_default();
    begins(segment, word)
        && !rest.starts_with(['-', '_', '/'])
        && !(word == "optional" && MADE.contains(&next))
}

/// What is set apart in a title: `Phase 5: Tidy up (optional)` has three.
fn segments(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split([':', '—', '–', '(', ')', '[', ']', '|']);
    let parts = parts.flat_map(|part| part.split(" - "));
    let numbers = |next: char| !next.is_alphabetic();
    let parts = parts.map(move |part| part.trim_start_matches(numbers).trim_end());
    parts.filter(|part| !part.is_empty())
}

fn without_start(title: &str) -> &str {
    let starts = ["how to ", "to ", "for ", "only "];
    starts
        .iter()
        .fold(title, |title, start| title.strip_prefix(start).unwrap_or(title))
}

/// The word with which a text begins that is about what goes wrong: `If the deploy fails`.
pub(super) fn trouble(text: &str) -> Option<&'static str> {
    let case = CASES.into_iter().find(|word| begins(text, word))?;
    TROUBLE.iter().any(|word| text.contains(word)).then_some(case)
}

/// Is it about taking something back, and not about the making of something that does?
fn is_undo(title: &str) -> bool {
    let of = |rest: &str| {
        let word = rest.split_whitespace().next().unwrap_or_default();
        word.is_empty() || PIECES.contains(&word) || OBJECTS.contains(&word)
    };
    let also = |rest: &str| {
        let rest = rest.trim_start_matches([' ', '/', '&', ',', '+']);
        UNDOS.contains(&rest.strip_prefix("and ").unwrap_or(rest))
    };
    let words: Vec<&str> = title.split_whitespace().collect();
    if words.first().is_some_and(|word| MAKES.contains(word)) {
        return false;
    }
    let ends =
        matches!(words.as_slice(), [.., undo, piece] if UNDOS.contains(undo) && PIECES.contains(piece));
    ends || rests(title, &UNDOS).any(|rest| of(rest) || also(rest))
}

/// Is it left out, one of several ways, or an example?
fn is_other(text: &str) -> bool {
    let piece = |rest: &str| {
        let word = rest.split_whitespace().next();
        word.is_none_or(|word| PIECES.contains(&word))
    };
    let name = text.split([':', '—', '–', '(']).next().unwrap_or_default();
    begins_any(text, &LEFT_OUT) || is_way(text) || rests(name.trim(), &OTHERS).any(piece)
}

/// `Option A`, `Approach 2`.
fn is_way(text: &str) -> bool {
    let mut words = text.split(|next: char| !next.is_alphanumeric());
    let way = words.next().is_some_and(|word| WAYS.contains(&word));
    way && words.next().is_some_and(|which| which.len() == 1)
}

/// What follows the words with which a text begins.
fn rests<'t>(text: &'t str, words: &'t [&str]) -> impl Iterator<Item = &'t str> {
    let whole = words.iter().filter(move |word| begins(text, word));
    whole.filter_map(move |word| text.get(word.len()..))
}

fn begins_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| begins(text, word))
}

/// Does a text begin with a word?
pub(super) fn begins(text: &str, word: &str) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undos_and_conditions_are_told_from_work() {
        for (line, label) in [
            ("Rollback:", true),
            ("**To undo:**", true),
            ("**If it fails**", true),
            ("How to roll back:", true),
            ("On failure:", true),
            ("When it fails:", true),
            ("Rollback is not needed.", false),
            ("Write the rollback command:", false),
            ("Run it and watch it fail:", false),
            ("On the server:", false),
        ] {
            assert_eq!(is_label(line) && is_aside(line), label, "{line}");
        }
    }

    #[test]
    fn sections_that_are_not_to_run_are_told_from_what_is_to_be_made() {
        for title in [
            "Rollback",
            "Phase 3: Rollback",
            "4. Rollback plan",
            "Rolling back",
            "Roll back the release",
            "⚠️ Do not run these yet",
            "If the deploy fails",
            "On failure",
            "When something goes wrong",
            "Never in production",
            "Not yet",
            "Tasks (optional)",
            "Optional: tidy up",
            "Optional cleanup",
            "Alternative",
            "Option B: green",
            "Example",
            "Deprecated tasks",
            "Skipped",
            "Out of scope",
            "Future work",
            "Later",
            "Milestone 4 - Later",
            "Nice to have",
            "Rollback / recovery",
            "Rollback and undo",
            "Database rollback procedure",
            "Only in an emergency",
        ] {
            assert!(is_doubtful_section(title), "{title}");
        }
        for title in [
            "Tasks",
            "Implementation",
            "Phase 2: Database",
            "Milestone 1",
            "Chunk 3",
            "Backend",
            "Rollback support",
            "Add rollback command",
            "Undo/redo",
            "Undo stack",
            "Recovery codes",
            "Fallback fonts",
            "If-Match headers",
            "Phase 3: Optional chaining",
            "Error handling",
            "Example app",
            "Alternative text for images",
            "Skip links",
            "Deprecated endpoints",
            "On the server",
            "Options",
            "Verification",
        ] {
            assert!(!is_doubtful_section(title), "{title}");
        }
    }

    #[test]
    fn titles_of_steps_are_doubtful_by_their_name_or_a_mark_behind_it() {
        for title in [
            "Rollback (if needed)",
            "Tidy up (optional)",
            "Tidy up - skipped",
            "Not yet: drop it",
            "Undo what failed",
            "Rollback",
            "Do not drop the table yet",
            "DO NOT RUN: drop it",
            "Reindex (later)",
        ] {
            assert!(is_doubtful_step(title), "{title}");
        }
        for title in [
            "Revert the experiment",
            "Write examples",
            "Make the table (if not there)",
            "Example app",
            "Later",
            "Do not log passwords",
            "Never store tokens in the clear",
            "Optional fields",
            "Recovery",
        ] {
            assert!(!is_doubtful_step(title), "{title}");
        }
    }
}
