//! What approvers say: every phrasing that counts, and many that must not.

use enact_core::change::{ChangeId, Milliseconds};
use enact_core::condition::Condition;
use enact_core::condition::say::{Why, understand};
use enact_core::condition::step::StepName;
use enact_core::condition::structured;
use proptest::prelude::*;

fn steps() -> Vec<StepName> {
    vec![
        StepName::new(1, "count", "Count the rows"),
        StepName::new(2, "schema", "Create the schema"),
        StepName::new(3, "copy", "Copy the data"),
        StepName {
            last: ChangeId("4:c:portal:b".to_owned()),
            ..StepName::new(4, "portals", "Make the portals")
        },
        StepName::new(5, "skip-old", "Copy and skip old rows, then stop"),
        StepName::new(6, "migrate", "Switch over"),
        StepName::new(7, "Twin", "Tidy up"),
        StepName::new(8, "last", "Tidy up"),
    ]
}

fn now() -> jiff::Timestamp {
    "2026-11-20T18:00:00Z".parse().unwrap()
}

/// What was understood, in words; or why not.
fn said(sentence: &str) -> Result<Vec<String>, Why> {
    let steps = steps();
    match understand(sentence, &steps, now()) {
        Ok(said) => Ok(said
            .conditions
            .iter()
            .map(|condition| condition.in_words(&steps))
            .collect()),
        Err(refused) => {
            let text = refused.to_string();
            assert!(text.starts_with("E_CONDITION_UNPARSED: "), "{text}");
            assert!(
                !refused.hint.is_empty(),
                "{sentence:?} is refused without a way out"
            );
            Err(refused.why)
        }
    }
}

#[test]
fn what_is_said_in_the_known_words_is_understood() {
    let table: &[(&str, &[&str])] = &[
        ("proceed", &[]),
        ("Proceed.", &[]),
        ("go ahead", &[]),
        ("APPROVED!", &[]),
        ("ok", &[]),
        ("yes", &[]),
        ("LGTM", &[]),
        ("ok, go ahead", &[]),
        ("Yes, proceed", &[]),
        (
            "Proceed, but confirm before Step 6",
            &["confirm before step 6 (migrate)"],
        ),
        (
            "proceed but confirm before step migrate",
            &["confirm before step 6 (migrate)"],
        ),
        ("ok confirm before step 6", &["confirm before step 6 (migrate)"]),
        (
            "confirm before step \"Switch over\"",
            &["confirm before step 6 (migrate)"],
        ),
        (
            "confirm before step “switch OVER”",
            &["confirm before step 6 (migrate)"],
        ),
        (
            "confirm before step 'Copy and skip old rows, then stop'",
            &["confirm before step 5 (skip-old)"],
        ),
        (
            "confirm before step MIGRATE",
            &["confirm before step 6 (migrate)"],
        ),
        ("ask before step 2", &["confirm before step 2 (schema)"]),
        ("check with me before step 2", &["confirm before step 2 (schema)"]),
        ("pause before step 2", &["confirm before step 2 (schema)"]),
        ("stop before step 2", &["confirm before step 2 (schema)"]),
        ("checkpoint before step 2", &["confirm before step 2 (schema)"]),
        ("confirm after step 2", &["confirm after step 2 (schema)"]),
        ("pause after step 4", &["confirm after step 4 (portals)"]),
        ("stop after step 3", &["nothing after step 3 (copy)"]),
        ("only up to step 3", &["nothing after step 3 (copy)"]),
        ("yes, only up to step copy", &["nothing after step 3 (copy)"]),
        ("confirm every step", &["confirm before every step but the first"]),
        ("step by step", &["confirm before every step but the first"]),
        (
            "proceed, step by step",
            &["confirm before every step but the first"],
        ),
        (
            "not before 2026-11-20T22:00:00Z",
            &["not before 2026-11-20T22:00:00Z"],
        ),
        (
            "by 2026-11-21T02:00:00+01:00",
            &["nothing starts from 2026-11-21T01:00:00Z on"],
        ),
        (
            "only between 2026-11-20T22:00:00Z and 2026-11-21T02:00:00Z and step by step",
            &[
                "only between 2026-11-20T22:00:00Z and 2026-11-21T02:00:00Z",
                "confirm before every step but the first",
            ],
        ),
        ("within 30m", &["at most 30m of work"]),
        ("within 90 minutes", &["at most 1h30m of work"]),
        ("within 1 hour 30 minutes", &["at most 1h30m of work"]),
        ("stop if it takes longer than 1h30m", &["at most 1h30m of work"]),
        ("at most 10 minutes downtime", &["at most 10m of downtime"]),
        ("at most 90s downtime", &["at most 1m30s of downtime"]),
        ("dry run only", &["dry run only"]),
        ("Dry-run only.", &["dry run only"]),
        (
            "let dana@example confirm step 6",
            &["ssh:dana@example confirms before step 6 (migrate)"],
        ),
        (
            "let role dba confirm step 6",
            &["somebody with role dba confirms before step 6 (migrate)"],
        ),
        (
            "let os:eva confirm step migrate",
            &["os:eva confirms before step 6 (migrate)"],
        ),
        (
            "Approved, confirm before step 2, confirm after step 3, and stop after step 4",
            &[
                "confirm before step 2 (schema)",
                "confirm after step 3 (copy)",
                "nothing after step 4 (portals)",
            ],
        ),
        (
            "pause before step 2 then pause before step 3",
            &["confirm before step 2 (schema)", "confirm before step 3 (copy)"],
        ),
        (
            "lgtm, within 1h, and at most 5m downtime",
            &["at most 1h of work", "at most 5m of downtime"],
        ),
    ];
    for (sentence, expected) in table {
        let expected: Vec<String> = expected.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(said(sentence), Ok(expected), "{sentence:?}");
    }
}

