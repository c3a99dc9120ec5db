//! What is known of programs that run files: their options, and which words of them are a program, a script or a text.

use self::Meaning::{Elsewhere, File, Folder, Included, Loaded, NoOperand, Nothing, Split, Text, Value};

/// What an option, or a word before the command, means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Takes a word of its own that says nothing of files that are run.
    Value,
    /// Takes a file that is run first, where its word is a path; else the name of a package.
    Loaded,
    /// Takes the file that is run.
    File,
    /// Takes the file that is run, or the name of a library.
    Included,
    /// Takes the folder that the command starts in.
    Folder,
    /// The command starts in a folder that is not known.
    Elsewhere,
    /// Takes a shell's text.
    Text,
    /// Takes words for the program itself, in one.
    Split,
    /// With it no file is run.
    Nothing,
    /// Takes a word instead of the ones that else stand before the command.
    NoOperand,
}

impl Meaning {
    /// Does it take a word?
    pub(super) fn takes_a_word(self) -> bool {
        !matches!(self, Elsewhere | Nothing)
    }
}

/// Options by what they mean; the names of several in one text.
pub(super) type Options = &'static [(Meaning, &'static str)];

/// What an option means.
pub(super) fn meaning_of(option: &str, known: Options) -> Option<Meaning> {
    known
        .iter()
        .find(|(_, names)| is_one_of(option, names))
        .map(|(meaning, _)| *meaning)
}

fn is_one_of(name: &str, names: &str) -> bool {
    names.split(' ').any(|known| known == name)
}

/// Shells: their script is a file, or the text behind `-c`.
pub(super) const SHELLS: [&str; 8] = ["sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "rbash"];

/// Commands of a shell that set variables for what comes after them.
pub(super) const DECLARATIONS: [&str; 5] = ["export", "declare", "typeset", "readonly", "local"];

/// What a variable makes programs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// The file that it names.
    File,
    /// The library that it names.
    Library,
    /// The command that it holds.
    Command,
    /// What the interpreter runs that it holds options of.
    Options(&'static str),
}

/// Variables that name what programs run, beside what they are told to.
pub(super) const VARIABLES: [(&str, Named); 17] = [
    ("BASH_ENV", Named::File),
    ("ENV", Named::File),
    ("LD_PRELOAD", Named::Library),
    ("PROMPT_COMMAND", Named::Command),
    ("EDITOR", Named::Command),
    ("VISUAL", Named::Command),
    ("PAGER", Named::Command),
    ("GIT_EDITOR", Named::Command),
    ("GIT_SEQUENCE_EDITOR", Named::Command),
    ("GIT_PAGER", Named::Command),
    ("GIT_SSH", Named::Command),
    ("GIT_SSH_COMMAND", Named::Command),
    ("GIT_ASKPASS", Named::Command),
    ("SSH_ASKPASS", Named::Command),
    ("KUBE_EDITOR", Named::Command),
    ("NODE_OPTIONS", Named::Options("node")),
    ("RUBYOPT", Named::Options("ruby")),
];

/// A program that runs a file of a language that is not a shell's.
pub(super) struct Interpreter {
    names: &'static str,
    pub(super) options: Options,
    /// Is its first word the file, where no option names one?
    pub(super) first_is_file: bool,
    /// May that word be a command of its own instead: `bun test`?
    pub(super) has_commands: bool,
}

/// The interpreter of a name.
pub(super) fn interpreter(name: &str) -> Option<&'static Interpreter> {
    let is_this = |known: &&Interpreter| known.names.split(' ').any(|known| is_version_of(name, known));
    INTERPRETERS.iter().find(is_this)
}

/// `python3.12` is a `python`, and `perldoc` is no `perl`.
fn is_version_of(name: &str, known: &str) -> bool {
    name.strip_prefix(known)
        .is_some_and(|rest| rest.chars().all(|next| next.is_ascii_digit() || next == '.'))
}

const fn script(names: &'static str, options: Options) -> Interpreter {
    Interpreter {
        names,
        options,
        first_is_file: true,
        has_commands: false,
    }
}

const fn by_option(names: &'static str, options: Options) -> Interpreter {
    Interpreter {
        names,
        options,
        first_is_file: false,
        has_commands: false,
    }
}

/// What runs files of JavaScript and TypeScript.
const MODULES: Options = &[
    (Loaded, "-r --require --import --preload"),
    (Nothing, "-e -p --eval --print"),
];

