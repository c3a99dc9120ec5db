//! The questions of a runbook: which are open, and answers written into the author's file, the rest of it untouched.

use enact_core::diagnostic::{Diagnostic, Place, Severity};
use enact_core::yaml::{Body, Entry, Plain, Span};
use serde_json::{Map, Value};

use crate::compile::{MAX_BYTES, Parsed, Source, parse};
use crate::document::VERSION;
use crate::markdown::Lines;
use crate::process::display::is_hidden;
use crate::reading::{Node, is_blank};

/// How many lines an old answer may have.
const LINES: usize = 100;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Asked {
    /// `Q1`.
    pub id: String,
    /// What is asked.
    pub text: String,
    /// Does it hold up the plan while it is open?
    pub blocking: bool,
    /// The answer.
    pub answer: Option<String>,
    /// What is assumed without one.
    pub default: Option<String>,
    /// Who answered.
    pub answered_by: Option<String>,
    /// When.
    pub answered_at: Option<String>,
    /// Where it stands.
    #[serde(skip)]
    pub place: Place,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What it is.
    pub text: String,
    /// Who gives it: `os:ana`, or `agent:os:planner` for an agent.
    pub by: String,
    /// When, in RFC 3339.
    pub at: String,
}

/// Refuses what is no runbook; whatever else is wrong with one does not matter here.
///
/// # Errors
/// What has none of the keys that runbooks have.
pub(crate) fn check_runbook(source: &Source, parsed: &Parsed) -> Result<(), Vec<Diagnostic>> {
    const OWN: [&str; 4] = ["requirements", "questions", "steps", "acceptance"];
    let version = entry(&parsed.root, "version").and_then(|entry| said(&entry.value));
    if version.as_deref() == Some(VERSION) || OWN.iter().any(|key| entry(&parsed.root, key).is_some()) {
        return Ok(());
    }
    let fault = Diagnostic::error(format!(
        "{} is no runbook: it does not say `version: {VERSION}`",
        source.name
    ));
    Err(vec![fault.hint("enact runbook new NAME begins one")])
}

/// The questions, in the order of the file.
///
/// # Errors
/// A file that cannot be read as a runbook.
pub fn list(source: &Source) -> Result<Vec<Asked>, Vec<Diagnostic>> {
    let parsed = parse(&source.name, &source.content, MAX_BYTES).map_err(|findings| {
        findings
            .into_iter()
            .map(|finding| finding.diagnostic)
            .collect::<Vec<_>>()
    })?;
    check_runbook(source, &parsed)?;
    let found = questions(&parsed.root).iter().filter_map(|node| {
        let text = |key| entry(node, key).and_then(|entry| said(&entry.value));
        let saying = |key| text(key).filter(|text: &String| !is_blank(text));
        let blocking = entry(node, "blocking").and_then(|entry| entry.value.scalar());
        Some(Asked {
            id: text("id")?,
            text: text("text").unwrap_or_default(),
            blocking: blocking != Some(Value::Bool(false)),
            answer: saying("answer"),
            default: saying("default"),
            answered_by: saying("answered_by"),
            answered_at: text("answered_at"),
            place: parsed.file.place(node.span),
        })
    });
    Ok(found.collect())
}

