//! Whether a place in a shell's text is reached in any case: what may be left out there makes nothing for certain.

use super::Word;
use super::shell_text::Event;

/// How a text stands at a place.
#[derive(Debug)]
pub(super) struct Certainty {
    /// Is the text itself carried out in any case?
    outside: bool,
    /// How many conditions, loops and functions are open.
    open: usize,
    /// Is what comes behind `&&` or `||`?
    either: bool,
    /// Does nothing stand behind that yet? A line may end there.
    awaits: bool,
    /// May it have ended well before?
    ended: bool,
}

impl Certainty {
    pub(super) fn of(outside: bool) -> Self {
        Self {
            outside,
            open: 0,
            either: false,
            awaits: false,
            ended: false,
        }
    }

    pub(super) fn is_certain(&self) -> bool {
        self.outside && self.open == 0 && !self.either && !self.ended
    }

    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::End => self.either &= self.awaits,
            Event::Either => (self.either, self.awaits) = (true, true),
            Event::Branch => self.open += 1,
            Event::Join => self.open = self.open.saturating_sub(1),
            Event::Command(..)
            | Event::Background
            | Event::Pipe
            | Event::Inner(_)
            | Event::Written(_)
            | Event::Open
            | Event::Close => {}
        }
    }

    /// The words of a command, with those of the language before it.
    pub(super) fn command(&mut self, words: &[Word<'_>]) {
        self.awaits = false;
        let mut words = words.iter().copied().peekable();
        while let Some(Some(word)) = words.next() {
            match word {
                // `select` and `for` are behind no other word; what stands behind them is theirs.
                "if" | "while" | "until" | "{" => self.open += 1,
                "for" | "select" | "function" => {
                    self.open += 1;
                    return;
                }
                "fi" | "done" | "}" => self.open = self.open.saturating_sub(1),
                "then" | "else" | "elif" | "do" | "!" | "time" => {}
                // `set -n` carries out nothing more, `set -C` writes over nothing.
                "exec" | "return" | "set" => {
                    let quiet = |next: &Option<&str>| {
                        matches!(
                            next,
                            Some(
                                "-e" | "-u"
                                    | "-eu"
                                    | "-x"
                                    | "-ex"
                                    | "-eux"
                                    | "-euo"
                                    | "-euxo"
                                    | "-o"
                                    | "+e"
                                    | "+x"
                                    | "pipefail"
                            )
                        )
                    };
                    self.ended |= word != "set" || !words.all(|next| quiet(&next));
                    return;
                }
                "exit" => self.ended |= matches!(words.peek(), None | Some(None | Some("0"))),
                _ => return,
            }
        }
    }
}
