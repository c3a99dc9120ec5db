//! Text of the frozen form: literal, or with expressions that are evaluated when the step runs.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One part of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Part {
    /// Taken as it is.
    Text(String),
    /// An expression without its `${{ }}`: `steps.count.outputs.rows`. Secrets are expressions too (`params.db_url`).
    Expression(String),
}

/// Text of the frozen form. What is known at freeze time is put in then; a literal is never looked at for expressions again,
/// so a parameter's value cannot become one.
///
/// As JSON a literal is a string and everything else `{"template": [{"text": "…"}, {"expression": "…"}]}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Taken as it is.
    Literal(String),
    /// Put together when the step runs. At least one part is an expression.
    Template(Vec<Part>),
}

impl Text {
    /// A literal.
    pub fn literal(text: impl Into<String>) -> Self {
        Self::Literal(text.into())
    }

    /// The text when it is a literal.
    pub fn as_literal(&self) -> Option<&str> {
        match self {
            Self::Literal(text) => Some(text),
            Self::Template(_) => None,
        }
    }

    /// The expressions in it, in order.
    pub fn expressions(&self) -> impl Iterator<Item = &str> {
        let parts: &[Part] = match self {
            Self::Literal(_) => &[],
            Self::Template(parts) => parts,
        };
        parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Expression(source) => Some(source.as_str()),
        })
    }

    /// As its author would write it: expressions in `${{ }}`, and what only looks like one so that it is none. For people; it
    /// is not read back.
    pub fn shown(&self) -> String {
        match self {
            Self::Literal(text) => literal(text),
            Self::Template(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => literal(text),
                    Part::Expression(source) => format!("${{{{ {source} }}}}"),
                })
                .collect(),
        }
    }
}

/// Text that is taken as it is, so that nobody takes it for an expression.
fn literal(text: &str) -> String {
    text.replace("${{", "${{ '${{' }}")
}

#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Template {
    template: Vec<Part>,
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Literal(text) => serializer.serialize_str(text),
            Self::Template(parts) => Template {
                template: parts.clone(),
            }
            .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let value = serde_json::Value::deserialize(deserializer)?;
        if let serde_json::Value::String(text) = value {
            return Ok(Self::Literal(text));
        }
        serde_json::from_value::<Template>(value)
            .map(|template| Self::Template(template.template))
            .map_err(D::Error::custom)
    }
}

impl schemars::JsonSchema for Text {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let template = generator.subschema_for::<Template>();
        schemars::json_schema!({ "oneOf": [{ "type": "string" }, template] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_literal_that_looks_like_an_expression_stays_a_literal() {
        let text: Text = serde_json::from_value(json!("${{ secrets.token }}")).unwrap();
        assert_eq!(text.as_literal(), Some("${{ secrets.token }}"));
        assert_eq!(text.expressions().count(), 0);
        assert_eq!(text.shown(), "${{ '${{' }} secrets.token }}");
    }

    #[test]
    fn a_template_comes_back_as_it_went() {
        let wire = json!({"template": [{"text": "rows="}, {"expression": "steps.a.outputs.rows"}]});
        let text: Text = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(text.shown(), "rows=${{ steps.a.outputs.rows }}");
        assert_eq!(serde_json::to_value(&text).unwrap(), wire);
    }
}
