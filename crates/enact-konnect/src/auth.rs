//! Credentials: a personal access token, or a stored login that refreshes itself.
//!
//! A stored login is one JSON file of mode 0600 in kongctl's shape. It is refreshed within 60 seconds of its end, or once
//! after a 401. The device login is RFC 8628; Konnect's endpoints are those kongctl uses.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use enact_core::canonical::Digest;
use enact_core::secret::Secret;
use enact_engine::clock::{Clock, SystemClock};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::client::{Unread, read_bounded};

/// The public OAuth client that kongctl uses; a profile can name another.
pub const CLIENT_ID: &str = "344f59db-f401-4ce7-9407-00a0823fbacf";
/// Where the device login is.
pub const LOGIN_URL: &str = "https://global.api.konghq.com";

const AUTHORIZE: &str = "/v3/internal/oauth/device/authorize";
const TOKEN: &str = "/v3/internal/oauth/device/token";
const REFRESH: &str = "/kauth/api/v1/refresh";
const REFRESH_COOKIE: &str = "konnectrefreshtoken";
const ACCESS_COOKIE: &str = "konnectaccesstoken";

/// How long before its end a token is refreshed, in seconds.
const EARLY: i64 = 60;

/// The largest answer of a login server that is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// Why there is no usable token.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Nobody is logged in.
    #[error("there is no token: no login is stored at {path}")]
    Missing {
        /// Where one would be.
        path: String,
    },
    /// The stored login cannot be used.
    #[error("the stored login at {path} is not readable: {problem}")]
    Unreadable {
        /// Where it is.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The login cannot be stored.
    #[error("the login cannot be stored at {path}: {problem}")]
    NotStored {
        /// Where it would be.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The server did not answer as it should.
    #[error("{step} failed: {problem}")]
    Server {
        /// What was attempted.
        step: &'static str,
        /// What came back. Never a token.
        problem: String,
    },
    /// The person did not confirm in time, or said no.
    #[error("the login was not confirmed: {0}")]
    NotConfirmed(String),
}

/// A token as it is stored. It holds secrets, so it has no `Debug`, and the file is the only place it is written to.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    token: StoredToken,
    received_at: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
struct StoredToken {
    access_token: String,
    #[serde(default)]
    refresh_token: String,
    #[serde(default)]
    token_type: String,
    /// Seconds from `received_at`.
    expires_in: i64,
    #[serde(default)]
    scope: String,
}

impl StoredToken {
    fn is_usable(&self) -> bool {
        let printable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        !self.access_token.is_empty() && printable(&self.access_token) && printable(&self.refresh_token)
    }
}

impl Stored {
    fn is_about_to_end(&self, now: Timestamp) -> bool {
        let end = self.received_at.as_second().saturating_add(self.token.expires_in);
        now.as_second().saturating_add(EARLY) >= end
    }

    fn read(path: &Path) -> Result<Self, AuthError> {
        let shown = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                AuthError::Missing { path: shown.clone() }
            } else {
                AuthError::Unreadable {
                    path: shown.clone(),
                    problem: error.to_string(),
                }
            }
        })?;
        // serde's message would quote what it found, and that may be a token.
        serde_json::from_slice(&bytes).map_err(|_| AuthError::Unreadable {
            path: shown,
            problem: "it is not a stored login".to_owned(),
        })
    }

    fn write(&self, path: &Path) -> Result<(), AuthError> {
        write_private(path, &serde_json::to_vec(self).unwrap_or_default()).map_err(|error| {
            AuthError::NotStored {
                path: path.display().to_string(),
                problem: error.to_string(),
            }
        })
    }
}

/// Writes a file of mode 0600 in one step.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)
}

/// What a client shows to the server.
pub struct Credentials {
    source: Source,
}

enum Source {
    Token(Secret<String>),
    Login {
        path: PathBuf,
        current: Mutex<Stored>,
        /// One refresh at a time: the others wait for it and take its result.
        refreshing: tokio::sync::Mutex<()>,
    },
}

impl Credentials {
    /// A token that is never refreshed.
    pub fn token(token: Secret<String>) -> Self {
        Self {
            source: Source::Token(token),
        }
    }

    /// The login stored at a path.
    ///
    /// # Errors
    /// [`AuthError::Missing`], [`AuthError::Unreadable`].
    pub fn stored(path: PathBuf) -> Result<Self, AuthError> {
        let current = Mutex::new(Stored::read(&path)?);
        Ok(Self {
            source: Source::Login {
                path,
                current,
                refreshing: tokio::sync::Mutex::new(()),
            },
        })
    }

    /// The token to send, refreshed when it is about to end.
    ///
    /// # Errors
    /// [`AuthError::Server`] when a refresh fails.
    pub async fn bearer(&self, http: &reqwest::Client, base_url: &str) -> Result<Secret<String>, AuthError> {
        match &self.source {
            Source::Token(token) => Ok(token.clone()),
            Source::Login { current, .. } => {
                let stored = lock(current).clone();
                let token = Secret::new(stored.token.access_token.clone());
                if stored.is_about_to_end(SystemClock.now()) && !stored.token.refresh_token.is_empty() {
                    self.refresh(http, base_url, &token).await?;
                    return Ok(Secret::new(lock(current).token.access_token.clone()));
                }
                Ok(token)
            }
        }
    }

