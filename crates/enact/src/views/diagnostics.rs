//! A fault in the user's files, with the line it is on.

use enact_core::diagnostic::{Diagnostic, Severity};

use super::Painter;

/// `file:line:column`, the source line with the place marked, what was expected, what to do.
pub(crate) fn render(painter: Painter, fault: &Diagnostic) -> String {
    let word = match fault.severity {
        Severity::Error => painter.bad("error:"),
        Severity::Warning => painter.careful("warning:"),
    };
    let mut text = format!("{word} {}\n", fault.summary);
    if let Some(place) = &fault.place {
        match place.position {
            Some(at) => text.push_str(&format!("  --> {}:{}:{}\n", place.file, at.line, at.column)),
            None => text.push_str(&format!("  --> {}\n", place.file)),
        }
        if let (Some(at), false) = (place.position, place.excerpt.is_empty()) {
            let number = at.line.to_string();
            let margin = " ".repeat(number.len());
            let indent = " ".repeat(usize::try_from(at.column.saturating_sub(1)).unwrap_or(0).min(200));
            let marks = "^".repeat(usize::try_from(place.length.clamp(1, 60)).unwrap_or(1));
            text.push_str(&format!(
                "{margin} |\n{number} | {}\n{margin} | {indent}{}\n",
                place.excerpt,
                painter.bad(&marks)
            ));
        }
    }
    if let Some(detail) = &fault.detail {
        text.push_str(&format!("  {detail}\n"));
    }
    if let Some(hint) = &fault.hint {
        text.push_str(&format!("  {} {hint}\n", painter.strong("hint:")));
    }
    text
}
