//! A shell's text as its simple commands. Enough of the language to find where commands begin; nothing is expanded.

mod expansion;

use super::Word as Parameter;
use super::cases::Cases;

/// How deep expansions that are looked through stand in others.
const DEPTH: usize = 8;

/// Where a command's input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// From a file.
    File(String),
    /// It stands in the text: `<<< word`, `<<END`.
    Text(String),
}

/// What a text consists of, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A simple command; `None` stands for a word that is not known before it runs. With its input, and with what is known of
    /// such words.
    Command(Vec<Option<String>>, Option<Input>, Vec<Later>),
    /// `> x`: the file is written.
    Written(String),
    /// `;`, a line break: what follows is carried out in any case.
    End,
    /// `&&`, `||`: what follows may not be.
    Either,
    /// `&`: the command before it ends some time later.
    Background,
    /// `case … in`: what follows may not be carried out, until its `esac`.
    Branch,
    /// `esac`.
    Join,
    /// `|`: what the command before it prints is the input of the next one.
    Pipe,
    /// A text of its own within a word: `$(…)`, `` `…` ``.
    Inner(String),
    /// `(`: what is changed behind it does not last.
    Open,
    /// `)`.
    Close,
}

/// What a word stands for when it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// `<(…)`: a file with what the text prints.
    AsFile,
    /// `$(…)`, `` `…` ``: what the text prints.
    AsText,
}

/// A word that consists of what a text prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Later {
    /// Its place among the words of its command.
    pub(super) index: usize,
    pub(super) known: Known,
    pub(super) text: String,
}

/// Reads a text with the parameters that are known of it: `$0`, `$1`, ….
pub(super) fn events(text: &str, parameters: &[Parameter<'_>]) -> Vec<Event> {
    let mut reader = Reader::new(text, parameters, 0);
    reader.read();
    reader.found
}

/// The words of a text.
pub(super) fn words(text: &str) -> Vec<Option<String>> {
    let words = events(text, &[]).into_iter().filter_map(|event| match event {
        Event::Command(words, ..) => Some(words),
        Event::End | Event::Either | Event::Background | Event::Branch | Event::Join => None,
        Event::Pipe | Event::Inner(_) | Event::Written(_) | Event::Open | Event::Close => None,
    });
    words.flatten().collect()
}

/// A word that is being read.
#[derive(Default)]
struct Word {
    text: String,
    /// Is something in it that is only known later?
    open: bool,
    quoted: bool,
    /// What it stands for, where one text says that.
    later: Option<(Known, String)>,
}

/// A document that begins behind a line.
#[derive(Default)]
struct Document {
    /// The line that ends it; `None` until its word is read.
    end: Option<String>,
    /// Is nothing in it expanded?
    quoted: bool,
    /// The command that reads it, by its place among what was found.
    command: Option<usize>,
}

/// What the next word is, where it is no argument.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A file that something goes to.
    OutputFile,
    /// Something else that is no word of the command.
    Dropped,
    InputFile,
    InputText,
    DocumentEnd,
}

struct Reader<'p> {
    parameters: &'p [Parameter<'p>],
    /// How much of them was put in.
    grown: usize,
    depth: usize,
    rest: std::iter::Peekable<std::vec::IntoIter<char>>,
    found: Vec<Event>,
    words: Vec<Option<String>>,
    later: Vec<Later>,
    cases: Cases,
    /// Is it within `[[ … ]]`, where `<` and `>` compare?
    compares: bool,
    word: Option<Word>,
    next: Option<Next>,
    input: Option<Input>,
    documents: Vec<Document>,
}

