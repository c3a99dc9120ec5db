//! What a plain YAML scalar means: the core schema of YAML 1.2.

use serde_json::{Number, Value};

/// A plain scalar's value.
pub fn plain_value(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).unwrap_or_else(|| Value::String(text.to_owned())),
    }
}

/// Is it a number by its form, whether or not one of our types can hold it (`.inf`)?
pub fn is_number(text: &str) -> bool {
    radix(text).is_some() || is_decimal(text) || is_special(text)
}

fn number(text: &str) -> Option<Value> {
    // Most scalars are words: decide by the first character.
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return None;
    }
    if let Some(value) = radix(text) {
        return Some(Value::from(value));
    }
    if !is_decimal(text) {
        return None;
    }
    let digits = text.strip_prefix('+').unwrap_or(text);
    if let Ok(value) = digits.parse::<i64>() {
        return Some(Value::from(value));
    }
    if let Ok(value) = digits.parse::<u64>() {
        return Some(Value::from(value));
    }
    let value = digits.parse::<f64>().ok().and_then(Number::from_f64);
    value.map(Value::Number)
}

fn radix(text: &str) -> Option<u64> {
    let (digits, radix) = match (text.strip_prefix("0o"), text.strip_prefix("0x")) {
        (Some(digits), _) => (digits, 8),
        (_, Some(digits)) => (digits, 16),
        (None, None) => return None,
    };
    let all_digits = digits.chars().all(|digit| digit.is_digit(radix));
    all_digits
        .then(|| u64::from_str_radix(digits, radix).ok())
        .flatten()
}

fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let exponent_sound = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_decimal(digits)
    });
    exponent_sound
        && match mantissa.split_once('.') {
            None => !mantissa.is_empty() && all_decimal(mantissa),
            Some((whole, fraction)) => all_decimal(whole) && all_decimal(fraction) && mantissa.len() > 1,
        }
}

fn is_special(text: &str) -> bool {
    matches!(text, ".nan" | ".NaN" | ".NAN")
        || matches!(
            text.strip_prefix(['+', '-']).unwrap_or(text),
            ".inf" | ".Inf" | ".INF"
        )
}

fn all_decimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_core_schema_decides_types() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("True", json!(true)),
            ("yes", json!("yes")),
            ("5", json!(5)),
            ("-5", json!(-5)),
            ("+5", json!(5)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("1.5e3", json!(1500.0)),
            (".5", json!(0.5)),
            (".", json!(".")),
            ("1.2.3", json!("1.2.3")),
            ("1e", json!("1e")),
            ("-", json!("-")),
            ("12ab", json!("12ab")),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
        ] {
            assert_eq!(plain_value(text), value, "{text}");
        }
        assert!(is_number("-.inf") && is_number(".nan") && !is_number("inf"));
    }
}