const INTERPRETERS: [Interpreter; 17] = [
    script(
        "python",
        &[(Value, "-W -X --check-hash-based-pycs"), (Nothing, "-c -m")],
    ),
    script("perl", &[(Value, "-I -M -m"), (Nothing, "-e -E -S")]),
    script(
        "ruby",
        &[
            (Loaded, "-r"),
            (Value, "-I -E"),
            (Folder, "-C"),
            (Nothing, "-e -c -S"),
        ],
    ),
    script(
        "node",
        &[
            (Loaded, "-r --require --import --loader --experimental-loader"),
            (Value, "-C --conditions --env-file --env-file-if-exists"),
            (Nothing, "-e -p -c --eval --print --check"),
        ],
    ),
    script(
        "php",
        &[
            (Value, "-c -d"),
            (File, "-f --file"),
            (Nothing, "-r --run -l --syntax-check -S --server"),
        ],
    ),
    script("lua luajit", &[(Loaded, "-l"), (Nothing, "-e")]),
    script("Rscript", &[(Nothing, "-e")]),
    script(
        "julia",
        &[
            (Loaded, "-L --load"),
            (Value, "-t --threads -p --procs -J --sysimage"),
            (Nothing, "-e -E --eval --print"),
        ],
    ),
    script("fish", &[(Nothing, "-c --command")]),
    script("tclsh wish", &[]),
    script("expect", &[(File, "-f"), (Nothing, "-c")]),
    script(
        "pwsh",
        &[
            (File, "-File -f"),
            (Nothing, "-Command -c -EncodedCommand"),
            (Folder, "-WorkingDirectory"),
            (
                Value,
                "-ExecutionPolicy -InputFormat -OutputFormat -ConfigurationName",
            ),
            // They take no word, and are no letters put together.
            (Elsewhere, "-NoProfile -NonInteractive -NoLogo -NoExit -Login"),
        ],
    ),
    script("tsx ts-node", MODULES),
    Interpreter {
        has_commands: true,
        ..script("bun", MODULES)
    },
    by_option(
        "awk gawk mawk nawk",
        &[
            (File, "-f --file -E --exec"),
            (Included, "-i --include"),
            (Value, "-v --assign -F --field-separator"),
        ],
    ),
    by_option(
        "sed gsed",
        &[(File, "-f --file"), (Value, "-e --expression -l --line-length")],
    ),
    by_option("at batch", &[(File, "-f"), (Value, "-q -t")]),
];

/// What stands behind the options of a program that starts another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// A command.
    Command,
    /// A command, or a file of a language that it knows.
    CommandOrFile,
    /// A shell's text, in one word or in several.
    Text,
}

/// A program that starts another one: how many words stand before that one, and its options.
pub(super) struct Wrapper {
    name: &'static str,
    pub(super) before: &'static [Meaning],
    pub(super) then: Then,
    pub(super) options: Options,
}

/// The program of a name that starts another one, and how many words that name has beside the first.
pub(super) fn wrapper(name: &str, next: Option<&str>) -> Option<(&'static Wrapper, usize)> {
    let with_next = next.map(|next| format!("{name} {next}"));
    let named = |name: &str| WRAPPERS.iter().find(|known| known.name == name);
    let longer = with_next.and_then(|name| named(&name)).map(|found| (found, 1));
    longer.or_else(|| named(name).map(|found| (found, 0)))
}

const fn plain(name: &'static str) -> Wrapper {
    starts(name, &[], &[])
}

const fn starts(name: &'static str, before: &'static [Meaning], options: Options) -> Wrapper {
    Wrapper {
        name,
        before,
        then: Then::Command,
        options,
    }
}

const fn reads(name: &'static str, then: Then, options: Options) -> Wrapper {
    Wrapper {
        name,
        before: &[],
        then,
        options,
    }
}

/// Of who logs in on the way to a command.
const LOGIN: Options = &[
    (Elsewhere, "- -l --login"),
    (NoOperand, "-u --user"),
    (Text, "-c --command --session-command"),
    (
        Value,
        "-s --shell -g --group -G --supp-group -w --whitelist-environment",
    ),
];

