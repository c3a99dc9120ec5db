use proptest::prelude::*;

use super::*;

fn files(argv: &[&str]) -> Vec<String> {
    let words: Vec<Word<'_>> = argv.iter().map(|word| Some(*word)).collect();
    let run = run_by(&words).run.into_iter();
    run.map(|file| file.path).collect()
}

#[test]
fn what_may_not_be_carried_out_writes_nothing_for_certain() {
    let written = |text: &str| run_by(&[Some("sh"), Some("-c"), Some(text)]).written;
    for text in [
        "[ -e a.sh ] || echo x > a.sh",
        "true && echo x | tee a.sh",
        "if false; then echo x > a.sh; fi",
        "while read y; do echo x > a.sh; done",
        "for y in 1 2; do echo x > a.sh; done",
        "case $y in a) echo x > a.sh ;; esac",
        "f() { echo x > a.sh; }",
        "function f { echo x > a.sh; }",
        "[[ $HOME > a.sh ]]",
        "[ -e done ] && exit 0; echo x > a.sh",
        "false || sh -c 'echo x > a.sh'",
        "[ -e a.sh ] ||\n  echo x > a.sh",
        "false && # why\n\n echo x > a.sh",
        "xargs -I% sh -c 'echo > a.sh' < empty",
        "eval \"[ -e a.sh ] ||\necho x > a.sh\"",
        "trap 'echo x > a.sh' EXIT",
        "set -n; echo x > a.sh",
        "set -o noclobber; echo x > a.sh",
        "echo x > a.sh &",
    ] {
        assert_eq!(written(text), [""; 0], "{text}");
    }
    for text in [
        "[ -e b ] || exit 1; echo x > a.sh",
        "true && true; echo x > a.sh",
        "true &&\n true\necho x > a.sh",
        "set -euo pipefail\necho x > a.sh",
        "server & echo x > a.sh",
        "if true; then y; fi; echo x > a.sh",
        "case $y in a) z ;; esac; echo x > a.sh",
        "f() { y; }; echo x > a.sh",
        "cat > a.sh <<END\nx\nEND",
        "> a.sh",
        "echo x | tee a.sh",
        "(echo x > a.sh)",
        "y=$(true || false); echo x > a.sh",
    ] {
        assert_eq!(written(text), ["a.sh"], "{text}");
    }
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
        (&["env", "-S", "sh x.sh"], &["x.sh"]),
        (&["env", "-iS", "A=1 -C sub sh", "x.sh"], &["sub/x.sh"]),
        (&["env", "--split-string=./x.sh -v"], &["./x.sh"]),
        (&["env", "--chdir=sub", "sh", "x.sh"], &["sub/x.sh"]),
        (&["env", "-Csub", "./x.sh"], &["sub/./x.sh"]),
        (&["env", "BASH_ENV=./x.sh", "bash", "-c", "true"], &["./x.sh"]),
        (&["sudo", "-nu", "app", "-D", "sub", "./x.sh"], &["sub/./x.sh"]),
        (&["sudo", "-i", "./x.sh"], &[]),
        (&["sudo", "-e", "./x.sh"], &[]),
        (&["awk", "-F:", "-f", "x.awk", "./data"], &["x.awk"]),
        (&["gawk", "--file=x.awk", "-fy.awk", "data"], &["x.awk", "y.awk"]),
        (&["awk", "{ print }", "./data"], &[]),
        (&["sed", "-ni.bak", "-f", "x.sed", "./data"], &["x.sed"]),
        (&["sed", "-e", "s/a/b/", "./data"], &[]),
        (&["script", "-qc", "./x.sh", "out"], &["./x.sh"]),
        (&["script", "./out"], &[]),
        (&["su", "-c", "./x.sh", "app"], &["./x.sh"]),
        (&["su", "app", "-c", "./x.sh"], &["./x.sh"]),
        (&["su", "-", "app", "-c", "./x.sh"], &[]),
        (&["runuser", "-u", "app", "--", "./x.sh"], &["./x.sh"]),
        (&["runuser", "app", "--command=./x.sh"], &["./x.sh"]),
        (&["unshare", "-rn", "./x.sh"], &["./x.sh"]),
        (&["prlimit", "--nofile=9", "./x.sh"], &["./x.sh"]),
        (&["prlimit", "-p", "1", "./x.sh"], &[]),
        (&["chrt", "-f", "10", "./x.sh"], &["./x.sh"]),
        (&["taskset", "-c", "0-3", "sh", "x.sh"], &["x.sh"]),
        (&["setarch", "-R", "x86_64", "sh", "x.sh"], &["x.sh"]),
        (&["stdbuf", "-oL", "-e", "0", "./x.sh"], &["./x.sh"]),
        (&["ionice", "-c2", "-n", "7", "./x.sh"], &["./x.sh"]),
        (&["flock", "-w", "5", "lock", "./x.sh"], &["./x.sh"]),
        (&["flock", "lock", "-c", "./x.sh"], &["./x.sh"]),
        (&["setpriv", "--reuid", "1000", "./x.sh"], &["./x.sh"]),
        (
            &["systemd-run", "--working-directory=sub", "./x.sh"],
            &["sub/./x.sh"],
        ),
        (&["chroot", "sub", "./x.sh"], &["sub/./x.sh"]),
        (&["xargs", "-0I", "{}", "sh", "x.sh"], &["x.sh"]),
        (&["uv", "run", "--with", "x", "x.py"], &["x.py"]),
        (&["uv", "pip", "./x.sh"], &[]),
        (&["poetry", "run", "python", "x.py"], &["x.py"]),
        (&["ruby", "-C", "sub", "x.rb"], &["sub/x.rb"]),
        (&["ruby", "-S", "rake"], &[]),
        (&["php", "-S", "localhost:1", "-t", "public"], &[]),
        (&["julia", "-t", "4", "x.jl"], &["x.jl"]),
        (&["pwsh", "-NoProfile", "-File", "x.ps1"], &["x.ps1"]),
        (&["node", "--env-file", ".env", "x.js"], &["x.js"]),
        (
            &["sh", "-c", "sh \"$1\"; \"$0\" \"$@\"", "./x", "y.sh"],
            &["y.sh", "./x"],
        ),
        (&["sh", "-c", "\"$@\"", "x", "sh", "y.sh"], &["y.sh"]),
    ] {
        assert_eq!(files(argv), run, "{argv:?}");
    }
    assert!(run_by(&[Some("bash"), None, Some("x.sh")]).run.is_empty());
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
        ("bash <<< ./a.sh; cat <<< ./b.sh", &["./a.sh"]),
        ("bash <<END\n./a.sh\nEND\n./b.sh", &["./a.sh", "./b.sh"]),
        ("cat <<'END' | sudo bash -s x\n./a.sh\nEND\n", &["./a.sh"]),
        (
            "echo './a.sh; x' | sh; printf './b.sh\n' | sh",
            &["./a.sh", "./b.sh"],
        ),
        ("echo ./a.sh | tee b", &[]),
        (
            "python3 < a.py; python3 - < b.py; python3 c.py < d",
            &["a.py", "b.py", "c.py"],
        ),
        ("export BASH_ENV=a.sh; x", &["a.sh"]),
        ("trap 'x=1; ./a.sh' EXIT; trap - ERR", &["./a.sh"]),
        ("eval 'A=1 ./a.sh'; watch -n1 ./b.sh", &["./a.sh", "./b.sh"]),
        ("coproc ./a.sh; coproc X { ./b.sh; }", &["./a.sh", "./b.sh"]),
        ("BASH_ENV=a.sh bash -c true", &["a.sh"]),
        (
            "bash <(cat a.sh); source <(cat b.sh); sudo sh -e <(echo ./c.sh)",
            &["a.sh", "b.sh", "./c.sh"],
        ),
        (
            "eval \"$(cat a.sh)\"; bash -c \"$(<b.sh)\"; sh -c `cat c.sh`",
            &["a.sh", "b.sh", "c.sh"],
        ),
        ("python3 <(cat a.py); python3 <(echo ./b)", &["a.py"]),
        (
            "bash \"$x\" <(cat a); sh \"$(cat b)\"; diff <(cat c) <(cat d)",
            &[],
        ),
        ("eval \"$(cat a | tr b c)\"; eval \"$(ssh-agent)\"", &[]),
        ("bash -n a.sh; sh -nu b.sh; bash -nc ./c.sh; ruby -c d.rb", &[]),
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
        (
            "then case \"$x\" in\n  no/a|no/b) ./a;;\n  (no/c) (./b);& no/d) ./c\nesac; ./d | cat",
            &["./a", "./b", "./c", "./d"],
        ),
        ("(case x in no/a) ;; esac; ./a); ./b", &["./a", "./b"]),
        (
            "case a in no/x) case b in no/y) ./a;; esac; ./b;; no/z) ./c;; esac",
            &["./a", "./b", "./c"],
        ),
        (
            "(( no/2 > $(./a) )) && ./b; for ((i=0; i<no/2; i++)); do ./c; done",
            &["./a", "./b", "./c"],
        ),
        ("((cd sub; ./a); ./b)", &["sub/./a", "./b"]),
        ("'./quoted name.sh' x", &["./quoted name.sh"]),
        ("exec env ./x", &["./x"]),
        (
            "time { ./w; }; function f { ./x; }; function g() { ./y; }",
            &["./w", "./x", "./y"],
        ),
        ("cat > f <<EOF\n$(./x) `./y` ./no\nEOF", &["./x", "./y"]),
        ("cat > f <<'EOF'\n$(./no)\nEOF", &[]),
        ("cat <<A <<B\n$(./x)\nA\n$(./y)\nB\n./z", &["./x", "./y", "./z"]),
        ("x=${y:-$(./x)}; z=$(( $(./y) + 1 ))", &["./x", "./y"]),
        ("pushd sub; ./x; popd; ./y", &["sub/./x", "./y"]),
        (
            "cd -- sub; ./x; cd -P more; ./y; cd; ./z",
            &["sub/./x", "sub/more/./y"],
        ),
        ("a=(./no ./no2 $(./x)); echo ${#a[@]}", &["./x"]),
        ("\"$(pwd)/x\"; ${PWD}/y; $'./z'", &["./x", "./y", "./z"]),
    ] {
        assert_eq!(files(&["bash", "-c", text]), run, "{text}");
    }
}