    /// Refreshes after a token was refused, unless another request has done so meanwhile. True when there is a new one.
    ///
    /// # Errors
    /// [`AuthError::Server`], [`AuthError::NotStored`].
    pub async fn refresh(
        &self,
        http: &reqwest::Client,
        base_url: &str,
        refused: &Secret<String>,
    ) -> Result<bool, AuthError> {
        let Source::Login {
            path,
            current,
            refreshing,
        } = &self.source
        else {
            return Ok(false);
        };
        let _one_at_a_time = refreshing.lock().await;
        // Another process may have refreshed the same login; its refresh token is the one that still counts.
        if let Ok(newer) = Stored::read(path)
            && newer.token.access_token != *refused.expose()
        {
            *lock(current) = newer;
            return Ok(true);
        }
        let stored = lock(current).clone();
        if stored.token.access_token != *refused.expose() {
            return Ok(true);
        }
        if stored.token.refresh_token.is_empty() {
            return Ok(false);
        }
        let fresh = refreshed(http, base_url, &stored.token).await?;
        fresh.write(path)?;
        *lock(current) = fresh;
        Ok(true)
    }

    /// A digest to recognise the token by.
    pub fn digest(&self) -> Option<Digest> {
        let bytes = match &self.source {
            Source::Token(token) => token.expose().clone(),
            Source::Login { current, .. } => lock(current).token.access_token.clone(),
        };
        Some(Digest::of(bytes.as_bytes()))
    }
}

fn lock(stored: &Mutex<Stored>) -> std::sync::MutexGuard<'_, Stored> {
    stored.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn refreshed(http: &reqwest::Client, base_url: &str, old: &StoredToken) -> Result<Stored, AuthError> {
    let step = "refreshing the login";
    let failed = |problem: String| AuthError::Server { step, problem };
    let response = http
        .post(format!("{base_url}{REFRESH}"))
        .header(
            reqwest::header::COOKIE,
            format!("{REFRESH_COOKIE}={}", old.refresh_token),
        )
        .send()
        .await
        .map_err(|error| failed(enact_engine::http::chain(&error)))?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(failed(format!(
            "the server answered {}; log in again with `enact login`",
            response.status()
        )));
    }
    let cookie = |name: &str| {
        response
            .headers()
            .get_all(reqwest::header::SET_COOKIE)
            .iter()
            .find_map(|value| {
                let pair = value.to_str().ok()?.split(';').next()?.trim();
                let (key, value) = pair.split_once('=')?;
                (key == name && !value.is_empty()).then(|| value.to_owned())
            })
    };
    let access = cookie(ACCESS_COOKIE).ok_or_else(|| failed("the answer holds no token".to_owned()))?;
    let now = SystemClock.now();
    let token = StoredToken {
        expires_in: lifetime(&access, now).unwrap_or(old.expires_in),
        refresh_token: cookie(REFRESH_COOKIE).unwrap_or_else(|| old.refresh_token.clone()),
        access_token: access,
        token_type: old.token_type.clone(),
        scope: old.scope.clone(),
    };
    Ok(Stored {
        token,
        received_at: now,
    })
}

/// Seconds until a JWT's `exp`; `None` for a token that is not a JWT. Nothing is verified: the server does that.
fn lifetime(token: &str, now: Timestamp) -> Option<i64> {
    use base64::Engine as _;
    let claims = token.split('.').nth(1)?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(claims)
        .ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    Some(claims.get("exp")?.as_i64()?.saturating_sub(now.as_second()))
}

/// What the person has to do, as the server says it.
#[derive(Debug, Clone, Deserialize)]
pub struct DeviceCode {
    #[serde(rename = "device_code")]
    code: String,
    /// What to type.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// Where, with the code filled in.
    pub verification_uri_complete: String,
    /// For how many seconds.
    pub expires_in: u64,
    /// How many seconds between two questions.
    pub interval: u64,
}

/// A device login at one server.
pub struct DeviceLogin {
    /// The HTTP client; it follows no redirects.
    http: reqwest::Client,
    /// Scheme and host.
    url: String,
    /// The OAuth client.
    client_id: String,
}

impl DeviceLogin {
    /// Prepares a login.
    ///
    /// # Errors
    /// [`AuthError::Server`] when TLS cannot be set up.
    pub fn new(url: &str, client_id: &str) -> Result<Self, AuthError> {
        let http =
            enact_engine::http::http_client(url, Duration::from_secs(30), false).map_err(|problem| {
                AuthError::Server {
                    step: "preparing the login",
                    problem,
                }
            })?;
        Ok(Self {
            http,
            url: url.trim_end_matches('/').to_owned(),
            client_id: client_id.to_owned(),
        })
    }

