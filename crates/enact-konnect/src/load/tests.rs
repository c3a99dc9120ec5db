//! The loader as a whole: texts in, `Desired` or faults out.

mod faults;
mod files;
mod properties;
mod success;

use std::collections::BTreeMap;

use enact_core::diagnostic::{Diagnostic, Severity};

use super::*;

/// A fixed environment.
struct Variables(BTreeMap<&'static str, &'static str>);

impl Environment for Variables {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).map(ToString::to_string)
    }
}

fn variables() -> Variables {
    Variables(BTreeMap::from([
        ("TITLE", "From outside"),
        ("EMPTY", ""),
        ("JSON", r#"{"portal": {"name": "dev", "list": [1]}}"#),
        ("BROKEN", "{"),
    ]))
}

fn options() -> LoadOptions {
    LoadOptions {
        kinds: KINDS,
        ..LoadOptions::default()
    }
}

fn load_with(yaml: &str, options: &LoadOptions) -> Result<Desired, Vec<Diagnostic>> {
    load(&[Source::Stdin(yaml.as_bytes().to_vec())], options, &variables())
}

/// Loads what must be sound.
fn sound(yaml: &str) -> Desired {
    load_with(yaml, &options()).unwrap_or_else(|faults| panic!("{:#?}", render(&faults)))
}

/// `file:line:column+length: summary — detail (hint)`, one per fault.
fn render(faults: &[Diagnostic]) -> Vec<String> {
    faults.iter().map(render_one).collect()
}

fn render_one(fault: &Diagnostic) -> String {
    let mut line = String::new();
    if let Some(place) = &fault.place {
        line.push_str(&place.file);
        if let Some(position) = place.position {
            line.push_str(&format!(
                ":{}:{}+{}",
                position.line, position.column, place.length
            ));
        }
        line.push_str(": ");
    }
    if fault.severity == Severity::Warning {
        line.push_str("warning: ");
    }
    line.push_str(&fault.summary);
    if let Some(detail) = &fault.detail {
        line.push_str(&format!(" — {detail}"));
    }
    if let Some(hint) = &fault.hint {
        line.push_str(&format!(" ({hint})"));
    }
    line
}

/// The faults of a text on standard input, without the file name.
#[track_caller]
fn refused(yaml: &str, expected: &[&str]) {
    refused_with(yaml, &options(), expected);
}

#[track_caller]
fn refused_with(yaml: &str, options: &LoadOptions, expected: &[&str]) {
    let faults = match load_with(yaml, options) {
        Ok(desired) => panic!("was accepted: {desired:#?}"),
        Err(faults) => faults,
    };
    let lines = render(&faults);
    let lines: Vec<&str> = lines
        .iter()
        .map(|line| line.strip_prefix("<stdin>:").unwrap_or(line))
        .collect();
    assert_eq!(lines, expected);
}
