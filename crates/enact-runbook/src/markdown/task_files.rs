//! `Files:` of a task: what it may write. A safeguard does not vanish: where no path can be read, that is asked about.

use std::ops::Range;

use super::Translation;
use super::blocks::{Block, Content, Item, Line, Mark, Part};
use super::expected::labelled;
use super::tasks::{Awaited, Task};
use super::titles::{bare, lower};

/// Words in front of a path.
const LABELS: [&str; 9] = [
    "create", "modify", "test", "delete", "update", "new", "add", "edit", "change",
];

/// Those of a file that is not there before.
const CREATES: [&str; 3] = ["create", "new", "add"];

/// What is said of a file that is not to be written.
const LEAVES: [&str; 9] = [
    "not",
    "never",
    "don",
    "unchanged",
    "read",
    "reference",
    "leave",
    "avoid",
    "untouched",
];

/// What stands between paths.
const BETWEEN: [&str; 2] = ["and", "or"];

impl Translation<'_> {
    /// `**Files:**`, with a path behind it or a list below; false: the line says nothing of files.
    pub(super) fn files_line(&mut self, line: &Line, is_heading: bool, task: &mut Task) -> bool {
        let Some(value) = files_of(line, is_heading) else {
            return false;
        };
        if line.code().is_some() {
            self.take_files(line, task, "");
        } else if value.is_empty() {
            task.awaited = Awaited::Files;
            task.run_at = line.range.clone();
        } else if !["none", "n/a", "-", "–", "—"].contains(&value.as_str()) {
            self.no_files(&line.range);
        }
        true
    }

    /// ``**Modify:** `src/a.rs` `` in a line of its own.
    pub(super) fn file_line(&mut self, line: &Line, task: &mut Task) -> bool {
        let labels = ["create", "modify", "delete", "update", "edit"];
        let is_one = labels.iter().any(|label| labelled(line, label).is_some());
        let is_file = is_one && line.code().is_some() && !line.text.trim_end_matches('*').ends_with(':');
        if is_file {
            self.take_files(line, task, &label_of(line).unwrap_or_default());
        }
        is_file
    }

    /// ``- Modify: `src/a.rs:10-20` ``; false: it is something else.
    pub(super) fn file(&mut self, item: &Item, task: &mut Task) -> bool {
        let Some(line) = item.lines().first() else {
            return false;
        };
        let label = label_of(line);
        if label.is_none() && (line.bold_start().is_some() || labelled(line, "run").is_some()) {
            return false;
        }
        for nested in item.below().iter().flat_map(nested_items) {
            self.file(nested, task);
        }
        if line.code().is_some() && words(&lower(&line.text)).any(|word| LEAVES.contains(&word)) {
            let hint =
                "leave out what is not written; what else is to be known of a file is text of the task";
            self.ambiguous(&line.range, "is this file written in the task?", hint);
        } else if line.code().is_none() && line.struck().is_some() {
            self.note(&line.range, "this is struck through, and left out");
        } else if label.is_some()
            || line
                .code()
                .is_some_and(|code| is_path(&code.text) && begins(line, code))
        {
            let label = label.unwrap_or_default();
            self.take_files(line, task, &label);
        } else if line.code().is_some_and(|code| is_path(&code.text)) {
            let hint =
                "begin the item with Create, Modify, Test or Delete, or with the path; or leave it out";
            self.ambiguous(&line.range, "is this file written in the task?", hint);
        } else {
            self.note(
                &line.range,
                "this is no file of the task: it begins with none of Create, Modify, Test, Delete",
            );
        }
        true
    }

    /// The paths of a line, with the words in front of them.
    pub(super) fn take_files(&mut self, line: &Line, task: &mut Task, label: &str) {
        let codes = in_a_row(line);
        if codes.is_empty() {
            let value = line.text.split_once(':').map_or("", |(_, value)| value);
            self.take_file(value.trim_matches(['*', ' ']), &line.range, task, label);
        }
        for code in codes {
            self.take_file(&code.text, &code.range, task, label);
        }
    }

    fn take_file(&mut self, path: &str, at: &Range<usize>, task: &mut Task, label: &str) {
        let path = path.trim().trim_start_matches("./");
        let lines = |text: &str| text.starts_with(|next: char| next.is_ascii_digit());
        let path = path
            .split_once(':')
            .filter(|(_, rest)| lines(rest))
            .map_or(path, |(path, _)| path);
        if path.is_empty() || path.contains(char::is_whitespace) || path.starts_with('[') {
            self.ambiguous(at, "which file is this?", "write the path in backticks");
        } else if !task.files.iter().any(|(known, _)| known == path) {
            let says = |known: &[&str]| words(label).any(|word| known.contains(&word));
            if says(&CREATES) {
                task.created.push((path.to_owned(), at.clone()));
            }
            // Of what is deleted no content is awaited.
            if !says(&["delete"]) {
                task.pending.push(path.to_owned());
            }
            task.files.push((path.to_owned(), at.clone()));
        }
    }

    /// Says that no file could be read where some are announced.
    pub(super) fn no_files(&mut self, at: &Range<usize>) {
        let hint = "list them below, each path in backticks: ``- Modify: `src/a.rs` ``; without one there is no limit to what is written";
        self.ambiguous(at, "which files are these? No path is read here", hint);
    }
}

