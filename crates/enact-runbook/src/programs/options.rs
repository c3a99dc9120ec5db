//! Options as the words of a command write them: `-u x`, `-ux`, `-eu x`, `--user x`, `--user=x`.

use super::Word;
use super::tables::{Meaning, Options, meaning_of};

/// No word holds more short options than this.
const LETTERS: usize = 64;

/// An option with the word that it takes.
pub(super) struct Found<'w> {
    pub(super) meaning: Meaning,
    pub(super) value: Word<'w>,
}

/// The options that the first word holds, and how many words they take up: the next one may be the value of the last.
pub(super) fn options<'w>(words: &[Word<'w>], known: Options) -> (Vec<Found<'w>>, usize) {
    let Some(Some(word)) = words.first().copied() else {
        return (Vec::new(), 1);
    };
    let next = words.get(1).copied().flatten();
    let (name, attached) = match word.split_once('=') {
        Some((name, value)) if word.starts_with("--") => (name, Some(value)),
        _ => (word, None),
    };
    match meaning_of(name, known) {
        Some(meaning) => (vec![found(meaning, attached, next)], taken(meaning, attached)),
        None if word.starts_with("--") => (Vec::new(), 1),
        None => cluster(word, next, known),
    }
}

/// Several short options in one word; behind the first that takes a word stands that word.
fn cluster<'w>(word: &'w str, next: Word<'w>, known: Options) -> (Vec<Found<'w>>, usize) {
    let mut several = Vec::new();
    let letters = word.char_indices().take(LETTERS).skip(1);
    for (at, letter) in letters.take_while(|(_, letter)| letter.is_ascii_alphanumeric()) {
        let Some(meaning) = meaning_of(&format!("-{letter}"), known) else {
            continue;
        };
        let attached = word.get(at + 1..).filter(|rest| !rest.is_empty());
        several.push(found(meaning, attached, next));
        if meaning.takes_a_word() {
            return (several, taken(meaning, attached));
        }
    }
    (several, 1)
}

fn found<'w>(meaning: Meaning, attached: Option<&'w str>, next: Word<'w>) -> Found<'w> {
    let value = attached.or(next).filter(|_| meaning.takes_a_word());
    Found { meaning, value }
}

fn taken(meaning: Meaning, attached: Option<&str>) -> usize {
    1 + usize::from(meaning.takes_a_word() && attached.is_none())
}
