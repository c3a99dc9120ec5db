//! Takes secret values out of what a command prints, before anything is kept or returned: a stream goes in in pieces of any
//! size and comes out with `***name***` in the place of each form that [`forms`] lists.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};

use super::NamedSecret;

mod forms;

/// What to look for, made once and used for several streams.
#[derive(Debug, Clone, Default)]
pub struct Patterns(Option<Arc<Compiled>>);

#[derive(Debug)]
struct Compiled {
    automaton: AhoCorasick,
    /// By pattern number: what stands in its place.
    replacements: Vec<Vec<u8>>,
    longest: usize,
}

impl Patterns {
    /// Works out every form of every secret. Values under 4 bytes are too common in ordinary output and are left alone.
    ///
    /// # Errors
    /// When there is more to look for than an automaton can hold.
    pub fn new(secrets: &[NamedSecret]) -> Result<Self, String> {
        let mut patterns: Vec<(Vec<u8>, usize)> = Vec::new();
        for (index, secret) in secrets.iter().enumerate() {
            patterns.extend(forms::of(secret.value.expose()).map(|form| (form, index)));
        }
        // The same text under two names: the first name stands, whatever the order of the forms.
        patterns.sort();
        patterns.dedup_by(|one, other| one.0 == other.0);
        let Some(longest) = patterns.iter().map(|(form, _)| form.len()).max() else {
            return Ok(Self(None));
        };
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(patterns.iter().map(|(form, _)| form))
            .map_err(|error| format!("too many secret values to look for: {error}"))?;
        let name = |index: &usize| secrets.get(*index).map_or("secret", |secret| &secret.name);
        let replacements = patterns
            .iter()
            .map(|(_, index)| format!("***{}***", name(index)).into_bytes())
            .collect();
        Ok(Self(Some(Arc::new(Compiled {
            automaton,
            replacements,
            longest,
        }))))
    }

    /// A stream that nothing has been put into yet.
    pub fn stream(&self) -> Redactor {
        Redactor {
            patterns: self.clone(),
            held: Vec::new(),
        }
    }

