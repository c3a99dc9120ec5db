//! Real processes that are watched, stopped and killed: a server of its own, and enact under strace.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{ENACT, Place, call};

/// A local Konnect in a process of its own, with its own database: what it counts survives whatever enact does.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start(place: &Place, database: &Path) -> Self {
        let mut process = Command::new(ENACT)
            .args(["konnect", "serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(database)
            .current_dir(place.work())
            .env_clear()
            .env("ENACT_STATE_DIR", place.state().join("server"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http://"))
            .unwrap()
            .to_owned();
        Self { process, url }
    }

    /// The committed writes that changed something, as `POST /v3/portals` and the like, in order.
    pub(crate) fn effects(&self, place: &Place) -> Vec<String> {
        let (_, log) = call(
            &place.runtime,
            "GET",
            &format!("{}/_enact/requests", self.url),
            None,
        );
        let writes = log["writes"].as_array().unwrap();
        let applied = writes.iter().filter(|write| write["applied"] == true);
        applied
            .map(|write| {
                format!(
                    "{} {}",
                    write["method"].as_str().unwrap(),
                    write["path"].as_str().unwrap()
                )
            })
            .collect()
    }

    pub(crate) fn faults(&self, place: &Place, faults: Value) {
        let url = format!("{}/_enact/faults", self.url);
        let (status, answer) = call(&place.runtime, "PUT", &url, Some(json!({"faults": faults})));
        assert!(status < 300, "{answer}");
    }

    /// How many requests of this operation have arrived.
    pub(crate) fn count(&self, place: &Place, operation: &str) -> u64 {
        let (_, log) = call(
            &place.runtime,
            "GET",
            &format!("{}/_enact/requests", self.url),
            None,
        );
        log["by_operation"][operation].as_u64().unwrap_or(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Is strace here? Where it is not, the test says so and ends.
pub(crate) fn has_strace() -> bool {
    let found = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        println!("skipped: strace is not installed (Debian: apt-get install strace)");
    }
    found
}

/// Waits for something that another process does; gives up loudly after a while.
#[track_caller]
pub(crate) fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "waited too long until {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a signal by name.
pub(crate) fn signal(process: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &process.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}
