//! Plans in Markdown: three shapes that people and agents write, each turned into the tree that YAML gives, so that reading,
//! rules and digests are the same ones. Every node keeps its place in the Markdown file.
//!
//! `lines` knows where things stand, `commonmark` reads `blocks`, `sections` finds the parts of a plan, `info` reads the first
//! line of a code block, `lists` and `steps` turn parts into nodes; one file per dialect puts them together. Whether something is
//! meant to run is asked in `doubts`, of the `titles` and `sentences` around it and of the `outline` above it.
//!
//! Nothing is guessed silently: what is read in one of several possible ways is noted ([`NOTE`]), and what is unclear where
//! something is executed is an error ([`AMBIGUOUS`]).

mod blocks;
mod checkpoints;
mod commonmark;
mod contents;
mod dialect_a;
mod dialect_b;
mod dialect_c;
mod doubts;
mod expected;
mod info;
mod items;
mod left_out;
mod lines;
mod lists;
mod outline;
mod prose;
mod runs;
mod sections;
mod sentences;
mod steps;
mod task_code;
mod task_files;
mod tasks;
mod title_words;
mod titles;
mod verdicts;

use std::borrow::Cow;
use std::ops::Range;

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::{self, Body, Budget, Entry, Plain, Span};

pub(crate) use self::lines::Lines;

use self::lines::Fragment;
use crate::document::VERSION;
use crate::lint::LintFinding;
use crate::reading::{DOCUMENT, Node, SourceFile};

/// The rule of what is not clear and would be executed.
pub(crate) const AMBIGUOUS: &str = "E_AMBIGUOUS";
/// The rule of notes on how Markdown was read.
pub(crate) const NOTE: &str = "W_MARKDOWN";
/// The rule of steps that became work for somebody because they have no command.
pub(crate) const MANUAL: &str = "W_MANUAL_STEP";
const HIDDEN: &str = "E_HIDDEN_TEXT";

/// What an export begins with: it is for reading, and never read back.
pub(crate) const EXPORT_MARK: &str = "<!-- enact.export/v1";

/// An entry of a mapping.
type Pair = Entry<'static, Plain>;

/// Is this Markdown? Its name decides, and where that says nothing its beginning: a heading, or front matter with text after it.
pub(crate) fn is_markdown(name: &str, text: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "md" | "markdown" => return true,
        "yaml" | "yml" | "json" => return false,
        _ => {}
    }
    if let Some(matter) = FrontMatter::find(text) {
        let after = text.get(matter.end..).unwrap_or("");
        return matter.closed && !after.trim().is_empty();
    }
    let mut lines = yaml::split_lines(text)
        .into_iter()
        .filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or("");
    let heading = first.trim_start_matches('#');
    let looks = (heading.len() < first.len() && heading.starts_with(' ')) || first.starts_with("**");
    looks && !lines.any(|line| line.starts_with("version:"))
}

/// A plan in Markdown as the tree of a YAML document, and what is to be said about how it was read.
pub(crate) fn translate(file: &SourceFile) -> (Option<Node>, Vec<LintFinding>) {
    let mut translation = Translation {
        lines: Lines::new(file.text()),
        file,
        budget: Budget::new(
            8 * crate::compile::MAX_BYTES as u64,
            crate::compile::NODES,
            crate::compile::ALIAS_NODES,
        ),
        findings: Vec::new(),
        entries: Vec::new(),
        about: Vec::new(),
        definitions: Vec::new(),
    };
    let root = translation.document();
    (root, translation.findings)
}

/// The YAML at the head of a file, between two lines of `---`.
struct FrontMatter {
    yaml: Range<usize>,
    /// Where the text after it begins.
    end: usize,
    closed: bool,
}

