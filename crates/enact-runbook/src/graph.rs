//! A plan as a graph: steps, what each needs, where the run waits for a person.

use std::collections::HashMap;

use enact_core::change::{Change, ChangeId, Effect};

use crate::numbers::numbered;
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
    /// Its place among all, from 1: what makes the names of nodes unique.
    node: usize,
    /// The number of its step, as everywhere else.
    number: u32,
    label: String,
    waits: bool,
    always: bool,
}

/// The graph of a plan's changes.
pub fn graph(changes: &[Change], document: &Document, form: Form) -> String {
    let steps: Vec<Step<'_>> = (1..)
        .zip(changes.iter().zip(numbered(changes, document)))
        .map(|(node, (change, step))| Step {
            change,
            node,
            number: step.number,
            label: format!("{}. {}", step.number, in_one_line(&step.title)),
            waits: change
                .handling
                .as_ref()
                .is_some_and(|handling| !handling.holds.is_empty()),
            always: change.handling.as_ref().is_some_and(|handling| handling.always),
        })
        .collect();
    let by_id: ById<'_> = steps.iter().map(|step| (&step.change.change_id, step)).collect();
    match form {
        Form::Mermaid => mermaid(&steps, &by_id),
        Form::Dot => dot(document, &steps, &by_id),
        Form::Text => text(document, &steps, &by_id),
    }
}

/// The steps by the change that each of them is.
type ById<'s> = HashMap<&'s ChangeId, &'s Step<'s>>;

/// The steps that one needs, in the order of the plan.
fn needed<'s>(step: &Step<'_>, by_id: &ById<'s>) -> Vec<&'s Step<'s>> {
    let needed = step.change.depends_on.iter();
    let mut needed: Vec<&Step<'_>> = needed.filter_map(|id| by_id.get(id).copied()).collect();
    needed.sort_unstable_by_key(|step| step.node);
    needed
}

/// What a step comes after, for people: other steps by number, those that share its own number by id.
fn after(step: &Step<'_>, by_id: &ById<'_>) -> Vec<String> {
    let (same, others): (Vec<_>, Vec<_>) = needed(step, by_id)
        .into_iter()
        .partition(|needed| needed.number == step.number);
    let mut numbers: Vec<u32> = others.iter().map(|needed| needed.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let ids = same.iter().map(|needed| needed.change.change_id.to_string());
    numbers.iter().map(ToString::to_string).chain(ids).collect()
}

fn mermaid(steps: &[Step<'_>], by_id: &ById<'_>) -> String {
    let mut lines = vec!["flowchart TD".to_owned()];
    for step in steps {
        let label = format!("\"{}\"", entities(&step.label));
        let shape = match step.change.effect {
            Effect::Read => format!("([{label}])"),
            Effect::Write => format!("[{label}]"),
            Effect::Destroy => format!("{{{{{label}}}}}"),
        };
        lines.push(format!("  n{}{shape}", step.node));
        if step.waits {
            lines.push(format!("  w{0}{{\"a person confirms\"}} --> n{0}", step.node));
        }
    }
    for step in steps {
        let target = if step.waits { "w" } else { "n" };
        for from in needed(step, by_id) {
            lines.push(format!("  n{} --> {target}{}", from.node, step.node));
        }
    }
    let always: Vec<String> = steps
        .iter()
        .filter(|step| step.always)
        .map(|step| format!("n{}", step.node))
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

fn dot(document: &Document, steps: &[Step<'_>], by_id: &ById<'_>) -> String {
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
            step.node,
            escaped(&step.label)
        ));
        if step.waits {
            lines.push(format!(
                "  w{0} [label=\"a person confirms\", shape=diamond];\n  w{0} -> n{0};",
                step.node
            ));
        }
    }
    for step in steps {
        let target = if step.waits { "w" } else { "n" };
        for from in needed(step, by_id) {
            lines.push(format!("  n{} -> {target}{};", from.node, step.node));
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

fn text(document: &Document, steps: &[Step<'_>], by_id: &ById<'_>) -> String {
    let mut lines = vec![in_one_line(&document.title)];
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
        let after = after(step, by_id);
        if !after.is_empty() {
            marks.push(format!("after {}", after.join(", ")));
        }
        let marks = if marks.is_empty() {
            String::new()
        } else {
            format!("  [{}]", marks.join("; "))
        };
        let indent = if step.number < 10 {
            "  "
        } else if step.number < 100 {
            " "
        } else {
            ""
        };
        lines.push(format!("{indent}{}{marks}", step.label));
    }
    lines.join("\n") + "\n"
}

/// No title passes for another line.
fn in_one_line(title: &str) -> String {
    let lines: Vec<&str> = title.split(['\n', '\r']).map(str::trim).collect();
    lines.join(" ")
}
