//! `for_each` of a check: the list it looks at, and `item` while the rest of the check is read. What happens with it when the
//! check is run is in `provider/each.rs`.

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::{Body, Span};
use serde_json::Value;

use crate::expression::{Type, is_template};
use crate::reading::{Node, Reading, Slot};
use crate::spec::{CheckSpec, Text};

/// The most items that one check looks at. More is a job for a command, which can say what it found in one go.
pub(crate) const MOST_ITEMS: usize = 100;

/// The rule that faults of `for_each` stand under.
const FOR_EACH: &str = "E_FOR_EACH";

/// What `item` is while a check with `for_each` is read.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) value_type: Type,
    /// Has something asked for it?
    pub(crate) used: std::cell::Cell<bool>,
}

impl Reading<'_> {
    /// Reads the list of a check; from here to [`Self::end_each`] `item` has a value.
    pub(crate) fn begin_each(&mut self, node: &Node) -> Option<Value> {
        let found = self.items(node);
        // A faulty list is one fault, not one for each `item` as well.
        let value_type = found.as_ref().map_or(Type::Json, |(_, value_type)| *value_type);
        self.scope.item = Some(Item {
            value_type,
            used: std::cell::Cell::new(false),
        });
        found.map(|(list, _)| list)
    }

    /// Puts the list into the check that was read. One that looks at the same thing again and again is a fault.
    pub(crate) fn end_each(
        &mut self,
        span: Span,
        list: Option<Value>,
        check: Option<CheckSpec>,
    ) -> Option<CheckSpec> {
        let used = self.scope.item.take().is_some_and(|item| item.used.get());
        let check = check?;
        if !used {
            let fault = Diagnostic::error("`for_each` without `item`: each look would be the same")
                .hint("write `${{ item }}` where the entry of the list belongs");
            self.finding(FOR_EACH, span, fault);
            return None;
        }
        Some(CheckSpec {
            for_each: Some(list?),
            ..check
        })
    }

    /// The list in its frozen form, and the type of its items.
    fn items(&mut self, node: &Node) -> Option<(Value, Type)> {
        let (list, value_type) = match &node.body {
            Body::Sequence(items) => self.written_items(items)?,
            Body::Scalar { .. } | Body::Mapping(_) | Body::Special(_) | Body::Faulty => {
                self.computed_items(node)?
            }
        };
        if let Some(why) = list.as_array().and_then(|items| refused(items.len())) {
            self.finding(FOR_EACH, node.span, why);
            return None;
        }
        Some((list, value_type))
    }

    fn written_items(&mut self, nodes: &[Node]) -> Option<(Value, Type)> {
        let mut items = Vec::new();
        let mut common = None;
        for node in nodes {
            let (item, found) = self.typed_json(node, Slot::Items)?;
            common = Some(common.map_or(found, |before: Type| before.either(found)));
            items.push(item);
        }
        Some((Value::Array(items), common.unwrap_or(Type::Json)))
    }

    /// A list that one expression gives: known already, or when the check is run.
    fn computed_items(&mut self, node: &Node) -> Option<(Value, Type)> {
        let (list, found) = self.typed_json(node, Slot::Items)?;
        if let Value::Array(items) = &list {
            let value_type = items.iter().map(Type::of).reduce(Type::either);
            return Some((list, value_type.unwrap_or(Type::Json)));
        }
        if is_template(&list) && matches!(found, Type::List | Type::Json) {
            return Some((list, Type::Json));
        }
        let fault = Diagnostic::error(format!("`for_each`: expected a list, found {found}"))
            .hint("write a list, an output of `type: json`, or `${{ json(params.NAME) }}`");
        self.finding(FOR_EACH, node.span, fault);
        None
    }
}

fn refused(count: usize) -> Option<Diagnostic> {
    match count {
        0 => {
            let fault = Diagnostic::error("`for_each`: the list is empty, so nothing would be looked at");
            Some(fault.hint("name what to look at, or remove the check"))
        }
        1..=MOST_ITEMS => None,
        _ => {
            let fault = format!("`for_each`: the list has {count} items; at most {MOST_ITEMS} are looked at");
            Some(Diagnostic::error(fault).hint("let one command look at all of them"))
        }
    }
}

/// A frozen list as its author would write it.
pub(crate) fn shown(list: &Value) -> String {
    let Value::Array(items) = list else {
        return shown_item(list);
    };
    let items: Vec<String> = items.iter().map(shown_item).collect();
    format!("[{}]", items.join(", "))
}

fn shown_item(item: &Value) -> String {
    match item {
        Value::String(text) => text.clone(),
        Value::Object(_) if is_template(item) => {
            let text = serde_json::from_value::<Text>(item.clone());
            text.map_or_else(|_| item.to_string(), |text| text.shown())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            item.to_string()
        }
    }
}
