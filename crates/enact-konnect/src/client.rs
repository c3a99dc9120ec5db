//! The one HTTP client: bounds on everything, no redirects, errors with what to do about them.
//!
//! Reads are repeated here, since a read has no effect. A write is sent once; whether it may be sent again is the run
//! loop's decision, by [`ApiError::disposition`].

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use enact_core::secret::Secret;
use enact_engine::provider::Disposition;
use enact_engine::retry::RetryPolicy;
use futures_util::StreamExt as _;
use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::auth::Credentials;
use crate::limiter::Limiter;
use enact_engine::http::{chain, http_client};

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// After how many attempts at a read the person is told, once, why nothing seems to happen.
const WORRYING: u32 = 3;

/// How to reach the API.
pub struct ClientOptions {
    /// `https://eu.api.konghq.com`, without a final slash.
    pub base_url: String,
    /// The most requests under way at once.
    pub concurrency: usize,
    /// Bound on one request, from start to the end of its answer.
    pub timeout: Duration,
    /// Bounds on attempts at a read.
    pub retry: RetryPolicy,
    /// Pass by proxies (the local Konnect on loopback)?
    pub no_proxy: bool,
}

/// A client of one Konnect region.
pub struct Client {
    http: reqwest::Client,
    options: ClientOptions,
    credentials: Credentials,
    limiter: Limiter,
    sent: AtomicU64,
    worried: AtomicBool,
    /// Server time minus local time in milliseconds, from the last answer.
    clock_offset: AtomicI64,
}

/// Why a request did not do what was asked. Each message names method, path and what came back.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The client cannot be built, or a request cannot be written.
    #[error("{request}: it cannot be sent: {problem}")]
    Unsendable {
        /// Method and path.
        request: String,
        /// What is wrong.
        problem: String,
    },
    /// No connection: the request was certainly not received.
    #[error("{request}: no connection to the server: {problem}")]
    Unreachable {
        /// Method and path.
        request: String,
        /// What is wrong.
        problem: String,
    },
    /// The connection broke or the time ran out after the request was sent.
    #[error("{request}: the answer was lost: {problem}")]
    Lost {
        /// Method and path.
        request: String,
        /// What is wrong.
        problem: String,
    },
    /// An answer that is not what the API promises.
    #[error("{request}: the server's answer is not readable: {problem}")]
    Malformed {
        /// Method and path.
        request: String,
        /// What is wrong.
        problem: String,
    },
    /// The server points elsewhere. Nobody follows, so no token goes there.
    #[error(
        "{request}: the server redirects to {location}; enact does not follow, so that no token goes there"
    )]
    Redirected {
        /// Method and path.
        request: String,
        /// Where to.
        location: String,
    },
    /// Too many requests.
    #[error("{request}: 429 too many requests")]
    TooMany {
        /// Method and path.
        request: String,
        /// The server's word on when to come back.
        after: Option<Duration>,
    },
    /// Any other refusal.
    #[error("{request}: {status} {detail}")]
    Refused {
        /// Method and path.
        request: String,
        /// The status.
        status: u16,
        /// The server's explanation, with invalid parameters and trace id.
        detail: String,
    },
    /// There is no usable token.
    #[error("{0}")]
    Credentials(#[from] crate::auth::AuthError),
}

impl ApiError {
    /// The status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::TooMany { .. } => Some(429),
            Self::Unsendable { .. }
            | Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::Malformed { .. }
            | Self::Redirected { .. }
            | Self::Credentials(_) => None,
        }
    }

    /// What to do about it. A 5xx or a lost answer to a write says nothing about whether it happened.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::TooMany { after, .. } => Disposition::Retry { after: *after },
            Self::Unreachable { .. } => Disposition::Retry { after: None },
            Self::Lost { .. } | Self::Malformed { .. } => Disposition::Look,
            Self::Refused { status: 500.., .. } => Disposition::Look,
            Self::Refused { .. }
            | Self::Redirected { .. }
            | Self::Unsendable { .. }
            | Self::Credentials(_) => Disposition::GiveUp,
        }
    }
}

/// One request. The path is the plan's, the values are encoded here.
pub struct Call<'a> {
    /// The method.
    pub method: Method,
    /// `/v3/portals/…`.
    pub path: &'a str,
    /// Query parameters.
    pub query: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: Option<&'a Value>,
}

