//! `compare`: two values. It looks at what is known already, so it exists in checks only.

use enact_core::canonical::is_exact;
use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::Span;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::{Acting, Kind, Role, frozen, thawed, unreadable};
use crate::checks::not_for;
use crate::expression::{Type, compile_regex, is_state, not_a_state, parse};
use crate::provider::{End, Reply, Site, compare, quoted_text};
use crate::reading::{Node, Reading, exactly};
use crate::spec::{Compare, Operand};

const OPERATORS: [&str; 9] = ["==", "!=", "<", "<=", ">", ">=", "~", "matches", "in"];

pub(super) struct CompareKind;

impl Kind for CompareKind {
    fn name(&self) -> &'static str {
        "compare"
    }

    fn role(&self) -> Role {
        Role::CheckOnly
    }

    fn may_check(&self) -> bool {
        true
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Value> {
        let fields = reading.fields(node, "`compare`", &["left", "op", "right", "tolerance"])?;
        let (left, left_type) = reading
            .require(&fields, "left")
            .and_then(|node| reading.operand(node))
            .unzip();
        let (right, right_type) = reading
            .require(&fields, "right")
            .and_then(|node| reading.operand(node))
            .unzip();
        let op = reading
            .require(&fields, "op")
            .and_then(|node| reading.choice(node, "`op`", &OPERATORS))?;
        let tolerance = fields
            .get("tolerance")
            .and_then(|node| reading.share(node, "`tolerance`"));
        if tolerance.is_some() && op != "~" {
            let fault = Diagnostic::error("`tolerance` belongs to `op: \"~\"`");
            reading.fault(fields.key_span("tolerance"), fault);
        }
        if op == "~" && tolerance.is_none() && fields.get("tolerance").is_none() {
            let fault =
                Diagnostic::error("`op: \"~\"` needs a `tolerance`").hint("write it like `tolerance: 0.5%`");
            reading.fault(fields.key_span("op"), fault);
        }
        if let (true, Some(Operand::Value(Value::String(pattern)))) = (op == "matches", &right)
            && let Err(error) = compile_regex(pattern)
        {
            let fault = Diagnostic::error(format!("`right` is no regular expression: {error}"));
            reading.fault(fields.key_span("right"), fault);
        }
        // One is looked for in a list; what else is compared is of one kind on both sides.
        for (key, operand) in [("left", &left), ("right", &right)] {
            if let Some(Operand::Value(value)) = operand
                && (op, key) != ("in", "left")
                && let Some(expected) = not_for(op, value)
            {
                let fault = Diagnostic::error(format!("`op: {op:?}` expects {expected} as `{key}`"));
                reading.fault(fields.key_span(key), fault);
            }
        }
        if let (Some(one), Some(two)) = (left_type, right_type)
            && unlike(op, one, two)
        {
            let fault = format!("`op: {op:?}` compares values of one type, found {one} and {two}");
            let number = [&left, &right].into_iter().flatten().find_map(whole_number);
            let hint = number.map_or("write both as numbers, or both as text".to_owned(), |n| {
                exactly(&n)
            });
            reading.fault(fields.key_span("op"), Diagnostic::error(fault).hint(hint));
        }
        states(op, &left, &right, fields.key_span("right"), reading);
        frozen(&Compare {
            left: left?,
            op: op.to_owned(),
            right: right?,
            tolerance_ppm: tolerance,
        })
    }

    fn summary(&self, action: &Value) -> String {
        thawed::<Compare>(action).map_or_else(String::new, |found| {
            let within = found.tolerance_ppm.map_or_else(String::new, within);
            format!(
                "{} {} {}{within}",
                shown(&found.left),
                found.op,
                shown(&found.right)
            )
        })
    }

    fn act<'a>(&'a self, action: &'a Value, site: &'a Site<'a>) -> Acting<'a> {
        let reply = match compared(action, site) {
            Ok((true, words)) => Reply {
                stdout: words,
                ..Reply::bare(End::Finished)
            },
            Ok((false, words)) => Reply::bare(End::Unmet(words)),
            Err(why) => return unreadable(why),
        };
        Box::pin(std::future::ready(reply))
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object", "required": ["left", "op", "right"], "additionalProperties": false,
            "patternProperties": {"^x-": true},
            "properties": {
                "left": true, "op": {"enum": OPERATORS}, "right": true, "tolerance": {"type": "string"}
            }
        })
    }
}

/// A step's state is compared with states.
fn states(op: &str, left: &Option<Operand>, right: &Option<Operand>, span: Span, reading: &mut Reading<'_>) {
    if let (true, Some(Operand::Expression(source)), Some(Operand::Value(value))) =
        (["==", "!=", "in"].contains(&op), left, right)
        && parse(source).is_ok_and(|found| is_state(&found))
        && let Some(fault) = not_a_state(value)
    {
        let diagnostic = Diagnostic::error(fault.message).hint(fault.hint.unwrap_or_default());
        reading.fault(span, diagnostic);
    }
}

/// Is one of two values never what the other is?
fn unlike(op: &str, one: Type, two: Type) -> bool {
    let open = |found: Type| matches!(found, Type::Null | Type::Json);
    let is_order = ["==", "!=", "<", "<=", ">", ">="].contains(&op);
    let alike = one == two || (one.is_number() && two.is_number()) || (one.is_text() && two.is_text());
    is_order && !alike && !open(one) && !open(two)
}

/// A whole number of so many digits that it was written as text.
fn whole_number(operand: &Operand) -> Option<Value> {
    let Operand::Value(Value::String(text)) = operand else {
        return None;
    };
    let number = Value::from(text.parse::<i64>().ok()?);
    (!is_exact(&number)).then_some(number)
}

/// Does the comparison hold, and what was compared.
fn compared(action: &Value, site: &Site<'_>) -> Result<(bool, String), String> {
    let spec: Compare = serde_json::from_value(action.clone()).map_err(|error| error.to_string())?;
    let (left, right) = (site.operand(&spec.left)?, site.operand(&spec.right)?);
    let words = format!("{} {} {}", quoted(&left), spec.op, quoted(&right));
    let holds =
        compare(&spec.op, &left, &right, spec.tolerance_ppm).map_err(|why| format!("{words}: {why}"))?;
    Ok((holds, words))
}

/// ` within 0.5%`.
fn within(parts_per_million: u64) -> String {
    let (whole, rest) = (parts_per_million / 10_000, parts_per_million % 10_000);
    match format!("{rest:04}").trim_end_matches('0') {
        "" => format!(" within {whole}%"),
        rest => format!(" within {whole}.{rest}%"),
    }
}

fn quoted(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), quoted_text)
}

fn shown(operand: &Operand) -> String {
    match operand {
        Operand::Value(Value::String(text)) => text.clone(),
        Operand::Value(value) => value.to_string(),
        Operand::Expression(source) => format!("${{{{ {source} }}}}"),
        Operand::Text(text) => text.shown(),
    }
}