/// The file with an answer to a question put in, or the old answer replaced. Everything else stays byte for byte.
///
/// # Errors
/// A file that cannot be read, an unknown question, an answer that cannot be put in without touching the rest.
pub fn answer(source: &Source, id: &str, given: &Answer) -> Result<String, Vec<Diagnostic>> {
    let fault = |text: String| vec![Diagnostic::error(text)];
    let known = list(source)?;
    if !known.iter().any(|question| question.id == id) {
        let ids: Vec<&str> = known.iter().map(|question| question.id.as_str()).collect();
        let hint = if ids.is_empty() {
            "the runbook asks nothing".to_owned()
        } else {
            format!("its questions: {}", ids.join(", "))
        };
        return Err(vec![
            Diagnostic::error(format!("there is no question `{id}`")).hint(hint),
        ]);
    }
    if let Some(character) = given.text.chars().find(|next| is_hidden(*next)) {
        let what = format!(
            "the answer has an invisible character in it: U+{:04X}",
            u32::from(character)
        );
        return Err(vec![Diagnostic::error(what).hint("leave it out")]);
    }
    let text = String::from_utf8(source.content.clone()).map_err(|error| fault(error.to_string()))?;
    let before = errors(source.name.as_str(), &text);
    let (mark, mut text) = match text.strip_prefix('\u{feff}') {
        Some(rest) => ("\u{feff}", rest.to_owned()),
        None => ("", text),
    };
    let one_line = given.text.split_whitespace().collect::<Vec<_>>().join(" ");
    // The last goes in first: each is put right behind the question.
    for (key, value) in [
        ("answered_at", given.at.as_str()),
        ("answered_by", &given.by),
        ("answer", &one_line),
    ] {
        let edited = put(&source.name, &text, id, key, value);
        text = edited.ok_or_else(|| {
            let fault = Diagnostic::error(format!(
                "the answer to `{id}` cannot be put in without touching the rest"
            ));
            vec![fault.hint(format!("write it into the file by hand: `{key}: …`"))]
        })?;
    }
    if errors(&source.name, &text) > before {
        let fault = Diagnostic::error("with this answer the file would not be clear any more");
        return Err(vec![
            fault.hint("write it as plain text, without comments or other marks"),
        ]);
    }
    Ok(format!("{mark}{text}"))
}

/// How much of a text cannot be read for sure.
fn errors(name: &str, text: &str) -> usize {
    let notes = match parse(name, text.as_bytes(), MAX_BYTES) {
        Ok(parsed) => parsed.notes,
        Err(findings) => findings,
    };
    let errors = notes.iter().map(|note| note.diagnostic.severity);
    errors.filter(|severity| *severity == Severity::Error).count()
}

/// One key of a question set, in the first way that changes nothing else.
fn put(name: &str, text: &str, id: &str, key: &'static str, value: &str) -> Option<String> {
    let root = tree(name, text)?;
    let node = questions(&root)
        .iter()
        .find(|node| entry(node, "id").and_then(|entry| said(&entry.value)).as_deref() == Some(id))?;
    let mut wanted = value_of(&root);
    for question in wanted.get_mut("questions")?.as_array_mut()? {
        if question.get("id").is_some_and(|found| found == id) {
            question
                .as_object_mut()?
                .insert(key.to_owned(), Value::String(value.to_owned()));
        }
    }
    let fits = |edited: &String| tree(name, edited).is_some_and(|root| value_of(&root) == wanted);
    match entry(node, key) {
        Some(old) => replacements(text, old, value).into_iter().find(fits),
        None => insertions(text, node, key, value).into_iter().find(fits),
    }
}

/// Ways to replace the value of a key: exactly, to the end of its line, and over ever more lines.
fn replacements(text: &str, old: &Entry<'static, Plain>, value: &str) -> Vec<String> {
    let lines = Lines::new(text);
    let mut found = Vec::new();
    let Some(key) = lines.offset(old.span.line, old.span.column) else {
        return found;
    };
    let behind_key = key + old.key.len() + 1;
    let start = lines.offset(old.value.span.line, old.value.span.column);
    let start = start.filter(|_| !old.value.is_absent() && old.value.span.length > 0);
    if let Some((start, end)) = start.zip(end_of(&lines, old.value.span)) {
        for (end, written) in [
            (end, quoted(value)),
            (lines.end_of_line(start), value.to_owned()),
            (lines.end_of_line(start), quoted(value)),
        ] {
            found.extend(spliced(text, start, end, &written));
        }
    }
    let mut ends = vec![behind_key];
    let mut end = lines.end_of_line(behind_key);
    for _ in 0..LINES {
        ends.push(end);
        if end >= text.len() {
            break;
        }
        end = lines.end_of_line(end + 1);
    }
    for end in ends {
        found.extend(spliced(text, behind_key, end, &format!(" {}", quoted(value))));
        found.extend(spliced(text, behind_key, end, &format!(" {value}")));
    }
    found
}