impl<'a> Call<'a> {
    /// A read.
    pub fn get(path: &'a str, query: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            method: Method::GET,
            path,
            query,
            body: None,
        }
    }

    fn describe(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Client {
    /// A client without connection yet.
    ///
    /// # Errors
    /// [`ApiError::Unsendable`] when TLS cannot be set up.
    pub fn new(options: ClientOptions, credentials: Credentials) -> Result<Self, ApiError> {
        let http = http_client(&options.base_url, options.timeout, options.no_proxy).map_err(|problem| {
            ApiError::Unsendable {
                request: options.base_url.clone(),
                problem,
            }
        })?;
        let limiter = Limiter::new(options.concurrency);
        Ok(Self {
            http,
            options,
            credentials,
            limiter,
            sent: AtomicU64::new(0),
            worried: AtomicBool::new(false),
            clock_offset: AtomicI64::new(0),
        })
    }

    /// The base URL.
    pub fn base_url(&self) -> &str {
        &self.options.base_url
    }

    /// The most requests under way at once.
    pub fn concurrency(&self) -> usize {
        self.options.concurrency
    }

    /// How many requests were sent.
    pub fn requests_sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// Server time minus local time in milliseconds, as of the last answer.
    pub fn clock_offset_ms(&self) -> i64 {
        self.clock_offset.load(Ordering::SeqCst)
    }

    /// A digest of the token in use, to recognise it by; `None` when there is none yet.
    pub fn token_digest(&self) -> Option<enact_core::canonical::Digest> {
        self.credentials.digest()
    }

    /// A read, repeated while the server is busy or the connection breaks.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, ApiError> {
        let call = Call::get(path, query);
        for attempt in 1.. {
            let error = match self.send(&call).await {
                Ok(answer) => return Ok(answer.unwrap_or(Value::Null)),
                Err(error) => error,
            };
            let asked = match error.disposition() {
                Disposition::Retry { after } => after,
                Disposition::Look => None,
                Disposition::GiveUp
                | Disposition::AskHuman
                | Disposition::Escalate
                | Disposition::Wait
                | Disposition::Stopped => {
                    return Err(error);
                }
            };
            if attempt >= self.options.retry.attempts {
                return Err(error);
            }
            tracing::debug!(%error, attempt, "read again");
            if attempt == WORRYING && !self.worried.swap(true, Ordering::SeqCst) {
                let server = &self.options.base_url;
                tracing::warn!("no good answer from {server} yet, trying again: {error}");
            }
            tokio::time::sleep(self.options.retry.wait(attempt, asked, u64::from(attempt))).await;
        }
        Ok(Value::Null)
    }

    /// One request, sent once (twice when the token has to be refreshed: a 401 means nothing was done).
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn send(&self, call: &Call<'_>) -> Result<Option<Value>, ApiError> {
        let token = self
            .credentials
            .bearer(&self.http, &self.options.base_url)
            .await?;
        match self.send_with(call, &token).await {
            Err(ApiError::Refused { status: 401, .. })
                if self
                    .credentials
                    .refresh(&self.http, &self.options.base_url, &token)
                    .await? =>
            {
                let token = self
                    .credentials
                    .bearer(&self.http, &self.options.base_url)
                    .await?;
                self.send_with(call, &token).await
            }
            other => other,
        }
    }

    async fn send_with(&self, call: &Call<'_>, token: &Secret<String>) -> Result<Option<Value>, ApiError> {
        let request = self.request(call, token)?;
        let permit = self.limiter.acquire().await;
        self.sent.fetch_add(1, Ordering::SeqCst);
        tracing::debug!(method = %call.method, path = call.path, "request");
        let response = self
            .http
            .execute(request)
            .await
            .map_err(|error| lost(call, &error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        self.note_time(&headers);
        let body = read_bounded(response, MAX_ANSWER)
            .await
            .map_err(|problem| match problem {
                Unread::Broken(problem) => ApiError::Lost {
                    request: call.describe(),
                    problem,
                },
                Unread::TooLong => ApiError::Malformed {
                    request: call.describe(),
                    problem: format!("it is longer than {MAX_ANSWER} bytes"),
                },
            });
        drop(permit);
        let result = answer(call, status, &headers, body?);
        match &result {
            Err(ApiError::TooMany { after, .. }) => {
                let wait = after
                    .unwrap_or(self.options.retry.initial)
                    .min(self.options.retry.longest);
                self.limiter.too_many(wait);
            }
            Ok(_) => self.limiter.succeeded(),
            Err(_) => {}
        }
        result
    }

    fn request(&self, call: &Call<'_>, token: &Secret<String>) -> Result<reqwest::Request, ApiError> {
        let unsendable = |problem: String| ApiError::Unsendable {
            request: call.describe(),
            problem,
        };
        let url = format!("{}{}", self.options.base_url, call.path);
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .map_err(|_| unsendable("the token holds characters that no header may hold".to_owned()))?;
        bearer.set_sensitive(true);
        let mut builder = self
            .http
            .request(call.method.clone(), url)
            .header(AUTHORIZATION, bearer);
        if !call.query.is_empty() {
            builder = builder.query(call.query);
        }
        if let Some(body) = call.body {
            builder = builder.json(body);
        }
        builder.build().map_err(|error| unsendable(chain(&error)))
    }

    /// Keeps the difference to the server's clock, so that a creation time can be held against a journal entry's.
    fn note_time(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|value| value.to_str().ok());
        let server = date.and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
        if let Some(server) = server {
            let local = enact_engine::clock::Clock::now(&enact_engine::clock::SystemClock);
            let offset = server
                .timestamp()
                .as_millisecond()
                .saturating_sub(local.as_millisecond());
            self.clock_offset.store(offset, Ordering::SeqCst);
        }
    }
}

/// Why an answer could not be read to its end.
pub(crate) enum Unread {
    /// The connection broke.
    Broken(String),
    /// It is longer than the limit.
    TooLong,
}

/// Reads an answer of at most `limit` bytes.
pub(crate) async fn read_bounded(response: reqwest::Response, limit: usize) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Unread::Broken(chain(&error)))?;
        if body.len() + chunk.len() > limit {
            return Err(Unread::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A failure of transport: before the request was received, or after.
fn lost(call: &Call<'_>, error: &reqwest::Error) -> ApiError {
    let (request, problem) = (call.describe(), chain(error));
    if error.is_connect() {
        ApiError::Unreachable { request, problem }
    } else {
        ApiError::Lost { request, problem }
    }
}

fn answer(
    call: &Call<'_>,
    status: StatusCode,
    headers: &HeaderMap,
    body: Vec<u8>,
) -> Result<Option<Value>, ApiError> {
    let request = call.describe();
    if status.is_redirection() {
        let location = headers
            .get(LOCATION)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("somewhere");
        return Err(ApiError::Redirected {
            request,
            location: location.chars().take(200).collect(),
        });
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(ApiError::TooMany {
            request,
            after: retry_after(headers),
        });
    }
    if !status.is_success() {
        return Err(ApiError::Refused {
            request,
            status: status.as_u16(),
            detail: explain(status, &body),
        });
    }
    if status == StatusCode::NO_CONTENT || body.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(&body)
        .map(Some)
        .map_err(|error| ApiError::Malformed {
            request,
            problem: error.to_string(),
        })
}

/// `Retry-After` in seconds or as a date (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let now = enact_engine::clock::Clock::now(&enact_engine::clock::SystemClock);
    Some(Duration::from_millis(
        u64::try_from(until.as_millisecond() - now.as_millisecond()).unwrap_or(0),
    ))
}

/// A problem document in one line: detail, invalid parameters, trace id.
fn explain(status: StatusCode, body: &[u8]) -> String {
    let reason = status.canonical_reason().unwrap_or("refused").to_lowercase();
    let Ok(problem) = serde_json::from_slice::<Value>(body) else {
        return reason;
    };
    let text = |key: &str| problem.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut line = match (text("detail"), text("title")) {
        ("", "") => reason,
        ("", title) => title.to_owned(),
        (detail, _) => format!("{reason}: {detail}"),
    };
    for parameter in problem
        .get("invalid_parameters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .take(10)
    {
        let part = |key: &str| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
        line.push_str(&format!("; {}: {}", part("field"), part("reason")));
    }
    if !text("instance").is_empty() {
        line.push_str(&format!(" ({})", text("instance")));
    }
    line.chars().take(1000).collect()
}
