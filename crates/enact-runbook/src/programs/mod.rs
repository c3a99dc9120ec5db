//! Which files a command runs, as far as its words say: the program, the script of an interpreter, what `env`, `sudo` or
//! `timeout` starts, the commands of a shell's text, and what variables name. A file that is only an argument is not run, and
//! neither is one that the same text has written before.
//!
//! What is put together when it runs (`$x`, `${{ … }}`, a glob) is not known, and what is behind `make` neither.

mod cases;
mod certainty;
mod found;
mod options;
mod printed;
mod shell_text;
mod start;
mod tables;
mod text;

#[cfg(test)]
mod tests;

pub(crate) use self::found::Found;
use self::found::is_file_of_a_runner;
use self::options::options;
use self::start::Start;
use self::tables::{DECLARATIONS, Interpreter, Meaning, Named, SHELLS, Then, VARIABLES, Wrapper};
use self::text::of_text;

/// How deep commands stand in commands.
const DEPTH: usize = 8;

/// A word of a command; `None`: it is not known before the command runs.
type Word<'w> = Option<&'w str>;

/// Where a command stands.
#[derive(Debug, Clone, Copy)]
struct At<'f> {
    /// The folder that it starts in; `None`: it is not known in which.
    folder: Option<&'f str>,
    depth: usize,
}

impl At<'_> {
    const START: At<'static> = At {
        folder: Some(""),
        depth: 0,
    };

    fn deeper(self) -> Self {
        let depth = self.depth + 1;
        At { depth, ..self }
    }

    fn is_too_deep(self) -> bool {
        self.depth > DEPTH
    }
}

/// What a command does with its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// It does not run it.
    Data,
    /// It runs it as a shell's text.
    Commands,
    /// It runs it as a script of another language.
    Script,
    /// It runs the file that a word names which is only known then: how many words there are from that one on.
    File { left: usize, as_shell: bool },
    /// It runs words that are only known then as a shell's text: how many there are from the first of them on.
    Text { left: usize, all: bool },
}

