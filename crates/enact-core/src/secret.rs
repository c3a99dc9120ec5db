//! Secrets: a value that cannot be printed, logged, compared by accident or serialised.
//!
//! A plan never holds one; it holds a [`SecretRef`], the name under which the value is read when the change runs.

use serde::{Deserialize, Serialize};

/// Where a secret value comes from, e.g. `env:KONNECT_TOKEN`. This name may be written anywhere.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct SecretRef(pub String);

/// A value nobody may see. It has no `Display`, its `Debug` prints `Secret(…)`, and it does not implement
/// `Serialize`, so it can reach neither a log nor a plan nor the journal:
///
/// ```compile_fail
/// let token = enact_core::secret::Secret::new("kpat_x".to_owned());
/// serde_json::to_string(&token).unwrap();
/// ```
/// ```compile_fail
/// let token = enact_core::secret::Secret::new("kpat_x".to_owned());
/// println!("{token}");
/// ```
#[derive(Clone)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Hands out the value. Call it only where the value leaves the process: every use is worth a look in review.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> std::fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_value() {
        assert_eq!(format!("{:?}", Secret::new("kpat_abc")), "Secret(…)");
    }
}
