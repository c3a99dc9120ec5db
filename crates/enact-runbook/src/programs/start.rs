//! How a program that starts another one does so: what its options and the words before the command say.

use super::options::options;
use super::tables::{Meaning, Then, Wrapper};
use super::{Word, is_assignment, moved};

/// What is started, and how.
pub(super) struct Start<'w> {
    /// The words that no option of the program takes.
    pub(super) rest: &'w [Word<'w>],
    /// The folder that it starts in; `None`: it is not known in which.
    pub(super) folder: Option<String>,
    /// Texts for a shell.
    pub(super) texts: Vec<&'w str>,
    /// Variables that it gets.
    pub(super) assignments: Vec<Word<'w>>,
    /// Words for the program itself that stand before the rest.
    pub(super) split: Word<'w>,
    /// Is nothing started?
    pub(super) nothing: bool,
    before: &'static [Meaning],
}

impl<'w> Start<'w> {
    pub(super) fn read(words: &'w [Word<'w>], wrapper: &Wrapper, folder: Option<&str>) -> Self {
        let mut start = Self {
            rest: words,
            folder: folder.map(ToOwned::to_owned),
            texts: Vec::new(),
            assignments: Vec::new(),
            split: None,
            nothing: false,
            before: wrapper.before,
        };
        while start.split.is_none() && start.takes(wrapper) {}
        start
    }

    /// Reads the next word when it is not yet the command.
    fn takes(&mut self, wrapper: &Wrapper) -> bool {
        let Some(word) = self.rest.first().copied() else {
            return false;
        };
        match word {
            Some("--") => self.skip(1),
            Some(word) if word.starts_with('-') => {
                let (found, taken) = options(self.rest, wrapper.options);
                self.skip(taken);
                for option in found {
                    self.apply(option.meaning, option.value);
                }
            }
            Some(text) if wrapper.then != Then::Text && is_assignment(text) => {
                self.skip(1);
                self.assignments.push(word);
            }
            _ => return self.takes_word_before(word),
        }
        true
    }

    fn takes_word_before(&mut self, word: Word<'w>) -> bool {
        let Some((meaning, before)) = self.before.split_first() else {
            return false;
        };
        self.before = before;
        self.skip(1);
        self.apply(*meaning, word);
        true
    }

    fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    fn apply(&mut self, meaning: Meaning, value: Word<'w>) {
        match meaning {
            Meaning::Folder => self.folder = moved(self.folder.as_deref(), value),
            Meaning::Elsewhere => self.folder = None,
            Meaning::Text => self.texts.extend(value),
            Meaning::Split => self.split = value,
            Meaning::Nothing => self.nothing = true,
            Meaning::NoOperand => self.before = &[],
            Meaning::Value | Meaning::Loaded | Meaning::File | Meaning::Included => {}
        }
    }
}
