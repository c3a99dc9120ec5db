//! `case … in … esac` in a shell's text: what stands before a `)` there is a pattern, and no command.

use super::text::LANGUAGE;

/// The cases that are open, the inner ones last: does a pattern come next?
#[derive(Default)]
pub(super) struct Cases(Vec<bool>);

impl Cases {
    /// Takes a word that is no part of a command; the words before it are those of the same command.
    pub(super) fn takes(&mut self, word: Option<&str>, before: &[Option<String>]) -> bool {
        match word {
            Some("in") if is_case(before) => self.0.push(true),
            Some("esac") if before.is_empty() && !self.0.is_empty() => {
                self.0.pop();
            }
            _ => return false,
        }
        true
    }

    /// Does a pattern stand here?
    pub(super) fn expects(&self) -> bool {
        self.0.last() == Some(&true)
    }

    /// Behind a pattern there are commands, behind `;;` there is a pattern.
    pub(super) fn expect(&mut self, is_pattern: bool) {
        if let Some(last) = self.0.last_mut() {
            *last = is_pattern;
        }
    }
}

/// `case "$x"`, behind words of the language such as `then`.
fn is_case(words: &[Option<String>]) -> bool {
    let mut words = words.iter().map(Option::as_deref);
    let first = words.find(|word| word.is_none_or(|word| !LANGUAGE.contains(&word)));
    first == Some(Some("case")) && words.count() == 1
}
