//! What stands in texts: placeholders, and characters that nobody sees.

use std::sync::LazyLock;

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::{Span, shown};
use regex::Regex;

use super::Findings;
use crate::compile::FrozenStep;
use crate::process::display::is_lookalike_space;
use crate::reading::{SeenText, Slot};

/// Words and marks that stand for something still to be decided. A plain `{name}` is one unless a shell or a template
/// gives it a meaning.
static PLACEHOLDER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"\b(?:TBD|TODO|FIXME|TBA)\b|\?\?\?|<(?:your|insert|enter)[-_ ][^<>\n]*>",
        r"|\b[aA]s needed\b|\b[iI]f necessary\b|(?:^|[\s,])etc\.(?:$|[\s,;)])",
        r"|(?:^|[^$%@^{\\\w#])\{[a-z][a-z0-9]*(?:[_-][a-z0-9]+)+\}(?:$|[^}])|(?:^|[\s/=:])\{(?:name|host|hostname|user|username|password|token|id|url|path|file|version|value|port|namespace|region|env|environment)\}",
    ))
    .ok()
});

pub(super) fn run(texts: &[SeenText], steps: &[FrozenStep], findings: &mut Findings<'_>) {
    for seen in texts {
        if seen.slot != Some(Slot::Exact) {
            placeholder(steps, seen, findings);
        }
        if let Some(slot) = seen.slot {
            hidden(seen, slot, findings);
        }
    }
}

fn placeholder(steps: &[FrozenStep], seen: &SeenText, findings: &mut Findings<'_>) {
    // Nearly no text holds any of these, and looking for them is cheap.
    const SIGNS: [&str; 9] = [
        "TB", "TODO", "FIXME", "???", "<", "{", "etc.", "eeded", "ecessary",
    ];
    if !SIGNS.iter().any(|sign| seen.text.contains(sign)) {
        return;
    }
    let Some(word) = first_placeholder(&seen.text, seen.slot.is_none()) else {
        return;
    };
    let place = seen.file.place(seen.file.locate(seen.span, word));
    let said = format!("{} is a placeholder", shown(word));
    if seen.slot.is_some_and(|slot| slot != Slot::Message) {
        let fault = Diagnostic::error(said).hint("write out what is meant, or make it a parameter");
        findings.say("E_PLACEHOLDER", place, fault);
        return;
    }
    let declined = seen
        .step
        .as_ref()
        .and_then(|id| steps.iter().find(|step| *step.id == **id))
        .is_some_and(|step| step.allowed.contains("W_PLACEHOLDER"));
    if !declined {
        let note = Diagnostic::warning(said).hint("write out what is meant");
        findings.advise_at("W_PLACEHOLDER", place, note);
    }
}

/// The first placeholder of a text. In prose the part of a path that varies is none: `GET /tasks/{id}`.
fn first_placeholder(text: &str, is_prose: bool) -> Option<&str> {
    let mut found = PLACEHOLDER.as_ref()?.find_iter(text);
    let found = found.find(|found| !(is_prose && is_in_path(text, found.start(), found.as_str())))?;
    let around = |next: char| next.is_whitespace() || ",;)=:/".contains(next);
    Some(found.as_str().trim_matches(around))
}

/// Is a `{name}` a part of a path such as `/tasks/{id}`, or of an address?
fn is_in_path(text: &str, start: usize, found: &str) -> bool {
    let at = start + found.find('{').unwrap_or(0);
    let before = text.get(..at).unwrap_or("");
    let word = before.rsplit(char::is_whitespace).next().unwrap_or("");
    let word = word.trim_start_matches(['`', '\'', '"', '(', '[']);
    let is_path = word.starts_with('/') || word.contains("://");
    found.contains('{') && word.ends_with('/') && is_path
}

fn hidden(seen: &SeenText, slot: Slot, findings: &mut Findings<'_>) {
    let is_return = |character: &char| *character == '\r' && !slot.takes_returns();
    let returns = || seen.text.chars().find(is_return);
    if let Some(character) = first_hidden(&seen.text).or_else(returns) {
        let fault = Diagnostic::error(format!("an invisible character stands here: {}", code(character)))
            .detail("what a reviewer sees must be what runs: no control, zero-width or direction characters")
            .hint("remove it");
        say_hidden(seen, character, fault, findings);
        return;
    }
    let is_space = |character: &char| is_lookalike_space(*character) && !slot.takes_any_space();
    if let Some(character) = seen.text.chars().find(is_space) {
        say_hidden(seen, character, no_space(character), findings);
    }
}

fn no_space(character: char) -> Diagnostic {
    let said = format!(
        "a character that only looks like a space stands here: {}",
        code(character)
    );
    let made = u32::from(character);
    Diagnostic::error(said)
        .detail("what a reviewer sees must be what runs: no command takes this for a space")
        .hint(format!(
            "write a plain space; where this one is meant, a command can make it: printf '\\u{made:04x}'"
        ))
}

