//! Which files a command runs, as far as its words say: the program, the script of an interpreter, what `env`, `sudo` or
//! `timeout` starts, and the commands of a shell's text. A file that is only an argument is not run.
//!
//! What is put together when it runs (`$x`, `${{ … }}`, a glob) is not known, and what is behind `make` or `find -exec` neither.

mod shell_text;

use self::shell_text::{Event, events};

/// How deep commands stand in commands.
const DEPTH: usize = 8;

/// A word of a command; `None`: it is not known before the command runs.
type Word<'w> = Option<&'w str>;

/// Shells: their script is a file, or the text behind `-c`.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "ksh", "ash"];

/// An interpreter, the options of it that take a word of their own, and those behind which no file is run.
struct Interpreter {
    name: &'static str,
    valued: &'static [&'static str],
    no_file: &'static [&'static str],
}

const INTERPRETERS: [Interpreter; 7] = [
    Interpreter {
        name: "python",
        valued: &["-W", "-X", "--check-hash-based-pycs"],
        no_file: &["-c", "-m"],
    },
    Interpreter {
        name: "perl",
        valued: &["-I", "-M", "-m"],
        no_file: &["-e", "-E"],
    },
    Interpreter {
        name: "ruby",
        valued: &["-I", "-r", "-C", "-E"],
        no_file: &["-e"],
    },
    Interpreter {
        name: "node",
        valued: &["-r", "--require", "--import", "-C", "--conditions"],
        no_file: &["-e", "-p", "--eval", "--print"],
    },
    Interpreter {
        name: "php",
        valued: &["-c", "-d"],
        no_file: &["-r"],
    },
    Interpreter {
        name: "lua",
        valued: &["-l"],
        no_file: &["-e"],
    },
    Interpreter {
        name: "Rscript",
        valued: &[],
        no_file: &["-e"],
    },
];

/// A program that starts another one: its options that take a word of their own, and how many words stand before that one.
struct Wrapper {
    name: &'static str,
    valued: &'static [&'static str],
    before: usize,
}

const WRAPPERS: [Wrapper; 23] = [
    wrapper("env", &["-u", "--unset", "-C", "--chdir"], 0),
    wrapper(
        "sudo",
        &[
            "-u", "-g", "-h", "-p", "-C", "-D", "-T", "-R", "-r", "-t", "--user", "--group", "--chdir",
        ],
        0,
    ),
    wrapper("doas", &["-u", "-C"], 0),
    wrapper("timeout", &["-k", "-s", "--kill-after", "--signal"], 1),
    wrapper("nice", &["-n", "--adjustment"], 0),
    wrapper("ionice", &["-c", "-n", "--class", "--classdata"], 0),
    wrapper("nohup", &[], 0),
    wrapper("setsid", &[], 0),
    wrapper("stdbuf", &["-i", "-o", "-e"], 0),
    wrapper("time", &["-f", "-o"], 0),
    wrapper("flock", &["-w", "-E", "--timeout", "--wait"], 1),
    wrapper("chrt", &[], 1),
    wrapper("taskset", &[], 1),
    wrapper("xargs", &["-I", "-n", "-P", "-L", "-d", "-s", "-a", "-E"], 0),
    wrapper("busybox", &[], 0),
    wrapper("exec", &["-a"], 0),
    wrapper("command", &[], 0),
    wrapper("builtin", &[], 0),
    wrapper("chroot", &["--userspec", "--groups"], 1),
    wrapper("strace", &["-o", "-e", "-s", "-u", "-E", "-P"], 0),
    wrapper("ltrace", &["-o", "-e", "-s", "-u"], 0),
    wrapper("watch", &["-n", "--interval"], 0),
    wrapper("systemd-run", &["-u", "--unit", "-p", "--property"], 0),
];

