//! What is said before something that would be run: whether it is to run at all. Prose is for readers; where it forbids a
//! command, makes it depend on something or calls it an undo, to run that command would be a guess.

use super::blocks::{Block, joined};
use super::sentences;
use super::titles::{bare, is_aside, is_doubtful, is_doubtful_step, is_label, lower, mark_behind};

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
    /// The same of the paragraph before it.
    above: String,
    /// Is the last line of text struck through?
    struck: bool,
    /// A label of what is one of several ways, optional or an example; it is about the next thing that is run.
    label: Option<String>,
    aside: Option<Aside>,
}

impl Before {
    /// A paragraph begins.
    pub(super) fn paragraph(&mut self) {
        self.above = std::mem::take(&mut self.paragraph);
        self.struck = false;
    }

    /// A line is there, and is going to be read.
    pub(super) fn come(&mut self, line: &str) {
        self.previous = std::mem::replace(&mut self.line, line.to_owned());
    }

    /// The line that came was read.
    pub(super) fn was_read(&mut self) {
        self.paragraph.clear();
        self.above.clear();
        self.label = None;
        self.struck = false;
    }

    /// The line that came is for readers.
    pub(super) fn was_text(&mut self, struck: bool) {
        self.told(&self.line.clone());
        self.struck = struck;
        if !is_label(&self.line) {
            self.marked(&self.line.clone());
            return;
        }
        let title = bare(&self.line).to_owned();
        if is_aside(&self.line) {
            self.aside.get_or_insert(Aside { level: LABEL, title });
        } else {
            // What is shown stands right below its label.
            let shown = doubt(&self.line).is_some_and(|word| SHOWN.contains(&word));
            self.label = (is_doubtful(&self.line) && !shown).then_some(title);
        }
    }

    /// A short text with a mark behind it, `Drop it (do not run)`, is about the next thing that is run.
    pub(super) fn marked(&mut self, text: &str) {
        const SHORT: usize = 8;
        if text.split_whitespace().count() <= SHORT && mark_behind(text).is_some() {
            self.label = Some(bare(text).to_owned());
        }
    }

    /// Is the line of text above struck through, in the same paragraph?
    pub(super) fn is_struck(&self) -> bool {
        self.struck
    }

    /// A text for readers that is no label.
    pub(super) fn told(&mut self, text: &str) {
        self.paragraph.push_str(text);
        self.paragraph.push(' ');
    }

    /// A quote is above what follows it like a paragraph.
    pub(super) fn quote(&mut self, inner: &[Block]) {
        self.paragraph();
        for lines in inner.iter().filter_map(Block::paragraph) {
            self.told(&joined(lines));
        }
    }

    /// What stands above is about something else.
    pub(super) fn forget(&mut self) {
        self.line.clear();
        self.previous.clear();
        self.paragraph.clear();
        self.above.clear();
        self.label = None;
        self.struck = false;
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

    /// The title of a numbered step or task.
    pub(super) fn step(&mut self, level: usize, title: &str) {
        self.title(level, title, is_doubtful_step(title));
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
        let struck = || {
            self.struck
                .then(|| "The line above it is struck through".to_owned())
        };
        let said = || announced(&self.line).or_else(|| sentences::doubt_of_block(&self.paragraph));
        self.aside()
            .or_else(struck)
            .or_else(|| said().map(above))
            .or_else(|| self.label())
    }

    /// Why the line that came may not be meant to run.
    pub(super) fn doubt_of_line(&self) -> Option<String> {
        let said = || doubt(&self.paragraph).or_else(|| announced(&self.previous));
        let said = || said().or_else(|| sentences::doubt_of_line(&self.above));
        self.aside()
            .or_else(|| said().map(above))
            .or_else(|| self.label())
    }

    fn aside(&self) -> Option<String> {
        self.aside.as_ref().map(|aside| below(&aside.title))
    }

    fn label(&self) -> Option<String> {
        self.label.as_deref().map(below)
    }
}

fn below(title: &str) -> String {
    format!("It stands below `{title}`")
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
    before(text).or_else(|| sentences::condition(&lower(text)))
}

/// The same of the text between a label and its command: `Run: never `x``.
pub(super) fn before(text: &str) -> Option<&'static str> {
    doubt(text).filter(|word| !SHOWN.contains(word))
}

/// Does a line go on with the sentence of the one before?
pub(super) fn goes_on(line: &str) -> bool {
    line.starts_with(|first: char| first.is_lowercase() || ['(', '—', '–', '-', ','].contains(&first))
}

#[cfg(test)]
mod tests {
    use super::*;

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
