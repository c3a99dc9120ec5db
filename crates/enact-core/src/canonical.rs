//! The canonical form of a value (RFC 8785) and the digests that ids are made of.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest as text: `sha256:` and 64 hexadecimal digits.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(71);
        text.push_str("sha256:");
        for byte in Sha256::digest(bytes) {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The digest of a value's canonical form.
    ///
    /// # Errors
    /// When the value has no JSON form (a map with keys that are not text, a number that is not finite).
    pub fn of_canonical<T: Serialize>(value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self::of(&canonical_json(value)?))
    }

    /// A digest as it was written elsewhere. It is compared, never trusted.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve hexadecimal digits, for people.
    pub fn short(&self) -> &str {
        let digits = self.0.strip_prefix("sha256:").unwrap_or(&self.0);
        digits.get(..12).unwrap_or(digits)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A value as canonical JSON: keys sorted by UTF-16 code unit, no white space, numbers in their shortest form.
/// Source: RFC 8785.
///
/// # Errors
/// When the value has no JSON form.
pub fn canonical_json<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    serde_json_canonicalizer::to_vec(value)
}

/// The largest integer that is not also the canonical form of a neighbour.
const LARGEST_EXACT: u64 = (1 << 53) - 1;

/// An integer in a value that its canonical form cannot tell from its neighbours, because RFC 8785 writes numbers as
/// doubles do.
pub fn inexact_integer(value: &serde_json::Value) -> Option<&serde_json::Number> {
    use serde_json::Value;
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            size.filter(|size| *size > LARGEST_EXACT).map(|_| number)
        }
        Value::Array(items) => items.iter().find_map(inexact_integer),
        Value::Object(fields) => fields.values().find_map(inexact_integer),
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_sorted_and_numbers_short() {
        let value: serde_json::Value =
            serde_json::from_str(r#"{"b": 1.0, "a": [true, null], "é": "x"}"#).unwrap();
        assert_eq!(
            String::from_utf8(canonical_json(&value).unwrap()).unwrap(),
            r#"{"a":[true,null],"b":1,"é":"x"}"#
        );
    }

    #[test]
    fn digest_of_nothing_is_the_known_one() {
        assert_eq!(
            Digest::of(b"").as_str(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    proptest! {
        #[test]
        fn order_of_keys_does_not_matter(pairs in proptest::collection::btree_map("[a-z]{1,4}", 0_i64..1000, 0..8)) {
            let forward: serde_json::Map<_, _> = pairs.iter().map(|(k, v)| (k.clone(), (*v).into())).collect();
            let backward: serde_json::Map<_, _> = pairs.iter().rev().map(|(k, v)| (k.clone(), (*v).into())).collect();
            prop_assert_eq!(Digest::of_canonical(&forward).unwrap(), Digest::of_canonical(&backward).unwrap());
        }
    }
}
