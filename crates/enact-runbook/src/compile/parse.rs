//! A text, YAML or Markdown, to its tree.

use enact_core::diagnostic::{Diagnostic, Place};
use enact_core::yaml::{self, Budget, Plain};

use super::{ALIAS_NODES, MAX_BYTES, NESTING, NODES};
use crate::lint::LintFinding;
use crate::markdown;
use crate::reading::{DOCUMENT, Node, SourceFile};

/// A text as its tree.
pub(crate) struct Parsed {
    pub(crate) file: std::rc::Rc<SourceFile>,
    pub(crate) root: Node,
    /// How Markdown was read.
    pub(crate) notes: Vec<LintFinding>,
}

/// A text, YAML or Markdown, to its tree.
pub(crate) fn parse(name: &str, content: &[u8], max_bytes: usize) -> Result<Parsed, Vec<LintFinding>> {
    let bare = |diagnostic: Diagnostic| {
        let place = Place {
            file: name.to_owned(),
            position: None,
            excerpt: String::new(),
            length: 0,
        };
        vec![LintFinding {
            rule: DOCUMENT,
            diagnostic: diagnostic.at(place),
        }]
    };
    if content.len() > max_bytes {
        // Whoever reads the file stops one byte past the limit: how long it is nobody knows.
        let fault = format!("the document has more than {max_bytes} bytes");
        let hint =
            "no longer one is read; keep data in files of their own, or split the runbook with `plan` steps";
        return Err(bare(Diagnostic::error(fault).hint(hint)));
    }
    let text = std::str::from_utf8(content).map_err(|error| {
        let fault = format!("the document is not UTF-8 from byte {} on", error.valid_up_to());
        bare(Diagnostic::error(fault))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file = SourceFile::new(name.to_owned(), text.to_owned());
    if markdown::is_markdown(name, text) {
        let (root, notes) = markdown::translate(&file);
        return match root {
            Some(root) => Ok(Parsed { file, root, notes }),
            None => Err(notes),
        };
    }
    let mut budget = Budget::new(8 * MAX_BYTES as u64, NODES, ALIAS_NODES);
    let (root, faults) = yaml::parse::<Plain>(file.text(), NESTING, &mut budget);
    if !faults.is_empty() {
        let findings = faults.into_iter().map(|(span, diagnostic)| LintFinding {
            rule: DOCUMENT,
            diagnostic: diagnostic.at(file.place(span)),
        });
        return Err(findings.collect());
    }
    match root {
        Some(root) => {
            let root = root.into_owned();
            Ok(Parsed {
                file,
                root,
                notes: Vec::new(),
            })
        }
        None => Err(bare(
            Diagnostic::error("the document is empty").hint("begin with `version: enact/v1`"),
        )),
    }
}
