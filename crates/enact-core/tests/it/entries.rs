//! Entries on the wire: what is written is read back, and what is edited is noticed.

use enact_core::journal::{Entry, Fact, verify_chain};
use serde_json::Value;

use crate::facts::{about_a_change, about_the_run, chained};

fn every_fact() -> Vec<Fact> {
    let changes = about_a_change().into_iter().map(|(_, fact)| fact);
    about_the_run().into_iter().chain(changes).collect()
}

#[test]
fn an_entry_of_every_kind_is_read_as_it_was_written() {
    let entries = chained(every_fact());
    let text = serde_json::to_string(&entries).unwrap();
    let read: Vec<Entry> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, entries);
    verify_chain(&read).unwrap();
}

#[test]
fn an_entry_with_a_field_nobody_knows_is_refused() {
    for entry in chained(every_fact()) {
        let mut value = serde_json::to_value(&entry).unwrap();
        value["surprise"] = Value::from(1);
        let error = serde_json::from_value::<Entry>(value).unwrap_err().to_string();
        assert!(
            error.contains("unknown field `surprise`"),
            "{:?}: {error}",
            entry.fact
        );
    }
}

/// Replaces one leaf of a value at a time.
fn edits(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => {
            let each = items
                .iter()
                .enumerate()
                .flat_map(|(index, item)| edits(item).into_iter().map(move |edit| (index, edit)));
            each.map(|(index, edit)| {
                let mut copy = value.clone();
                copy[index] = edit;
                copy
            })
            .collect()
        }
        Value::Object(fields) => {
            let each = fields
                .iter()
                .flat_map(|(key, item)| edits(item).into_iter().map(move |edit| (key.clone(), edit)));
            each.map(|(key, edit)| {
                let mut copy = value.clone();
                copy[&key] = edit;
                copy
            })
            .collect()
        }
        Value::Null => vec![Value::from(0)],
        Value::Bool(flag) => vec![Value::from(!flag)],
        Value::Number(_) => vec![Value::from(7_000)],
        Value::String(text) => vec![Value::from(format!("{text}0"))],
    }
}

#[test]
fn any_value_edited_in_a_journal_is_noticed() {
    let entries = chained(every_fact());
    let value = serde_json::to_value(&entries).unwrap();
    let mut noticed = 0;
    for edited in edits(&value) {
        // What is no entry any more is not even read.
        if let Ok(read) = serde_json::from_value::<Vec<Entry>>(edited) {
            assert!(verify_chain(&read).is_err(), "{read:?}");
            noticed += 1;
        }
    }
    assert!(noticed > 100, "only {noticed} edits could be read");
}