    /// A text that is there as a whole.
    pub fn text(&self, text: &str) -> String {
        let mut out = Vec::new();
        let mut stream = self.stream();
        stream.push(text.as_bytes(), &mut out);
        stream.finish(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// One stream. It holds back at most one byte less than the longest form, so that a form that is split across two pieces is
/// found. However a stream is cut into pieces, the same comes out.
#[derive(Debug)]
pub struct Redactor {
    patterns: Patterns,
    held: Vec<u8>,
}

impl Redactor {
    /// Takes the next piece and adds to `out` what is certain.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let Some(compiled) = self.patterns.0.clone() else {
            out.extend_from_slice(piece);
            return;
        };
        self.held.extend_from_slice(piece);
        // Whether a form begins at a place is certain once the longest one would fit behind it.
        let certain = (self.held.len() + 1).saturating_sub(compiled.longest);
        self.let_go(&compiled, certain, out);
    }

    /// The stream has ended: adds the rest.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(compiled) = self.patterns.0.clone() {
            self.let_go(&compiled, self.held.len(), out);
        }
    }

    /// Lets go of everything before `certain`, and of a form that begins before it as a whole.
    fn let_go(&mut self, compiled: &Compiled, certain: usize, out: &mut Vec<u8>) {
        let mut done = 0;
        for found in compiled.automaton.find_iter(&self.held) {
            if found.start() >= certain {
                break;
            }
            out.extend_from_slice(self.held.get(done..found.start()).unwrap_or_default());
            let replacement = compiled.replacements.get(found.pattern().as_usize());
            out.extend_from_slice(replacement.map_or(b"***", Vec::as_slice));
            done = found.end();
        }
        if done < certain {
            out.extend_from_slice(self.held.get(done..certain).unwrap_or_default());
            done = certain;
        }
        self.held.drain(..done);
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use enact_core::secret::Secret;
    use proptest::prelude::*;

    use super::*;

    fn secret(name: &str, value: &str) -> NamedSecret {
        NamedSecret {
            name: name.to_owned(),
            value: Secret::new(value.to_owned()),
        }
    }

    fn redact(secrets: &[NamedSecret], pieces: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut stream = Patterns::new(secrets).unwrap().stream();
        for piece in pieces {
            stream.push(piece, &mut out);
        }
        stream.finish(&mut out);
        out
    }

    fn redact_text(value: &str, text: &str) -> String {
        Patterns::new(&[secret("pw", value)]).unwrap().text(text)
    }

    #[test]
    fn a_value_is_replaced_by_its_name() {
        assert_eq!(redact_text("hunter22", "pw=hunter22;"), "pw=***pw***;");
    }

    #[test]
    fn a_value_that_comes_byte_by_byte_is_found() {
        let pieces: Vec<&[u8]> = b"a hunter22 b".chunks(1).collect();
        assert_eq!(redact(&[secret("pw", "hunter22")], &pieces), b"a ***pw*** b");
    }

    #[test]
    fn a_short_value_and_no_value_leave_everything() {
        assert_eq!(redact_text("abc", "abc abc"), "abc abc");
        assert_eq!(redact_text("", "abc"), "abc");
    }

    #[test]
    fn the_longest_of_two_values_is_taken() {
        let secrets = [secret("short", "hunter"), secret("long", "hunter22")];
        assert_eq!(redact(&secrets, &[b"hunter22 hunter"]), b"***long*** ***short***");
    }

    #[test]
    fn base64_is_found_at_every_alignment() {
        for before in ["", "a", "ab", "abc", "user:"] {
            for after in ["", "z", "zz", "\n"] {
                let whole = format!("{before}correct-horse/battery?{after}");
                for text in [STANDARD.encode(&whole), URL_SAFE_NO_PAD.encode(&whole)] {
                    let out = redact_text("correct-horse/battery?", &text);
                    assert!(out.contains("***pw***"), "{whole}: {out}");
                    // What is left over is what the neighbours share with the value's first and last bits.
                    assert!(out.len() <= "***pw***".len() + before.len() * 2 + 8, "{out}");
                }
            }
        }
    }

    #[test]
    fn base64_that_is_broken_into_lines_is_found() {
        let value = "0123456789abcdef".repeat(10);
        let encoded = STANDARD.encode(&value);
        let lines: Vec<&str> = encoded
            .as_bytes()
            .chunks(76)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        assert_eq!(redact_text(&value, &lines.join("\n")), "***pw***");
    }

    #[test]
    fn other_notations_are_found() {
        for (value, text) in [
            ("p@ss wörd", "p%40ss%20w%C3%B6rd"),
            ("p@ss wörd", "p%40ss%20w%c3%b6rd"),
            ("p@ss wörd", "p%40ss+w%C3%B6rd"),
            ("it's(4)!", "it's(4)%21"),
            ("a\"b\\c\td", r#"a\"b\\c\td"#),
            ("pässwort", r"p\u00e4sswort"),
            ("http://x", r"http:\/\/x"),
            ("it's me", r"it'\''s me"),
            ("it's me", r#"it'"'"'s me"#),
            ("a b$c!d", r"a\ b\$c\!d"),
            ("a b$c!d", r"a b\$c!d"),
            ("hunter22", "68756e7465723232"),
            ("hunter2Z", "68756E746572325A"),
        ] {
            assert_eq!(redact_text(value, text), "***pw***", "{value}");
        }
    }

    /// As bash 5.2 and Python 3.11 wrote it.
    #[test]
    fn several_lines_between_the_quotes_of_a_shell_or_of_python_are_found() {
        let value = "p@ss\"w\\ord'1\nsecond line";
        for text in [
            r#"$'p@ss"w\\ord\'1\nsecond line'"#,
            r#"'p@ss"w\\ord\'1\nsecond line'"#,
        ] {
            let out = redact_text(value, text);
            assert!(!out.contains("p@ss") && !out.contains("second"), "{out}");
        }
        let out = redact_text("it's\nmine", r#""it's\nmine""#);
        assert_eq!(out, "\"***pw***\"");
    }

    #[test]
    fn each_line_of_a_long_value_is_found() {
        let value = "-----BEGIN KEY-----\r\nMIIEvQIBADAN\nab\nBgkqhkiG9w0B\n";
        assert_eq!(
            redact_text(value, "x\nBgkqhkiG9w0B\nab\n> MIIEvQIBADAN"),
            "x\n***pw***\nab\n> ***pw***"
        );
    }

    #[test]
    fn a_huge_value_is_found_in_pieces() {
        let value: String = (0..20_000).map(|number| format!("{number:x}-")).collect();
        let out = redact_text(&value, &format!("<{value}>"));
        assert!(
            out.starts_with("<***pw***") && out.ends_with("***pw***>"),
            "{out}"
        );
        assert_eq!(out.replace("***pw***", ""), "<>");
    }

    #[test]
    fn bytes_that_are_no_text_are_kept() {
        let out = redact(&[secret("pw", "hunter22")], &[b"\0\xff\x1bhunter22\xfe"]);
        assert_eq!(out, b"\0\xff\x1b***pw***\xfe");
    }

    proptest! {
        /// Letters of a small alphabet, so that values overlap, repeat and contain each other.
        #[test]
        fn pieces_do_not_matter_and_no_value_is_left(
            values in prop::collection::vec("[ab]{4,9}", 1..4),
            parts in prop::collection::vec(prop_oneof![
                (0_usize..4).prop_map(Err),
                "[abc\n]{0,6}".prop_map(Ok),
            ], 0..30),
            sizes in prop::collection::vec(1_usize..9, 1..20),
        ) {
            let secrets: Vec<_> = values.iter().enumerate().map(|(at, value)| secret(&format!("N{at}"), value)).collect();
            let text: String = parts.iter().map(|part| match part {
                Ok(text) => text.as_str(),
                Err(at) => values[at % values.len()].as_str(),
            }).collect();
            let whole = redact(&secrets, &[text.as_bytes()]);
            let mut rest = text.as_bytes();
            let mut pieces = Vec::new();
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, others) = rest.split_at((*size).min(rest.len()));
                pieces.push(piece);
                rest = others;
            }
            prop_assert_eq!(&redact(&secrets, &pieces), &whole);
            let shown = String::from_utf8(whole).unwrap();
            for value in &values {
                prop_assert!(!shown.contains(value.as_str()), "{} in {}", value, shown);
            }
        }
    }
}
