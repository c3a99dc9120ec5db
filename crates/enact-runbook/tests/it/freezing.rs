//! The same runbook is the same plan, however it is written; another runbook is another plan.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::Value;

use crate::kit::{MIGRATION, compiled, options, scripts};

fn id(text: &str) -> String {
    compiled(text, &options(), &scripts())
        .draft
        .freeze()
        .unwrap()
        .id()
        .to_string()
}

/// The document with its keys in another order, in another style.
fn written(value: &Value, seed: &mut u64, depth: usize, out: &mut String) {
    let mut next = || {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) as usize
    };
    let pad = "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() && next() % 3 > 0 => {
            let mut entries: Vec<_> = fields.iter().collect();
            let shift = next() % entries.len();
            entries.rotate_left(shift);
            for (key, value) in entries {
                out.push_str(&format!("\n{pad}# a comment\n{pad}{key}:"));
                written(value, seed, depth + 1, out);
            }
        }
        Value::Array(items) if !items.is_empty() && next() % 3 > 0 => {
            for item in items {
                out.push_str(&format!("\n{pad}-  "));
                written(item, seed, depth + 2, out);
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {
            out.push_str(&format!(" {value}"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn order_and_style_do_not_matter(seed in any::<u64>()) {
        let value: Value = serde_saphyr::from_str(MIGRATION).unwrap();
        let mut text = String::new();
        // The first mapping is always in block style.
        for (key, value) in value.as_object().unwrap() {
            text.push_str(&format!("\n{key}:"));
            written(value, &mut { seed }, 1, &mut text);
        }
        prop_assert_eq!(id(&text), id(MIGRATION));
    }
}

#[test]
fn every_change_of_meaning_is_another_plan() {
    let changes = [
        (
            "chunk_rows: { type: integer, default: 5000",
            "chunk_rows: { type: integer, default: 5001",
        ),
        ("title: Schema analysis", "title: Schema analyses"),
        ("default_timeout: 10m", "default_timeout: 11m"),
        ("statement_timeout=600000", "statement_timeout=600001"),
        ("from: \"env:PG_URL\"", "from: \"env:PG_URL2\""),
        ("Every row of users is moved", "Every row of users is copied"),
        ("answer: \"app\"", "answer: \"public\""),
        (
            "at: [approve, start, \"before:target\"]",
            "at: [start, \"before:target\"]",
        ),
        (
            "expect: { stdout: { equals: \"0\" } }",
            "expect: { stdout: { equals: \"1\" } }",
        ),
        (
            "scripts/convert-schema.sh, --out, schema.sql]",
            "scripts/convert-schema.sh, --out, schema2.sql]",
        ),
        (
            "effect: read\n    estimate: 10m",
            "effect: write\n    estimate: 10m",
        ),
        ("estimate: 15m\n", "estimate: 16m\n"),
        ("json: \"$.count\"", "json: \"$.counts\""),
        ("repeat: keyed", "repeat: never"),
        ("timeout: 25m", "timeout: 26m"),
        (
            "on_failure: rollback\n    rollback: { exec",
            "on_failure: stop\n    rollback: { exec",
        ),
        ("scripts/migrate.sh, --undo", "scripts/migrate.sh, --undo-all"),
        ("retry: { attempts: 30", "retry: { attempts: 31"),
        ("tolerance: 10% }\n    rollback", "tolerance: 11% }\n    rollback"),
        ("finally:", "x-note: 1\nfinally:"),
        ("limit: 30m, estimate: 15m", "limit: 31m, estimate: 15m"),
        ("mode: ask", "mode: auto"),
        ("point_of_no_return: cutover", "point_of_no_return: migrate"),
        ("right: 1800000", "right: 1800001"),
        ("expires: 24h", "expires: 25h"),
        ("roles: [dba]", "roles: [dba, sre]"),
        ("level: high", "level: low"),
        ("satisfies: [R1, R2]", "satisfies: [R1]"),
        ("[Maintenance mode on,", "[Maintenance mode really on,"),
    ];
    let mut seen = HashSet::from([id(MIGRATION)]);
    for (from, to) in changes {
        let text = MIGRATION.replacen(from, to, 1);
        assert_ne!(text, MIGRATION, "{from} is not in the sample");
        let free = to.starts_with("x-note");
        assert_eq!(seen.insert(id(&text)), !free, "{from} → {to}");
    }
}

#[test]
fn the_content_of_a_pinned_file_is_part_of_the_plan() {
    let plain = compiled(MIGRATION, &options(), &scripts()).draft;
    let mut files = scripts();
    files
        .0
        .insert("scripts/migrate.sh".to_owned(), b"#!/bin/sh\nrm -rf /\n".to_vec());
    let changed = compiled(MIGRATION, &options(), &files).draft;
    let hash = |draft: &enact_core::plan::PlanDraft, id: &str| {
        let change = draft
            .changes
            .iter()
            .find(|change| change.change_id.as_str() == id)
            .unwrap();
        change.spec.as_ref().unwrap()["step_hash"].clone()
    };
    assert_ne!(hash(&plain, "migrate"), hash(&changed, "migrate"));
    assert_eq!(hash(&plain, "cutover"), hash(&changed, "cutover"));
    assert_ne!(plain.freeze().unwrap().id(), changed.freeze().unwrap().id());
}

#[test]
fn prose_alone_leaves_the_hash_of_what_is_executed() {
    let hash =
        |text: &str| compiled(text, &options(), &scripts()).draft.document.unwrap()["exec_hash"].clone();
    let prose = MIGRATION.replacen("title: Schema analysis", "title: Another title", 1);
    assert_eq!(hash(MIGRATION), hash(&prose));
    let executed = MIGRATION.replacen("--out, schema.sql", "--out, other.sql", 1);
    assert_ne!(hash(MIGRATION), hash(&executed));
}