/// Ways to give a question another key: behind its text in a flow mapping, on a line of its own, as an item below it.
fn insertions(text: &str, node: &Node, key: &str, value: &str) -> Vec<String> {
    let lines = Lines::new(text);
    let mut found = Vec::new();
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let Body::Mapping(entries) = &node.body else {
        return found;
    };
    let anchors = ["text", "id"].iter().filter_map(|key| entry(node, key));
    for anchor in anchors.chain(entries.last()) {
        let Some(end) = end_of(&lines, anchor.value.span).filter(|_| anchor.value.span.length > 0) else {
            continue;
        };
        let written = quoted(value);
        let indent = " ".repeat(anchor.span.column.saturating_sub(1) as usize);
        found.extend(spliced(text, end, end, &format!(", {key}: {written}")));
        let line_end = lines.end_of_line(end);
        found.extend(spliced(
            text,
            line_end,
            line_end,
            &format!("{ending}{indent}{key}: {written}"),
        ));
    }
    let indent = " ".repeat(node.span.column.saturating_sub(1) as usize);
    let label = key.replace('_', " ");
    let label = label.get(..1).unwrap_or("").to_ascii_uppercase() + label.get(1..).unwrap_or("");
    if let Some(start) = lines.offset(node.span.line, node.span.column) {
        let mut end = lines.end_of_line(start);
        for _ in 0..LINES {
            found.extend(spliced(
                text,
                end,
                end,
                &format!("{ending}{indent}- {label}: {value}"),
            ));
            if end >= text.len() {
                break;
            }
            end = lines.end_of_line(end + 1);
        }
    }
    found
}

/// Where a scalar within one line ends; the blanks behind quotes are not part of it.
fn end_of(lines: &Lines<'_>, span: Span) -> Option<usize> {
    let start = lines.offset(span.line, span.column)?;
    let end = lines.offset(span.line, span.column.saturating_add(span.length))?;
    Some(start + lines.slice(&(start..end)).trim_end().len())
}

fn spliced(text: &str, start: usize, end: usize, with: &str) -> Option<String> {
    Some(format!("{}{with}{}", text.get(..start)?, text.get(end..)?))
}

/// Text in double quotes, as YAML and JSON write it.
fn quoted(value: &str) -> String {
    Value::String(value.to_owned()).to_string()
}

fn tree(name: &str, text: &str) -> Option<Node> {
    Some(parse(name, text.as_bytes(), MAX_BYTES).ok()?.root)
}

fn questions(root: &Node) -> &[Node] {
    match entry(root, "questions").map(|entry| &entry.value.body) {
        Some(Body::Sequence(items)) => items,
        _ => &[],
    }
}

fn entry<'n>(node: &'n Node, key: &str) -> Option<&'n Entry<'static, Plain>> {
    let Body::Mapping(entries) = &node.body else {
        return None;
    };
    entries.iter().find(|entry| entry.key == key)
}

/// A single value as it was written; nothing when it is null.
fn said(node: &Node) -> Option<String> {
    if let Body::Scalar { text, .. } = &node.body {
        return (!node.is_null()).then(|| text.to_string());
    }
    None
}

