//! A shell's text: each of its commands, in the folder that those before it lead to, with what it gets as input.

use super::certainty::Certainty;
use super::found::Found;
use super::printed::{printed_by, printed_by_text};
use super::shell_text::{Event, Input, Known, Later, events};
use super::{At, Reads, Word, in_folder, is_assignment, moved, note, of_command, of_variables};

/// The files that a text runs whose parameters are known: `$0`, `$1`, ….
pub(super) fn of_text(text: &str, parameters: &[Word<'_>], at: At<'_>, files: &mut Found) {
    if at.is_too_deep() {
        return;
    }
    let was_certain = files.is_certain;
    let mut walk = Walk {
        parameters,
        depth: at.depth,
        files,
        here: at.folder.map(ToOwned::to_owned),
        outer: Vec::new(),
        pushed: Vec::new(),
        printed: Vec::new(),
        piped: false,
        written: Vec::new(),
        certainty: Certainty::of(was_certain),
    };
    for event in events(text, parameters) {
        walk.event(event);
    }
    walk.write();
    files.is_certain = was_certain;
}

/// On the way through a text.
struct Walk<'t> {
    parameters: &'t [Word<'t>],
    depth: usize,
    files: &'t mut Found,
    /// The folder that commands are in; `None`: it is not known.
    here: Option<String>,
    /// The folders around what stands in `(…)`.
    outer: Vec<Option<String>>,
    /// The folders that `pushd` has left.
    pushed: Vec<Option<String>>,
    /// What the command before a `|` prints, as far as that is known.
    printed: Vec<Input>,
    piped: bool,
    /// What the command that comes writes.
    written: Vec<String>,
    certainty: Certainty,
}

impl Walk<'_> {
    fn event(&mut self, event: Event) {
        match event {
            Event::Open => self.outer.push(self.here.clone()),
            Event::Close => {
                if let Some(outer) = self.outer.pop() {
                    self.here = outer;
                }
            }
            Event::Inner(text) => self.inner(&text, self.parameters),
            Event::Pipe => self.piped = true,
            Event::Written(path) => self.written.push(path),
            Event::Background => self.written.clear(),
            Event::End | Event::Either | Event::Branch | Event::Join => {
                self.write();
                self.certainty.event(&event);
                self.files.is_certain = self.certainty.is_certain();
            }
            Event::Command(words, input, later) => {
                let words: Vec<Word<'_>> = words.iter().map(Option::as_deref).collect();
                self.command(&words, input, &later);
            }
        }
    }

    /// Notes what was written, if it was for certain.
    fn write(&mut self) {
        self.files.is_certain = self.certainty.is_certain();
        for path in std::mem::take(&mut self.written) {
            self.files.write(in_folder(&path, self.here.as_deref()));
        }
    }

    fn inner(&mut self, text: &str, parameters: &[Word<'_>]) {
        let at = At {
            folder: self.here.as_deref(),
            depth: self.depth + 1,
        };
        of_text(text, parameters, at, self.files);
    }

    fn command(&mut self, words: &[Word<'_>], input: Option<Input>, later: &[Later]) {
        let count = words.len();
        let printed = std::mem::take(&mut self.printed);
        let piped = std::mem::take(&mut self.piped);
        self.certainty.command(words);
        self.write();
        let (assignments, words) = bare(words);
        let at = At {
            folder: self.here.as_deref(),
            depth: self.depth,
        };
        of_variables(&assignments, at, self.files);
        self.printed = printed_by(words, input.as_ref());
        if self.moves(words) {
            return;
        }
        let at = At {
            folder: self.here.as_deref(),
            depth: self.depth,
        };
        let reads = of_command(words, at, self.files);
        let piped = printed.into_iter().filter(|_| piped);
        for input in input.into_iter().chain(piped) {
            self.fed(reads, &input);
        }
        self.known_later(reads, count, later);
    }

    /// Runs what words stand for that are only known then, where the command does and their text says it.
    fn known_later(&mut self, reads: Reads, count: usize, later: &[Later]) {
        let (left, all, known, as_shell) = match reads {
            Reads::File { left, as_shell } => (left, false, Known::AsFile, as_shell),
            Reads::Text { left, all } => (left, all, Known::AsText, true),
            Reads::Data | Reads::Commands | Reads::Script => return,
        };
        let first = count.saturating_sub(left);
        let is_run =
            |word: &&Later| word.known == known && (word.index == first || all && word.index > first);
        for word in later.iter().filter(is_run) {
            let reads = if as_shell { Reads::Commands } else { Reads::Script };
            for input in printed_by_text(&word.text) {
                self.fed(reads, &input);
            }
        }
    }

    /// Runs what a command gets as its input, where it does.
    fn fed(&mut self, reads: Reads, input: &Input) {
        match (reads, input) {
            (Reads::Commands | Reads::Script, Input::File(path)) => {
                note(path, self.here.as_deref(), true, self.files);
            }
            (Reads::Commands, Input::Text(text)) => self.inner(text, &[]),
            _ => {}
        }
    }

    /// Changes the folder where a command does that.
    fn moves(&mut self, words: &[Word<'_>]) -> bool {
        const OPTIONS: [Word<'_>; 5] = [Some("--"), Some("-P"), Some("-L"), Some("-e"), Some("-@")];
        let mut operands = words.iter().skip(1).copied();
        let to = operands.find(|word| !OPTIONS.contains(word)).flatten();
        match words.first() {
            Some(Some("cd")) => self.here = moved(self.here.as_deref(), to),
            Some(Some("pushd")) => {
                let to = moved(self.here.as_deref(), to);
                self.pushed.push(std::mem::replace(&mut self.here, to));
            }
            Some(Some("popd")) => self.here = self.pushed.pop().flatten(),
            _ => return false,
        }
        true
    }
}

/// Words of the language that stand before a command.
pub(super) const LANGUAGE: [&str; 10] = [
    "if", "then", "else", "elif", "while", "until", "do", "!", "{", "}",
];

/// A command without the words of the language before it, and the variables that are set for it.
fn bare<'w>(words: &'w [Word<'w>]) -> (Vec<Word<'w>>, &'w [Word<'w>]) {
    let mut assignments = Vec::new();
    let mut index = 0;
    while let Some(Some(word)) = words.get(index) {
        let names_what_follows = words.get(index + 2) == Some(&Some("{"));
        index += match *word {
            "function" => 2,
            "coproc" if names_what_follows => 2,
            "coproc" => 1,
            "time" if words.get(index + 1) == Some(&Some("{")) => 1,
            word if LANGUAGE.contains(&word) => 1,
            word if is_assignment(word) => {
                assignments.push(Some(word));
                1
            }
            _ => break,
        };
    }
    (assignments, words.get(index..).unwrap_or_default())
}
