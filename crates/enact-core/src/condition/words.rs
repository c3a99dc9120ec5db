//! The words of a sentence: quoted ones stay whole, a comma stands for itself. Also lengths of time.

use crate::change::Milliseconds;

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// As it was written, without quotes.
    pub(super) text: String,
    /// In lower case; empty for a quoted one, so that it is never taken for a word of the grammar.
    pub(super) folded: String,
}

impl Word {
    fn plain(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            folded: text.to_lowercase(),
        }
    }

    fn quoted(text: String) -> Self {
        Self {
            text,
            folded: String::new(),
        }
    }

    pub(super) fn is_quoted(&self) -> bool {
        self.folded.is_empty()
    }
}

/// What closes a quotation that this character opens.
fn closing(open: char) -> Option<char> {
    match open {
        '"' => Some('"'),
        '“' | '„' => Some('”'),
        '‘' => Some('’'),
        '\'' => Some('\''),
        _ => None,
    }
}

/// Splits a sentence. `None`: a quotation is not closed.
pub(super) fn split(said: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = said.trim().trim_end_matches(['.', '!']).trim_end();
    while let Some(first) = rest.chars().next() {
        if let Some(close) = closing(first) {
            let inner = rest.get(first.len_utf8()..)?;
            let (text, after) = inner.split_once(close)?;
            words.push(Word::quoted(text.to_owned()));
            rest = after;
        } else if first == ',' {
            words.push(Word::plain(","));
            rest = rest.get(1..)?;
        } else if first.is_whitespace() {
            rest = rest.trim_start();
        } else {
            let end = rest
                .find(|c: char| c == ',' || c.is_whitespace())
                .unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            words.push(Word::plain(&word.replace('’', "'")));
            rest = after;
        }
    }
    Some(words)
}

/// A moment as RFC 3339 has it: the day, the time and an offset that exists.
pub(super) fn moment(text: &str) -> Option<jiff::Timestamp> {
    let hours = text.rsplit(['+', '-']).next()?.split(':').next()?;
    let has_offset = !text.ends_with(['Z', 'z']);
    let is_far = hours.parse::<u8>().is_ok_and(|hours| hours > 23);
    if has_offset && is_far {
        return None;
    }
    text.parse().ok()
}

const UNITS: [(&[&str], u64); 5] = [
    (&["ms", "millisecond", "milliseconds"], 1),
    (&["s", "sec", "second", "seconds"], 1000),
    (&["m", "min", "minute", "minutes"], 60_000),
    (&["h", "hour", "hours"], 3_600_000),
    (&["d", "day", "days"], 86_400_000),
];

/// How long a unit is, in milliseconds.
pub(super) fn unit(word: &str) -> Option<u64> {
    UNITS
        .iter()
        .find(|(names, _)| names.contains(&word))
        .map(|(_, length)| *length)
}

/// A length of time in one word: `90s`, `1h30m`, `500ms`. Not zero.
pub(super) fn duration(text: &str) -> Option<Milliseconds> {
    let (mut rest, mut total) = (text, 0_u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (name, after) = after.split_at(letters);
        let length = number.parse::<u64>().ok()?.checked_mul(unit(name)?)?;
        total = total.checked_add(length)?;
        rest = after;
    }
    (total > 0).then_some(Milliseconds(total))
}

/// A length of time as people write it: `1h30m`.
pub(super) fn duration_in_words(length: Milliseconds) -> String {
    let mut rest = length.0;
    let mut text = String::new();
    for (name, size) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ] {
        if rest >= size {
            text.push_str(&format!("{}{name}", rest / size));
            rest %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}