#[test]
fn what_is_not_understood_completely_is_no_yes() {
    let table: &[(&str, Why)] = &[
        ("", Why::Empty),
        ("  .", Why::Empty),
        ("proceed?", Why::Question),
        ("yes, but why does step 3 copy everything?", Why::Question),
        ("should I say yes ?", Why::Question),
        ("no", Why::Negation),
        ("not yet", Why::Negation),
        ("yes and no", Why::Negation),
        ("don't", Why::Negation),
        ("Don’t proceed", Why::Negation),
        ("do not proceed", Why::Negation),
        ("proceed, but not step 6", Why::Negation),
        ("ok, wait", Why::Negation),
        ("never", Why::Negation),
        ("yes, reject it", Why::Negation),
        ("proceed but skip step 3", Why::ChangesPlan),
        ("skip step 3", Why::ChangesPlan),
        ("yes, but use pg_dump rather than copy", Why::ChangesPlan),
        ("yes, also do a backup", Why::ChangesPlan),
        ("proceed, instead of step 3 restore the dump", Why::ChangesPlan),
        ("proceed without step 3", Why::ChangesPlan),
        ("go ahead unless it rains", Why::ChangesPlan),
        ("confirm before step 9", Why::Step),
        ("confirm before step \"Tidy up\"", Why::Step),
        ("stop after step mirgate", Why::Step),
        ("not before 22:00", Why::Time),
        ("not before tomorrow", Why::Time),
        ("not before 2026-11-20T22:00:00", Why::Time),
        ("not before 2026-11-21T22:00:00+25:00", Why::Time),
        ("by dana", Why::Time),
        ("by 2026-11-19T00:00:00Z", Why::Past),
        (
            "only between 2026-11-18T22:00:00Z and 2026-11-19T02:00:00Z",
            Why::Past,
        ),
        (
            "only between 2026-11-21T22:00:00Z and 2026-11-21T02:00:00Z",
            Why::Order,
        ),
        ("confirm before 6", Why::Words),
        ("confirm before step", Why::Step),
        ("confirm", Why::Words),
        ("stop", Why::Words),
        ("step 6", Why::Words),
        ("proceed and", Why::Words),
        ("proceed,", Why::Words),
        ("and confirm before step 6", Why::Words),
        ("confirm before step 6 and", Why::Words),
        ("confirm before step 6 confirm before step 7", Why::Words),
        ("confirm before step 3 and 6", Why::Words),
        ("confirm before step 3 and step 6", Why::Words),
        ("confirm before step \"Switch over", Why::Words),
        ("confirm before step 6 and proceed", Why::Words),
        ("within 0s", Why::Words),
        ("within 30", Why::Words),
        ("within a while", Why::Words),
        ("within 99999999999999999999 hours", Why::Words),
        ("at most 10m", Why::Words),
        ("at most 10m of pain", Why::Words),
        ("let me confirm step 6", Why::Words),
        ("let somebody confirm step 6", Why::Words),
        ("let dana confirm", Why::Words),
        ("ja", Why::Words),
        ("oui, vas-y", Why::Words),
        ("yes, aber confirm before step 6", Why::Words),
        ("да", Why::Words),
        ("好的", Why::Words),
        ("proceed 👍", Why::Words),
        ("\"proceed\"", Why::Words),
        ("proceed; drop table approvals", Why::ChangesPlan),
        ("yes please", Why::Words),
        ("ok boss", Why::Words),
        ("looks good", Why::Words),
        ("confirm before every step", Why::Words),
    ];
    for (sentence, why) in table {
        let found = said(sentence);
        let is_step = *why == Why::Step && found == Err(Why::Words);
        assert!(
            found == Err(*why) || is_step,
            "{sentence:?}: {found:?}, not {why:?}"
        );
    }
}