#[test]
fn what_a_text_writes_before_it_runs_it_is_its_own() {
    for (text, run) in [
        ("cat > x.sh <<'E'\n./y.sh\nE\nchmod +x x.sh; ./x.sh", &[][..]),
        ("sh x.sh; echo y > x.sh; sh x.sh", &["x.sh"]),
        ("echo y >> ./x.sh && sh x.sh", &[]),
        ("echo y | sudo tee x.sh > /dev/null; ./x.sh", &[]),
        (
            "mkdir -p sub; (cd sub; echo y >x.sh); sh sub/x.sh; ./x.sh",
            &["./x.sh"],
        ),
        ("echo y > \"$f\"; ./x.sh 2>&1 >&-", &["./x.sh"]),
        ("make &> 2; ./2", &["./2"]),
        ("cd \"$d\"; echo y > x.sh; cd /; echo; sh /x.sh", &["/x.sh"]),
    ] {
        assert_eq!(files(&["bash", "-c", text]), run, "{text}");
    }
}

#[test]
fn a_name_may_be_a_file_or_something_else() {
    for (argv, is_sure) in [
        (&["sh", "deploy"][..], true),
        (&["bin/deploy"], true),
        (&["php", "artisan"], true),
        (&["bun", "test"], false),
        (&["bun", "x.ts"], true),
        (&["npx", "@scope/tool"], false),
        (&["uv", "run", "pytest"], false),
        (&["go", "run", "./cmd/x"], true),
        (&["sh", "-c", ". activate"], false),
        (&["sh", "-c", ". ./activate"], true),
        (&["gawk", "-i", "inplace", "{ print }", "f"], false),
        (&["find", ".", "-exec", "sh", "{}", ";"], false),
    ] {
        let words: Vec<Word<'_>> = argv.iter().map(|word| Some(*word)).collect();
        let sure: Vec<bool> = run_by(&words).run.iter().map(|file| file.is_sure).collect();
        assert_eq!(sure, [is_sure], "{argv:?}");
    }
    for argv in [["go", "run", "example.com/x@latest"], ["deno", "run", "npm:x"]] {
        assert!(files(&argv).is_empty(), "{argv:?}");
    }
    assert!(run_by_variable("LD_PRELOAD", "libx.so.2").run.is_empty());
    assert!(!run_by_variable("ENV", "prod").run[0].is_sure);
}

