//! What protects the reader: sizes, depth, encodings.

use crate::kit::{errors, options, with_steps};
use enact_runbook::files::MemoryFiles;
use enact_runbook::{Source, compile};
use proptest::prelude::*;

fn sound() -> String {
    with_steps("  - { id: a, title: Say hello, exec: [echo] }")
}

fn faults(content: &[u8]) -> Vec<String> {
    let source = Source {
        name: "a.plan.yaml".to_owned(),
        content: content.to_vec(),
    };
    match compile(&source, &options(), &MemoryFiles::default(), None) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(crate::kit::shown).collect(),
    }
}

#[test]
fn a_document_beyond_the_limit_is_refused_unread() {
    let found = faults(&vec![b'#'; (10 << 20) + 1]);
    assert_eq!(
        found,
        [
            "- the document has more than 10485760 bytes (no longer one is read; keep data in files of their own, or split the runbook with `plan` steps)"
        ]
    );
}

#[test]
fn marks_and_line_ends_of_other_systems_are_taken() {
    let plain = sound();
    let id = |text: &str| {
        let source = crate::kit::source(text);
        let compiled = compile(&source, &options(), &MemoryFiles::default(), None).unwrap();
        compiled.draft.freeze().unwrap().id().clone()
    };
    assert_eq!(id(&plain), id(&format!("\u{feff}{plain}")));
    assert_eq!(id(&plain), id(&plain.replace('\n', "\r\n")));
}

#[test]
fn what_is_no_single_text_document_is_refused() {
    for (content, expected) in [
        (b"\xff\xfe".to_vec(), "- the document is not UTF-8 from byte 0 on"),
        (b"a: \0".to_vec(), "1:4 the file contains a NUL character"),
        (b"# nothing\n".to_vec(), "- the document is empty"),
        (
            format!("{}---\na: b\n", sound()).into_bytes(),
            "a second YAML document begins here",
        ),
        (
            sound()
                .replace("title: Small", "title: Small\ntitle: Large")
                .into_bytes(),
            "5:1 the key `title` is used twice in this mapping",
        ),
        (b"[".repeat(1000), "nest too deep here"),
        (b"[".repeat(100), "nest deeper than 64 levels"),
        (b"- a\n".to_vec(), "a runbook: expected a mapping, found a list"),
        (
            sound().replace("Small", "!env X").into_bytes(),
            "4:8 the tag `!env` means nothing in a runbook",
        ),
    ] {
        let found = faults(&content);
        assert!(
            found.iter().any(|fault| fault.contains(expected)),
            "{expected}: {found:?}"
        );
    }
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut bomb = sound() + "x-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for level in 1..9 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("x-{level}: &a{level} [{items}]\n"));
    }
    assert!(errors(&bomb)[0].contains("aliases of this file expand too far"));
}

#[test]
fn too_many_steps_are_refused_before_they_are_read() {
    let steps: String = (0..10_001)
        .map(|n| format!("  - {{ id: s{n}, title: T t, exec: [x] }}\n"))
        .collect();
    assert_eq!(
        errors(&with_steps(&steps))[0],
        "7:1 more than 10000 steps (split the runbook)"
    );
}

#[test]
fn a_thousand_steps_are_checked_in_linear_time() {
    let text = |count: usize| {
        let steps: String = (0..count)
            .map(|n| {
                let before = n.saturating_sub(1);
                let value = if n == 0 { "0".to_owned() } else { format!("${{{{ steps.s{before}.outputs.n }}}}") };
                format!("  - id: s{n}\n    title: Step number {n}\n    exec: [work, \"{value}\"]\n    outputs: {{ n: {{ type: integer }} }}\n    verify: [{{ exec: [look] }}]\n")
            })
            .collect();
        with_steps(&steps).replace(
            "title: Small",
            "title: Small\nsettings: { max_plan_steps: 10000 }",
        )
    };
    let time = |count: usize| {
        let text = text(count);
        let begin = std::time::Instant::now();
        assert!(crate::kit::report(&text).compiled.is_some());
        begin.elapsed()
    };
    time(100);
    let (small, large) = (time(200), time(1600));
    println!("200 steps: {small:?}, 1600 steps: {large:?}");
    assert!(large < small * 30, "{small:?} {large:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_damage_to_a_document_makes_the_reader_panic(
        cuts in proptest::collection::vec((any::<proptest::sample::Index>(), "[\\PC\n]{0,6}", 0_usize..6), 1..6),
    ) {
        let mut text: Vec<char> = crate::format::EVERYTHING.chars().collect();
        for (place, put, taken) in cuts {
            let start = place.index(text.len());
            let end = (start + taken).min(text.len());
            text.splice(start..end, put.chars());
        }
        let text: String = text.into_iter().collect();
        for fault in errors(&text) {
            prop_assert!(!fault.is_empty());
        }
    }
}
