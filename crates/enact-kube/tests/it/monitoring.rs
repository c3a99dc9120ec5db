//! What alerts and the dashboard ask for is what the controller counts; what they link to is in the operators' page.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use enact_core::canonical::Digest;
use enact_core::verdict::{Finding, Outcome};
use enact_engine::policy::metrics::PolicyMetrics;
use enact_engine::policy::observe::{Decided, PolicyObserver as _};
use enact_engine::policy::rego::RegoPolicy;
use enact_kube::api::{ConditionResult, ExecutionResult, FailureReason, KubernetesExecutionStatus, Phase};
use enact_kube::controller::{Context, Metrics, Options, serve};
use enact_kube::machine::Which;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, SYSTEM};

/// What others count: the kubelet, and Prometheus itself.
const FOREIGN: [&str; 3] = [
    "up",
    "container_cpu_usage_seconds_total",
    "container_memory_working_set_bytes",
];

/// Words of PromQL that are no metrics. Functions are told by what follows them.
const WORDS: [&str; 11] = [
    "and",
    "bool",
    "by",
    "group_left",
    "group_right",
    "ignoring",
    "offset",
    "on",
    "or",
    "unless",
    "without",
];

fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of all series, as a scrape has them.
fn exposed() -> BTreeSet<String> {
    let mut registry = Registry::default();
    let policies = PolicyMetrics::register(&mut registry);
    let metrics = Metrics::register(&mut registry);
    touch_policies(&policies);
    touch(&metrics);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let mut names = BTreeSet::new();
    for line in text.lines() {
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let endings: &[&str] = match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_count", "_sum"],
            _ => &[""],
        };
        names.extend(endings.iter().map(|ending| format!("{name}{ending}")));
    }
    names
}

/// The same for policies.
fn touch_policies(policies: &PolicyMetrics) {
    let digest = Digest::of(b"");
    policies.loaded(RegoPolicy::broken("x", &digest, &[]).loaded());
    let denies = Finding {
        rule: "x".to_owned(),
        outcome: Outcome::Deny,
        message: String::new(),
        change_id: None,
        location: None,
    };
    policies.decided(&Decided {
        format: "enact.decision/v1",
        decided_at: String::new(),
        kind: "action",
        subject: String::new(),
        action: "ScaleDeployment".to_owned(),
        actor: String::new(),
        outcome: Outcome::Deny,
        failure: Some("policy.timeout"),
        findings: &[denies],
        bundle_digest: &digest,
        input_digest: None,
        took_us: 1,
    });
}

/// Counts something everywhere: what was never counted is in no scrape.
fn touch(metrics: &Metrics) {
    metrics.reconciled(Phase::Pending, Duration::ZERO);
    metrics.moved(Phase::Running, Phase::Completed, "ScaleDeployment", None);
    metrics.job_created("ScaleDeployment", Duration::ZERO);
    let status = KubernetesExecutionStatus {
        result: Some(ExecutionResult {
            succeeded: true,
            duration: Some("1s".to_owned()),
            ..ExecutionResult::default()
        }),
        ..KubernetesExecutionStatus::default()
    };
    metrics.job_finished("ScaleDeployment", &status);
    metrics.conditions(Which::Before, &[ConditionResult::default()]);
    metrics.longest(Phase::Running, Duration::ZERO);
}

/// The metrics that an expression names.
fn named(expression: &str) -> BTreeSet<String> {
    let plain = without(expression, '"', '"');
    let plain = without(&without(&plain, '{', '}'), '[', ']');
    let plain = without_groupings(&plain);
    let mut names = BTreeSet::new();
    let mut rest = plain.as_str();
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_alphabetic() || letter == '_') {
        // A letter after a digit is a unit (5m) or an exponent.
        let after_digit = rest[..start].ends_with(|letter: char| letter.is_ascii_digit());
        let word: String = rest[start..]
            .chars()
            .take_while(|letter| is_word(*letter))
            .collect();
        rest = &rest[start + word.len()..];
        let called = rest.trim_start().starts_with('(');
        if !after_digit && !called && !WORDS.contains(&word.as_str()) {
            names.insert(word);
        }
    }
    names
}

/// A text without what stands between two letters, and without these.
fn without(text: &str, open: char, close: char) -> String {
    let mut inside = false;
    text.chars()
        .filter(|letter| {
            let was = inside;
            inside = if was { *letter != close } else { *letter == open };
            !was && !inside
        })
        .collect()
}

/// Labels stand in brackets after by, on and the like.
fn without_groupings(text: &str) -> String {
    let mut plain = text.to_owned();
    for word in ["by", "without", "on", "ignoring", "group_left", "group_right"] {
        for open in [format!("{word}("), format!("{word} (")] {
            while let Some(at) = plain.find(&open) {
                let end = plain[at..].find(')').map_or(plain.len(), |end| at + end + 1);
                plain.replace_range(at..end, " ");
            }
        }
    }
    plain
}

/// A rule of the file: an alert, or a series that is recorded for alerts.
#[derive(Default)]
struct Rule {
    alert: bool,
    name: String,
    expression: String,
    link: String,
}

fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut in_expression = false;
    for line in file("deploy/monitoring/alerts.yaml").lines().map(str::trim) {
        let (key, value) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
        if let Some(kind @ ("alert" | "record")) = key.strip_prefix("- ") {
            rules.push(Rule {
                alert: kind == "alert",
                name: value.to_owned(),
                ..Rule::default()
            });
        }
        let Some(rule) = rules.last_mut() else { continue };
        in_expression = match key {
            "expr" => {
                rule.expression = value.trim_start_matches(">-").to_owned();
                true
            }
            "for" | "labels" | "- alert" | "- record" => false,
            _ => in_expression && !line.starts_with('#'),
        };
        if in_expression && key != "expr" {
            write!(rule.expression, " {line}").unwrap();
        }
        if key == "runbook_url" {
            value.clone_into(&mut rule.link);
        }
    }
    rules
}

/// Every expression of the dashboard.
fn panels() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&file("deploy/monitoring/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let expressions = panels.iter().flat_map(|panel| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        targets
            .into_iter()
            .map(move |target| (title.clone(), target["expr"].as_str().unwrap().to_owned()))
    });
    expressions.collect()
}

#[test]
fn the_names_of_metrics_are_found_in_expressions() {
    let found = named(
        "histogram_quantile(0.99, sum by (le, phase) (rate(a_bucket{job=\"x\", l=~\"b|c\"}[5m]))) > 5e2 or absent(d) and on() e offset 5m",
    );
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a_bucket", "d", "e"]);
}

#[test]
fn alerts_and_dashboard_name_only_metrics_that_there_are() {
    let exposed = exposed();
    let rules = rules();
    assert_eq!(rules.iter().filter(|rule| rule.alert).count(), 9);
    let recorded: BTreeSet<&str> = rules
        .iter()
        .filter(|rule| !rule.alert)
        .map(|rule| rule.name.as_str())
        .collect();
    let panels = panels();
    assert!(panels.len() >= 20, "{} expressions", panels.len());
    let asked = rules
        .iter()
        .map(|rule| (rule.name.clone(), rule.expression.clone()));
    for (place, expression) in asked.chain(panels) {
        let named = named(&expression);
        assert!(!named.is_empty(), "{place}: no metric in {expression:?}");
        for name in named {
            let known = exposed.contains(&name)
                || recorded.contains(name.as_str())
                || FOREIGN.contains(&name.as_str());
            assert!(known, "{place}: nobody counts {name}; there are {exposed:?}");
        }
    }
}

#[test]
fn every_metric_is_on_the_dashboard() {
    let shown: BTreeSet<String> = panels()
        .iter()
        .flat_map(|(_, expression)| named(expression))
        .collect();
    for name in exposed() {
        // Of a histogram the buckets are enough.
        let other = name.ends_with("_count") || name.ends_with("_sum");
        assert!(other || shown.contains(&name), "no panel shows {name}");
    }
}

#[test]
fn every_alert_links_to_its_heading() {
    let page = file("docs/operating.md");
    let headings: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(str::to_lowercase)
        .collect();
    for Rule { name, link, .. } in rules().into_iter().filter(|rule| rule.alert) {
        let anchor = link.split_once("docs/operating.md#").map(|(_, anchor)| anchor);
        let anchor = anchor.unwrap_or_else(|| panic!("{name} links to {link:?}"));
        assert_eq!(anchor, name.to_lowercase());
        assert!(
            headings.contains(anchor),
            "{name} links to #{anchor}, which no heading is"
        );
    }
}

#[test]
fn every_reason_of_a_failure_has_its_row_for_operators() {
    let page = file("docs/operating.md");
    for reason in FailureReason::ALL {
        let row = format!("| `{reason}` |");
        assert_eq!(page.matches(&row).count(), 1, "rows {row:?} in docs/operating.md");
    }
}

/// A Job whose execution is gone.
fn orphan(name: &str, active: u8) -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "namespace": SYSTEM,
            "name": name,
            "labels": { "app.kubernetes.io/name": "kubernetes-executor", "app.kubernetes.io/component": "action" },
            "annotations": { "kubernaut.ai/execution-uid": "gone" },
        },
        "spec": { "template": { "spec": { "containers": [], "restartPolicy": "Never" } } },
        "status": { "active": active },
    })
}

#[tokio::test(start_paused = true)]
async fn jobs_whose_execution_is_gone_are_deleted_when_they_have_ended_and_counted_while_they_run() {
    let bench = Bench::new();
    bench.cluster.put(&orphan("ended", 0));
    bench.cluster.put(&orphan("runs", 1));
    let mut registry = Registry::default();
    let context = Context {
        metrics: Metrics::register(&mut registry),
        ..bench.controller()
    };
    let options = Options {
        health: "127.0.0.1:0".parse().unwrap(),
        metrics: "127.0.0.1:0".parse().unwrap(),
        elect: false,
        concurrency: 1,
        metrics_auth: false,
    };
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(
        Arc::new(context),
        Registry::default(),
        options,
        stop.clone(),
    ));
    tokio::time::sleep(Duration::from_secs(3630)).await;
    stop.cancel();
    assert_eq!(serving.await.unwrap(), Ok(()));
    assert!(bench.cluster.get("jobs", SYSTEM, "ended").is_none());
    assert!(bench.cluster.get("jobs", SYSTEM, "runs").is_some());
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        "kubernetes_execution_orphan_jobs 1",
        "kubernetes_execution_longest_seconds{phase=\"Pending\"} 0.0",
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
}
