//! What reads the author's document: faults with their places, typed access to the tree, expressions on their way to the
//! frozen form.

mod fields;
mod scalars;
mod scope;
mod texts;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use enact_core::change::Milliseconds;
use enact_core::diagnostic::{Diagnostic, Place, Position};
use enact_core::yaml::{self, Body, Span};
use serde_json::Value;

pub use fields::Fields;
pub(crate) use scalars::{duration, is_blank};
pub(crate) use scope::{Binding, KnownStep, Scope};
pub use texts::Slot;
pub(crate) use texts::exactly;

use crate::files::Files;
use crate::lint::LintFinding;
use crate::scripts::Made;
use crate::spec::Variable;

/// What is left away at the ends of what is looked for in a file. Not every space: one that only looks like it is looked for itself.
const PLAIN: [char; 3] = [' ', '\t', '\r'];

/// A node of the author's document.
pub type Node = yaml::Node<'static>;

/// The rule that plain faults of a document stand under.
pub const DOCUMENT: &str = "E_DOCUMENT";

/// The rule that faults of expressions stand under.
pub const EXPRESSION: &str = "E_EXPRESSION";

/// The entries of a list; anything else stands for a list of one.
pub(crate) fn one_or_more(node: &Node) -> &[Node] {
    if let Body::Sequence(items) = &node.body {
        return items;
    }
    std::slice::from_ref(node)
}

/// The value of a key of a mapping whose keys are checked elsewhere.
pub(crate) fn value_of<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Body::Mapping(entries) = &node.body else {
        return None;
    };
    let entry = entries.iter().find(|entry| entry.key == key)?;
    Some(&entry.value)
}

/// A single value as it was written.
pub(crate) fn as_written(node: &Node) -> Option<&str> {
    let Body::Scalar { text, .. } = &node.body else {
        return None;
    };
    Some(text)
}

/// A single value for a parameter, whose declaration says what it is: as it was written, so that the version `1.10` stays one.
/// What is left away, or `null`, is no text.
pub(crate) fn as_given(node: &Node) -> Option<Value> {
    let text = as_written(node)?;
    Some(if node.is_null() {
        Value::Null
    } else {
        Value::String(text.to_owned())
    })
}

/// One text of the document, as its author wrote it.
#[derive(Debug, Clone)]
pub(crate) struct SeenText {
    pub(crate) text: String,
    /// What it is for; `None`: people read it.
    pub(crate) slot: Option<Slot>,
    /// The step it belongs to.
    pub(crate) step: Option<Rc<str>>,
    pub(crate) span: Span,
    pub(crate) file: Rc<SourceFile>,
}

/// A file that is being read.
#[derive(Debug)]
pub(crate) struct SourceFile {
    name: String,
    text: String,
    lines: OnceCell<Vec<String>>,
}