impl FrontMatter {
    fn find(text: &str) -> Option<Self> {
        let first = text.find(['\n', '\r']).unwrap_or(text.len());
        if text.get(..first)?.trim_end() != "---" {
            return None;
        }
        let start = after_break(text, first);
        let mut at = start;
        while at < text.len() {
            let tail = text.get(at..)?;
            let end = at + tail.find(['\n', '\r']).unwrap_or(tail.len());
            let next = after_break(text, end);
            if matches!(text.get(at..end)?.trim_end(), "---" | "...") {
                return Some(Self {
                    yaml: start..at,
                    end: next,
                    closed: true,
                });
            }
            at = next;
        }
        Some(Self {
            yaml: start..text.len(),
            end: text.len(),
            closed: false,
        })
    }
}

fn after_break(text: &str, at: usize) -> usize {
    let tail = text.get(at..).unwrap_or("");
    at + if tail.starts_with("\r\n") {
        2
    } else {
        usize::from(!tail.is_empty())
    }
}

/// A file on its way to the tree.
struct Translation<'t> {
    lines: Lines<'t>,
    file: &'t SourceFile,
    budget: Budget,
    findings: Vec<LintFinding>,
    /// The keys of the document so far.
    entries: Vec<Pair>,
    /// What the plan is about, with its places.
    about: Vec<(String, Range<usize>)>,
    /// What is nowhere to be seen.
    definitions: Vec<blocks::Definition>,
}

