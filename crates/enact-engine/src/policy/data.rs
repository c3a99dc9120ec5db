//! The data documents of a bundle, as one tree: `data.yaml` at the root, others below the names of their directories, as OPA
//! does. A key that stands twice is a fault: which of the two is in force would depend on the reader.

use std::path::{Path, PathBuf};

use enact_core::diagnostic::{Diagnostic, Place, Position};
use serde_json::{Map, Value};

use super::bundle::BundleFile;

/// The documents as one tree.
///
/// # Errors
/// Each document that cannot be read, and each value that two documents set.
pub(super) fn data<'a>(files: impl Iterator<Item = &'a BundleFile>) -> Result<Value, Vec<Diagnostic>> {
    let mut root = Value::Object(Map::new());
    let mut faults = Vec::new();
    for file in files {
        if let Err(fault) = parse(file).and_then(|value| merge(&mut root, rooted(file, value), file)) {
            faults.push(fault);
        }
    }
    if faults.is_empty() { Ok(root) } else { Err(faults) }
}

fn parse(file: &BundleFile) -> Result<Value, Diagnostic> {
    let value = if file.path.ends_with(".json") {
        parse_json(file)
    } else {
        parse_yaml(file)
    }?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(Diagnostic::error(format!("{} must hold an object", file.path)).at(place(file, None)))
    }
}

fn parse_json(file: &BundleFile) -> Result<Value, Diagnostic> {
    let mut reader = serde_json::Deserializer::from_str(&file.text);
    let read = Strict::read(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| {
        let at = Position {
            line: number(error.line()),
            column: number(error.column()),
        };
        let message = error.to_string();
        let what = message.split(" at line ").next().unwrap_or_default();
        unreadable(file, what, Some(at))
    })
}

fn parse_yaml(file: &BundleFile) -> Result<Value, Diagnostic> {
    // Plain words mean what they mean to OPA: `no` and `on` are texts, `010` is eight.
    let mut options = serde_saphyr::Options::default();
    options.strict_booleans = true;
    options.legacy_octal_numbers = true;
    options.reject_unsupported_tags = true;
    let read: Result<Strict, _> = serde_saphyr::from_str_with_options(&file.text, options);
    read.map(|value| value.0).map_err(|error| {
        let at = error.location().map(|location| Position {
            line: u32::try_from(location.line()).unwrap_or(u32::MAX),
            column: u32::try_from(location.column()).unwrap_or(u32::MAX),
        });
        let message = error.without_snippet().to_string();
        unreadable(file, message.lines().next().unwrap_or_default(), at)
    })
}

fn number(count: usize) -> u32 {
    u32::try_from(count.max(1)).unwrap_or(u32::MAX)
}

fn unreadable(file: &BundleFile, what: &str, at: Option<Position>) -> Diagnostic {
    Diagnostic::error(format!("{} is not readable: {what}", file.path)).at(place(file, at))
}

fn place(file: &BundleFile, position: Option<Position>) -> Place {
    let line = position.and_then(|at| file.text.lines().nth(at.line.saturating_sub(1) as usize));
    Place {
        file: file.path.clone(),
        position,
        excerpt: line.unwrap_or_default().chars().take(200).collect(),
        length: u32::from(position.is_some()),
    }
}

/// A value without a key that stands twice.
struct Strict(Value);

impl Strict {
    fn read<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Value, D::Error> {
        serde::Deserialize::deserialize(reader).map(|value: Self| value.0)
    }
}

impl<'de> serde::Deserialize<'de> for Strict {
    fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> serde::de::Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        Strict::read(reader)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = serde_json::Number::from_f64(value);
        number
            .map(Value::Number)
            .ok_or_else(|| E::custom(format!("{value} is no number that policies can use")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut found = Vec::new();
        while let Some(Strict(value)) = items.next_element()? {
            found.push(value);
        }
        Ok(Value::Array(found))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut found = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if found.contains_key(&key) {
                return Err(serde::de::Error::custom(format!("the key `{key}` stands twice")));
            }
            let Strict(value) = entries.next_value()?;
            found.insert(key, value);
        }
        Ok(Value::Object(found))
    }
}

