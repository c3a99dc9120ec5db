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
        Self::from_sum(&Sha256::digest(bytes))
    }

    fn from_sum(sum: &[u8]) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(71);
        text.push_str("sha256:");
        for byte in sum {
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

/// The digest of an object's canonical form, made member by member, so that a large object is never in memory a second time.
///
/// The result is that of [`Digest::of_canonical`] over an object with these members.
#[derive(Default)]
pub struct ObjectDigest {
    sum: Sha256,
    last: Option<&'static str>,
}

impl ObjectDigest {
    /// The next member.
    ///
    /// # Errors
    /// When the value has no canonical form that is its own: an integer beyond 2^53 is written like its neighbours, or the key does not come after the one before.
    pub fn member<T: Serialize>(&mut self, key: &'static str, value: &T) -> Result<(), serde_json::Error> {
        self.key(key)?;
        self.sum.update(exact(value)?);
        Ok(())
    }

    /// The next member, a list: of its items one at a time is in memory.
    ///
    /// # Errors
    /// As [`ObjectDigest::member`].
    pub fn list<T: Serialize>(&mut self, key: &'static str, items: &[T]) -> Result<(), serde_json::Error> {
        self.key(key)?;
        for (place, item) in items.iter().enumerate() {
            self.sum.update(if place == 0 { "[" } else { "," });
            self.sum.update(exact(item)?);
        }
        self.sum.update(if items.is_empty() { "[]" } else { "]" });
        Ok(())
    }

    /// The digest of all of it.
    pub fn finish(mut self) -> Digest {
        self.sum.update(if self.last.is_none() { "{}" } else { "}" });
        Digest::from_sum(&self.sum.finalize())
    }

    fn key(&mut self, key: &'static str) -> Result<(), serde_json::Error> {
        // Texts of Rust sort by code point and RFC 8785 by UTF-16 code unit, which for ASCII is the same.
        if !key.is_ascii() || self.last.is_some_and(|last| last >= key) {
            return Err(serde::ser::Error::custom(format!("`{key}` is not in its place")));
        }
        self.sum.update(if self.last.is_none() { "{" } else { "," });
        self.sum.update(canonical_json(&key)?);
        self.sum.update(":");
        self.last = Some(key);
        Ok(())
    }
}

/// The canonical form of a value that has one of its own.
fn exact<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let value = serde_json::to_value(value)?;
    if let Some(number) = inexact_integer(&value) {
        return Err(serde::ser::Error::custom(format!(
            "the number {number} is too large to be part of a plan; write it as text"
        )));
    }
    canonical_json(&value)
}

/// The largest integer that is not also the canonical form of a neighbour.
const LARGEST_EXACT: u64 = (1 << 53) - 1;

/// Does the canonical form of a value tell each whole number in it from its neighbours? Not beyond 53 bits.
pub fn is_exact(value: &serde_json::Value) -> bool {
    inexact_integer(value).is_none()
}

/// An integer in a value that its canonical form cannot tell from its neighbours, because RFC 8785 writes numbers as
/// doubles do.
fn inexact_integer(value: &serde_json::Value) -> Option<&serde_json::Number> {
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

    #[test]
    fn members_make_the_digest_of_their_object() {
        let mut digest = ObjectDigest::default();
        digest.list::<u8>("a", &[]).unwrap();
        digest.list("b", &[1, 2]).unwrap();
        digest
            .member("c", &serde_json::json!({"z": 1.0, "y": "é"}))
            .unwrap();
        let whole = serde_json::json!({"c": {"y": "é", "z": 1}, "b": [1, 2], "a": []});
        assert_eq!(digest.finish(), Digest::of_canonical(&whole).unwrap());
        let nothing = Digest::of_canonical(&serde_json::json!({})).unwrap();
        assert_eq!(ObjectDigest::default().finish(), nothing);
    }

    #[test]
    fn a_member_out_of_its_place_and_one_that_is_like_its_neighbour_are_refused() {
        let mut digest = ObjectDigest::default();
        digest.member("b", &1).unwrap();
        assert!(digest.member("a", &1).is_err());
        assert!(digest.member("b", &1).is_err());
        assert!(digest.member("ü", &1).is_err());
        let refused = digest.member("c", &(1_u64 << 53)).unwrap_err().to_string();
        assert!(refused.contains("9007199254740992 is too large"), "{refused}");
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