#[test]
fn the_structured_form_says_the_same() {
    let steps = steps();
    let good: &[(&str, &str)] = &[
        ("checkpoint_before=migrate", "confirm before step 6 (migrate)"),
        ("checkpoint-before = 6", "confirm before step 6 (migrate)"),
        ("checkpoint_after=portals", "confirm after step 4 (portals)"),
        (
            "checkpoint_between_steps",
            "confirm before every step but the first",
        ),
        ("stop_after=Copy the data", "nothing after step 3 (copy)"),
        (
            "not_before=2026-11-20T22:00:00Z",
            "not before 2026-11-20T22:00:00Z",
        ),
        (
            "not_after=2026-11-20T22:00:00Z",
            "nothing starts from 2026-11-20T22:00:00Z on",
        ),
        (
            "window=2026-11-20T22:00:00Z/2026-11-20T23:00:00Z",
            "only between 2026-11-20T22:00:00Z and 2026-11-20T23:00:00Z",
        ),
        ("max_duration=30m", "at most 30m of work"),
        ("max_downtime=10m", "at most 10m of downtime"),
        ("dry_run_only", "dry run only"),
        (
            "second_approver=migrate,role:dba",
            "somebody with role dba confirms before step 6 (migrate)",
        ),
        (
            "extra_check=migrate,{\"run\": \"true\"}",
            "a further check before step 6 (migrate): {\"run\":\"true\"}",
        ),
    ];
    for (text, expected) in good {
        let condition = structured::read(text, &steps).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(condition.in_words(&steps), *expected, "{text}");
    }
    for text in [
        "",
        "skip=migrate",
        "checkpoint_before",
        "checkpoint_before=nine",
        "checkpoint_before=Tidy up",
        "dry_run_only=no",
        "checkpoint_between_steps=false",
        "max_duration=",
        "max_duration=0s",
        "max_duration=10",
        "not_before=22:00",
        "not_before=2026-11-20T22:00:00+24:00",
        "window=2026-11-20T22:00:00Z",
        "window=2026-11-20T23:00:00Z/2026-11-20T22:00:00Z",
        "second_approver=migrate",
        "second_approver=migrate,me",
        "extra_check=migrate,true",
        "extra_check=migrate",
    ] {
        assert!(structured::read(text, &steps).is_err(), "{text:?} was accepted");
    }
    let limit = Condition::MaxDuration {
        limit: Milliseconds(1_500),
    };
    assert_eq!(limit.to_string(), "at most 1s500ms of work");
}

#[test]
fn a_quoted_text_is_a_title_first() {
    let steps = [
        StepName::new(1, "one", "The first"),
        StepName::new(2, "two", "4"),
        StepName::new(3, "three", "Two"),
        StepName::new(4, "four", "three times"),
        StepName::new(5, "five", "Five"),
    ];
    let understood = |sentence: &str| {
        understand(sentence, &steps, now()).map(|said| said.conditions[0].change_id().unwrap().to_string())
    };
    for (step, found) in [
        ("\"4\"", "two"),
        ("4", "four"),
        ("two", "two"),
        ("\"one\"", "one"),
        ("\"five\"", "five"),
        ("\"5\"", "five"),
    ] {
        let sentence = format!("confirm before step {step}");
        assert_eq!(understood(&sentence).unwrap(), found, "{sentence}");
        let structured = structured::read(&format!("checkpoint_before={step}"), &steps).unwrap();
        assert_eq!(structured.change_id().unwrap().as_str(), found, "{step}");
    }
    let refused = understood("confirm before step \"two\"").unwrap_err();
    assert!(
        refused
            .hint
            .contains("\"two\" is the title of step 3 (three) and the id of step 2 (two)"),
        "{}",
        refused.hint
    );
    assert!(structured::read("stop_after=\"two\"", &steps).is_err());
}

