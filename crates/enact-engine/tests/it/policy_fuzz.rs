//! Sources made out of others: the default policies, those of the specification and the kept corpus in
//! `tests/corpus/policy/`, with bytes, words and lines changed, repeated and spliced. Compiling one never panics and never
//! takes long; one that compiles is asked, and answers or fails in time.
//!
//! A few seconds in every run of the tests. For longer, and from another beginning:
//!
//! ```text
//! ENACT_FUZZ_SECONDS=600 ENACT_FUZZ_SEED=7 cargo test -p enact-engine --test it policy_fuzz -- --nocapture
//! ```
//!
//! What fails is written to the corpus as `found-….rego` and fails every run from then on, until it is mended.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use enact_core::canonical::Digest;
use enact_engine::policy::bundle::{Bundle, BundleFile};
use enact_engine::policy::compile::{Compiled, Scope, on_large_stack};
use enact_engine::policy::evaluate::{Detail, Evaluator, Failure};
use enact_engine::policy::query::QUERIES;

/// The longest source that is made.
const MAX_SOURCE: usize = 4096;

/// How long scanning, parsing and checking one may take.
const COMPILE_TIME: Duration = Duration::from_secs(2);

/// How long one question may take by the engine's own clock, and by ours.
const ASK_TIME: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(20);

/// What can hang or exhaust this process, for there is nobody to kill it: sources with one of these are compiled only. The
/// tests of the binary ask such policies in a process of its own.
const UNBOUNDED: &[&str] = &[
    "numbers.range",
    "cidr_expand",
    "sprintf",
    "concat",
    "replace",
    "json.",
    "bits.",
    "units.",
    "format_int",
    "product",
    "sum",
    "strings.count",
    "regex",
    "glob",
    "walk",
    "*",
    "graph",
    "time.",
    "semver",
];

const WORDS: &[&str] = &[
    "deny",
    "warn",
    "allow",
    "contains",
    "if",
    "else",
    "default",
    "some",
    "every",
    "in",
    "not",
    "with",
    "as",
    "import",
    "package",
    "data",
    "input",
    "data.enact.plan",
    "true",
    "null",
    "set()",
    "set(",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "|",
    "&",
    ":=",
    "=",
    "==",
    "!=",
    "<",
    ",",
    ";",
    ":",
    ".",
    "_",
    "\n",
    "\"",
    "`",
    "#",
    "\\",
    "0",
    "-1",
    "1e9",
    "\"a\"",
    "[x |",
    "{x |",
    "{x: y |",
    "x",
    "y",
    "count(",
    "object.get(",
    "is_null(",
    "input.plan.changes",
    "future.keywords",
    "rego.v1",
    "\u{e9}",
    "\r\n",
    "\t",
    "-",
    "+",
    "/",
    "%",
];

const INPUT: &str = "{\"plan\": {\"changes\": [{\"action\": \"DELETE\", \"change_id\": \"a\"}, {\"action\": \"CREATE\"}], \"metadata\": {}}, \
                     \"action\": \"ScaleDeployment\", \"pods\": [], \"target_replicas\": 0, \"x\": 1, \"p\": \"plan\"}";

/// SplitMix64: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % (end.max(1) as u64)).unwrap()
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/policy")
}

/// The kept sources first, by name; then the default policies.
fn seeds() -> Vec<String> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(corpus())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "rego"))
        .collect();
    paths.sort();
    let mut seeds: Vec<String> = paths
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    assert!(seeds.len() >= 15, "the corpus is not there");
    let shipped = enact_engine::policy::default::bundle();
    seeds.extend(
        shipped
            .policies()
            .map(|file| file.text.chars().take(MAX_SOURCE).collect()),
    );
    seeds
}

/// The words and marks of a text, as byte ranges.
fn tokens(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found: Vec<std::ops::Range<usize>> = Vec::new();
    let mut in_word = false;
    for (at, letter) in text.char_indices() {
        let is_word = letter.is_alphanumeric() || letter == '_';
        match found.last_mut() {
            Some(last) if in_word && is_word => last.end = at + letter.len_utf8(),
            _ if letter == ' ' => {}
            _ => found.push(at..at + letter.len_utf8()),
        }
        in_word = is_word;
    }
    found
}

fn change(dice: &mut Dice, text: &str, seeds: &[String]) -> String {
    let tokens = tokens(text);
    if tokens.is_empty() {
        return dice.of(seeds).clone();
    }
    let (first, second) = (dice.of(&tokens).clone(), dice.of(&tokens).clone());
    let (start, end) = (first.start.min(second.start), first.end.max(second.end));
    let put =
        |at: std::ops::Range<usize>, new: &str| format!("{}{new}{}", &text[..at.start], &text[at.end..]);
    match dice.below(9) {
        0 => put(first, WORDS[dice.below(WORDS.len())]),
        1 => put(first.start..first.start, &format!("{} ", dice.of(WORDS))),
        2 => put(first, ""),
        3 => put(first, &text[second]),
        4 if end - start < 200 => put(start..end, ""),
        5 if end - start < 400 => put(end..end, &text[start..end]),
        6 => {
            let other = dice.of(seeds);
            let from = other
                .char_indices()
                .map(|(at, _)| at)
                .nth(dice.below(other.len()))
                .unwrap_or(0);
            format!("{}{}", &text[..first.start], &other[from..])
        }
        7 => {
            let mut lines: Vec<&str> = text.lines().collect();
            let (a, b) = (dice.below(lines.len()), dice.below(lines.len()));
            lines.swap(a, b);
            lines.join("\n")
        }
        _ => {
            let mut bytes = text.as_bytes().to_vec();
            let at = dice.below(bytes.len());
            bytes[at] = u8::try_from(dice.roll() % 128).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        }
    }
}

