//! Policies that are made to exhaust memory, time or the stack when they are evaluated: each is a denial within its time,
//! this process survives and does not grow, and the next question is answered by a fresh process.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use enact_engine::policy::asking::Ask as _;
use enact_engine::policy::bundle::{Bundle, BundleFile};
use enact_engine::policy::evaluate::{Answer, Detail, Failure};
use enact_engine::policy::process::{Isolated, WorkerProgram};
use enact_engine::policy::query::Question;
use serde_json::json;

/// The time of an action, what reading and writing may take beyond it, and a start on a busy machine.
const AT_MOST: Duration = Duration::from_secs(1 + 3 + 10);

/// Two policy processes of two gigabytes at once are too many for a small machine, and children are counted here.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

fn worker() -> WorkerProgram {
    WorkerProgram {
        program: PathBuf::from(env!("CARGO_BIN_EXE_enact")),
        arguments: vec!["policy-worker".into()],
    }
}

/// A bundle whose `deny` does this when the input says `bad`, and nothing otherwise.
fn isolated(body: &str) -> Isolated {
    let text = format!(
        "package kubernetes_executor.safety\nallow := true\ndeny contains \"yes\" if {{ input.bad; hurt }}\n{body}\n"
    );
    let file = BundleFile {
        path: "a.rego".to_owned(),
        text,
    };
    let bundle = Bundle::new("hostile", vec![file]).unwrap();
    match Isolated::load(worker(), &bundle, 1) {
        Ok((isolated, _)) => isolated,
        Err(faults) => panic!("{body}: {faults:?}"),
    }
}

fn good() -> Answer {
    Answer {
        outputs: [("allow".to_owned(), json!(true)), ("deny".to_owned(), json!([]))].into(),
        ..Answer::default()
    }
}

/// Children of this process that run a policy worker.
fn children() -> Vec<u32> {
    let me = std::process::id().to_string();
    let found = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.to_owned();
        let command = std::fs::read(entry.path().join("cmdline")).ok()?;
        // A child that was killed and not collected has no command line any more.
        let is_worker = command.is_empty() || command.windows(13).any(|part| part == b"policy-worker");
        (parent == me && is_worker).then_some(id)
    });
    found.collect()
}

