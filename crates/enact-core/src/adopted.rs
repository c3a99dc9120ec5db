//! What a run that is taken over knows of a change that it did, as part of the plan that takes it over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::is_exact;

/// What the run that is taken over knows of a change that it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub struct Adopted {
    /// When its effect was about to start.
    pub started_at: jiff::Timestamp,
    /// How long it took, in milliseconds of that run's own time.
    pub took_ms: u64,
    /// What it produced; secrets are not in it.
    pub outputs: BTreeMap<String, Value>,
}

/// What the run that is taken over knows of a change that it did, as it is written.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Adopted")]
struct Written {
    /// When its effect was about to start.
    #[schemars(with = "String")]
    started_at: jiff::Timestamp,
    /// How long it took, in milliseconds of that run's own time.
    took_ms: u64,
    /// What it produced; secrets are not in it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    outputs: BTreeMap<String, Value>,
    /// What it produced with a whole number in it that is beyond 53 bits, which no plan holds exactly: its JSON, as text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    outputs_as_text: BTreeMap<String, String>,
}

impl From<Adopted> for Written {
    fn from(adopted: Adopted) -> Self {
        let (outputs, other): (BTreeMap<_, _>, BTreeMap<_, _>) = adopted
            .outputs
            .into_iter()
            .partition(|(_, value)| is_exact(value));
        Self {
            started_at: adopted.started_at,
            took_ms: adopted.took_ms,
            outputs,
            outputs_as_text: other
                .into_iter()
                .map(|(name, value)| (name, value.to_string()))
                .collect(),
        }
    }
}

impl TryFrom<Written> for Adopted {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let mut outputs = written.outputs;
        for (name, text) in written.outputs_as_text {
            let value = serde_json::from_str(&text)
                .map_err(|error| format!("the adopted output {name:?} is no JSON: {error}"))?;
            if outputs.insert(name.clone(), value).is_some() {
                return Err(format!("the adopted output {name:?} stands there twice"));
            }
        }
        Ok(Self {
            started_at: written.started_at,
            took_ms: written.took_ms,
            outputs,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn adopted(outputs: Value) -> Adopted {
        Adopted {
            started_at: jiff::Timestamp::UNIX_EPOCH,
            took_ms: 1,
            outputs: serde_json::from_value(outputs).unwrap(),
        }
    }

    #[test]
    fn numbers_that_no_plan_holds_exactly_come_back_as_they_were() {
        let one = adopted(
            json!({ "id": 1_234_567_890_123_456_789_u64, "in": { "ids": [-9_007_199_254_740_993_i64] }, "n": 4 }),
        );
        let written = serde_json::to_value(&one).unwrap();
        assert_eq!(written["outputs"], json!({ "n": 4 }));
        assert_eq!(written["outputs_as_text"]["id"], json!("1234567890123456789"));
        assert!(is_exact(&written));
        assert_eq!(serde_json::from_value::<Adopted>(written).unwrap(), one);
    }

    #[test]
    fn what_stands_there_twice_or_is_no_json_is_refused() {
        let mut written = serde_json::to_value(adopted(json!({ "n": 4 }))).unwrap();
        written["outputs_as_text"] = json!({ "n": "5" });
        assert!(serde_json::from_value::<Adopted>(written.clone()).is_err());
        written["outputs_as_text"] = json!({ "m": "{" });
        assert!(serde_json::from_value::<Adopted>(written).is_err());
    }
}
