//! One HTTP request of a step or a check: sent once, no redirects, a bounded reply.

use std::collections::BTreeMap;
use std::time::Duration;

use enact_core::secret::Secret;
use enact_engine::http::{chain, http_client};
use enact_engine::stop::{StopSignal, Urgency};

use super::reply::{End, Reply, in_seconds};
use crate::process::NamedSecret;
use crate::process::redact::Patterns;

/// The largest body of a reply that is read, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// What to send.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: BTreeMap<String, Secret<String>>,
    pub(crate) body: Option<Secret<Vec<u8>>>,
    pub(crate) timeout: Duration,
}

/// Sends it. A connection that failed before anything was sent certainly did nothing; anything later may have.
pub(crate) async fn send(request: Request, secrets: &[NamedSecret], stop: &StopSignal) -> Reply {
    let started = std::time::Instant::now();
    let patterns = match Patterns::new(secrets) {
        Ok(patterns) => patterns,
        Err(why) => return Reply::bare(End::NotStarted(why)),
    };
    let sent = async {
        match prepare(&request) {
            Err(why) => Reply::bare(End::NotStarted(why)),
            Ok(prepared) => match prepared.send().await {
                Ok(response) => read(response, &patterns, request.timeout).await,
                Err(error) if error.is_builder() || error.is_connect() => {
                    Reply::bare(End::NotStarted(chain(&error)))
                }
                Err(error) => Reply::bare(End::Lost(chain(&error))),
            },
        }
    };
    let mut reply = tokio::select! {
        biased;
        reply = sent => reply,
        () = stop.raised(Urgency::Now) => Reply::bare(End::Stopped),
    };
    reply.took = started.elapsed();
    reply
}

fn prepare(request: &Request) -> Result<reqwest::RequestBuilder, String> {
    let client = http_client(&request.url, request.timeout, false)?;
    let method = reqwest::Method::from_bytes(request.method.as_bytes())
        .map_err(|_| format!("{:?} is not a method", request.method))?;
    let mut builder = client.request(method, &request.url);
    for (name, value) in &request.headers {
        let mut header = reqwest::header::HeaderValue::from_str(value.expose())
            .map_err(|_| format!("the header {name} holds a character that headers cannot have"))?;
        header.set_sensitive(true);
        builder = builder.header(name, header);
    }
    if let Some(body) = &request.body {
        builder = builder.body(body.expose().clone());
    }
    Ok(builder)
}

async fn read(mut response: reqwest::Response, patterns: &Patterns, timeout: Duration) -> Reply {
    let status = response.status().as_u16();
    let clean = |text: &[u8]| patterns.text(&String::from_utf8_lossy(text));
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), clean(value.as_bytes())))
        .collect();
    let mut body = Vec::new();
    let mut is_whole = true;
    let mut end = End::Status(status);
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_BODY => body.extend_from_slice(&chunk),
            Ok(Some(_)) => {
                is_whole = false;
                break;
            }
            Err(error) => {
                is_whole = false;
                end = End::Lost(not_whole(status, &error, timeout));
                break;
            }
            Ok(None) => break,
        }
    }
    Reply {
        stdout: clean(&body),
        is_whole,
        headers,
        ..Reply::bare(end)
    }
}

/// What is said of a reply that began and did not come to its end: nobody knows what the server did.
fn not_whole(status: u16, error: &reqwest::Error, timeout: Duration) -> String {
    let why = if error.is_timeout() {
        format!("it took longer than {}", in_seconds(timeout))
    } else {
        format!("it was cut off: {}", chain(error))
    };
    format!("the reply with status {status} was not received whole: {why}")
}