/// What stands behind `Files:`, in small letters; `None`: the line is about something else.
fn files_of(line: &Line, is_heading: bool) -> Option<String> {
    let (label, value) = line.text.split_once(':').unwrap_or((&line.text, ""));
    let is_bare = !line.text.contains(':');
    let marked = is_heading || line.text.starts_with('*') || !is_bare;
    let label = lower(label);
    let is_files = label == "files" || (!is_bare && is_files_label(&label));
    (is_files && marked).then(|| lower(bare(value)))
}

/// `Files to change`, `New files`, `File`, `Files (2)`.
fn is_files_label(label: &str) -> bool {
    const WITH: [&str; 14] = [
        "affected", "new", "modified", "changed", "touched", "source", "target", "to", "change", "modify",
        "create", "edit", "update", "touch",
    ];
    let is_file = |word: &str| word == "file" || word == "files";
    let fits =
        |word: &str| is_file(word) || WITH.contains(&word) || word.chars().all(|next| next.is_ascii_digit());
    words(label).any(is_file) && words(label).all(fits)
}

/// Does a line begin with this code?
fn begins(line: &Line, code: &Part) -> bool {
    code.range.start.saturating_sub(line.range.start) <= 2
}

fn nested_items(block: &Block) -> &[Item] {
    if let Content::List(items) = &block.content {
        return items;
    }
    &[]
}

/// The words in front of the colon of an item, where they are those of a file.
fn label_of(line: &Line) -> Option<String> {
    let (label, _) = line.text.split_once(':')?;
    let label = lower(label);
    let known = words(&label).all(|word| LABELS.contains(&word) || BETWEEN.contains(&word));
    (known && !label.is_empty()).then_some(label)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|next: char| !next.is_alphanumeric());
    words.filter(|word| !word.is_empty())
}

/// The first code of a line, and those that are listed with it: `a`, `b` and `c`.
fn in_a_row(line: &Line) -> Vec<&Part> {
    let mut row: Vec<&Part> = Vec::new();
    for code in line.parts.iter().filter(|part| part.mark == Mark::Code) {
        let from = row.last().map(|last| last.range.end);
        let between = from.and_then(|from| {
            let start = from.checked_sub(line.range.start)?;
            let end = code.range.start.checked_sub(line.range.start)?;
            line.text.get(start..end)
        });
        if between.is_some_and(|between| {
            between.contains('(') || words(between).any(|word| !BETWEEN.contains(&word))
        }) {
            break;
        }
        row.push(code);
    }
    row
}

fn is_path(text: &str) -> bool {
    !text.contains(char::is_whitespace) && text.contains(['/', '.'])
}
