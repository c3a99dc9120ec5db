//! Variables of commands: a text, or a file with a secret.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::text::Text;

/// What a variable of a command holds. As JSON the one is a [`Text`] and the other `{"secret_file": TEXT}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// The text.
    Text(Text),
    /// The path of a file with the text. Only the user of the command can read it; it is made for each attempt right
    /// before the command starts, and removed when the attempt is over.
    SecretFile(Text),
}

impl Variable {
    /// Its text, or that of its file.
    pub fn text(&self) -> &Text {
        match self {
            Self::Text(text) | Self::SecretFile(text) => text,
        }
    }

    /// `NAME=text`, for people: as its author wrote it, so that a secret is named and never shown.
    pub fn assigned_to(&self, name: &str) -> String {
        match self {
            Self::Text(text) => format!("{name}={}", text.shown()),
            Self::SecretFile(text) => format!("{name}=(a file with {})", text.shown()),
        }
    }

    /// What it holds when that is known before a command is started.
    pub fn as_literal(&self) -> Option<&str> {
        match self {
            Self::Text(text) => text.as_literal(),
            Self::SecretFile(_) => None,
        }
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SecretFile {
    secret_file: Text,
}

impl Serialize for Variable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::SecretFile(text) => SecretFile {
                secret_file: text.clone(),
            }
            .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Variable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let value = Value::deserialize(deserializer)?;
        if value.get("secret_file").is_none() {
            return serde_json::from_value(value)
                .map(Self::Text)
                .map_err(D::Error::custom);
        }
        serde_json::from_value::<SecretFile>(value)
            .map(|file| Self::SecretFile(file.secret_file))
            .map_err(D::Error::custom)
    }
}

impl JsonSchema for Variable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Variable".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let text = generator.subschema_for::<Text>();
        let file = generator.subschema_for::<SecretFile>();
        json_schema!({ "anyOf": [text, file] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_form_comes_back_as_it_went() {
        for wire in [
            json!("plain"),
            json!({"template": [{"expression": "params.key"}]}),
            json!({"secret_file": "plain"}),
            json!({"secret_file": {"template": [{"expression": "params.key"}]}}),
        ] {
            let variable: Variable = serde_json::from_value(wire.clone()).unwrap();
            assert_eq!(serde_json::to_value(&variable).unwrap(), wire);
        }
        for other in [
            json!({"secret_file": "x", "mode": 1}),
            json!({"file": "x"}),
            json!(5),
        ] {
            assert!(serde_json::from_value::<Variable>(other).is_err());
        }
    }
}
