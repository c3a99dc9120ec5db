//! A shell's text: each of its commands, in the folder that those before it lead to, with what it gets as input.

use super::shell_text::{Event, Input, events};
use super::{At, Reads, Word, is_assignment, moved, note, of_command, of_variables};

/// The files that a text runs whose parameters are known: `$0`, `$1`, ….
pub(super) fn of_text(text: &str, parameters: &[Word<'_>], at: At<'_>, files: &mut Vec<String>) {
    if at.is_too_deep() {
        return;
    }
    let mut walk = Walk {
        parameters,
        depth: at.depth,
        files,
        here: at.folder.map(ToOwned::to_owned),
        outer: Vec::new(),
        pushed: Vec::new(),
        printed: Vec::new(),
        piped: false,
    };
    for event in events(text, parameters) {
        walk.event(event);
    }
}

/// On the way through a text.
struct Walk<'t> {
    parameters: &'t [Word<'t>],
    depth: usize,
    files: &'t mut Vec<String>,
    /// The folder that commands are in; `None`: it is not known.
    here: Option<String>,
    /// The folders around what stands in `(…)`.
    outer: Vec<Option<String>>,
    /// The folders that `pushd` has left.
    pushed: Vec<Option<String>>,
    /// What the command before a `|` prints, as far as that is known.
    printed: Vec<Input>,
    piped: bool,
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
            Event::Command(words, input) => {
                let words: Vec<Word<'_>> = words.iter().map(Option::as_deref).collect();
                self.command(&words, input);
            }
        }
    }

    fn inner(&mut self, text: &str, parameters: &[Word<'_>]) {
        let at = At {
            folder: self.here.as_deref(),
            depth: self.depth + 1,
        };
        of_text(text, parameters, at, self.files);
    }

    fn command(&mut self, words: &[Word<'_>], input: Option<Input>) {
        let printed = std::mem::take(&mut self.printed);
        let piped = std::mem::take(&mut self.piped);
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
    }

    /// Runs what a command gets as its input, where it does.
    fn fed(&mut self, reads: Reads, input: &Input) {
        match (reads, input) {
            (Reads::Commands | Reads::Script, Input::File(path)) => {
                note(path, self.here.as_deref(), self.files);
            }
            (Reads::Commands, Input::Text(text)) => self.inner(text, &[]),
            (Reads::Data, _) | (Reads::Script, Input::Text(_)) => {}
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

/// What a command prints: files as they are, or words of its own.
fn printed_by(words: &[Word<'_>], input: Option<&Input>) -> Vec<Input> {
    let Some((Some(program), rest)) = words.split_first() else {
        return Vec::new();
    };
    let operands = rest.iter().flatten().filter(|word| !word.starts_with('-'));
    match *program {
        "cat" => {
            let files: Vec<Input> = operands.map(|path| Input::File((*path).to_owned())).collect();
            let is_copy = files.is_empty();
            files
                .into_iter()
                .chain(input.filter(|_| is_copy).cloned())
                .collect()
        }
        "echo" | "printf" => {
            let is_format = |word: &&&str| *program == "printf" && word.contains('%');
            let said: Vec<&str> = operands.skip_while(is_format).copied().collect();
            vec![Input::Text(said.join(" ").replace("\\n", "\n"))]
        }
        _ => Vec::new(),
    }
}

/// A command without the words of the language before it, and the variables that are set for it.
fn bare<'w>(words: &'w [Word<'w>]) -> (Vec<Word<'w>>, &'w [Word<'w>]) {
    const LANGUAGE: [&str; 10] = [
        "if", "then", "else", "elif", "while", "until", "do", "!", "{", "}",
    ];
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
