//! A shell's text as its simple commands. Enough of the language to find where commands begin; nothing is expanded.

/// What a text consists of, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A simple command; `None` stands for a word that is not known before it runs. With the file that its input comes from.
    Command(Vec<Option<String>>, Option<String>),
    /// `|`: what the command before it prints is the input of the next one.
    Pipe,
    /// A text of its own within a word: `$(…)`, `` `…` ``.
    Inner(String),
    /// `(`: what is changed behind it does not last.
    Open,
    /// `)`.
    Close,
}

/// Reads a text.
pub(super) fn events(text: &str) -> Vec<Event> {
    let mut reader = Reader {
        rest: text.chars().collect::<Vec<_>>().into_iter().peekable(),
        found: Vec::new(),
        words: Vec::new(),
        word: None,
        drops_next: false,
        input: None,
        here: Vec::new(),
    };
    reader.read();
    reader.found
}

/// A word that is being read.
#[derive(Default)]
struct Word {
    text: String,
    /// Is something in it that is only known later?
    open: bool,
}

struct Reader {
    rest: std::iter::Peekable<std::vec::IntoIter<char>>,
    found: Vec<Event>,
    words: Vec<Option<String>>,
    word: Option<Word>,
    /// Is the next word a file that something goes to or comes from?
    drops_next: bool,
    /// The file that the command's input comes from; `Some(None)`: it is the next word.
    input: Option<Option<String>>,
    /// Documents that begin behind this line: where each ends; `None` until its word is read.
    here: Vec<Option<String>>,
}

impl Reader {
    fn read(&mut self) {
        while let Some(next) = self.rest.next() {
            match next {
                '\\' => match self.rest.next() {
                    Some('\n') | None => {}
                    Some(plain) => self.put(plain),
                },
                '\'' => {
                    let quoted = self.until('\'');
                    self.literal(&quoted);
                }
                '"' => self.double_quoted(),
                '`' => self.ticks(),
                '$' => self.dollar(),
                '#' if self.word.is_none() => while self.rest.next_if(|next| *next != '\n').is_some() {},
                ' ' | '\t' | '\r' => self.end_word(),
                '\n' => {
                    self.end_command();
                    self.skip_documents();
                }
                '|' if self.rest.next_if_eq(&'|').is_none() => {
                    self.rest.next_if_eq(&'&');
                    self.end_command();
                    self.found.push(Event::Pipe);
                }
                ';' | '|' | '&' => self.end_command(),
                '(' => {
                    self.end_command();
                    self.found.push(Event::Open);
                }
                ')' => {
                    self.end_command();
                    self.found.push(Event::Close);
                }
                '<' | '>' => self.redirection(next),
                '*' | '?' | '[' => self.unknown(next),
                '~' if self.word.is_none() => self.unknown(next),
                plain => self.put(plain),
            }
        }
        self.end_command();
    }

    fn put(&mut self, next: char) {
        self.word.get_or_insert_default().text.push(next);
    }

    fn literal(&mut self, text: &str) {
        self.word.get_or_insert_default().text.push_str(text);
    }

    fn unknown(&mut self, next: char) {
        let word = self.word.get_or_insert_default();
        word.text.push(next);
        word.open = true;
    }

    fn until(&mut self, end: char) -> String {
        let mut text = String::new();
        for next in self.rest.by_ref() {
            if next == end {
                break;
            }
            text.push(next);
        }
        text
    }

    fn double_quoted(&mut self) {
        self.literal("");
        while let Some(next) = self.rest.next() {
            match next {
                '"' => return,
                '\\' => {
                    if let Some(plain) = self.rest.next() {
                        self.put(plain);
                    }
                }
                '`' => self.ticks(),
                '$' => self.dollar(),
                plain => self.put(plain),
            }
        }
    }

    fn ticks(&mut self) {
        let inner = self.until('`');
        self.found.push(Event::Inner(inner));
        self.word.get_or_insert_default().open = true;
    }

    /// `$x`, `${x}`, `$(…)`, `${{ … }}`.
    fn dollar(&mut self) {
        if self.rest.peek().is_some_and(char::is_ascii_alphabetic) {
            self.variable();
            return;
        }
        self.unknown('$');
        if self.rest.next_if_eq(&'(').is_some() {
            let inner = self.balanced('(', ')');
            // `$((1 + 2))` is a number.
            if !inner.starts_with('(') {
                self.found.push(Event::Inner(inner));
            }
        } else if self.rest.next_if_eq(&'{').is_some() {
            self.balanced('{', '}');
        }
    }

    /// `$x`. `$PWD` is the folder that the command is in, and so is `.`.
    fn variable(&mut self) {
        let mut name = String::new();
        while let Some(next) = self
            .rest
            .next_if(|next| next.is_ascii_alphanumeric() || *next == '_')
        {
            name.push(next);
        }
        if name == "PWD" {
            self.put('.');
        } else {
            self.unknown('$');
            self.literal(&name);
        }
    }

    /// The text to the mark that closes the one that was just read; marks in single quotes do not count.
    fn balanced(&mut self, open: char, close: char) -> String {
        let mut text = String::new();
        let mut depth = 1_usize;
        let mut quoted = false;
        while let Some(next) = self.rest.next() {
            if next == '\\' && !quoted {
                text.push(next);
                text.extend(self.rest.next());
                continue;
            }
            if next == '\'' {
                quoted = !quoted;
            } else if quoted {
                text.push(next);
                continue;
            } else if next == open {
                depth += 1;
            } else if next == close {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            text.push(next);
        }
        text
    }

    /// `> file`, `2>&1`, `<<END`, `<(…)`.
    fn redirection(&mut self, mark: char) {
        let number = |word: &Word| word.text.chars().all(|next| next.is_ascii_digit());
        if self.word.as_ref().is_some_and(number) {
            self.word = None;
        }
        self.end_word();
        let mut marks = String::from(mark);
        while let Some(next) = self.rest.next_if(|next| ['<', '>', '&', '|'].contains(next)) {
            marks.push(next);
        }
        if self.rest.next_if_eq(&'(').is_some() {
            let inner = self.balanced('(', ')');
            self.found.push(Event::Inner(inner));
            self.word.get_or_insert_default().open = true;
            return;
        }
        if marks == "<" {
            self.input = Some(None);
        }
        if marks == "<<" {
            self.rest.next_if_eq(&'-');
            self.here.push(None);
        }
        self.drops_next = true;
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else {
            return;
        };
        if std::mem::take(&mut self.drops_next) {
            if let Some(end) = self.here.iter_mut().find(|end| end.is_none()) {
                *end = Some(word.text);
            } else if self.input == Some(None) {
                self.input = (!word.open).then_some(Some(word.text));
            }
            return;
        }
        self.words.push((!word.open).then_some(word.text));
    }

    fn end_command(&mut self) {
        self.end_word();
        self.drops_next = false;
        let input = self.input.take().flatten();
        if !self.words.is_empty() {
            let words = std::mem::take(&mut self.words);
            self.found.push(Event::Command(words, input));
        }
    }

    /// The documents behind a line, each to its end.
    fn skip_documents(&mut self) {
        for end in std::mem::take(&mut self.here).into_iter().flatten() {
            while self.rest.peek().is_some() {
                let line = self.until('\n');
                if line.trim_start_matches('\t').trim_end_matches('\r') == end {
                    break;
                }
            }
        }
    }
}
