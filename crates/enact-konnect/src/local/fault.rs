//! Injected faults: what a test or user may make the local Konnect do wrong, and when.
//!
//! The wire form is `{"faults": [{"match": {…}, "times": 2, "do": {"kind": "status", "status": 429}}]}`.
//! Choosing a fault is here and deterministic; carrying it out is in `dispatch`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Faults that can be set at once.
const MAX_FAULTS: usize = 256;

/// The longest delay of any kind, an hour.
const MAX_MILLISECONDS: u64 = 3_600_000;

/// A fault and when it strikes. Of several, the first that strikes is taken; latencies add up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which requests it concerns; all when empty.
    #[serde(rename = "match", default)]
    pub matching: FaultMatch,
    /// Matching requests that pass unharmed first.
    #[serde(default)]
    pub after: u64,
    /// How often it strikes; without a number, forever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// The share of matching requests that it strikes, 0 to 1; without a number, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Start of the pseudo-random sequence behind `probability`: the same seed strikes the same requests.
    #[serde(default)]
    pub seed: u64,
    /// What happens.
    #[serde(rename = "do")]
    pub action: FaultAction,
}

/// Requests that a fault concerns: all the given members must match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultMatch {
    /// An HTTP method in upper case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A path without query; `*` stands for anything but `/`, `**` for anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Text that occurs in the body as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
}

/// Whether the operation is carried out before its answer is spoilt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Nothing happens on the server.
    #[default]
    BeforeCommit,
    /// The write is committed; only its answer is lost.
    AfterCommit,
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultAction {
    /// Answers with a status (400 to 599) as `application/problem+json`.
    Status {
        /// The status.
        status: u16,
        /// Sent as `Retry-After`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u64>,
        /// Before or after the operation.
        #[serde(default)]
        when: When,
    },
    /// Answers late, and otherwise well.
    Latency {
        /// How late.
        milliseconds: u64,
    },
    /// Cuts the connection without an answer.
    Reset {
        /// Before or after the operation.
        #[serde(default)]
        when: When,
    },
    /// Creates the object, but neither it nor anything below it is found for a while. Concerns `POST` only.
    Invisible {
        /// For how long.
        milliseconds: u64,
    },
    /// Carries the operation out and answers 200 with JSON that stops halfway.
    Malformed {},
    /// Answers 307 without carrying the operation out.
    Redirect {
        /// The `Location`.
        location: String,
    },
    /// Answers nothing for a while, then cuts the connection.
    Hang {
        /// For how long.
        milliseconds: u64,
        /// Before or after the operation.
        #[serde(default)]
        when: When,
    },
}

/// A list of faults as `PUT /_enact/faults` takes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultList {
    /// In the order in which they are tried.
    pub faults: Vec<Fault>,
}

/// Why a list of faults is refused.
#[derive(Debug, Error)]
pub enum FaultError {
    /// Not JSON, or members that are missing, unknown or of the wrong type.
    #[error("read the list of faults")]
    Syntax(#[source] serde_json::Error),
    /// A value out of its range.
    #[error("fault {index}: {reason}")]
    Value {
        /// Counted from 0.
        index: usize,
        /// Which value and what it may be.
        reason: String,
    },
    /// More faults than the server keeps.
    #[error("{count} faults are more than the {MAX_FAULTS} that can be set")]
    TooMany {
        /// How many were given.
        count: usize,
    },
}

impl FaultList {
    /// Reads and checks the wire form.
    ///
    /// # Errors
    /// `Syntax` or `Value` for a list that cannot be carried out as written.
    pub fn parse(text: &[u8]) -> Result<Self, FaultError> {
        let list: Self = serde_json::from_slice(text).map_err(FaultError::Syntax)?;
        list.check()?;
        Ok(list)
    }