/// A document below the names of its directories.
fn rooted(file: &BundleFile, value: Value) -> Value {
    let folders: PathBuf = Path::new(&file.path)
        .parent()
        .map(Path::to_owned)
        .unwrap_or_default();
    folders.components().rev().fold(value, |inner, folder| {
        let name = folder.as_os_str().to_string_lossy().into_owned();
        Value::Object(Map::from_iter([(name, inner)]))
    })
}

fn merge(into: &mut Value, from: Value, file: &BundleFile) -> Result<(), Diagnostic> {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(there) => merge(there, value, file)?,
                    None => {
                        into.insert(key, value);
                    }
                }
            }
            Ok(())
        }
        _ => Err(Diagnostic::error(format!(
            "{} sets a value that another data document sets too",
            file.path
        ))
        .at(place(file, None))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Result<Value, Vec<String>> {
        let files: Vec<BundleFile> = files
            .iter()
            .map(|(path, text)| BundleFile {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        let said = |fault: Diagnostic| {
            let at = fault.place.and_then(|place| place.position);
            let at = at.map_or_else(String::new, |at| format!(" at {}:{}", at.line, at.column));
            format!("{}{at}", fault.summary)
        };
        data(files.iter()).map_err(|faults| faults.into_iter().map(said).collect())
    }

    #[test]
    fn documents_stand_below_their_directories() {
        let found = read(&[
            ("data.yaml", "a: 1\n"),
            ("b/c/data.json", "{\"d\": [true, null, 1.5]}"),
        ]);
        assert_eq!(
            found.unwrap(),
            serde_json::json!({"a": 1, "b": {"c": {"d": [true, null, 1.5]}}})
        );
    }

    #[test]
    fn quoted_text_stays_text_whatever_it_looks_like() {
        let found = read(&[(
            "data.yaml",
            "a: \"00\"\nb: '1e3'\nc: \"null\"\nd: \"no\"\ne: \"\"\n",
        )])
        .unwrap();
        assert_eq!(
            found,
            serde_json::json!({"a": "00", "b": "1e3", "c": "null", "d": "no", "e": ""})
        );
    }

    #[test]
    fn a_key_that_stands_twice_is_a_fault_in_either_form() {
        let yaml = read(&[("data.yaml", "a: 1\nb: 2\na: 3\n")]).unwrap_err();
        assert!(
            yaml[0].contains("data.yaml is not readable") && yaml[0].contains(" at 3:1"),
            "{yaml:?}"
        );
        let json = read(&[("data.json", "{\"a\": 1,\n \"a\": 2}")]).unwrap_err();
        assert!(json[0].contains("the key `a` stands twice at 2:"), "{json:?}");
    }

    #[test]
    fn every_broken_document_is_named_with_its_place() {
        let faults = read(&[
            ("data.yaml", "a: [1\nb: 2\n"),
            ("b/data.json", "{\"a\": 1,}"),
            ("c/data.yml", "- 1\n"),
            ("d/data.json", "1 2"),
        ])
        .unwrap_err();
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert!(faults[0].starts_with("data.yaml is not readable: "), "{faults:?}");
        assert!(faults[1].ends_with(" at 1:9"), "{faults:?}");
        assert_eq!(faults[2], "c/data.yml must hold an object");
    }

    #[test]
    fn deep_nesting_and_aliases_that_explode_are_faults() {
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(&[("data.json", &deep)]).is_err());
        assert!(read(&[("data.yaml", &deep)]).is_err());
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let many = format!("*a{}, ", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{many}]\n"));
        }
        assert!(read(&[("data.yaml", &bomb)]).is_err());
    }

    #[test]
    fn plain_words_mean_what_they_mean_to_opa() {
        let found = read(&[(
            "data.yaml",
            "d: no\ne: 010\nf: 1_000\ng: 2024-01-01\nh: on\ni: y\nj: 0x10\nk: ~\nm: 00\n",
        )])
        .unwrap();
        assert_eq!(
            found,
            serde_json::json!({
                "d": "no", "e": 8, "f": 1000, "g": "2024-01-01", "h": "on", "i": "y", "j": 16, "k": null, "m": 0,
            })
        );
    }

    #[test]
    fn two_documents_cannot_set_one_value() {
        let faults = read(&[("data.yaml", "b: { c: 1 }\n"), ("b/data.yaml", "c: 2\n")]).unwrap_err();
        assert_eq!(
            faults,
            ["b/data.yaml sets a value that another data document sets too"]
        );
    }
}