/// What became of one source.
enum Ended {
    Refused,
    Compiled,
    Asked,
    Wrong(String),
}

fn try_one(text: &str) -> Ended {
    let file = BundleFile {
        path: "a.rego".to_owned(),
        text: text.to_owned(),
    };
    let Ok(bundle) = Bundle::new("fuzz", vec![file]) else {
        return Ended::Refused;
    };
    let started = Instant::now();
    let compiled = Compiled::load(&bundle, Scope::Policies);
    let took = started.elapsed();
    if took > COMPILE_TIME {
        return Ended::Wrong(format!("compiling took {took:?}"));
    }
    let compiled = match compiled {
        Ok(compiled) => compiled,
        Err(faults) if faults.iter().any(|fault| fault.summary.contains("failed inside")) => {
            return Ended::Wrong("the compiler panicked".to_owned());
        }
        Err(_) => return Ended::Refused,
    };
    if UNBOUNDED.iter().any(|name| text.contains(name)) {
        return Ended::Compiled;
    }
    let mut evaluator = Evaluator::new(compiled).within(ASK_TIME);
    for query in QUERIES {
        let asked = on_large_stack(|| evaluator.ask(query.question, INPUT, Detail::EveryRule));
        match asked {
            Err(lost) => return Ended::Wrong(format!("evaluation: {lost}")),
            Ok(Ok(answer)) if answer.outputs.is_empty() => return Ended::Wrong("an empty answer".to_owned()),
            Ok(
                Ok(_)
                | Err(
                    Failure::Evaluation { .. }
                    | Failure::Timeout { .. }
                    | Failure::TooLarge
                    | Failure::Undefined { .. },
                ),
            ) => {}
            Ok(Err(other)) => return Ended::Wrong(format!("another failure: {other:?}")),
        }
    }
    Ended::Asked
}

/// A thread that tries sources one by one.
fn tester() -> (Sender<String>, Receiver<Ended>) {
    let (give, taken) = channel::<String>();
    let (done, ended) = channel();
    std::thread::spawn(move || {
        for text in taken {
            if done.send(try_one(&text)).is_err() {
                return;
            }
        }
    });
    (give, ended)
}

fn environment(name: &str) -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long to search is said from outside, by whoever runs the tests"
    )]
    let text = std::env::var(name).ok()?;
    text.parse().ok()
}

#[test]
fn sources_made_of_others_are_refused_or_answer_in_time() {
    let time = Duration::from_secs(environment("ENACT_FUZZ_SECONDS").unwrap_or(5));
    let seed = environment("ENACT_FUZZ_SEED").unwrap_or(1);
    let (mut dice, seeds) = (Dice(seed), seeds());
    let mut kept = seeds.clone();
    let (mut give, mut ended) = tester();
    let (mut tried, mut compiled, mut asked, mut wrong) = (0_usize, 0_usize, 0_usize, Vec::new());
    let started = Instant::now();
    while started.elapsed() < time || tried < seeds.len() {
        let mut text = match seeds.get(tried) {
            Some(seed) => seed.clone(),
            None => {
                let mut text = dice.of(&kept).clone();
                for _ in 0..=dice.below(4) {
                    text = change(&mut dice, &text, &seeds);
                }
                text.chars().take(MAX_SOURCE / 2).collect()
            }
        };
        text.truncate(text.floor_char_boundary(MAX_SOURCE));
        give.send(text.clone()).unwrap();
        tried += 1;
        let fault = match ended.recv_timeout(PATIENCE) {
            Ok(Ended::Refused) => None,
            Ok(Ended::Compiled) => {
                compiled += 1;
                None
            }
            Ok(Ended::Asked) => {
                asked += 1;
                // What compiles is worth going on from; not too many of them.
                if kept.len() < 4000 {
                    kept.push(text.clone());
                } else {
                    let at = seeds.len() + dice.below(kept.len() - seeds.len());
                    kept[at].clone_from(&text);
                }
                None
            }
            Ok(Ended::Wrong(what)) => Some(what),
            Err(RecvTimeoutError::Timeout) => {
                (give, ended) = tester();
                Some("it hangs".to_owned())
            }
            Err(RecvTimeoutError::Disconnected) => {
                (give, ended) = tester();
                Some("the engine panicked".to_owned())
            }
        };
        if let Some(what) = fault {
            let name = Digest::of(text.as_bytes()).to_string();
            let name: String = name.chars().rev().take(12).collect();
            std::fs::write(corpus().join(format!("found-{name}.rego")), &text).unwrap();
            wrong.push(format!("found-{name}.rego: {what}"));
            assert!(wrong.len() < 20, "seed {seed}, after {tried}: {wrong:#?}");
        }
    }
    println!(
        "seed {seed}: {tried} sources in {:?}, {compiled} compiled only, {asked} asked as well",
        started.elapsed()
    );
    assert!(wrong.is_empty(), "seed {seed}, of {tried}: {wrong:#?}");
}
