//! A plan as a graph: steps, what each needs, where the run waits for a person.

use std::collections::HashMap;

use enact_core::change::{Change, ChangeId, Effect};

use crate::spec::Document;

/// A form of graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For Markdown that shows Mermaid.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// For a terminal.
    Text,
}

/// One step as the graph shows it.
struct Step<'c> {
    change: &'c Change,
    number: usize,
    label: String,
    waits: bool,
    always: bool,
}

/// The graph of a plan's changes.
pub fn graph(changes: &[Change], document: &Document, form: Form) -> String {
    let steps: Vec<Step<'_>> = changes
        .iter()
        .enumerate()
        .map(|(index, change)| Step {
            change,
            number: index + 1,
            label: format!("{}. {}", index + 1, change.resource_name),
            waits: change
                .handling
                .as_ref()
                .is_some_and(|handling| !handling.holds.is_empty()),
            always: change.handling.as_ref().is_some_and(|handling| handling.always),
        })
        .collect();
    let numbers: HashMap<&ChangeId, usize> = steps
        .iter()
        .map(|step| (&step.change.change_id, step.number))
        .collect();
    match form {
        Form::Mermaid => mermaid(&steps, &numbers),
        Form::Dot => dot(document, &steps, &numbers),
        Form::Text => text(document, &steps, &numbers),
    }
}

/// The steps that one needs, by number.
fn needed(step: &Step<'_>, numbers: &HashMap<&ChangeId, usize>) -> Vec<usize> {
    let needed = step.change.depends_on.iter();
    let mut needed: Vec<usize> = needed.filter_map(|id| numbers.get(id).copied()).collect();
    needed.sort_unstable();
    needed
}

fn mermaid(steps: &[Step<'_>], numbers: &HashMap<&ChangeId, usize>) -> String {
    let mut lines = vec!["flowchart TD".to_owned()];
    for step in steps {
        let label = format!("\"{}\"", entities(&step.label));
        let shape = match step.change.effect {
            Effect::Read => format!("([{label}])"),
            Effect::Write => format!("[{label}]"),
            Effect::Destroy => format!("{{{{{label}}}}}"),
        };
        lines.push(format!("  n{}{shape}", step.number));
        if step.waits {
            lines.push(format!("  w{0}{{\"a person confirms\"}} --> n{0}", step.number));
        }
    }
    for step in steps {
        let target = if step.waits { "w" } else { "n" };
        for from in needed(step, numbers) {
            lines.push(format!("  n{from} --> {target}{}", step.number));
        }
    }
    let always: Vec<String> = steps
        .iter()
        .filter(|step| step.always)
        .map(|step| format!("n{}", step.number))
        .collect();
    if !always.is_empty() {
        lines.push(format!(
            "  classDef always stroke-dasharray: 5 5\n  class {} always",
            always.join(",")
        ));
    }
    lines.join("\n") + "\n"
}

/// Text within a label of Mermaid, which reads HTML and `#…;` there.
fn entities(text: &str) -> String {
    let mut safe = String::new();
    for character in text.chars() {
        match character {
            '"' => safe.push_str("#quot;"),
            '#' => safe.push_str("#35;"),
            '<' => safe.push_str("#lt;"),
            '>' => safe.push_str("#gt;"),
            '&' => safe.push_str("#amp;"),
            '`' => safe.push_str("#96;"),
            other if other.is_control() => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

fn dot(document: &Document, steps: &[Step<'_>], numbers: &HashMap<&ChangeId, usize>) -> String {
    let mut lines = vec![
        format!("digraph {} {{", escaped(&document.name)),
        "  node [shape=box];".to_owned(),
    ];
    for step in steps {
        let shape = match step.change.effect {
            Effect::Read => ", shape=ellipse",
            Effect::Write => "",
            Effect::Destroy => ", shape=octagon",
        };
        let style = if step.always { ", style=dashed" } else { "" };
        lines.push(format!(
            "  n{} [label={}{shape}{style}];",
            step.number,
            escaped(&step.label)
        ));
        if step.waits {
            lines.push(format!(
                "  w{0} [label=\"a person confirms\", shape=diamond];\n  w{0} -> n{0};",
                step.number
            ));
        }
    }
    for step in steps {
        let target = if step.waits { "w" } else { "n" };
        for from in needed(step, numbers) {
            lines.push(format!("  n{from} -> {target}{};", step.number));
        }
    }
    lines.push("}".to_owned());
    lines.join("\n") + "\n"
}

fn escaped(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|next| if next.is_control() { ' ' } else { next })
        .collect();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn text(document: &Document, steps: &[Step<'_>], numbers: &HashMap<&ChangeId, usize>) -> String {
    let mut lines = vec![document.title.clone()];
    for step in steps {
        if step.waits {
            lines.push("     (a person confirms)".to_owned());
        }
        let mut marks: Vec<String> = Vec::new();
        match step.change.effect {
            Effect::Read => marks.push("only looks".to_owned()),
            Effect::Write => {}
            Effect::Destroy => marks.push("destroys".to_owned()),
        }
        if step.always {
            marks.push("in any case".to_owned());
        }
        let needed: Vec<String> = needed(step, numbers).iter().map(ToString::to_string).collect();
        if !needed.is_empty() {
            marks.push(format!("after {}", needed.join(", ")));
        }
        let marks = if marks.is_empty() {
            String::new()
        } else {
            format!("  [{}]", marks.join("; "))
        };
        lines.push(format!(
            "{:>3}. {}{marks}",
            step.number, step.change.resource_name
        ));
    }
    lines.join("\n") + "\n"
}