impl Translation<'_> {
    fn document(&mut self) -> Option<Node> {
        let text = self.file.text();
        if let Some(offset) = text.find('\0') {
            self.fault(
                &(offset..offset + 1),
                Diagnostic::error("the file contains a NUL character").hint("is it a text file?"),
            );
            return None;
        }
        if text.starts_with(EXPORT_MARK) {
            let fault = Diagnostic::error("this is an export of a plan, for reading").hint(
                "run the plan itself, which it names in its first line, or edit what the plan was made from",
            );
            self.fault(&(0..EXPORT_MARK.len()), fault);
            return None;
        }
        let start = self.front_matter()?;
        let document = commonmark::read(&self.lines, start, text.len());
        if let Some(range) = document.too_deep {
            self.fault(&range, Diagnostic::error("lists and quotes nest too deep here"));
            return None;
        }
        self.definitions = document.definitions;
        let dialect = sections::dialect(&document.blocks, start > 0);
        let regions = sections::split(&document.blocks, dialect);
        self.checkpoints(&regions);
        self.stray_commands(&regions);
        if !matches!(dialect, Some(sections::Dialect::C)) {
            self.stray_steps(&regions);
            self.stray_tasks(&regions, sections::Section::Steps);
        }
        match dialect {
            Some(sections::Dialect::A) => self.dialect_a(&regions),
            Some(sections::Dialect::B) => self.dialect_b(&regions),
            Some(sections::Dialect::C) => self.dialect_c(&regions),
            None => {
                let fault = Diagnostic::error("there is no plan in this Markdown")
                    .detail("a plan has front matter, a heading `Steps` or `Execution plan`, or headings `Task 1: …`")
                    .hint("begin with `enact runbook new NAME --markdown`");
                self.fault(&(0..1), fault);
                return None;
            }
        }
        self.describe();
        let body = Body::Mapping(std::mem::take(&mut self.entries));
        Some(Node::new(self.lines.span(&(0..self.lines.end_of_line(0))), body))
    }

    /// Reads the front matter into the document's keys; where the text after it begins.
    fn front_matter(&mut self) -> Option<usize> {
        let Some(matter) = FrontMatter::find(self.file.text()) else {
            return Some(0);
        };
        if !matter.closed {
            let fault = Diagnostic::error("the front matter has no end").hint("close it with a line `---`");
            self.fault(&(0..3), fault);
            return None;
        }
        let before = self.findings.len();
        let node = self.yaml(&Fragment::of(&self.lines, &matter.yaml));
        match node.map(|node| (node.span, node.body)) {
            Some((_, Body::Mapping(entries))) => self.entries = entries,
            Some((span, _)) => {
                let fault =
                    Diagnostic::error("the front matter is no mapping").hint("write `key: value` lines");
                self.say(DOCUMENT, span, fault);
                return None;
            }
            None if self.findings.len() > before => return None,
            None => {}
        }
        Some(matter.end)
    }

    /// YAML of a stretch of the file; `None` when there is none or it is faulty, which is said.
    fn yaml(&mut self, fragment: &Fragment) -> Option<Node> {
        let nesting = crate::compile::NESTING;
        let (root, faults) = yaml::parse::<Plain>(&fragment.text, nesting, &mut self.budget);
        let sound = faults.is_empty();
        for (span, diagnostic) in faults {
            let span = fragment.moved(&self.lines, span);
            self.say(DOCUMENT, span, diagnostic);
        }
        let root = root.filter(|_| sound)?;
        Some(self.moved(root.into_owned(), fragment))
    }

    /// A tree of a stretch, with its places in the file.
    fn moved(&self, node: Node, fragment: &Fragment) -> Node {
        let body = match node.body {
            Body::Sequence(items) => {
                Body::Sequence(items.into_iter().map(|item| self.moved(item, fragment)).collect())
            }
            Body::Mapping(entries) => {
                let entries = entries.into_iter().map(|entry| Entry {
                    span: fragment.moved(&self.lines, entry.span),
                    value: self.moved(entry.value, fragment),
                    ..entry
                });
                Body::Mapping(entries.collect())
            }
            leaf @ (Body::Scalar { .. } | Body::Special(_) | Body::Faulty) => leaf,
        };
        Node {
            span: fragment.moved(&self.lines, node.span),
            tag: node.tag,
            body,
        }
    }

    /// Gives the document a key; one that is there already is a fault that names both places.
    fn add(&mut self, key: &'static str, at: &Range<usize>, value: Node) {
        let span = self.lines.span(at);
        let earlier = self.entries.iter().find(|entry| entry.key == key);
        if let Some(earlier) = earlier.map(|entry| entry.span) {
            let fault = Diagnostic::error(format!("`{key}` is given twice"))
                .detail(format!(
                    "here, and at line {}, column {}",
                    earlier.line, earlier.column
                ))
                .hint("keep one of them: the section, or the key in the front matter");
            self.say(DOCUMENT, span, fault);
            return;
        }
        self.entries.push(pair(key, span, value));
    }

    /// Gives the document a key that it does not have.
    fn add_missing(&mut self, key: &'static str, at: &Range<usize>, value: Node) -> bool {
        let missing = !self.has(key);
        if missing {
            self.add(key, at, value);
        }
        missing
    }

    fn has(&self, key: &str) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.key == key && !entry.value.is_null())
    }

    /// Takes a key out of the document.
    fn take(&mut self, key: &str) -> Option<Pair> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at))
    }

    /// What a document in a shape that is not ours does not say: its version and kind, and its name, from its title.
    fn add_head(&mut self, title: Option<(String, Range<usize>)>) {
        let start = 0..0;
        for (key, value) in [("version", VERSION), ("kind", "Plan")] {
            let node = self.text(&start, value);
            self.add_missing(key, &start, node);
        }
        if let Some((title, at)) = title {
            let node = self.text(&at, &title);
            self.add_missing("title", &at, node);
        }
        if self.has("name") {
            return;
        }
        let title = self.entries.iter().find(|entry| entry.key == "title");
        let Some((title, span)) =
            title.and_then(|entry| Some((entry.value.text()?.to_owned(), entry.value.span)))
        else {
            let fault = Diagnostic::error("the plan has no title")
                .hint("begin with a heading `# Title`, or with front matter that has `name` and `title`");
            self.say(DOCUMENT, self.lines.span(&(0..self.lines.end_of_line(0))), fault);
            return;
        };
        let name = slug(&title, false);
        let note = Diagnostic::warning(format!("the plan is called `{name}`, after its title"))
            .hint("give it another name in front matter: `name: …`");
        self.say(NOTE, span, note);
        let body = scalar(name);
        self.entries.push(pair("name", span, Node::new(span, body)));
    }

    /// A text node.
    fn text(&self, at: &Range<usize>, text: &str) -> Node {
        Node::new(self.lines.span(at), scalar(text.to_owned()))
    }

    fn fault(&mut self, at: &Range<usize>, diagnostic: Diagnostic) {
        let span = self.lines.span(at);
        self.say(DOCUMENT, span, diagnostic);
    }

    /// What is not clear and would be executed.
    fn ambiguous(&mut self, at: &Range<usize>, what: impl Into<String>, hint: &str) {
        let span = self.lines.span(at);
        self.say(AMBIGUOUS, span, Diagnostic::error(what).hint(hint));
    }

    /// How something was read that could be meant otherwise.
    fn note(&mut self, at: &Range<usize>, what: impl Into<String>) {
        let span = self.lines.span(at);
        self.say(NOTE, span, Diagnostic::warning(what));
    }

    fn say(&mut self, rule: &'static str, span: Span, diagnostic: Diagnostic) {
        let diagnostic = diagnostic.at(self.file.place(span));
        self.findings.push(LintFinding { rule, diagnostic });
    }
}