#[test]
fn a_refused_time_says_what_is_wrong_with_it() {
    let refused = |sentence: &str| understand(sentence, &steps(), now()).unwrap_err();
    let past = refused("by 2026-11-19T00:00:00Z");
    assert_eq!(
        past.to_string(),
        "E_CONDITION_UNPARSED: this time is past: \"2026-11-19T00:00:00Z\""
    );
    assert_eq!(past.hint, "name a time after now, 2026-11-20T18:00:00Z");
    let none = refused("not before tomorrow");
    assert_eq!(
        none.to_string(),
        "E_CONDITION_UNPARSED: this is not a time: \"tomorrow\""
    );
    assert!(none.hint.contains("2026-11-21T22:00:00Z"), "{}", none.hint);
    let structured = structured::read("not_before=22:00", &steps()).unwrap_err();
    assert_eq!(
        structured.to_string(),
        "condition not_before needs a time like 2026-11-21T22:00:00Z, not \"22:00\""
    );
}

/// Words of the grammar, of its surroundings, and of nothing at all.
fn word() -> impl Strategy<Value = String> {
    let known = [
        "proceed",
        "yes",
        "go",
        "ahead",
        "ok",
        "confirm",
        "ask",
        "check",
        "with",
        "me",
        "pause",
        "stop",
        "before",
        "after",
        "step",
        "6",
        "3",
        "migrate",
        "\"Switch over\"",
        "every",
        "by",
        "only",
        "up",
        "to",
        "not",
        "between",
        "and",
        ",",
        "then",
        "but",
        "within",
        "30m",
        "2",
        "hours",
        "at",
        "most",
        "downtime",
        "dry",
        "run",
        "let",
        "role",
        "dba",
        "dana@example",
        "if",
        "it",
        "takes",
        "longer",
        "than",
        "2026-11-21T22:00:00Z",
        "skip",
        "don't",
        "?",
        "'",
        "“",
    ];
    prop_oneof![
        9 => proptest::sample::select(known.to_vec()).prop_map(ToOwned::to_owned),
        1 => "\\PC{0,8}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn soups_of_words_never_panic(words in proptest::collection::vec(word(), 0..12)) {
        let _understood = understand(&words.join(" "), &steps(), now());
    }

    #[test]
    fn any_text_never_panics(text in "\\PC{0,60}") {
        let _understood = understand(&text, &steps(), now());
        let _read = structured::read(&text, &steps());
    }

    #[test]
    fn a_sentence_with_an_unknown_word_is_never_accepted(
        words in proptest::collection::vec(word(), 0..8),
        place in 0_usize..9,
        unknown in "[a-z]{3,9}zq",
    ) {
        let mut words: Vec<String> = words.into_iter().filter(|word| !word.contains(['"', '\'', '“', '„', '‘'])).collect();
        // A name may stand after `let` and `step`; anywhere else an unknown word is one too many.
        let place = place.min(words.len());
        let named = place.checked_sub(1).and_then(|before| words.get(before));
        prop_assume!(named.is_none_or(|word| !["let", "role"].contains(&word.to_lowercase().as_str())));
        words.insert(place, unknown);
        prop_assert!(understand(&words.join(" "), &steps(), now()).is_err(), "{words:?}");
    }

    #[test]
    fn a_known_sentence_with_a_word_too_many_is_refused(extra in "[a-z]{2,8}", place in 0_usize..7) {
        let known = ["proceed", ",", "but", "confirm", "before", "step", "6"];
        let grammar = ["ok", "yes", "lgtm", "and", "but", "then", "proceed", "approved"];
        prop_assume!(!grammar.contains(&extra.as_str()));
        let mut words = known.to_vec();
        words.insert(place, &extra);
        prop_assert!(understand(&words.join(" "), &steps(), now()).is_err(), "{words:?}");
    }
}
