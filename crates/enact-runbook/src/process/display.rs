//! Output of a command made safe for a terminal, a log viewer and an agent's prompt: nothing in it moves the cursor, changes
//! the order of letters or hides.

/// The text, lossy where it is no UTF-8. `\n` and `\t` stay, `\r\n` becomes `\n`; every other control character shows as its
/// Unicode picture (`␛` for ESC), so that what follows it is only text; characters that reorder or hide show as `<U+202E>`.
pub fn display(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' => out.push(character),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\u{0}'..='\u{1f}' => {
                out.push(char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}'));
            }
            '\u{7f}' => out.push('␡'),
            _ if is_hidden(character) || is_joiner(character) => {
                out.push_str(&format!("<U+{:04X}>", u32::from(character)));
            }
            _ => out.push(character),
        }
    }
    out
}

/// A name made safe likewise, and kept in its line: whoever makes a file chooses its name.
pub fn display_line(name: &str) -> String {
    display(name.as_bytes()).replace('\n', "␊").replace('\t', "␉")
}

/// C1 controls, and what Unicode calls `Default_Ignorable_Code_Point` or `Bidi_Control`, line and paragraph separators,
/// interlinear marks and tags. What changes how the letter before it looks is [`is_joiner`].
pub fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// What looks like a space, and is none for a shell, a comparison or a name: no-break spaces, those of a width of their own, and
/// two letters without ink. Prose has them: in French before a question mark, between the words of Japanese.
pub(crate) fn is_lookalike_space(character: char) -> bool {
    matches!(
        character,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{2800}' | '\u{3000}'
    )
}

/// Variation selectors: authors write them, with emoji above all, and output does not need them.
pub(crate) fn is_joiner(character: char) -> bool {
    matches!(character, '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_do_nothing() {
        assert_eq!(display(b"\x1b[2Jx\x1b]0;t\x07\x7f\x08"), "␛[2Jx␛]0;t␇␡␈");
        assert_eq!(display("\u{9b}31m".as_bytes()), "<U+009B>31m");
    }

    #[test]
    fn lines_and_tabs_stay() {
        assert_eq!(display(b"a\tb\r\nc\rd\n"), "a\tb\nc␍d\n");
    }

    #[test]
    fn a_name_stays_in_its_line() {
        assert_eq!(display_line("a\u{1b}[31m\n ✓ done\t"), "a␛[31m␊ ✓ done␉");
    }

    #[test]
    fn letters_are_neither_reordered_nor_hidden() {
        assert_eq!(display("a\u{202e}b\u{200b}c".as_bytes()), "a<U+202E>b<U+200B>c");
        assert_eq!(display("grün 日本".as_bytes()), "grün 日本");
    }

    #[test]
    fn bytes_that_are_no_text_show_as_such() {
        assert_eq!(display(b"a\xffb\0"), "a\u{fffd}b␀");
    }
}
