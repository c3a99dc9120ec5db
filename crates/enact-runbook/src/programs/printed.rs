//! What commands print, as far as that is known: files as they are, or words of their own.

use super::Word;
use super::shell_text::{Event, Input, events, words};

/// What a command prints.
pub(super) fn printed_by(words: &[Word<'_>], input: Option<&Input>) -> Vec<Input> {
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

/// What the commands of a text print in the folder that they start in; `< x` alone prints that file.
pub(super) fn printed_by_text(text: &str) -> Vec<Input> {
    if let Some(path) = text.trim().strip_prefix('<') {
        return words(path).into_iter().flatten().map(Input::File).collect();
    }
    let mut printed = Vec::new();
    let mut last = 0;
    for event in events(text, &[]) {
        match event {
            Event::Command(words, input, _) => {
                let words: Vec<Word<'_>> = words.iter().map(Option::as_deref).collect();
                last = printed.len();
                printed.extend(printed_by(&words, input.as_ref()));
            }
            // What the next command makes of it is not known.
            Event::Pipe => printed.truncate(last),
            Event::Inner(_)
            | Event::Written(_)
            | Event::Open
            | Event::Close
            | Event::End
            | Event::Either
            | Event::Background
            | Event::Branch
            | Event::Join => {}
        }
    }
    printed
}
