//! What begins with `$` or a backtick in a shell's text.

use super::{Event, Known, Reader};

/// How much of its parameters is put into a text, in bytes.
const GROWTH: usize = 64 << 10;

impl Reader<'_> {
    pub(super) fn ticks(&mut self) {
        let inner = self.until('`');
        self.stands_for(Known::AsText, inner);
    }

    /// What a word stands for is run in any case, and may say what the word is.
    pub(super) fn stands_for(&mut self, known: Known, inner: String) {
        let word = self.word.get_or_insert_default();
        word.open = true;
        word.later.get_or_insert_with(|| (known, inner.clone()));
        self.found.push(Event::Inner(inner));
    }

    /// `$x`, `${x}`, `$1`, `$@`, `$(…)`, `${{ … }}`.
    pub(super) fn dollar(&mut self) {
        match self.rest.peek() {
            Some(next) if next.is_ascii_alphabetic() => self.variable(),
            Some('0'..='9' | '@' | '*') => {
                let name = self.rest.next().map(String::from);
                self.parameter(&name.unwrap_or_default());
            }
            Some('(') => self.substitution(),
            Some('{') => self.braces(),
            _ => self.unknown('$'),
        }
    }

    fn substitution(&mut self) {
        self.rest.next();
        let inner = self.balanced('(', ')');
        if inner.trim() == "pwd" {
            self.put('.');
            return;
        }
        self.unknown('$');
        // `$((1 + 2))` is a number.
        if inner.starts_with('(') {
            self.look_through(&inner);
        } else {
            self.stands_for(Known::AsText, inner);
        }
    }

    fn braces(&mut self) {
        self.rest.next();
        let inner = self.balanced('{', '}');
        if inner == "PWD" {
            self.put('.');
        } else if inner == "@" || inner.chars().all(|next| next.is_ascii_digit()) {
            self.parameter(&inner);
        } else {
            self.unknown('$');
            self.look_through(&inner);
        }
    }

    /// `$1`, or all of them.
    fn parameter(&mut self, name: &str) {
        let all = self.parameters;
        let one = name.parse().ok().map(|index: usize| all.get(index..=index));
        let words = one.unwrap_or_else(|| all.get(1..)).unwrap_or(&[None]);
        for (count, word) in words.iter().enumerate() {
            if count > 0 {
                self.end_word();
            }
            match word.filter(|word| self.may_grow_by(word.len())) {
                Some(word) => self.literal(word),
                None => self.unknown('$'),
            }
        }
    }

    /// What is put in again and again must not grow beyond measure.
    fn may_grow_by(&mut self, length: usize) -> bool {
        self.grown = self.grown.saturating_add(length).saturating_add(1);
        self.grown <= GROWTH
    }

    /// `$x`. `$PWD` is the folder that the command is in, and so is `.`.
    fn variable(&mut self) {
        let mut name = String::new();
        while let Some(next) = self
            .rest
            .next_if(|next| next.is_ascii_alphanumeric() || *next == '_')
        {
            name.push(next);
        }
        if name == "PWD" {
            self.put('.');
        } else {
            self.unknown('$');
            self.literal(&name);
        }
    }
}
