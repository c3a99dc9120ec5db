//! A local Konnect in memory with a clock that the test moves and ids that count up, and a client of it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use enact_konnect::local::{LocalKonnect, LocalOptions, RunningKonnect, Sources};
use serde_json::Value;

/// 2026-01-01T00:00:00Z.
const START_MS: i64 = 1_767_225_600_000;

/// An id that no object has.
pub(crate) const UNKNOWN: &str = "00000000-0000-4000-8000-ffffffffffff";

/// An entry of [`Answer::faults`].
pub(crate) fn pair(field: &str, rule: &str) -> (String, String) {
    (field.to_owned(), rule.to_owned())
}

pub(crate) struct Server {
    pub(crate) running: RunningKonnect,
    pub(crate) client: reqwest::Client,
    clock_ms: Arc<AtomicI64>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        if self.text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&self.text).unwrap()
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// `(field, rule)` of each invalid parameter.
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        assert_eq!(self.status, 400, "{}", self.text);
        let body = self.json();
        let entries = body["invalid_parameters"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        entries
            .iter()
            .map(|entry| (text(&entry["field"]), text(&entry["rule"])))
            .collect()
    }
}

pub(crate) fn client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    // Another test may have been first; either way there is a provider.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

/// Options with a pinned clock and counted ids.
pub(crate) fn options() -> (LocalOptions, Arc<AtomicI64>) {
    let clock_ms = Arc::new(AtomicI64::new(START_MS));
    let clock = Arc::clone(&clock_ms);
    let count = AtomicU64::new(0);
    let sources = Sources {
        now: Arc::new(move || jiff::Timestamp::from_millisecond(clock.load(Ordering::SeqCst)).unwrap()),
        new_id: Arc::new(move || {
            format!(
                "00000000-0000-4000-8000-{:012x}",
                count.fetch_add(1, Ordering::SeqCst) + 1
            )
        }),
    };
    (
        LocalOptions {
            sources,
            ..LocalOptions::default()
        },
        clock_ms,
    )
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut LocalOptions)) -> Self {
        let (mut options, clock_ms) = options();
        change(&mut options);
        let konnect = LocalKonnect::in_memory(options).unwrap();
        let running = konnect.spawn("127.0.0.1:0").await.unwrap();
        Self {
            running,
            client: client(),
            clock_ms,
        }
    }

    pub(crate) fn advance_ms(&self, milliseconds: i64) {
        self.clock_ms.fetch_add(milliseconds, Ordering::SeqCst);
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.client
            .request(method, format!("{}{path}", self.running.base_url()))
            .bearer_auth("kpat_test")
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        Answer {
            status,
            headers,
            text: response.text().await.unwrap(),
        }
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let request = self.request(method, path);
        self.send(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call("PATCH", path, Some(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None).await
    }

    /// Creates and returns the id.
    pub(crate) async fn create(&self, path: &str, body: Value) -> String {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn set_faults(&self, faults: Value) {
        let answer = self
            .call(
                "PUT",
                "/_enact/faults",
                Some(&serde_json::json!({"faults": faults})),
            )
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// How many committed writes changed something.
    pub(crate) fn applied(&self) -> usize {
        let log = self.running.konnect().requests().unwrap();
        log.writes.iter().filter(|write| write.applied).count()
    }
}