const WRAPPERS: [Wrapper; 62] = [
    starts(
        "env",
        &[],
        &[
            (Value, "-u --unset -a --argv0"),
            (Folder, "-C --chdir"),
            (Split, "-S --split-string"),
        ],
    ),
    starts(
        "sudo",
        &[],
        &[
            (
                Value,
                "-u -g -h -p -C -T -r -t -U --user --group --host --prompt --close-from --command-timeout --role --type --other-user",
            ),
            (Folder, "-D --chdir -R --chroot"),
            (Elsewhere, "-i --login"),
            (Nothing, "-e --edit -l --list -v --validate"),
        ],
    ),
    starts("doas", &[], &[(Value, "-u -C")]),
    starts("pkexec", &[], &[(Value, "--user")]),
    starts("gosu", &[Value], &[]),
    starts("su-exec", &[Value], &[]),
    starts("su", &[Value], LOGIN),
    starts("runuser", &[Value], LOGIN),
    starts("sg", &[Value], &[(Text, "-c")]),
    starts(
        "script",
        &[Value],
        &[
            (Text, "-c --command"),
            (
                Value,
                "-E --echo -I --log-in -O --log-out -B --log-io -T --log-timing -m --logging-format -o --output-limit",
            ),
        ],
    ),
    starts("timeout", &[Value], &[(Value, "-k -s --kill-after --signal")]),
    starts("nice", &[], &[(Value, "-n --adjustment")]),
    starts(
        "ionice",
        &[],
        &[
            (Value, "-c -n --class --classdata"),
            (Nothing, "-p -P -u --pid --pgid --uid"),
        ],
    ),
    plain("nohup"),
    plain("setsid"),
    starts("stdbuf", &[], &[(Value, "-i -o -e --input --output --error")]),
    starts("time", &[], &[(Value, "-f -o --format --output")]),
    starts(
        "flock",
        &[Value],
        &[
            (Value, "-w -E --timeout --wait --conflict-exit-code"),
            (Text, "-c --command"),
        ],
    ),
    starts(
        "chrt",
        &[Value],
        &[
            (Value, "-T -P -D --sched-runtime --sched-period --sched-deadline"),
            (Nothing, "-p -m --pid --max"),
        ],
    ),
    starts("taskset", &[Value], &[(Nothing, "-p --pid")]),
    starts("prlimit", &[], &[(Value, "-o --output"), (Nothing, "-p --pid")]),
    starts(
        "numactl",
        &[],
        &[(
            Value,
            "-i -p -m -w -N -C --interleave --preferred --membind --weighted-interleave --cpunodebind --physcpubind",
        )],
    ),
    // Its first word may be the name of an architecture, which starts commands as well.
    plain("setarch"),
    plain("linux32"),
    plain("linux64"),
    plain("i386"),
    plain("i686"),
    plain("x86_64"),
    plain("aarch64"),
    starts(
        "setpriv",
        &[],
        &[(
            Value,
            "--reuid --regid --groups --inh-caps --ambient-caps --bounding-set --securebits --pdeathsig --selinux-label --apparmor-profile --landlock-access --landlock-rule --ptracer --rlimit",
        )],
    ),
    starts(
        "unshare",
        &[],
        &[
            (
                Value,
                "-S -G -l --setuid --setgid --load-interp --map-user --map-group --map-users --map-groups --propagation --setgroups --monotonic --boottime",
            ),
            (Folder, "-w --wd -R --root"),
        ],
    ),
    starts("nsenter", &[], &[(Value, "-t -S -G --target --setuid --setgid")]),
    starts("chroot", &[Folder], &[(Value, "--userspec --groups")]),
    starts(
        "systemd-run",
        &[],
        &[
            (
                Value,
                "-u -p -E -M -H --unit --property --setenv --slice --uid --gid --nice --description --service-type --on-active --on-boot --on-calendar --timer-property --path-property --machine --host",
            ),
            (Folder, "--working-directory"),
            (Nothing, "-S --shell"),
        ],
    ),
    starts("systemd-inhibit", &[], &[(Value, "--what --who --why --mode")]),
    starts(
        "xargs",
        &[],
        &[(
            Value,
            "-I -n -P -L -d -s -a -E --max-args --max-procs --max-lines --delimiter --arg-file --max-chars",
        )],
    ),
    plain("busybox"),
    plain("toybox"),
    starts("exec", &[], &[(Value, "-a")]),
    starts("command", &[], &[(Nothing, "-v -V")]),
    plain("builtin"),
    starts("strace", &[], &[(Value, "-o -e -s -u -E -P -a -b -p")]),
    starts("ltrace", &[], &[(Value, "-o -e -s -u -a -p")]),
    plain("valgrind"),
    plain("fakeroot"),
    starts("faketime", &[Value], &[]),
    plain("unbuffer"),
    plain("tini"),
    plain("dumb-init"),
    starts("xvfb-run", &[], &[(Value, "-n -s -e -f -p -w")]),
    plain("poetry run"),
    plain("pipenv run"),
    plain("bundle exec"),
    starts("npx", &[], &[(Value, "-p --package"), (Text, "-c --call")]),
    reads(
        "uv run",
        Then::CommandOrFile,
        &[
            (
                Value,
                "-p --python --with --with-requirements --env-file --extra --group --package --project",
            ),
            (Folder, "--directory"),
            (Nothing, "-m --module"),
        ],
    ),
    reads("deno run", Then::CommandOrFile, &[(Value, "-c --config")]),
    reads("bun run", Then::CommandOrFile, &[]),
    reads("go run", Then::CommandOrFile, &[]),
    reads("eval", Then::Text, &[]),
    reads("trap", Then::Text, &[(Nothing, "-p -l")]),
    reads(
        "parallel",
        Then::Text,
        &[(
            Value,
            "-j -I -n -N -L -S -a --jobs --colsep --joblog --results --arg-file --sshlogin --timeout --retries --delay",
        )],
    ),
    reads("watch", Then::Text, &[(Value, "-n --interval")]),
];
