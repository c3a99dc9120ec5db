//! Digests: over the inputs of a load, and of values that came from the environment.

use sha2::{Digest, Sha256};

/// `sha256:…` of a text.
pub(super) fn of_text(text: &str) -> String {
    format!("sha256:{:x}", Sha256::digest(text.as_bytes()))
}

/// A digest over names and contents in the order they were read.
#[derive(Default)]
pub(super) struct InputDigest(Sha256);

impl InputDigest {
    /// Adds one input.
    pub(super) fn add(&mut self, name: &str, content: &[u8]) {
        for part in [name.as_bytes(), content] {
            // With its length in front no part can pass for the end of another.
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
    }

    /// `sha256:…` of what was added so far.
    pub(super) fn text(&self) -> String {
        format!("sha256:{:x}", self.0.clone().finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_do_not_run_into_each_other() {
        let digest = |name: &str, content: &str| {
            let mut digest = InputDigest::default();
            digest.add(name, content.as_bytes());
            digest.text()
        };
        assert_ne!(digest("ab", "c"), digest("a", "bc"));
        assert_eq!(digest("a", "b"), digest("a", "b"));
    }

    #[test]
    fn the_digest_of_a_text_is_plain_sha256() {
        assert_eq!(
            of_text(""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