impl<'p> Reader<'p> {
    fn new(text: &str, parameters: &'p [Parameter<'p>], depth: usize) -> Self {
        Self {
            parameters,
            grown: 0,
            depth,
            rest: text.chars().collect::<Vec<_>>().into_iter().peekable(),
            found: Vec::new(),
            words: Vec::new(),
            later: Vec::new(),
            cases: Cases::default(),
            compares: false,
            word: None,
            next: None,
            input: None,
            documents: Vec::new(),
        }
    }

    fn read(&mut self) {
        while let Some(next) = self.rest.next() {
            match next {
                '\\' => match self.rest.next() {
                    Some('\n') | None => {}
                    Some(plain) => {
                        self.put(plain);
                        self.is_quoted();
                    }
                },
                '\'' => {
                    let quoted = self.until('\'');
                    self.literal(&quoted);
                    self.is_quoted();
                }
                '"' => {
                    self.literal("");
                    self.quoted(Some('"'));
                    self.is_quoted();
                }
                '`' => self.ticks(),
                // `$'…'`: a quoted word with a mark of its own.
                '$' if self.rest.peek() == Some(&'\'') => {}
                '$' => self.dollar(),
                '#' if self.word.is_none() => while self.rest.next_if(|next| *next != '\n').is_some() {},
                ' ' | '\t' | '\r' => self.end_word(),
                '\n' => {
                    self.end_list();
                    self.read_documents();
                }
                '|' if self.cases.expects() => self.end_pattern(),
                '|' if self.rest.next_if_eq(&'|').is_none() => {
                    self.rest.next_if_eq(&'&');
                    self.end_command();
                    self.found.push(Event::Pipe);
                }
                ';' if self.rest.next_if(|next| [';', '&'].contains(next)).is_some() => {
                    self.end_list();
                    self.cases.expect(true);
                }
                '&' if self.rest.next_if_eq(&'&').is_some() => self.either(),
                '|' => self.either(),
                '&' => {
                    self.end_word();
                    self.found.push(Event::Background);
                    self.end_list();
                }
                ';' => self.end_list(),
                '(' if self.word.as_ref().is_some_and(|word| word.text.ends_with('=')) => self.array(),
                '(' if self.cases.expects() => {}
                '(' if self.rest.peek() == Some(&'(') && self.depth < DEPTH => self.two_marks(),
                '(' => {
                    self.end_command();
                    self.found.push(Event::Open);
                }
                ')' => self.close(),
                '<' | '>' if self.compares => self.unknown(next),
                '<' | '>' => self.redirection(next),
                '[' | ']' if self.word.is_none() && self.rest.peek() == Some(&next) => {
                    self.compares = next == '[';
                    self.unknown(next);
                }
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

    fn is_quoted(&mut self) {
        self.word.get_or_insert_default().quoted = true;
    }

    /// `((`: a sum, or one list of commands in another.
    fn two_marks(&mut self) {
        let inner = self.balanced('(', ')');
        if is_sum(&inner) {
            return self.look_through(&inner);
        }
        self.end_command();
        let mut list = Reader::new(&inner, self.parameters, self.depth + 1);
        list.read();
        self.found.push(Event::Open);
        self.found.append(&mut list.found);
        self.found.push(Event::Close);
    }

    fn close(&mut self) {
        self.end_word();
        if self.cases.expects() {
            self.end_pattern();
            self.cases.expect(false);
        } else {
            self.end_command();
            self.found.push(Event::Close);
        }
    }

    fn end_pattern(&mut self) {
        self.end_word();
        self.words.clear();
        self.later.clear();
    }

    /// `NAME=(…)`: its words are no command.
    fn array(&mut self) {
        let values = self.balanced('(', ')');
        self.look_through(&values);
        self.unknown('(');
    }

    /// What is expanded in a text where words do not end.
    fn look_through(&mut self, text: &str) {
        if self.depth < DEPTH {
            let mut inner = Reader::new(text, self.parameters, self.depth + 1);
            inner.quoted(None);
            self.found.append(&mut inner.found);
        }
    }

    /// To a closing quote, or to the end.
    fn quoted(&mut self, end: Option<char>) {
        while let Some(next) = self.rest.next() {
            match next {
                next if Some(next) == end => return,
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
            self.stands_for(Known::AsFile, inner);
            return;
        }
        self.next = Some(match marks.as_str() {
            "<" => Next::InputFile,
            "<<<" => Next::InputText,
            "<<" => {
                self.rest.next_if_eq(&'-');
                self.documents.push(Document::default());
                Next::DocumentEnd
            }
            ">" | ">>" | ">|" | ">&" | ">>&" => Next::OutputFile,
            _ => Next::Dropped,
        });
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else {
            return;
        };
        let next = self.next.take();
        if next == Some(Next::DocumentEnd) {
            if let Some(document) = self.documents.last_mut() {
                document.end = Some(word.text);
                document.quoted = word.quoted;
            }
            return;
        }
        let text = (!word.open).then_some(word.text);
        match next {
            None => self.take_word(text, word.later),
            Some(Next::OutputFile) => self.found.extend(text.filter(is_path).map(Event::Written)),
            Some(Next::Dropped | Next::DocumentEnd) => {}
            Some(Next::InputFile) => self.input = text.map(Input::File),
            Some(Next::InputText) => self.input = text.map(Input::Text),
        }
    }

    fn take_word(&mut self, text: Option<String>, later: Option<(Known, String)>) {
        if self.cases.takes(text.as_deref(), &self.words) {
            let begins = text.as_deref() == Some("in");
            self.found.push(if begins { Event::Branch } else { Event::Join });
            self.words.clear();
            return;
        }
        let index = self.words.len();
        self.words.push(text);
        let later = later.map(|(known, text)| Later { index, known, text });
        self.later.extend(later);
    }

    fn end_command(&mut self) {
        self.end_word();
        self.next = None;
        let input = self.input.take();
        let later = std::mem::take(&mut self.later);
        if self.words.is_empty() {
            return;
        }
        let this = self.found.len();
        for document in &mut self.documents {
            document.command.get_or_insert(this);
        }
        let words = std::mem::take(&mut self.words);
        self.found.push(Event::Command(words, input, later));
    }

    fn end_list(&mut self) {
        self.compares = false;
        self.end_command();
        self.found.push(Event::End);
    }

    fn either(&mut self) {
        self.end_command();
        self.found.push(Event::Either);
    }

    /// The documents behind a line, each to its end.
    fn read_documents(&mut self) {
        for document in std::mem::take(&mut self.documents) {
            let text = self.document(document.end.as_deref());
            if !document.quoted {
                self.look_through(&text);
            }
            let command = document.command.and_then(|index| self.found.get_mut(index));
            if let Some(Event::Command(_, input, _)) = command {
                *input = Some(Input::Text(text));
            }
        }
    }

    fn document(&mut self, end: Option<&str>) -> String {
        let mut text = String::new();
        while end.is_some() && self.rest.peek().is_some() {
            let line = self.until('\n');
            if Some(line.trim_start_matches('\t').trim_end_matches('\r')) == end {
                break;
            }
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

/// Is what stands in `(…)` one `(…)` and nothing else?
fn is_sum(text: &str) -> bool {
    let mut depth = 0_usize;
    let ends = text.char_indices().filter_map(|(at, next)| {
        match next {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (next == ')' && depth == 0).then_some(at + 1)
    });
    ends.into_iter().next() == Some(text.len())
}

/// `2>&1` and `>&-` name no file.
fn is_path(text: &String) -> bool {
    !text.is_empty() && text != "-" && !text.chars().all(|next| next.is_ascii_digit())
}