/// `U+200B`.
fn code(character: char) -> String {
    format!("U+{:04X}", u32::from(character))
}

fn say_hidden(seen: &SeenText, character: char, fault: Diagnostic, findings: &mut Findings<'_>) {
    let place = seen.file.place(span_of(seen, character));
    findings.say("E_HIDDEN_TEXT", place, fault);
}

/// Where the first such character stands. It is looked for with what is around it: written as `\u200b` it does not stand in the
/// file, and another one may stand further on.
fn span_of(seen: &SeenText, character: char) -> Span {
    const AROUND: usize = 12;
    let Some((before, after)) = seen.text.split_once(character) else {
        return seen.span;
    };
    let line = before.rsplit('\n').next().unwrap_or("");
    let skipped = line.chars().count().saturating_sub(AROUND);
    let before: String = line.chars().skip(skipped).collect();
    let before = before.trim_start_matches([' ', '\t']);
    let after: String = after
        .chars()
        .take_while(|next| *next != '\n')
        .take(AROUND)
        .collect();
    let Some(found) = seen.file.find(seen.span, &format!("{before}{character}{after}")) else {
        return seen.span;
    };
    let offset = u32::try_from(before.chars().count()).unwrap_or(0);
    Span {
        column: found.column.saturating_add(offset),
        length: 1,
        ..found
    }
}

/// The first character that nobody sees. Behind a symbol a variation selector is seen: it chooses how the symbol looks.
fn first_hidden(text: &str) -> Option<char> {
    const STYLES: [char; 2] = ['\u{fe0e}', '\u{fe0f}'];
    const KEYCAP: char = '\u{20e3}';
    let is_symbol = |character: char| !character.is_ascii() && !character.is_alphanumeric();
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let styles = STYLES.contains(&character)
            && ((is_symbol(before) && !is_hidden(before)) || characters.peek() == Some(&KEYCAP));
        if is_hidden(character) && !styles {
            return Some(character);
        }
        before = character;
    }
    None
}

fn is_hidden(character: char) -> bool {
    use crate::process::display;
    if character.is_ascii() {
        return character.is_ascii_control() && !matches!(character, '\n' | '\t' | '\r');
    }
    display::is_hidden(character) || display::is_joiner(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_shell() {
        let regex = PLACEHOLDER.as_ref().unwrap();
        for text in [
            "TODO: later",
            "use ???",
            "deploy to {host}",
            "curl https://x/{user_id}",
            "restart as needed",
            "copy a, b, etc.",
            "login <your-name>",
            "x TBD",
        ] {
            assert!(regex.is_match(text), "{text}");
        }
        for text in [
            "echo ${name}",
            "curl -w '%{http_code}'",
            "kubectl -o jsonpath='{.items[0].metadata.name}'",
            "git log HEAD@{upstream}",
            "docker ps --format '{{.Names}}'",
            "awk '{print $1}'",
            "cp x.{a,b} y",
            "find . -exec rm {} +",
            "ls /etc",
            "cat /etc/hosts",
            "todos",
            "echo '{\"a\": 1}'",
        ] {
            assert!(!regex.is_match(text), "{text}");
        }
    }

    #[test]
    fn a_path_of_prose_has_parts_that_vary() {
        for (text, prose, run) in [
            ("GET /tasks/{id} and `/users/{user_id}/x`", None, Some("{id}")),
            ("see https://x/{id}", None, Some("{id}")),
            ("copy it to {host}", Some("{host}"), Some("{host}")),
            ("/tasks/{id} on {host}", Some("{host}"), Some("{id}")),
            ("/tasks is TODO", Some("TODO"), Some("TODO")),
        ] {
            assert_eq!(first_placeholder(text, true), prose, "{text}");
            assert_eq!(first_placeholder(text, false), run, "{text}");
        }
    }

    #[test]
    fn only_what_nobody_sees_is_hidden() {
        for hidden in [
            '\u{200b}',
            '\u{202e}',
            '\u{7}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{180b}',
            '\u{e0100}',
        ] {
            assert_eq!(first_hidden(&format!("x{hidden}y")), Some(hidden));
            assert_eq!(first_hidden(&format!("é{hidden}")), Some(hidden));
        }
        assert_eq!(first_hidden("⚠\u{fe0f}\u{fe0f}"), Some('\u{fe0f}'));
        for seen in ["a\tb\nc é ✓ 你好", "⚠\u{fe0f} stop", "1\u{fe0f}\u{20e3} first"] {
            assert_eq!(first_hidden(seen), None, "{seen}");
        }
    }
}