impl SourceFile {
    pub(crate) fn new(name: String, text: String) -> Rc<Self> {
        Rc::new(Self {
            name,
            text,
            lines: OnceCell::new(),
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn lines(&self) -> &[String] {
        self.lines.get_or_init(|| {
            let lines = yaml::split_lines(&self.text);
            lines.into_iter().map(ToOwned::to_owned).collect()
        })
    }

    fn line(&self, line: u32) -> &str {
        let lines = self.lines();
        lines
            .get(line.saturating_sub(1) as usize)
            .map_or("", String::as_str)
    }

    pub(crate) fn place(&self, span: Span) -> Place {
        let line = self.line(span.line);
        let rest = line
            .chars()
            .count()
            .saturating_sub(span.column.saturating_sub(1) as usize);
        let rest = u32::try_from(rest).unwrap_or(u32::MAX).max(1);
        Place {
            file: self.name.clone(),
            position: (span.line > 0).then_some(Position {
                line: span.line,
                column: span.column.max(1),
            }),
            excerpt: yaml::excerpt(line),
            length: if span.length == 0 {
                rest
            } else {
                span.length.min(rest)
            },
        }
    }

    /// Where `needle` stands in a scalar that begins at `span`; the scalar itself when it is not found there.
    pub(crate) fn locate(&self, span: Span, needle: &str) -> Span {
        self.find(span, needle).unwrap_or(span)
    }

    /// The same; `None` when it is not found there, as where it was written with an escape.
    pub(crate) fn find(&self, span: Span, needle: &str) -> Option<Span> {
        let first = needle.lines().next()?.trim_matches(PLAIN);
        if first.is_empty() {
            return None;
        }
        let start = span.line.saturating_sub(1) as usize;
        for (index, line) in self.lines().iter().enumerate().skip(start).take(10_000) {
            let from = if index == start {
                span.column.saturating_sub(1) as usize
            } else {
                0
            };
            let skipped: usize = line.chars().take(from).map(char::len_utf8).sum();
            let tail = line.get(skipped..).unwrap_or("");
            if let Some(found) = tail.find(first) {
                let before = tail.get(..found).unwrap_or("").chars().count();
                let column = u32::try_from(from + before + 1).unwrap_or(u32::MAX);
                return Some(Span {
                    line: u32::try_from(index + 1).unwrap_or(u32::MAX),
                    column,
                    length: u32::try_from(first.chars().count()).unwrap_or(u32::MAX),
                });
            }
        }
        None
    }
}

/// The state of reading one runbook with what it includes.
pub struct Reading<'e> {
    pub(crate) files: &'e dyn Files,
    pub(crate) findings: Vec<LintFinding>,
    pub(crate) file: Rc<SourceFile>,
    pub(crate) scope: Scope,
    pub(crate) texts: Vec<SeenText>,
    /// The step that is being read, with the prefix of the plan that includes it.
    pub(crate) step: Option<Rc<str>>,
    /// The folder of the file that is being read, from the runbook's folder.
    pub(crate) base: String,
    /// Digests of pinned files by path from the runbook's folder.
    pub(crate) pins: BTreeMap<String, String>,
    /// Pinned files that the current step uses.
    pub(crate) uses: BTreeSet<String>,
    /// What the steps read so far make.
    pub(crate) made: Vec<Made>,
    /// What the command that was read last writes, as it names it.
    pub(crate) written: Vec<String>,
    /// Environment that checks and undos take over from their step.
    pub(crate) env: BTreeMap<String, Variable>,
    /// How many expressions so far had a secret in them.
    pub(crate) secrets_seen: usize,
    /// Where the commands of the current step run.
    pub(crate) working_dir: Option<String>,
    /// How scripts are run.
    pub(crate) shell: Vec<String>,
    /// How long a check may take that does not say, where that is not as usual: tests take their time.
    pub(crate) check_timeout: Option<Milliseconds>,
    /// Why steps of kind `kubernetes` are not possible here.
    pub(crate) no_cluster: Option<String>,
}

impl<'e> Reading<'e> {
    pub(crate) fn new(files: &'e dyn Files, file: Rc<SourceFile>) -> Self {
        Self {
            files,
            findings: Vec::new(),
            file,
            scope: Scope::default(),
            texts: Vec::new(),
            step: None,
            base: String::new(),
            pins: BTreeMap::new(),
            uses: BTreeSet::new(),
            made: Vec::new(),
            written: Vec::new(),
            env: BTreeMap::new(),
            secrets_seen: 0,
            working_dir: None,
            shell: Vec::new(),
            check_timeout: None,
            no_cluster: None,
        }
    }

    /// Records a fault at a place.
    pub fn fault(&mut self, span: Span, diagnostic: Diagnostic) {
        self.finding(DOCUMENT, span, diagnostic);
    }

    /// Records a fault at a place of whatever file.
    pub(crate) fn fault_at(&mut self, place: Place, diagnostic: Diagnostic) {
        self.findings.push(LintFinding {
            rule: DOCUMENT,
            diagnostic: diagnostic.at(place),
        });
    }

    /// Records what a rule says of a place.
    pub fn finding(&mut self, rule: &'static str, span: Span, diagnostic: Diagnostic) {
        let diagnostic = diagnostic.at(self.file.place(span));
        self.findings.push(LintFinding { rule, diagnostic });
    }

    /// The place of a span in the file that is being read.
    pub fn place(&self, span: Span) -> Place {
        self.file.place(span)
    }
}
