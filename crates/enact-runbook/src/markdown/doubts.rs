//! What is said before something that would be run: whether it is to run at all. Prose is for readers; where it forbids a
//! command, makes it depend on something or calls it an undo, to run that command would be a guess.

/// Words of a line above something to run that make it doubtful whether that is to run.
const DOUBTS: [&str; 23] = [
    "never",
    "not",
    "don't",
    "dont",
    "cannot",
    "avoid",
    "expected",
    "output",
    "outputs",
    "example",
    "sample",
    "instead",
    "either",
    "or",
    "alternatively",
    "optional",
    "optionally",
    "if",
    "unless",
    "except",
    "rollback",
    "undo",
    "revert",
];

/// Of these, those that are about what shows, not about what is run.
const SHOWN: [&str; 5] = ["expected", "output", "outputs", "example", "sample"];

/// What something begins with that takes something back.
const UNDOS: [&str; 9] = [
    "rollback",
    "roll back",
    "rolling back",
    "undo",
    "undoing",
    "revert",
    "reverting",
    "recovery",
    "fallback",
];

/// How a condition begins.
const CASES: [&str; 6] = ["if", "when", "on", "in case", "should", "unless"];

/// What a condition is about that speaks of trouble.
const TROUBLE: [&str; 4] = ["fail", "wrong", "error", "trouble"];

/// How a heading begins below which nothing is run in any case.
const ASIDES: [&str; 9] = [
    "if",
    "unless",
    "in case",
    "optional",
    "optionally",
    "alternatively",
    "never",
    "don't",
    "do not",
];

/// A label or heading below which nothing is to run in any case.
#[derive(Debug)]
struct Aside {
    /// The level of its heading; a label ends where any heading stands.
    level: usize,
    title: String,
}

/// Deeper than any heading.
const LABEL: usize = 7;

/// What was said before the place that is read.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// The last line of text.
    pub(super) line: String,
    /// The line before it.
    previous: String,
    /// Text of this paragraph of which nothing was read.
    paragraph: String,
    aside: Option<Aside>,
}

impl Before {
    /// A paragraph begins.
    pub(super) fn paragraph(&mut self) {
        self.paragraph.clear();
    }

    /// A line is there, and is going to be read.
    pub(super) fn come(&mut self, line: &str) {
        self.previous = std::mem::replace(&mut self.line, line.to_owned());
    }

    /// The line that came was read.
    pub(super) fn was_read(&mut self) {
        self.paragraph.clear();
    }

    /// The line that came is for readers.
    pub(super) fn was_text(&mut self) {
        self.paragraph.push_str(&self.line);
        self.paragraph.push(' ');
        if is_label(&self.line) && is_aside(&self.line) {
            let title = bare(&self.line).to_owned();
            self.aside.get_or_insert(Aside { level: LABEL, title });
        }
    }

    /// What stands above is about something else.
    pub(super) fn forget(&mut self) {
        self.line.clear();
        self.previous.clear();
    }

    /// An item of a list with something below it: `- If the tests fail`. True when that is doubtful, until [`Self::leave`].
    pub(super) fn item(&mut self, text: &str) -> bool {
        let doubtful = self.aside.is_none() && is_doubtful(text);
        if doubtful {
            let title = bare(text).to_owned();
            self.aside = Some(Aside { level: LABEL, title });
        }
        doubtful
    }

    /// The item ends that was doubtful.
    pub(super) fn leave(&mut self) {
        self.aside = None;
    }

    /// A heading of this level.
    pub(super) fn heading(&mut self, level: usize, title: &str) {
        self.title(level, title, is_doubtful(title));
    }

    /// The title of a numbered step or task, which is one in a row: nothing but an undo or a condition makes it doubtful.
    pub(super) fn step(&mut self, level: usize, title: &str) {
        let title_is = lower(title);
        let name = title_is
            .split(['(', ':', ',', '—', '–'])
            .next()
            .unwrap_or_default()
            .trim();
        let in_trouble = is_aside(title) && TROUBLE.iter().any(|word| title_is.contains(word));
        let doubtful = UNDOS.contains(&name) || in_trouble || ASIDES.iter().any(|word| begins(name, word));
        self.title(level, title, doubtful);
    }

