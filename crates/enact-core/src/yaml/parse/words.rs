//! What the parser's faults say, and where they are.

use crate::diagnostic::Diagnostic;
use saphyr_parser::{ScanError, Span as Marks};

use super::Fault;
use crate::yaml::text::{Span, split_lines};

pub(super) fn complex_key() -> Diagnostic {
    Diagnostic::error("a list or mapping cannot be a key").hint("write the key as plain text")
}

pub(super) fn unknown_core_tag(name: &str) -> Diagnostic {
    Diagnostic::error(format!("the tag `!!{name}` cannot stand here"))
        .detail("expected `!!str`, `!!int`, `!!float`, `!!bool`, `!!null` on a scalar, `!!seq` on a list, `!!map` on a mapping")
}

pub(super) fn too_deep(nesting: usize) -> Diagnostic {
    Diagnostic::error(format!(
        "lists and mappings nest deeper than {nesting} levels here"
    ))
    .hint("flatten the structure")
}

pub(super) fn too_many_nodes() -> Diagnostic {
    Diagnostic::error("the files hold more values than one load may have")
        .hint("split the set into several runs")
}

pub(super) fn syntax_fault(text: &str, error: &ScanError) -> Fault {
    let marker = error.marker();
    let span = Span {
        line: count(marker.line()),
        column: count(marker.col() + 1),
        length: 1,
    };
    let span = before_the_end(text, span);
    let what = error.info();
    if what.contains("recursion limit") {
        return (span, Diagnostic::error("lists and mappings nest too deep here"));
    }
    let fault = Diagnostic::error(format!("this is not valid YAML: {what}"));
    let hint = if what.contains("anchor") {
        "define the anchor (`&name`) before its alias (`*name`)"
    } else if what.contains("tab") {
        "indent with blanks; YAML does not allow tabs"
    } else {
        "check the indentation, quotes and brackets here and in the line before"
    };
    (span, fault.hint(hint))
}

/// A fault at the very end of a text is shown behind its last word, not on the empty line after it.
fn before_the_end(text: &str, span: Span) -> Span {
    let lines = split_lines(text);
    let rest = lines.get(span.line.saturating_sub(1) as usize..).unwrap_or(&[]);
    if rest.iter().any(|line| !line.trim().is_empty()) {
        return span;
    }
    let last = lines
        .iter()
        .rposition(|line| !line.trim().is_empty())
        .unwrap_or(0);
    let characters = lines.get(last).map_or(0, |line| line.chars().count());
    Span {
        line: count(last + 1),
        column: count(characters + 1),
        length: 1,
    }
}

pub(super) fn span_of(marks: Marks) -> Span {
    let length = if marks.start.line() == marks.end.line() {
        count(marks.end.col().saturating_sub(marks.start.col())).max(1)
    } else {
        0
    };
    Span {
        line: count(marks.start.line()),
        column: count(marks.start.col() + 1),
        length,
    }
}

pub(super) fn span_of_offset(text: &str, offset: usize) -> Span {
    let lines = split_lines(text.get(..offset).unwrap_or(""));
    let column = lines.last().map_or(0, |line| line.chars().count());
    Span {
        line: count(lines.len()),
        column: count(column + 1),
        length: 1,
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
