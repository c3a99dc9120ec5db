//! A plan in Markdown as YAML, for going on with it there. Both compile to the same plan.

use enact_core::diagnostic::{Diagnostic, Severity};
use enact_core::yaml::Body;

use crate::compile::{MAX_BYTES, Source, parse};
use crate::document::KEYS;
use crate::lint::LintFinding;
use crate::markdown;
use crate::reading::DOCUMENT;
use crate::yaml_text;

/// What an import gives.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The document.
    pub yaml: String,
    /// How it was read where it could be meant otherwise.
    pub notes: Vec<LintFinding>,
}

/// Turns Markdown into YAML.
///
/// # Errors
/// Everything that is not clear and would be executed, or cannot be read; notes stand among it.
pub fn import(source: &Source) -> Result<Imported, Vec<LintFinding>> {
    let text = std::str::from_utf8(&source.content).unwrap_or("");
    if !text.is_empty() && !markdown::is_markdown(&source.name, text) {
        let diagnostic = Diagnostic::error(format!("{} is no Markdown", source.name));
        let diagnostic = diagnostic.hint("name the file `….md`; YAML needs no import");
        return Err(vec![LintFinding {
            rule: DOCUMENT,
            diagnostic,
        }]);
    }
    let parsed = parse(&source.name, &source.content, MAX_BYTES)?;
    let mut notes = parsed.notes;
    notes.sort_by_key(|finding| finding.diagnostic.place.as_ref().and_then(|place| place.position));
    notes.dedup();
    if notes
        .iter()
        .any(|finding| finding.diagnostic.severity == Severity::Error)
    {
        return Err(notes);
    }
    let mut root = parsed.root;
    if let Body::Mapping(entries) = &mut root.body {
        entries.sort_by_key(|entry| {
            KEYS.iter()
                .position(|key| *key == entry.key)
                .unwrap_or(KEYS.len())
        });
    }
    Ok(Imported {
        yaml: yaml_text::write(&root),
        notes,
    })
}