/// The files that a command runs, as it names them, from the folder that it starts in. The last word may be a shell's text.
pub(crate) fn run_by(argv: &[Word<'_>]) -> Found {
    let mut files = Found::default();
    of_command(argv, At::START, &mut files);
    files
}

/// The files that programs run because a variable of theirs names them.
pub(crate) fn run_by_variable(name: &str, value: &str) -> Found {
    let mut files = Found::default();
    of_variable(name, value, At::START, &mut files);
    files
}

fn of_command(words: &[Word<'_>], at: At<'_>, files: &mut Found) -> Reads {
    let Some((Some(program), rest)) = words.split_first() else {
        return Reads::Data;
    };
    if at.is_too_deep() {
        return Reads::Data;
    }
    if program.contains('/') {
        // `npx @scope/tool` starts a package.
        note(program, at.folder, !program.starts_with('@'), files);
    }
    let name = program.rsplit('/').next().unwrap_or(program);
    if SHELLS.contains(&name) {
        return of_shell(rest, at, files);
    }
    if let Some((wrapper, named)) = tables::wrapper(name, rest.first().copied().flatten()) {
        let words = rest.get(named..).unwrap_or_default();
        let is_certain = ["sudo", "doas", "env", "command"].contains(&name);
        return of_wrapper(words, wrapper, at, is_certain, files);
    }
    if let Some(interpreter) = tables::interpreter(name) {
        return of_script(rest, interpreter, at, files);
    }
    match name {
        "." | "source" => return of_source(rest, at, files),
        "tee" => of_tee(rest, at, files),
        "find" => of_find(rest, at, files),
        name if DECLARATIONS.contains(&name) => of_variables(rest, at, files),
        _ => {}
    }
    Reads::Data
}

/// A file whose commands the shell runs itself. Without a path `PATH` is looked through first.
fn of_source(words: &[Word<'_>], at: At<'_>, files: &mut Found) -> Reads {
    let first = words.iter().position(|word| *word != Some("--"));
    let words = words.get(first.unwrap_or_default()..).unwrap_or_default();
    match words.first() {
        Some(Some(path)) => note(path, at.folder, path.contains(['/', '.']), files),
        Some(None) => {
            let left = words.len();
            return Reads::File { left, as_shell: true };
        }
        None => {}
    }
    Reads::Data
}

/// What `tee` writes.
fn of_tee(words: &[Word<'_>], at: At<'_>, files: &mut Found) {
    for path in words.iter().flatten().filter(|word| !word.starts_with('-')) {
        files.write(in_folder(path, at.folder));
    }
}

/// What `find` starts for each file that it finds.
fn of_find(words: &[Word<'_>], at: At<'_>, files: &mut Found) {
    for (index, word) in words.iter().enumerate() {
        if matches!(word, Some("-exec" | "-execdir" | "-ok" | "-okdir")) {
            let started = words.get(index + 1..).unwrap_or_default();
            of_command(started, at.deeper(), files);
        }
    }
}

/// What a program starts that starts others.
fn of_wrapper(
    words: &[Word<'_>],
    wrapper: &Wrapper,
    at: At<'_>,
    is_certain: bool,
    files: &mut Found,
) -> Reads {
    // What others start may be started for nothing, later, or not at all.
    let was_certain = files.is_certain;
    files.is_certain &= is_certain;
    let reads = started(words, wrapper, at, files);
    files.is_certain = was_certain;
    reads
}

fn started(words: &[Word<'_>], wrapper: &Wrapper, at: At<'_>, files: &mut Found) -> Reads {
    let start = Start::read(words, wrapper, at.folder);
    if start.nothing || at.is_too_deep() {
        return Reads::Data;
    }
    let at = At {
        folder: start.folder.as_deref(),
        depth: at.depth + 1,
    };
    of_variables(&start.assignments, at, files);
    for text in &start.texts {
        of_text(text, &[], at, files);
    }
    if let Some(text) = start.split {
        let split = shell_text::words(text);
        let split = split.iter().map(Option::as_deref);
        let words: Vec<Word<'_>> = split.chain(start.rest.iter().copied()).collect();
        return started(&words, wrapper, at, files);
    }
    match wrapper.then {
        Then::Command if !start.texts.is_empty() => return Reads::Data,
        Then::Command => return of_command(start.rest, at, files),
        Then::CommandOrFile => return of_runner(start.rest, at, files),
        Then::Text => of_text(&joined(start.rest), &[], at, files),
    }
    // `eval "$(cat x.sh)"`
    let is_open = wrapper.then == Then::Text && start.rest.contains(&None);
    let left = start.rest.len();
    if is_open {
        Reads::Text { left, all: true }
    } else {
        Reads::Data
    }
}

/// `uv run`, `go run`: a file, a command, or a package that has its name.
fn of_runner(words: &[Word<'_>], at: At<'_>, files: &mut Found) -> Reads {
    let Some(Some(word)) = words.first() else {
        return Reads::Data;
    };
    match is_file_of_a_runner(word) {
        Some(is_sure) => {
            note(word, at.folder, is_sure, files);
            of_command(words, at, files)
        }
        None => Reads::Data,
    }
}

/// Words as one text. A word that is only known later says nothing of the others.
fn joined(words: &[Word<'_>]) -> String {
    let words: Vec<&str> = words.iter().map(|word| word.unwrap_or("$unknown")).collect();
    words.join(" ")
}

/// A shell's words: options, then its text behind `-c`, or the file of its script.
fn of_shell(words: &[Word<'_>], at: At<'_>, files: &mut Found) -> Reads {
    const VALUED: [&str; 4] = ["-o", "+o", "-O", "+O"];
    let mut is_text = false;
    let mut index = 0;
    while let Some(word) = words.get(index) {
        index += 1;
        let Some(word) = word else {
            let left = words.len() + 1 - index;
            return if is_text {
                Reads::Text { left, all: false }
            } else {
                Reads::File { left, as_shell: true }
            };
        };
        if matches!(*word, "--rcfile" | "--init-file") {
            if let Some(Some(path)) = words.get(index) {
                note(path, at.folder, true, files);
            }
            index += 1;
        } else if word.starts_with("--") {
            // Nothing that matters here.
        } else if word.starts_with('-') && word.contains('n') {
            // `-n` looks at the form of a text and runs nothing.
            return Reads::Data;
        } else if *word == "-" || (word.starts_with(['-', '+']) && word.contains('s')) {
            return Reads::Commands;
        } else if word.starts_with(['-', '+']) {
            is_text |= word.starts_with('-') && word.contains('c');
            // `-eo pipefail` and `-euo pipefail` end with the option that takes a word.
            index += usize::from(VALUED.contains(word) || word.ends_with('o'));
        } else if is_text {
            let parameters = words.get(index..).unwrap_or_default();
            of_text(word, parameters, at.deeper(), files);
            return Reads::Data;
        } else {
            note(word, at.folder, true, files);
            return Reads::Data;
        }
    }
    if is_text { Reads::Data } else { Reads::Commands }
}

/// An interpreter's words: options, then the file that it runs.
fn of_script(words: &[Word<'_>], of: &Interpreter, at: At<'_>, files: &mut Found) -> Reads {
    let mut folder = at.folder.map(ToOwned::to_owned);
    let mut is_named = false;
    let mut index = 0;
    while let Some(word) = words.get(index) {
        let is_file = of.first_is_file && !is_named;
        let Some(word) = word else {
            let left = words.len() - index;
            return if is_file {
                Reads::File {
                    left,
                    as_shell: false,
                }
            } else {
                Reads::Data
            };
        };
        if *word == "-" {
            break;
        }
        if !word.starts_with('-') {
            if is_file {
                let is_sure = !of.has_commands || word.contains(['/', '.']);
                note(word, folder.as_deref(), is_sure, files);
            }
            return Reads::Data;
        }
        let (found, taken) = options(words.get(index..).unwrap_or_default(), of.options);
        index += taken;
        for option in found {
            match (option.meaning, option.value) {
                (Meaning::Nothing, _) => return Reads::Data,
                (Meaning::Folder, to) => folder = moved(folder.as_deref(), to),
                (Meaning::File, Some(path)) => note(path, folder.as_deref(), true, files),
                (Meaning::Included, Some(path)) => {
                    note(path, folder.as_deref(), path.contains(['/', '.']), files);
                }
                (Meaning::Loaded, Some(path)) if path.starts_with(['.', '/']) => {
                    note(path, folder.as_deref(), true, files);
                }
                _ => {}
            }
            is_named |= matches!(option.meaning, Meaning::File | Meaning::Included);
        }
    }
    if of.first_is_file && !is_named {
        Reads::Script
    } else {
        Reads::Data
    }
}

/// What variables name that are set by words `NAME=value`.
fn of_variables(words: &[Word<'_>], at: At<'_>, files: &mut Found) {
    let assignments = words.iter().flatten().filter(|word| is_assignment(word));
    for (name, value) in assignments.filter_map(|word| word.split_once('=')) {
        of_variable(name, value, at, files);
    }
}

fn of_variable(name: &str, value: &str, at: At<'_>, files: &mut Found) {
    let Some((_, named)) = VARIABLES.iter().find(|(known, _)| *known == name) else {
        return;
    };
    match named {
        // A library without a path is looked for elsewhere.
        Named::Library if !value.contains('/') => {}
        Named::File | Named::Library => of_text(&format!(". \"{value}\""), &[], at.deeper(), files),
        Named::Command => of_text(value, &[], at.deeper(), files),
        Named::Options(program) => {
            let words: Vec<Word<'_>> = value.split_whitespace().map(Some).collect();
            if let Some(interpreter) = tables::interpreter(program) {
                of_script(&words, interpreter, at, files);
            }
        }
    }
}

/// `NAME=value` before a command.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name
                .chars()
                .all(|next| next.is_ascii_alphanumeric() || next == '_')
    })
}

/// Notes what is run; `is_sure`: it is a file, and no name of something else.
fn note(path: &str, folder: Option<&str>, is_sure: bool, files: &mut Found) {
    files.run(in_folder(path, folder), is_sure);
}

/// A path from the folder that the whole starts in; `None`: it is not known in which it is.
fn in_folder(path: &str, folder: Option<&str>) -> Option<String> {
    match folder {
        _ if path.starts_with('/') => Some(path.to_owned()),
        Some("") => Some(path.to_owned()),
        Some(folder) => Some(format!("{folder}/{path}")),
        None => None,
    }
}

/// The folder that a command leads to; `None`: it is not known.
fn moved(from: Option<&str>, to: Word<'_>) -> Option<String> {
    let to = to.filter(|to| !to.starts_with(['-', '+']))?;
    match from {
        _ if to.starts_with('/') => Some(to.to_owned()),
        Some("") => Some(to.to_owned()),
        Some(from) => Some(format!("{from}/{to}")),
        None => None,
    }
}