/// A tree as a JSON value: what it says, without places.
pub(crate) fn value_of(node: &Node) -> Value {
    match &node.body {
        Body::Scalar { .. } | Body::Special(_) | Body::Faulty => node.scalar().unwrap_or(Value::Null),
        Body::Sequence(items) => Value::Array(items.iter().map(value_of).collect()),
        Body::Mapping(entries) => {
            let entries = entries
                .iter()
                .map(|entry| (entry.key.to_string(), value_of(&entry.value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str) -> Source {
        Source {
            name: name.to_owned(),
            content: text.as_bytes().to_vec(),
        }
    }

    fn given(text: &str) -> Answer {
        Answer {
            text: text.to_owned(),
            by: "os:ana".to_owned(),
            at: "2026-11-20T10:00:00Z".to_owned(),
        }
    }

    const WHO: &str = "\"os:ana\"";
    const WHEN: &str = "\"2026-11-20T10:00:00Z\"";

    #[test]
    fn an_answer_goes_into_every_style() {
        let (by, at) = (WHO, WHEN);
        for (name, before, after) in [
            (
                "a.yaml",
                "# note\nquestions:\n  - { id: Q1, text: \"Now?\" }  # here\n  - { id: Q2, text: x }\nname: a\n",
                format!(
                    "# note\nquestions:\n  - {{ id: Q1, text: \"Now?\", answer: \"yes: all\", answered_by: {by}, answered_at: {at} }}  # here\n  - {{ id: Q2, text: x }}\nname: a\n"
                ),
            ),
            (
                "a.yaml",
                "questions:\r\n  - id: Q1\r\n    text: Now?   # why\r\n    blocking: false\r\n",
                format!(
                    "questions:\r\n  - id: Q1\r\n    text: Now?   # why\r\n    answer: \"yes: all\"\r\n    answered_by: {by}\r\n    answered_at: {at}\r\n    blocking: false\r\n"
                ),
            ),
            (
                "a.yaml",
                "questions:\n- text: |\n    Now?\n    Or then?\n  id: Q1",
                format!(
                    "questions:\n- text: |\n    Now?\n    Or then?\n  id: Q1\n  answer: \"yes: all\"\n  answered_by: {by}\n  answered_at: {at}"
                ),
            ),
            (
                "a.md",
                "---\nname: a\n---\n## Questions\n\n- Q1: Now\n  or then?\n- Q2: x\n\n## Steps\n",
                "---\nname: a\n---\n## Questions\n\n- Q1: Now\n  or then?\n  - Answer: yes: all\n  - Answered by: os:ana\n  - Answered at: 2026-11-20T10:00:00Z\n- Q2: x\n\n## Steps\n".to_owned(),
            ),
            (
                "a.md",
                "---\nquestions:\n  - { id: Q1, text: Now? }\n---\n# T\n",
                format!("---\nquestions:\n  - {{ id: Q1, text: Now?, answer: \"yes: all\", answered_by: {by}, answered_at: {at} }}\n---\n# T\n"),
            ),
        ] {
            assert_eq!(answer(&source(name, before), "Q1", &given("yes:\nall")).unwrap(), after);
        }
    }

    #[test]
    fn an_old_answer_is_replaced() {
        for (name, before) in [
            (
                "a.yaml",
                "questions:\n  - { id: Q1, text: x, answer: \"old\", answered_by: bo, answered_at: y, blocking: true } # z\n",
            ),
            (
                "a.yaml",
                "questions:\n  - id: Q1\n    text: x\n    answer: |\n      old\n      one\n    answered_by:\n    answered_at: ~\nname: a\n",
            ),
            (
                "a.md",
                "## Questions\n\n- Q1: x\n  - Answer: old\n  - Answered by: bo\n\n## Steps\n",
            ),
        ] {
            let after = answer(&source(name, before), "Q1", &given("new")).unwrap();
            let found = list(&source(name, &after)).unwrap();
            assert_eq!(found[0].answer.as_deref(), Some("new"), "{after}");
            assert_eq!(found[0].answered_by.as_deref(), Some("os:ana"), "{after}");
            assert!(!after.contains("old"), "{after}");
            assert_eq!(after.contains("# z"), before.contains("# z"), "{after}");
            let again = answer(&source(name, &after), "Q1", &given("new")).unwrap();
            assert_eq!(again, after);
        }
    }

    #[test]
    fn an_unknown_question_is_named_with_the_known_ones() {
        let fault = answer(
            &source("a.yaml", "questions: [{ id: Q1, text: x }]\n"),
            "Q9",
            &given("y"),
        );
        assert_eq!(fault.unwrap_err()[0].hint.as_deref(), Some("its questions: Q1"));
    }
}