const fn wrapper(name: &'static str, valued: &'static [&'static str], before: usize) -> Wrapper {
    Wrapper { name, valued, before }
}

/// The files that a command runs, as it names them, from the folder that it starts in. The last word may be a shell's text.
pub(crate) fn run_by(argv: &[Word<'_>]) -> Vec<String> {
    let mut files = Vec::new();
    of_command(argv, Some(""), 0, &mut files);
    files
}

/// One command in a folder; `None`: it is not known in which.
fn of_command(words: &[Word<'_>], folder: Option<&str>, depth: usize, files: &mut Vec<String>) {
    let Some((Some(program), rest)) = words.split_first() else {
        return;
    };
    if depth > DEPTH {
        return;
    }
    if program.contains('/') {
        note(program, folder, files);
    }
    let name = program.rsplit('/').next().unwrap_or(program);
    let of_interpreter = INTERPRETERS.iter().find(|known| is_version_of(name, known.name));
    let of_wrapper = WRAPPERS.iter().find(|known| known.name == name);
    if SHELLS.contains(&name) {
        of_shell(rest, folder, depth, files);
    } else if matches!(name, "." | "source") {
        note_first(rest, folder, files);
    } else if name == "eval" {
        // A word that is only known later says nothing of the others.
        let text: Vec<&str> = rest.iter().map(|word| word.unwrap_or("$unknown")).collect();
        of_text(&text.join(" "), folder, depth + 1, files);
    } else if name == "find" {
        of_find(rest, folder, depth, files);
    } else if let Some(interpreter) = of_interpreter {
        of_script(rest, interpreter, folder, files);
    } else if name == "command" && rest.iter().any(|word| matches!(word, Some("-v" | "-V"))) {
        // It only says what would be run.
    } else if let Some(wrapper) = of_wrapper {
        let started = started(rest, wrapper);
        of_command(started, folder, depth + 1, files);
    }
}

/// What `find` starts for each file that it finds.
fn of_find(words: &[Word<'_>], folder: Option<&str>, depth: usize, files: &mut Vec<String>) {
    for (index, word) in words.iter().enumerate() {
        if matches!(word, Some("-exec" | "-execdir" | "-ok" | "-okdir")) {
            let started = words.get(index + 1..).unwrap_or_default();
            of_command(started, folder, depth + 1, files);
        }
    }
}

/// Does a command run what comes from its input: a shell without a text and without a file?
fn runs_its_input(words: &[Word<'_>]) -> bool {
    let Some((Some(program), rest)) = words.split_first() else {
        return false;
    };
    let name = program.rsplit('/').next().unwrap_or(program);
    if let Some(wrapper) = WRAPPERS.iter().find(|known| known.name == name) {
        return runs_its_input(started(rest, wrapper));
    }
    let has_text = |word: &Word<'_>| word.is_some_and(|word| in_cluster(word, "-c"));
    let is_input = |word: &Word<'_>| word.is_some_and(|word| word == "-" || in_cluster(word, "-s"));
    let is_option = |word: &Word<'_>| word.is_some_and(|word| word.starts_with(['-', '+']));
    SHELLS.contains(&name)
        && !rest.iter().any(has_text)
        && (rest.iter().any(is_input) || rest.iter().all(is_option))
}

/// `python3.12` is a `python`, and `perldoc` is no `perl`.
fn is_version_of(name: &str, known: &str) -> bool {
    name.strip_prefix(known)
        .is_some_and(|rest| rest.chars().all(|next| next.is_ascii_digit() || next == '.'))
}

fn note(path: &str, folder: Option<&str>, files: &mut Vec<String>) {
    let path = match folder {
        _ if path.starts_with('/') => path.to_owned(),
        Some("") => path.to_owned(),
        Some(folder) => format!("{folder}/{path}"),
        None => return,
    };
    if !files.contains(&path) {
        files.push(path);
    }
}

fn note_first(words: &[Word<'_>], folder: Option<&str>, files: &mut Vec<String>) {
    if let Some(Some(path)) = words.first() {
        note(path, folder, files);
    }
}

/// A shell's words: options, then its text behind `-c`, or the file of its script.
fn of_shell(words: &[Word<'_>], folder: Option<&str>, depth: usize, files: &mut Vec<String>) {
    const VALUED: [&str; 4] = ["-o", "+o", "-O", "+O"];
    let mut is_text = false;
    let mut words = words.iter();
    while let Some(Some(word)) = words.next() {
        if *word == "--" {
            continue;
        }
        if matches!(*word, "--rcfile" | "--init-file") {
            if let Some(Some(path)) = words.next() {
                note(path, folder, files);
            }
            continue;
        }
        let short = word.starts_with(['-', '+']) && !word.starts_with("--");
        if *word == "-" || (short && word.contains('s')) {
            // What it runs comes from its input.
            return;
        }
        if short {
            is_text |= word.starts_with('-') && word.contains('c');
            // `-eo pipefail` and `-euo pipefail` end with the option that takes a word.
            if VALUED.contains(word) || word.ends_with('o') {
                words.next();
            }
            continue;
        }
        if word.starts_with("--") {
            continue;
        }
        if is_text {
            of_text(word, folder, depth + 1, files);
        } else {
            note(word, folder, files);
        }
        return;
    }
}

/// An interpreter's words: options, then the file that it runs.
fn of_script(words: &[Word<'_>], of: &Interpreter, folder: Option<&str>, files: &mut Vec<String>) {
    let mut words = words.iter();
    while let Some(Some(word)) = words.next() {
        if *word == "-"
            || of
                .no_file
                .iter()
                .any(|option| word == option || in_cluster(word, option))
        {
            return;
        }
        if of.valued.contains(word) {
            let value = words.next().copied().flatten();
            // What is loaded before the script is run as well.
            if let Some(path) = value.filter(|path| path.starts_with(['.', '/'])) {
                note(path, folder, files);
            }
            continue;
        }
        if !word.starts_with('-') {
            note(word, folder, files);
            return;
        }
    }
}

/// Is a short option one of several in one word: `-ne`? Behind it stands what is run.
fn in_cluster(word: &str, option: &str) -> bool {
    let (Some(word), Some(option)) = (word.strip_prefix('-'), option.strip_prefix('-')) else {
        return false;
    };
    option.len() == 1 && !word.starts_with('-') && word.contains(option)
}

/// What a wrapper starts, with its words.
fn started<'w>(words: &'w [Word<'w>], wrapper: &Wrapper) -> &'w [Word<'w>] {
    let mut before = wrapper.before;
    let mut index = 0;
    while let Some(Some(word)) = words.get(index) {
        if wrapper.valued.contains(word) {
            index += 2;
        } else if word.starts_with('-') || is_assignment(word) {
            index += 1;
        } else if before > 0 {
            before -= 1;
            index += 1;
        } else {
            break;
        }
    }
    words.get(index..).unwrap_or_default()
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

/// The commands of a shell's text, each in the folder that `cd` before it leads to.
fn of_text(text: &str, folder: Option<&str>, depth: usize, files: &mut Vec<String>) {
    if depth > DEPTH {
        return;
    }
    let mut here = folder.map(ToOwned::to_owned);
    let mut outer = Vec::new();
    // Files that the command before a `|` prints as they are.
    let mut printed: Vec<String> = Vec::new();
    let mut piped = false;
    for event in events(text) {
        match event {
            Event::Open => outer.push(here.clone()),
            Event::Close => here = outer.pop().unwrap_or(here),
            Event::Inner(text) => of_text(&text, here.as_deref(), depth + 1, files),
            Event::Pipe => piped = true,
            Event::Command(words, input) => {
                let words: Vec<Word<'_>> = words.iter().map(Option::as_deref).collect();
                startup_files(&words, here.as_deref(), files);
                let words = bare(&words);
                let before = std::mem::take(&mut printed);
                let before = if std::mem::take(&mut piped) {
                    before
                } else {
                    Vec::new()
                };
                if runs_its_input(words) {
                    let input = input.iter().chain(&before);
                    input.for_each(|path| note(path, here.as_deref(), files));
                }
                if let Some((Some("cat"), rest)) = words.split_first() {
                    let named = rest.iter().flatten().filter(|word| !word.starts_with('-'));
                    printed = named.map(|path| (*path).to_owned()).collect();
                }
                if words.first() == Some(&Some("cd")) {
                    here = moved(here.as_deref(), words.get(1).copied());
                } else {
                    of_command(words, here.as_deref(), depth, files);
                }
            }
        }
    }
}

/// Files that a shell runs before anything else, by the variables before a command.
fn startup_files(words: &[Word<'_>], folder: Option<&str>, files: &mut Vec<String>) {
    let assignments = words
        .iter()
        .map_while(|word| word.filter(|word| is_assignment(word)));
    for (name, path) in assignments.filter_map(|word| word.split_once('=')) {
        if matches!(name, "BASH_ENV" | "ENV") && !path.is_empty() {
            note(path, folder, files);
        }
    }
}

/// A command without the words of the language and the assignments before it.
fn bare<'w>(words: &'w [Word<'w>]) -> &'w [Word<'w>] {
    const LANGUAGE: [&str; 10] = [
        "if", "then", "else", "elif", "while", "until", "do", "!", "{", "}",
    ];
    let skipped = words
        .iter()
        .take_while(|word| word.is_some_and(|word| LANGUAGE.contains(&word) || is_assignment(word)));
    words.get(skipped.count()..).unwrap_or_default()
}

fn moved(from: Option<&str>, to: Option<Word<'_>>) -> Option<String> {
    match (from, to) {
        (_, Some(Some(to))) if to.starts_with('/') => Some(to.to_owned()),
        (Some(""), Some(Some(to))) if !to.starts_with('-') => Some(to.to_owned()),
        (Some(from), Some(Some(to))) if !to.starts_with('-') => Some(format!("{from}/{to}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(argv: &[&str]) -> Vec<String> {
        let words: Vec<Word<'_>> = argv.iter().map(|word| Some(*word)).collect();
        run_by(&words)
    }

    #[test]
    fn what_a_command_runs_is_told_from_what_it_reads() {
        for (argv, run) in [
            (&["./x.sh", "data.csv"][..], &["./x.sh"][..]),
            (&["bash", "-e", "x.sh", "y"], &["x.sh"]),
            (&["bash", "-eu", "-o", "pipefail", "./x.sh"], &["./x.sh"]),
            (&["bash", "-euo", "pipefail", "x.sh"], &["x.sh"]),
            (&["python3", "-u", "scripts/t.py", "in.csv"], &["scripts/t.py"]),
            (&["python3", "-m", "pytest", "t.py"], &[]),
            (&["python3.12", "-W", "error", "t.py"], &["t.py"]),
            (&["env", "A=1", "-u", "B", "./x.sh"], &["./x.sh"]),
            (&["sudo", "-u", "app", "bash", "x.sh"], &["x.sh"]),
            (&["timeout", "-k", "1", "5", "./x.sh"], &["./x.sh"]),
            (&["nice", "-n", "5", "./x.sh"], &["./x.sh"]),
            (&["sh", "-c", "./x.sh"], &["./x.sh"]),
            (&["/srv/x.sh"], &["/srv/x.sh"]),
            (
                &["node", "-r", "./before.js", "main.js"],
                &["./before.js", "main.js"],
            ),
            (&["perl", "-ne", "print", "data"], &[]),
            (&["cat", "./data"], &[]),
            (&["psql", "-f", "schema.sql"], &[]),
            (&["test", "-e", "./x"], &[]),
            (&["command", "-v", "./x"], &[]),
            (&["python3", "-", "./x"], &[]),
            (&["bash", "-s", "./x"], &[]),
            (&["ssh", "host", "./x"], &[]),
        ] {
            assert_eq!(files(argv), run, "{argv:?}");
        }
        assert!(run_by(&[Some("bash"), None, Some("x.sh")]).is_empty());
    }

    #[test]
    fn what_reaches_a_shell_in_other_ways_is_found() {
        for (text, expected) in [
            ("eval ./a.sh && echo x", &["./a.sh"][..]),
            ("eval \"./a.sh; $X ./b.sh\"", &[][..]),
            ("find . -name x -exec ./a.sh {} \\;", &["./a.sh"]),
            ("strace -f -o out ./a.sh", &["./a.sh"]),
            ("sudo chroot /mnt /bin/a.sh", &["/bin/a.sh"]),
            ("bash < a.sh", &["a.sh"]),
            ("bash -s x < a.sh; cat b.sh", &["a.sh"]),
            ("cat a.sh b.sh | sudo bash -x", &["a.sh", "b.sh"]),
            ("cat a.sh | grep x | bash; cat b.sh; bash", &[]),
            ("cat a.sh || bash", &[]),
            ("psql < a.sql; bash -c true < b", &[]),
            ("BASH_ENV=a.sh bash -c true", &["a.sh"]),
            ("$PWD/a.sh; \"$PWD/b.sh\"; $HOME/c.sh", &["./a.sh", "./b.sh"]),
        ] {
            assert_eq!(files(&["sh", "-c", text]), expected, "{text}");
        }
    }

    #[test]
    fn the_commands_of_a_text_are_found() {
        for (text, run) in [
            ("./x.sh", &["./x.sh"][..]),
            ("bash x.sh && . ./y.sh; source z.sh", &["x.sh", "./y.sh", "z.sh"]),
            ("if ./a; then A=1 ./b; else ! ./c; fi", &["./a", "./b", "./c"]),
            ("x | ./y > ./out 2>&1 & ./z", &["./y", "./z"]),
            ("echo ./no '&& ./no' \"; ./no\" # ./no", &[]),
            ("cat > f <<EOF\n./no\nEOF\n./yes", &["./yes"]),
            (
                "x=$(./inner \"$(./deep)\"); echo `./tick`",
                &["./deep", "./inner", "./tick"],
            ),
            ("(cd sub && ./a); ./b; cd \"$x\"; ./c", &["sub/./a", "./b"]),
            ("$x/y.sh; ~/z.sh; ./*.sh; ./${{ params.n }}.sh", &[]),
            ("for f in ./a ./b; do ./c \"$f\"; done", &["./c"]),
            ("case $x in a) ./a ;; *) ./b ;; esac", &["./a", "./b"]),
            ("'./quoted name.sh' x", &["./quoted name.sh"]),
            ("exec env ./x", &["./x"]),
        ] {
            assert_eq!(files(&["bash", "-c", text]), run, "{text}");
        }
    }
}