    fn title(&mut self, level: usize, title: &str, doubtful: bool) {
        self.forget();
        if self.aside.as_ref().is_some_and(|aside| aside.level >= level) {
            self.aside = None;
        }
        if doubtful && self.aside.is_none() {
            let title = bare(title).to_owned();
            self.aside = Some(Aside { level, title });
        }
    }

    /// Why a block of code may not be meant to run.
    pub(super) fn doubt_of_block(&self) -> Option<String> {
        self.beside().or_else(|| announced(&self.line).map(above))
    }

    /// Why the line that came may not be meant to run.
    pub(super) fn doubt_of_line(&self) -> Option<String> {
        let beside = self.beside();
        let before = || doubt(&self.paragraph).or_else(|| announced(&self.previous));
        beside.or_else(|| before().map(above))
    }

    fn beside(&self) -> Option<String> {
        let aside = self.aside.as_ref()?;
        Some(format!("It stands below `{}`", aside.title))
    }
}

fn above(word: &'static str) -> String {
    format!("The line above it says `{word}`")
}

/// The word with which a text leaves it open whether what follows is to run.
fn doubt(text: &str) -> Option<&'static str> {
    let text = lower(text);
    let mut words = text.split(|next: char| !(next.is_alphanumeric() || next == '\''));
    let found = words.find_map(|word| DOUBTS.into_iter().find(|doubt| *doubt == word));
    found.or_else(|| text.contains("roll back").then_some("roll back"))
}

/// The same of a line that announces a block: `Never run:`, `Expected output:`.
fn announced(line: &str) -> Option<&'static str> {
    let line = line.trim_matches(['*', '_', ' ']);
    doubt(line.strip_suffix(':')?)
}

/// The word with which the text behind a command makes it depend on something: `only if the tests fail`.
pub(super) fn behind(text: &str) -> Option<&'static str> {
    doubt(text).filter(|word| !SHOWN.contains(word))
}

/// Does a line go on with the sentence of the one before?
pub(super) fn goes_on(line: &str) -> bool {
    line.starts_with(|first: char| first.is_lowercase() || ['(', '—', '–', '-', ','].contains(&first))
}

/// Is a line nothing but a label: `Rollback:`, `**If it fails**`?
fn is_label(line: &str) -> bool {
    let is_bold = line.starts_with("**") && line.ends_with("**");
    is_bold || line.trim_end_matches('*').ends_with(':')
}

/// Does it begin what takes something back, or what is done when something goes wrong?
fn is_aside(title: &str) -> bool {
    let title = lower(title);
    let starts = ["how to ", "to ", "for ", "only "];
    let title = starts.iter().fold(title.as_str(), |title, start| {
        title.strip_prefix(start).unwrap_or(title)
    });
    let in_trouble = || TROUBLE.iter().any(|word| title.contains(word));
    UNDOS.iter().any(|word| begins(title, word))
        || (CASES.iter().any(|word| begins(title, word)) && in_trouble())
}

/// Is below such a title nothing run in any case?
fn is_doubtful(title: &str) -> bool {
    is_aside(title) || ASIDES.iter().any(|word| begins(&lower(title), word))
}

fn begins(text: &str, word: &str) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

/// Without marks around it.
fn bare(text: &str) -> &str {
    text.trim_matches(['*', '_', ' ', ':', '#'])
}

fn lower(text: &str) -> String {
    bare(text).to_lowercase().replace('\u{2019}', "'")
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
    fn a_doubt_lasts_as_long_as_its_heading() {
        let mut before = Before::default();
        before.heading(4, "Rollback");
        before.step(LABEL, "Look");
        assert_eq!(before.doubt_of_block().unwrap(), "It stands below `Rollback`");
        before.heading(4, "Go on");
        assert_eq!(before.doubt_of_block(), None);
        before.step(LABEL, "Revert the experiment");
        assert_eq!(before.doubt_of_block(), None);
        for title in [
            "If it is slow",
            "Rollback (if needed)",
            "Optional: tidy up",
            "Undo what failed",
        ] {
            before.step(LABEL, title);
            assert!(before.doubt_of_block().is_some(), "{title}");
        }
        before.step(LABEL, "Rollback support");
        assert_eq!(before.doubt_of_block(), None);
    }
}