/// An entry of a mapping.
fn pair(key: &str, span: Span, value: Node) -> Pair {
    Entry {
        key: Cow::Owned(key.to_owned()),
        plain: true,
        span,
        value,
    }
}

/// Text, whatever it looks like.
fn scalar(text: String) -> Body<'static, Plain> {
    Body::Scalar {
        text: Cow::Owned(text),
        plain: false,
    }
}

/// A word that YAML types: `true`, `2h`.
fn word(span: Span, text: &str) -> Node {
    let body = Body::Scalar {
        text: Cow::Owned(text.to_owned()),
        plain: true,
    };
    Node::new(span, body)
}

/// A title as a name: small letters, digits and a separator. An `ident` begins with a letter and has `_` in it.
fn slug(title: &str, ident: bool) -> String {
    const LONGEST: usize = 63;
    let separator = if ident { '_' } else { '-' };
    let mut name = String::new();
    for character in title.chars() {
        let character = character.to_ascii_lowercase();
        if character.is_ascii_alphanumeric() {
            name.push(character);
        } else if !name.is_empty() && !name.ends_with(separator) && character != '\'' {
            name.push(separator);
        }
    }
    if ident && !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        name.insert_str(0, "step_");
    }
    let name: String = name.chars().take(LONGEST).collect();
    let name = name.trim_end_matches(separator);
    if name.is_empty() {
        "plan".to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_names() {
        assert_eq!(
            slug("Add two-factor auth (TOTP)", false),
            "add-two-factor-auth-totp"
        );
        assert_eq!(slug("Don't stop", true), "dont_stop");
        assert_eq!(slug("2nd try", true), "step_2nd_try");
        assert_eq!(slug("Über", true), "ber");
        assert_eq!(slug("日本", true), "step");
        assert_eq!(slug("…", false), "plan");
        assert_eq!(slug(&"ab ".repeat(60), false).len(), 62);
    }

    #[test]
    fn markdown_is_told_from_yaml() {
        for (name, text, expected) in [
            ("a.md", "version: enact/v1", true),
            ("a.Markdown", "", true),
            ("a.yaml", "---\na: 1\n---\n# x\n", false),
            ("<stdin>", "---\nversion: enact/v1\n", false),
            ("<stdin>", "---\nversion: enact/v1\n---\n", false),
            ("<stdin>", "---\nversion: enact/v1\n---\n\n## Steps\n", true),
            ("<stdin>", "# Deploys the site\nversion: enact/v1\n", false),
            ("<stdin>", "\n# Title\n\n### Task 1: x\n", true),
            ("<stdin>", "**User**: \"Do it\"\n", true),
            ("<stdin>", "version: enact/v1\n", false),
        ] {
            assert_eq!(is_markdown(name, text), expected, "{name} {text:?}");
        }
    }
}
