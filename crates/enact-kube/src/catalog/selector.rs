//! Label selectors in the grammar of Kubernetes: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.

use std::collections::BTreeMap;

/// One requirement of a selector. All of them must be met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// The label has one of these values.
    In(String, Vec<String>),
    /// The label is missing or has none of these values.
    NotIn(String, Vec<String>),
    /// The label is there.
    Exists(String),
    /// The label is not there.
    Missing(String),
}

impl Requirement {
    /// Do these labels meet it?
    pub fn is_met(&self, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Self::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Self::NotIn(key, values) => !labels.get(key).is_some_and(|value| values.contains(value)),
            Self::Exists(key) => labels.contains_key(key),
            Self::Missing(key) => !labels.contains_key(key),
        }
    }
}

/// Reads a selector. An empty one selects everything.
///
/// # Errors
/// What is wrong with it.
pub fn parse_selector(text: &str) -> Result<Vec<Requirement>, String> {
    if text.len() > 4096 {
        return Err("the selector is longer than 4096 bytes".to_owned());
    }
    split(text)?.iter().map(|part| requirement(part.trim())).collect()
}

/// The parts between commas that do not stand in parentheses.
fn split(text: &str) -> Result<Vec<&str>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_u32, 0);
    for (at, character) in text.char_indices() {
        match character {
            '(' if depth == 0 => depth = 1,
            ')' if depth == 1 => depth = 0,
            '(' | ')' => return Err("its parentheses do not match".to_owned()),
            ',' if depth == 0 => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    if depth != 0 {
        return Err("its parentheses do not match".to_owned());
    }
    parts.push(text.get(start..).unwrap_or_default());
    Ok(parts)
}

fn requirement(part: &str) -> Result<Requirement, String> {
    if let Some(key) = part.strip_prefix('!') {
        return Ok(Requirement::Missing(key_of(key)?));
    }
    if let Some((left, right)) = part.split_once('(') {
        let values = values_of(
            right
                .strip_suffix(')')
                .ok_or("something follows its parenthesis")?,
        )?;
        let mut words = left.split_whitespace();
        return match (words.next(), words.next(), words.next()) {
            (Some(key), Some("in"), None) => Ok(Requirement::In(key_of(key)?, values)),
            (Some(key), Some("notin"), None) => Ok(Requirement::NotIn(key_of(key)?, values)),
            _ => Err(format!(
                "{:?} is neither `KEY in (…)` nor `KEY notin (…)`",
                short(part)
            )),
        };
    }
    if let Some((key, value)) = part.split_once("!=") {
        return Ok(Requirement::NotIn(key_of(key)?, vec![value_of(value)?]));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Ok(Requirement::In(key_of(key)?, vec![value_of(value)?]));
    }
    Ok(Requirement::Exists(key_of(part)?))
}

fn values_of(text: &str) -> Result<Vec<String>, String> {
    text.split(',').map(value_of).collect()
}

fn key_of(text: &str) -> Result<String, String> {
    let key = text.trim();
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let is_prefix = |prefix: &str| is_subdomain(prefix);
    if is_name(name) && prefix.is_none_or(is_prefix) {
        Ok(key.to_owned())
    } else {
        Err(format!("{:?} is not the key of a label", short(key)))
    }
}

fn value_of(text: &str) -> Result<String, String> {
    let value = text.trim();
    if value.is_empty() || is_name(value) {
        Ok(value.to_owned())
    } else {
        Err(format!("{:?} is not the value of a label", short(value)))
    }
}

fn short(text: &str) -> String {
    text.chars().take(63).collect()
}

/// Up to 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
fn is_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 63 && ends(text.bytes().next()) && ends(text.bytes().last()) && text.bytes().all(is_inner)
}

/// Is it a subdomain as RFC 1123 has it: the name of an object?
pub fn is_subdomain(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_end =
            |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        is_end(label.bytes().next())
            && is_end(label.bytes().last())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    !text.is_empty() && text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        parse_selector(selector)
            .unwrap()
            .iter()
            .all(|requirement| requirement.is_met(&labels))
    }

    #[test]
    fn the_grammar_is_that_of_kubernetes() {
        assert!(met("", &[]));
        assert!(met("a=b", &[("a", "b")]));
        assert!(met("a == b", &[("a", "b")]));
        assert!(!met("a=b", &[]));
        assert!(met("a!=b", &[]));
        assert!(!met("a!=b", &[("a", "b")]));
        assert!(met("a in (x, y),!c,d", &[("a", "y"), ("d", "")]));
        assert!(met("example.com/a notin (x)", &[]));
        assert!(met("a=", &[("a", "")]));
        for bad in [
            "a in x",
            "a in (x",
            "a (x)",
            "a,,b",
            "=b",
            "a=b c",
            "a in (x) y",
            "!",
            "a notin (x)(y)",
            "Ä=1",
        ] {
            assert!(parse_selector(bad).is_err(), "{bad}");
        }
    }
}