/// Other tests of this process have children too, which are nobody's for a moment when they end: only one that stays was left.
fn nothing_is_left() {
    for _ in 0..200 {
        if children().is_empty() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(children(), Vec::<u32>::new(), "processes are left");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Asks for what hurts, then for what does not.
fn hurts(name: &str, body: &str) -> Failure {
    let isolated = isolated(body);
    let started = Instant::now();
    let failure = match isolated.ask(Question::Action, "{\"bad\": true}".to_owned(), Detail::EveryRule) {
        Err(failure) => failure,
        Ok(answer) => panic!("{name}: {answer:?}"),
    };
    let took = started.elapsed();
    assert!(took < AT_MOST, "{name} took {took:?}: {failure}");
    let next = isolated.ask(
        Question::Action,
        "{\"bad\": false}".to_owned(),
        Detail::Objections,
    );
    assert_eq!(next, Ok(good()), "after {name}");
    drop(isolated);
    failure
}

/// Doubles something forty or sixty times, a rule each.
fn doubled(start: &str, step: &str, times: usize) -> String {
    let rules: Vec<String> = (0..times)
        .map(|at| format!("x{} := {}\n", at + 1, step.replace('$', &format!("x{at}"))))
        .collect();
    format!("x0 := {start}\n{}", rules.concat())
}

/// Says that this process runs one test alone.
const ONE_TEST: &str = "ENACT_TEST_ALONE";

#[expect(clippy::disallowed_methods, reason = "it is not a setting of the program")]
fn is_alone() -> bool {
    std::env::var_os(ONE_TEST).is_some()
}

#[test]
fn what_exhausts_a_policy_process_denies_and_the_next_question_is_answered() {
    let _alone = alone();
    // How much a process grows is asked of one in which no other test runs.
    if !is_alone() {
        let name = "policy_hostile::what_exhausts_a_policy_process_denies_and_the_next_question_is_answered";
        let ended = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(ONE_TEST, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(
            ended.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&ended.stderr)
        );
        return;
    }
    exhausting_policies();
}

fn exhausting_policies() {
    let shared = doubled("[\"a\"]", "[$, $]", 60);
    let cases = [
        ("a range that nobody can hold", "hurt if count(numbers.range(1, 1000000000000000000)) > 1".to_owned()),
        ("a range that fits and is long", "hurt if count(numbers.range(1, 1000000000)) > 1".to_owned()),
        ("a stepped range", "hurt if count(numbers.range_step(1, 1000000000000000000, 1)) > 1".to_owned()),
        ("a width of ten digits", "hurt if sprintf(\"%9999999999d\", [1]) != \"\"".to_owned()),
        ("a width of nine digits", "hurt if concat(\"\", [sprintf(\"%999999999d\", [1]), sprintf(\"%999999998d\", [1]), sprintf(\"%999999997d\", [1])]) != \"\"".to_owned()),
        ("a precision", "hurt if sprintf(\"%.999999999f\", [1.5]) != \"\"".to_owned()),
        ("a shift", "hurt if sprintf(\"%v\", [bits.lsh(1, 4000000000)]) != \"\"".to_owned()),
        ("a product", format!("{}hurt if x40 > 1", doubled("99999999999999999999", "$ * $", 40))),
        ("a text twice as long each time", format!("{}hurt if x40 != \"\"", doubled("\"aaaaaaaa\"", "concat(\"\", [$, $])", 40))),
        ("a text eight times as long each time", format!("{}hurt if x40 != \"\"", doubled("\"aaaaaaaa\"", "replace($, \"a\", \"aaaaaaaa\")", 40))),
        ("shared parts, compared", format!("{shared}{}hurt if x60 == y60", shared.replace('x', "y"))),
        ("shared parts, printed", format!("{shared}hurt if sprintf(\"%v\", [x60]) != \"\"")),
        ("shared parts, written", format!("{shared}hurt if json.marshal(x60) != \"\"")),
        ("all addresses there are", "hurt if count(net.cidr_expand(\"0.0.0.0/0\")) > 1".to_owned()),
        ("all long addresses there are", "hurt if count(net.cidr_expand(\"::/0\")) > 1".to_owned()),
        ("an exponent", "hurt if units.parse(\"1e99999999\") > 1".to_owned()),
        ("three loops", "n := numbers.range(1, 3000)\nhurt if { some x in n; some y in n; some z in n; x + y + z == 0 }".to_owned()),
        ("every in every", "n := numbers.range(1, 3000)\nhurt if { every x in n { every y in n { every z in n { x + y + z > 0 } } } }".to_owned()),
        ("a walk across a walk", "n := [[x, y] | some x in numbers.range(1, 300); some y in numbers.range(1, 300)]\nhurt if { walk(n, [p, v]); walk(n, [q, w]); p == q; v != w }".to_owned()),
        ("prints without end", "hurt if { some x in numbers.range(1, 100000000); print(x, \"aaaaaaaaaaaaaaaaaaaaaaaaaaaa\"); false }".to_owned()),
        ("an empty text that is counted", "hurt if strings.count(\"aaa\", \"\") > 100".to_owned()),
        ("a sum beyond all numbers", "hurt if { print(sum([1e308, 1e308])); false }".to_owned()),
        ("deep JSON", "hurt if json.unmarshal(concat(\"\", [x | some i in numbers.range(1, 100000); x := \"[\"]))".to_owned()),
        ("a pattern that is too large", "hurt if regex.match(\"((a{1000}){1000}){1000}\", \"a\")".to_owned()),
        ("a year that does not exist", "hurt if time.add_date(9223372036854775807, 1, 1, 1) > 0".to_owned()),
    ];
    // What is allocated once (threads, buffers) does not count as growth.
    hurts("a first one", "hurt if to_number(\"no\") == 1");
    let before = resident_kib();
    for (name, body) in &cases {
        hurts(name, body);
    }
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 64 * 1024, "this process grew by {grown} KiB");
    nothing_is_left();
}

#[test]
fn how_a_policy_process_ended_is_told() {
    let _alone = alone();
    let text = doubled("\"aaaaaaaa\"", "concat(\"\", [$, $])", 40);
    let memory = hurts("memory", &format!("{text}hurt if x40 != \"\""));
    assert!(
        matches!(memory, Failure::Lost { .. } | Failure::Timeout { .. }),
        "{memory:?}"
    );
    // One comparison of two values of 2^60 parts that share them: no step in it at which the engine looks at its clock.
    let shared = doubled("[\"a\"]", "[$, $]", 60);
    let time = hurts(
        "time",
        &format!("{shared}{}hurt if x60 == y60", shared.replace('x', "y")),
    );
    assert_eq!(
        time,
        Failure::Timeout {
            limit: Duration::from_secs(1)
        }
    );
    let inside = hurts("inside", "hurt if { print(sum([1e308, 1e308])); false }");
    assert!(
        matches!(inside, Failure::Lost { .. } | Failure::Evaluation { .. }),
        "{inside:?}"
    );
}

/// Asks one bundle with an input that makes its rule answer.
fn answer(body: &str) -> Result<Answer, Failure> {
    isolated(body).ask(Question::Action, "{\"bad\": true}".to_owned(), Detail::EveryRule)
}

#[test]
fn an_answer_that_is_too_long_when_written_out_denies() {
    let _alone = alone();
    let shared = doubled("[\"a\"]", "[$, $]", 60);
    for body in [
        format!("{shared}deny contains x60\nhurt := true"),
        "deny contains sprintf(\"%8000000d\", [1])\nhurt := true".to_owned(),
        "deny contains i if some i in numbers.range(1, 900000)\nhurt := true".to_owned(),
    ] {
        match answer(&body) {
            Err(Failure::TooLarge | Failure::Timeout { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    // Long as a whole through many rules, each of which is short enough.
    let long: Vec<String> = (0..20)
        .map(|at| format!("deny contains sprintf(\"%1000000d\", [{at}])\n"))
        .collect();
    assert_eq!(
        answer(&format!("{}hurt := true", long.concat())),
        Err(Failure::TooLarge)
    );
}

#[test]
fn odd_texts_come_back_as_texts() {
    let _alone = alone();
    let odd = "deny contains base64.decode(\"//79/A==\")\ndeny contains \"a\\u0000\\u001b[31m\\u202e\"\nhurt := true";
    let answer = answer(odd).unwrap();
    let members = answer.outputs["deny"].as_array().unwrap();
    assert!(
        members.contains(&json!("a\u{0}\u{1b}[31m\u{202e}")),
        "{members:?}"
    );
    assert!(
        members.contains(&json!("\u{fffd}\u{fffd}\u{fffd}\u{fffd}")),
        "{members:?}"
    );
}

#[test]
fn a_source_of_very_many_rules_is_loaded_or_given_up() {
    let _alone = alone();
    let rules: Vec<String> = (0..19_990)
        .map(|at| format!("deny contains \"{at}\" if input.x\n"))
        .collect();
    let text = format!(
        "package kubernetes_executor.safety\nallow := true\n{}",
        rules.concat()
    );
    let file = BundleFile {
        path: "a.rego".to_owned(),
        text,
    };
    let bundle = Bundle::new("wide", vec![file]).unwrap();
    let started = Instant::now();
    // It may be loaded or given up, but it ends.
    let loaded = Isolated::load(worker(), &bundle, 1);
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
    drop(loaded);
    nothing_is_left();
}