    /// Asks for a code.
    ///
    /// # Errors
    /// [`AuthError::Server`].
    pub async fn begin(&self) -> Result<DeviceCode, AuthError> {
        let step = "asking for a login code";
        let (status, body) = self
            .post(step, AUTHORIZE, &[("client_id", self.client_id.as_str())])
            .await?;
        if status != 200 {
            return Err(AuthError::Server {
                step,
                problem: format!("the server answered {status}"),
            });
        }
        serde_json::from_slice(&body).map_err(|_| AuthError::Server {
            step,
            problem: "the answer lacks a required member".to_owned(),
        })
    }

    /// Waits for the person, then stores the login.
    ///
    /// # Errors
    /// [`AuthError::NotConfirmed`], [`AuthError::Server`], [`AuthError::NotStored`].
    pub async fn wait(&self, code: &DeviceCode, path: &Path) -> Result<(), AuthError> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(code.expires_in.min(3600));
        let mut interval = Duration::from_secs(code.interval.clamp(1, 60));
        loop {
            tokio::time::sleep(interval).await;
            if tokio::time::Instant::now() >= deadline {
                return Err(AuthError::NotConfirmed("its code has expired".to_owned()));
            }
            match self.ask(code).await? {
                Asked::Token(token) => {
                    return Stored {
                        token: *token,
                        received_at: SystemClock.now(),
                    }
                    .write(path);
                }
                Asked::Pending => {}
                // RFC 8628 §3.5: five seconds more, for this and all later questions.
                Asked::SlowDown => interval += Duration::from_secs(5),
            }
        }
    }

    async fn ask(&self, code: &DeviceCode) -> Result<Asked, AuthError> {
        let step = "asking for the token";
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", code.code.as_str()),
            ("client_id", self.client_id.as_str()),
        ];
        let (status, body) = self.post(step, TOKEN, &form).await?;
        if status == 200 {
            let token: Option<StoredToken> = serde_json::from_slice(&body).ok();
            // One that no header can hold would be found out by the first request only.
            let mut token = token
                .filter(StoredToken::is_usable)
                .ok_or_else(|| AuthError::Server {
                    step,
                    problem: "the answer holds no token".to_owned(),
                })?;
            token.expires_in = lifetime(&token.access_token, SystemClock.now()).unwrap_or(token.expires_in);
            return Ok(Asked::Token(Box::new(token)));
        }
        #[derive(Deserialize)]
        struct Refusal {
            error: String,
        }
        let refusal: Option<Refusal> = serde_json::from_slice(&body).ok();
        match refusal.as_ref().map(|refusal| refusal.error.as_str()) {
            Some("authorization_pending") => Ok(Asked::Pending),
            Some("slow_down") => Ok(Asked::SlowDown),
            Some("access_denied") => Err(AuthError::NotConfirmed("it was refused".to_owned())),
            Some("expired_token") => Err(AuthError::NotConfirmed("its code has expired".to_owned())),
            Some(other) => {
                let problem = format!(
                    "the server said {:?}",
                    other.chars().take(100).collect::<String>()
                );
                Err(AuthError::Server { step, problem })
            }
            None if status >= 500 || status == 429 => Ok(Asked::SlowDown),
            None => Err(AuthError::Server {
                step,
                problem: format!("the server answered {status}"),
            }),
        }
    }

    async fn post(
        &self,
        step: &'static str,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<(u16, Vec<u8>), AuthError> {
        let failed = |error: reqwest::Error| AuthError::Server {
            step,
            problem: enact_engine::http::chain(&error),
        };
        let response = self
            .http
            .post(format!("{}{path}", self.url))
            .form(form)
            .send()
            .await
            .map_err(failed)?;
        let status = response.status().as_u16();
        let body = read_bounded(response, MAX_ANSWER).await;
        let body = body.map_err(|unread| AuthError::Server {
            step,
            problem: match unread {
                Unread::Broken(problem) => problem,
                Unread::TooLong => "the answer is too long".to_owned(),
            },
        })?;
        Ok((status, body))
    }
}

enum Asked {
    Token(Box<StoredToken>),
    Pending,
    SlowDown,
}

/// Forgets the login stored at a path. True when there was one.
///
/// # Errors
/// [`AuthError::NotStored`] when the file cannot be removed.
pub fn forget(path: &Path) -> Result<bool, AuthError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(AuthError::NotStored {
            path: path.display().to_string(),
            problem: error.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(path: &Path, token: &str) {
        let stored = serde_json::json!({
            "token": {"access_token": token, "refresh_token": "r", "expires_in": 3600},
            "received_at": "2026-01-01T00:00:00Z"
        });
        std::fs::write(path, stored.to_string()).unwrap();
    }

    #[tokio::test]
    async fn what_another_process_has_refreshed_is_taken_and_nothing_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        store(&path, "old");
        let credentials = Credentials::stored(path.clone()).unwrap();
        store(&path, "new");
        // Nobody listens there: a request would fail.
        let url = "http://127.0.0.1:9";
        let http = enact_engine::http::http_client(url, Duration::from_secs(1), true).unwrap();
        assert!(
            credentials
                .refresh(&http, url, &Secret::new("old".to_owned()))
                .await
                .unwrap()
        );
        assert_eq!(credentials.digest(), Some(Digest::of(b"new")));
    }
}