    /// # Errors
    /// `Value` or `TooMany`.
    pub(super) fn check(&self) -> Result<(), FaultError> {
        if self.faults.len() > MAX_FAULTS {
            return Err(FaultError::TooMany {
                count: self.faults.len(),
            });
        }
        for (index, fault) in self.faults.iter().enumerate() {
            if let Some(reason) = fault.refusal() {
                return Err(FaultError::Value { index, reason });
            }
        }
        Ok(())
    }
}

impl Fault {
    fn refusal(&self) -> Option<String> {
        if let Some(probability) = self.probability.filter(|share| !(0.0..=1.0).contains(share)) {
            return Some(format!("probability must be between 0 and 1, not {probability}"));
        }
        if let Some(method) = &self.matching.method
            && !["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str())
        {
            return Some(format!(
                "method must be GET, POST, PUT, PATCH or DELETE, not [{method}]"
            ));
        }
        match &self.action {
            FaultAction::Status { status, .. } => {
                let fits = (400..600).contains(status) && StatusCode::from_u16(*status).is_ok();
                (!fits).then(|| format!("status must be between 400 and 599, not {status}"))
            }
            FaultAction::Latency { milliseconds }
            | FaultAction::Invisible { milliseconds }
            | FaultAction::Hang { milliseconds, .. } => (*milliseconds > MAX_MILLISECONDS)
                .then(|| format!("milliseconds must be at most {MAX_MILLISECONDS}, not {milliseconds}")),
            FaultAction::Redirect { location } => axum::http::HeaderValue::from_str(location)
                .is_err()
                .then(|| "location must be text that a header can carry".to_owned()),
            FaultAction::Reset { .. } | FaultAction::Malformed {} => None,
        }
    }

    fn concerns(&self, method: &Method, path: &str, body: &[u8]) -> bool {
        let matching = &self.matching;
        if matches!(self.action, FaultAction::Invisible { .. }) && method != Method::POST {
            return false;
        }
        matching
            .method
            .as_ref()
            .is_none_or(|name| method == name.as_str())
            && matching
                .path
                .as_ref()
                .is_none_or(|glob| glob_matches(glob.as_bytes(), path.as_bytes()))
            && matching
                .body_contains
                .as_ref()
                .is_none_or(|text| contains(body, text.as_bytes()))
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

/// Matches with one row of a table per character of the pattern, so that no pattern takes long.
fn glob_matches(glob: &[u8], text: &[u8]) -> bool {
    // `reached[i]` says that the pattern so far matches the first `i` bytes.
    let mut reached = vec![false; text.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    let mut rest = glob;
    while let Some((first, tail)) = rest.split_first() {
        let mut next = vec![false; text.len() + 1];
        if *first == b'*' {
            let deep = tail.first() == Some(&b'*');
            rest = if deep {
                tail.get(1..).unwrap_or_default()
            } else {
                tail
            };
            let mut open = false;
            for (index, (slot, was)) in next.iter_mut().zip(&reached).enumerate() {
                let crossed = index > 0 && text.get(index - 1) == Some(&b'/');
                open = *was || (open && (deep || !crossed));
                *slot = open;
            }
        } else {
            rest = tail;
            for ((slot, was), byte) in next.iter_mut().skip(1).zip(&reached).zip(text) {
                *slot = *was && byte == first;
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

/// What befalls one request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stroke {
    pub(super) latency_ms: u64,
    pub(super) action: Option<FaultAction>,
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    seen: u64,
    struck: u64,
    random: u64,
}

/// The faults in force with their counters.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Armed>>);

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces all faults and starts their counters anew; the list has been checked.
    pub(super) fn set(&self, list: FaultList) {
        let armed = list.faults.into_iter();
        *self.lock() = armed
            .map(|fault| Armed {
                random: fault.seed,
                fault,
                seen: 0,
                struck: 0,
            })
            .collect();
    }

    /// The faults, and how often each has struck.
    pub(super) fn get(&self) -> (FaultList, Vec<u64>) {
        let armed = self.lock();
        let faults = armed.iter().map(|armed| armed.fault.clone()).collect();
        (
            FaultList { faults },
            armed.iter().map(|armed| armed.struck).collect(),
        )
    }

    /// Decides what befalls a request, and counts it.
    pub(super) fn strike(&self, method: &Method, path: &str, body: &[u8]) -> Stroke {
        let mut stroke = Stroke::default();
        for armed in self.lock().iter_mut() {
            if !armed.fault.concerns(method, path, body) {
                continue;
            }
            armed.seen += 1;
            let spent = armed.fault.times.is_some_and(|times| armed.struck >= times);
            if armed.seen <= armed.fault.after || spent || !armed.draw() {
                continue;
            }
            armed.struck += 1;
            if let FaultAction::Latency { milliseconds } = armed.fault.action {
                stroke.latency_ms = stroke.latency_ms.saturating_add(milliseconds);
            } else {
                stroke.action = Some(armed.fault.action.clone());
                break;
            }
        }
        stroke
    }
}

impl Armed {
    fn draw(&mut self) -> bool {
        let Some(probability) = self.fault.probability else {
            return true;
        };
        // SplitMix64: a few lines, good enough, and the same on every platform.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // 32 bits fit into a double exactly; the remainder after the shift always fits into 32.
        let share = f64::from(u32::try_from(bits >> 32).unwrap_or(u32::MAX)) / 4_294_967_296.0;
        share < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Faults {
        let faults = Faults::default();
        faults.set(FaultList::parse(text.as_bytes()).unwrap());
        faults
    }

    fn strikes(faults: &Faults, count: usize) -> Vec<bool> {
        let strike = |_| faults.strike(&Method::GET, "/v3/portals", b"").action.is_some();
        (0..count).map(strike).collect()
    }

    #[test]
    fn globs_stop_at_slashes_unless_doubled() {
        for (glob, path, expected) in [
            ("/v3/portals/*/pages", "/v3/portals/1/pages", true),
            ("/v3/portals/*/pages", "/v3/portals/1/2/pages", false),
            ("/v3/portals/*", "/v3/portals/", true),
            ("/v3/portals/*", "/v3/portals/1/pages", false),
            ("/v3/**", "/v3/portals/1/pages", true),
            ("/v3/portals", "/v3/portals/1", false),
            ("*", "", true),
        ] {
            assert_eq!(
                glob_matches(glob.as_bytes(), path.as_bytes()),
                expected,
                "{glob} {path}"
            );
        }
    }

    #[test]
    fn after_and_times_bound_the_strikes() {
        let faults = faults(r#"{"faults":[{"after":1,"times":2,"do":{"kind":"status","status":503}}]}"#);
        assert_eq!(strikes(&faults, 5), [false, true, true, false, false]);
        assert_eq!(faults.get().1, [2]);
    }

    #[test]
    fn the_same_seed_strikes_the_same_requests() {
        let text = r#"{"faults":[{"probability":0.3,"seed":7,"do":{"kind":"reset"}}]}"#;
        let first = strikes(&faults(text), 200);
        assert_eq!(first, strikes(&faults(text), 200));
        let count = first.iter().filter(|struck| **struck).count();
        assert!((30..90).contains(&count), "{count}");
    }

    #[test]
    fn latencies_add_up_before_another_fault() {
        let faults = faults(
            r#"{"faults":[{"do":{"kind":"latency","milliseconds":5}},{"do":{"kind":"latency","milliseconds":7}},
                {"do":{"kind":"malformed"}},{"do":{"kind":"reset"}}]}"#,
        );
        let stroke = faults.strike(&Method::GET, "/", b"");
        assert_eq!(
            stroke,
            Stroke {
                latency_ms: 12,
                action: Some(FaultAction::Malformed {})
            }
        );
        assert_eq!(faults.get().1, [1, 1, 1, 0]);
    }

    #[test]
    fn a_fault_matches_method_path_and_body() {
        let faults = faults(
            r#"{"faults":[{"match":{"method":"POST","path":"/v3/portals","body_contains":"\"b\""},
                "do":{"kind":"invisible","milliseconds":5}}]}"#,
        );
        let strike = |method, path, body| faults.strike(&method, path, body).action.is_some();
        assert!(strike(Method::POST, "/v3/portals", br#"{"name":"b"}"#));
        assert!(!strike(Method::PATCH, "/v3/portals", br#"{"name":"b"}"#));
        assert!(!strike(Method::POST, "/v3/other", br#"{"name":"b"}"#));
        assert!(!strike(Method::POST, "/v3/portals", br#"{"name":"c"}"#));
    }

    #[test]
    fn wrong_lists_are_refused_with_a_reason() {
        for (text, reason) in [
            (
                r#"{"faults":[{"do":{"kind":"status","status":503},"tmies":1}]}"#,
                "tmies",
            ),
            (
                r#"{"faults":[{"do":{"kind":"reset","milliseconds":1}}]}"#,
                "milliseconds",
            ),
            (r#"{"faults":[{"do":{"kind":"malformed","status":1}}]}"#, "status"),
            (r#"{"faults":[{"do":{"kind":"explode"}}]}"#, "explode"),
            (r#"{"faults":[{"do":{"kind":"status","status":200}}]}"#, "status"),
            (
                r#"{"faults":[{"probability":2,"do":{"kind":"reset"}}]}"#,
                "probability",
            ),
            (
                r#"{"faults":[{"match":{"method":"post"},"do":{"kind":"reset"}}]}"#,
                "method",
            ),
        ] {
            let error = FaultList::parse(text.as_bytes()).unwrap_err();
            let mut shown = error.to_string();
            if let Some(source) = std::error::Error::source(&error) {
                shown = format!("{shown}: {source}");
            }
            assert!(shown.contains(reason), "{shown}");
        }
    }
}
