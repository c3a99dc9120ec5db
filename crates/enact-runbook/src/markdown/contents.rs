//! Blocks of shell in a task: commands, or what a file is to hold. A block that belongs to a file is never run.

use super::tasks::Task;

/// What a block of shell is.
pub(super) enum Meaning {
    Command,
    Content,
    /// It may be the content of this file.
    Unclear(String),
}

/// First words of a step in which a file is written.
const WRITES: [&str; 12] = [
    "create",
    "write",
    "add",
    "modify",
    "update",
    "edit",
    "implement",
    "extend",
    "replace",
    "change",
    "make",
    "define",
];

/// First words of a line above what a file is to hold.
const PUTS: [&str; 8] = ["save", "append", "put", "place", "paste", "insert", "in", "store"];

/// First words of a step in which something is carried out.
const RUNS: [&str; 13] = [
    "run", "execute", "commit", "test", "verify", "check", "install", "start", "stop", "deploy", "push",
    "delete", "remove",
];

impl Task {
    /// Content was seen of the file that the step or the line above names, else of the first that waits for it.
    pub(super) fn wrote(&mut self) {
        let at = self
            .named()
            .and_then(|path| self.pending.iter().position(|known| *known == path));
        if let Some(at) = at.or_else(|| (!self.pending.is_empty()).then_some(0)) {
            self.pending.remove(at);
        }
    }

    /// A command writes files itself: `cat > run.sh <<EOF`.
    pub(super) fn wrote_by(&mut self, script: &str) {
        self.pending.retain(|path| !writes(script, path));
    }

    /// The file to write that the line above names, or the title of the step.
    fn named(&self) -> Option<String> {
        let title = self.inner.last().map_or("", |(title, _)| title.as_str());
        let mentioned = |text: &str| self.pending.iter().find(|path| names(text, path)).cloned();
        mentioned(&self.before.line).or_else(|| mentioned(title))
    }

    /// What a block of shell is that no label tells apart.
    pub(super) fn meaning(&self, script: &str) -> Meaning {
        let title = self.inner.last().map_or("", |(title, _)| title.as_str());
        let (named, by) = match self.named() {
            Some(path) if names(&self.before.line, &path) => (Some(path), first_word(&self.before.line)),
            named => (named, first_word(title)),
        };
        let is_one_of = |words: &[&str]| words.contains(&by.as_str());
        match named {
            // What names the file itself does something with it: `chmod +x run.sh`.
            Some(path) if names(script, &path) || is_one_of(&RUNS) => Meaning::Command,
            Some(_) if is_one_of(&WRITES) => Meaning::Content,
            Some(path) => Meaning::Unclear(path),
            None => self.unnamed(script, is_one_of(&RUNS)),
        }
    }

    /// The same where neither the line above nor the title names a file of the task.
    fn unnamed(&self, script: &str, is_run: bool) -> Meaning {
        match content_named(&self.before.line, script) {
            Some(path) => Meaning::Unclear(path),
            None if is_run => Meaning::Command,
            None => {
                let script_of = |path: &&String| is_script(path) && !names(script, path);
                let waiting = self.pending.iter().find(script_of);
                waiting.map_or(Meaning::Command, |path| Meaning::Unclear(path.clone()))
            }
        }
    }
}

/// The file that the line above a block says it is to hold, where it says so: a caption (`**scripts/x.sh:**`), `Save this as x.sh`, `The
/// script should contain:`.
pub(super) fn content_named(line: &str, script: &str) -> Option<String> {
    let bare = |word: &str| {
        word.trim_matches(|next: char| "*`_:.,\"'()".contains(next))
            .to_owned()
    };
    let words: Vec<String> = line
        .split_whitespace()
        .map(bare)
        .filter(|word| !word.is_empty())
        .collect();
    let is_file = |word: &&String| word.contains('.') && is_script(word) && !names(script, word);
    let file = words.iter().find(is_file);
    if let ([_], Some(file)) = (words.as_slice(), file) {
        return Some(file.clone());
    }
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    if lower.last().is_some_and(|last| RUNS.contains(&last.as_str())) {
        return None;
    }
    let by = first_word(line);
    let is_put = WRITES.contains(&by.as_str()) || PUTS.contains(&by.as_str());
    if let Some(file) = file.filter(|_| is_put) {
        return Some(file.clone());
    }
    let says = |known: &[&str]| lower.iter().any(|word| known.contains(&word.as_str()));
    let of_file = says(&["script", "file", "hook"]);
    let holds = says(&["content", "contents", "contain", "contains"])
        || (by == "add" && lower.get(1).is_some_and(|next| next == "this"));
    (of_file && holds).then(|| "the file".to_owned())
}

/// Does a text name a file, by its path or its name? `run` is not named in `rerun`.
fn names(text: &str, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let part = |next: char| next.is_alphanumeric() || ['_', '-'].contains(&next);
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

/// Does a script seem to write a file?
fn writes(script: &str, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    script.lines().any(|line| {
        line.split_once(name).is_some_and(|(before, _)| {
            let word = before.trim_end_matches(|next: char| !next.is_whitespace() && next != '>');
            let writers = ["tee ", "sed -i", "touch ", "cp ", "mv ", "install "];
            word.trim_end().ends_with('>') || writers.iter().any(|writer| before.contains(writer))
        })
    })
}

fn first_word(text: &str) -> String {
    let word = text
        .split(|next: char| !next.is_ascii_alphabetic())
        .find(|word| !word.is_empty());
    word.unwrap_or_default().to_ascii_lowercase()
}

/// May a file hold shell?
fn is_script(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.') {
        Some(("", ending)) => matches!(ending, "env" | "envrc" | "profile" | "bashrc"),
        Some((_, ending)) => matches!(ending, "sh" | "bash" | "zsh" | "bats"),
        None => name.chars().all(|next| !next.is_ascii_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_whole_names() {
        assert!(names("Create `bin/run`", "bin/run"));
        assert!(names("chmod +x ./run", "bin/run"));
        assert!(!names("rerun it", "bin/run"));
        assert!(!names("run-all", "bin/run"));
        for (path, may) in [
            ("purge.sh", true),
            ("bin/deploy", true),
            (".env", true),
            (".gitignore", false),
            ("Makefile", false),
            ("src/main.rs", false),
        ] {
            assert_eq!(is_script(path), may, "{path}");
        }
        assert!(writes("cat > run.sh <<EOF", "run.sh"));
        assert!(!writes("sh run.sh > out", "run.sh"));
    }
}
