//! What the controller's log says of executions.

use std::sync::{Arc, Mutex};

use enact_kube::api::Phase;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Bench, scale};

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        let own = |line: &&str| line.contains("enact_kube::controller::audit");
        text.lines().filter(own).map(ToOwned::to_owned).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_one_line_with_what_it_rests_on_and_no_parameter() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let bench = Bench::new();
    bench.cluster.edit("deployments", "shop", "web", |web| {
        web["metadata"]["labels"] = json!({ "critical": "true" });
    });
    let mut spec = scale("0");
    spec["parameters"]["expectedReplicas"] = json!("3");
    bench.ask("down", &spec);
    let status = bench.to_end("down").await;
    assert_eq!(status.phase, Some(Phase::Failed));
    let lines = log.lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines[0].contains("from=\"Pending\" to=\"Validating\""),
        "{lines:#?}"
    );
    let decision = status.policy_decision.unwrap();
    for part in [
        "WARN",
        "denied by policy",
        "namespace=shop name=down",
        "scale-to-zero",
        &decision.bundle_digest,
        &decision.input_digest,
    ] {
        assert!(lines[1].contains(part), "{part}: {lines:#?}");
    }
    assert!(!lines.join("").contains("expectedReplicas"), "{lines:#?}");
}