#[test]
fn what_variables_name_is_run() {
    for (name, value, run) in [
        ("BASH_ENV", "./x.sh", &["./x.sh"][..]),
        ("BASH_ENV", "$PWD/x.sh", &["./x.sh"]),
        ("ENV", "x.sh", &["x.sh"]),
        ("GIT_SSH_COMMAND", "sh x.sh -v", &["x.sh"]),
        ("NODE_OPTIONS", "--require=./x.js --import y", &["./x.js"]),
        ("EDITOR", "vi", &[]),
        ("CONFIG", "./x.sh", &[]),
    ] {
        let found = run_by_variable(name, value).run.into_iter();
        let found: Vec<String> = found.map(|file| file.path).collect();
        assert_eq!(found, run, "{name}={value}");
    }
}

#[test]
fn a_text_as_deep_as_it_likes_is_read() {
    let deep = "${x:-".repeat(20_000) + "$(./x)";
    assert!(files(&["sh", "-c", &deep]).is_empty());
    let deep = "$(".repeat(2_000) + "./x";
    assert!(files(&["sh", "-c", &deep]).is_empty());
    let long = "./x".repeat(1_000);
    let mut many = vec!["sh", "-c", "$@ $1$1$1$@"];
    many.extend(std::iter::repeat_n(long.as_str(), 1_000));
    assert_eq!(files(&many).len(), 1);
}

proptest! {
    /// Pieces of the language and of commands in any order.
    #[test]
    fn any_text_is_read(pieces in prop::collection::vec(0_usize..PIECES.len(), 0..40)) {
        let text: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
        files(&["sh", "-c", &text, "é", "./x"]);
        let words: Vec<&str> = text.split(' ').collect();
        files(&words);
    }
}

const PIECES: [&str; 37] = [
    " ",
    "\n",
    ";",
    "|",
    "(",
    ")",
    "{ ",
    "}",
    "\"",
    "'",
    "`",
    "$(",
    "${",
    "$1",
    "$@",
    "$PWD",
    "<<E",
    "<<<",
    "<",
    ">",
    "\\",
    "E",
    "=",
    "env -S",
    " -C",
    " --",
    "-é",
    "su - ",
    "bash -c ",
    "cat ./a",
    "trap ",
    "coproc ",
    "case x in ",
    "esac",
    ";;",
    "((",
    "))",
];
