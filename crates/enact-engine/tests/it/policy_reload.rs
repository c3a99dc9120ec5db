//! Policies that change while others decide.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use enact_core::change::{Action, Change, ChangeId};
use enact_core::plan::{Mode, Plan, PlanDraft};
use enact_core::verdict::Outcome;
use enact_engine::policy::bundle::Bundle;
use enact_engine::policy::metrics::PolicyMetrics;
use enact_engine::policy::observe::{DecisionLog, PolicyObserver};
use enact_engine::policy::rego::RegoPolicy;
use enact_engine::policy::reload::{Looked, Reloader};
use enact_engine::policy::{PolicyEngine as _, canaries};
use enact_testkit::fixtures;

fn plan() -> Plan {
    let change = Change::new(
        ChangeId("create:thing:a".to_owned()),
        Action::Create,
        "thing",
        "a",
        "a",
    );
    PlanDraft {
        metadata: fixtures::metadata(Mode::Apply),
        document: None,
        changes: vec![change],
        warnings: Vec::new(),
    }
    .freeze()
    .unwrap()
}

/// A bundle that denies everything, with its own name.
fn denying(name: &str) -> String {
    format!(
        "package enact.plan\ndeny contains {{\"msg\": \"no\", \"code\": \"{name}\"}} if input.kind == \"plan\"\n"
    )
}

fn compile(bundle: &Bundle) -> Result<RegoPolicy, Vec<enact_core::diagnostic::Diagnostic>> {
    let (asked, loaded) = enact_engine::policy::asking::InProcess::load(bundle)?;
    Ok(RegoPolicy::new(loaded, Arc::new(asked)))
}

fn reloader(folder: &Path, observers: Vec<Arc<dyn PolicyObserver>>) -> Reloader {
    Reloader::new(folder, Box::new(compile), Box::new(|_| Ok(())), observers)
}

fn code(policy: &RegoPolicy, plan: &Plan) -> (Outcome, String) {
    let verdict = policy.judge(plan, &fixtures::occasion());
    let first = verdict.findings.first().map(|finding| finding.rule.clone());
    (verdict.outcome, first.unwrap_or_default())
}

#[test]
fn before_the_first_good_bundle_and_after_the_last_everything_is_denied() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan();
    let mut reloader = reloader(&folder.path().join("policies"), Vec::new());
    let in_force = reloader.in_force();
    assert_eq!(
        code(&in_force.now(), &plan),
        (Outcome::Deny, "policy.not_loaded".to_owned())
    );
    assert!(matches!(reloader.look(), Looked::Gone(why) if why.contains("policy directory")));
    assert_eq!(reloader.look(), Looked::Same);

    std::fs::create_dir(folder.path().join("policies")).unwrap();
    std::fs::write(
        folder.path().join("policies/a.rego"),
        "package enact.plan\ndeny contains \"x\" if false\n",
    )
    .unwrap();
    assert!(matches!(reloader.look(), Looked::Replaced(_)));
    assert_eq!(code(&in_force.now(), &plan).0, Outcome::Allow);

    std::fs::remove_dir_all(folder.path().join("policies")).unwrap();
    assert!(matches!(reloader.look(), Looked::Gone(_)));
    assert_eq!(
        code(&in_force.now(), &plan),
        (Outcome::Deny, "policy.not_loaded".to_owned())
    );
}

#[test]
fn a_bad_bundle_is_refused_once_and_the_last_good_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.rego");
    let mut registry = prometheus_client::registry::Registry::default();
    let metrics = Arc::new(PolicyMetrics::register(&mut registry));
    let written = |registry| {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
        text
    };
    let mut reloader = reloader(folder.path(), vec![metrics]);
    let (in_force, plan) = (reloader.in_force(), plan());
    std::fs::write(
        &file,
        "package enact.plan\ndeny contains x if { x := to_number(input.kind) }\n",
    )
    .unwrap();
    assert!(matches!(reloader.look(), Looked::Replaced(_)));
    assert_eq!(code(&in_force.now(), &plan).1, "policy.evaluation_error");
    std::fs::write(&file, denying("first")).unwrap();
    assert!(matches!(reloader.look(), Looked::Replaced(_)));

    std::fs::write(
        &file,
        "package enact.plan\ndeny contains x if { x := nowhere(1) }\n",
    )
    .unwrap();
    let Looked::Refused(why) = reloader.look() else {
        panic!("a bundle that does not compile was taken");
    };
    assert!(why.contains("a.rego:2: there is no function nowhere"), "{why}");
    assert_eq!(reloader.look(), Looked::Same);
    assert_eq!(code(&in_force.now(), &plan).1, "first");
    assert!(written(&registry).contains("policy_bundle_stale 1"));

    std::fs::write(&file, denying("second")).unwrap();
    assert!(matches!(reloader.look(), Looked::Replaced(_)));
    assert_eq!(code(&in_force.now(), &plan).1, "second");

    let text = written(&registry);
    assert!(text.contains("policy_bundle_stale 0"), "{text}");
    let digest = in_force.now().loaded().digest.to_string();
    assert!(text.contains("policy_reload_errors_total 1"), "{text}");
    assert!(
        text.contains("policy_denials_total{policy=\"first\",action=\"apply\"} 1"),
        "{text}"
    );
    assert!(
        text.contains(&format!("policy_bundle_info{{digest=\"{digest}\"")),
        "{text}"
    );
    assert_eq!(text.matches("policy_bundle_info{").count(), 1, "{text}");
    let errors = "policy_evaluation_errors_total{policy=\"policy.evaluation_error\",action=\"apply\"} 1";
    assert!(text.contains(errors), "{text}");
    assert!(
        text.contains("policy_evaluation_duration_seconds_count{kind=\"plan\"} 3"),
        "{text}"
    );
}

#[test]
fn a_bundle_that_fails_its_trial_is_not_put_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = enact_engine::policy::default::bundle();
    for file in bundle.files() {
        let path = folder.path().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.text).unwrap();
    }
    let mut reloader = Reloader::new(
        folder.path(),
        Box::new(compile),
        Box::new(canaries::actions),
        Vec::new(),
    );
    let looked = reloader.look();
    assert!(matches!(looked, Looked::Replaced(_)), "{looked:?}");
    // Somebody takes the node rules out.
    let rules = folder.path().join("actions/node-safety.rego");
    let text = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, text.replace("deny contains", "warn contains")).unwrap();
    let Looked::Refused(why) = reloader.look() else {
        panic!("it was put in force");
    };
    assert!(
        why.contains("draining a node of the control plane must be denied"),
        "{why}"
    );
    assert_eq!(reloader.in_force().now().loaded().digest, bundle.digest());
}

#[test]
fn a_watch_looks_when_it_is_woken_and_ends_with_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.rego"), denying("first")).unwrap();
    let reloader = reloader(folder.path(), Vec::new());
    let in_force = reloader.in_force();
    let (wake, woken) = std::sync::mpsc::channel();
    let (reports, reported) = std::sync::mpsc::channel();
    let hour = std::time::Duration::from_secs(3600);
    let watching =
        std::thread::spawn(move || reloader.watch(hour, &woken, |looked| reports.send(looked).unwrap()));
    assert!(matches!(reported.recv().unwrap(), Looked::Replaced(_)));
    std::fs::write(folder.path().join("a.rego"), denying("second")).unwrap();
    wake.send(()).unwrap();
    assert!(matches!(reported.recv().unwrap(), Looked::Replaced(_)));
    assert_eq!(code(&in_force.now(), &plan()).1, "second");
    wake.send(()).unwrap();
    assert_eq!(reported.recv().unwrap(), Looked::Same);
    drop(wake);
    watching.join().unwrap();
}

/// How Kubernetes updates a mounted ConfigMap: a new directory, and a link that is exchanged in one step.
#[test]
fn a_config_map_is_taken_over_when_its_link_is_exchanged() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let mounted = folder.path();
    for (version, name) in [("..2026_01", "first"), ("..2026_02", "second")] {
        std::fs::create_dir(mounted.join(version)).unwrap();
        std::fs::write(mounted.join(version).join("a.rego"), denying(name)).unwrap();
    }
    symlink("..2026_01", mounted.join("..data")).unwrap();
    symlink("..data/a.rego", mounted.join("a.rego")).unwrap();
    let mut reloader = reloader(mounted, Vec::new());
    assert!(matches!(reloader.look(), Looked::Replaced(_)));
    symlink("..2026_02", mounted.join("..data_tmp")).unwrap();
    std::fs::rename(mounted.join("..data_tmp"), mounted.join("..data")).unwrap();
    assert!(matches!(reloader.look(), Looked::Replaced(_)));
    assert_eq!(code(&reloader.in_force().now(), &plan()).1, "second");
    assert_eq!(reloader.in_force().now().loaded().versions.len(), 1);
}

/// Decisions go on while bundles come and go: each is made, and made by one bundle.
#[test]
fn no_decision_is_dropped_or_mixed_while_bundles_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.rego");
    std::fs::write(&file, denying("first")).unwrap();
    let mut reloader = reloader(folder.path(), Vec::new());
    reloader.look();
    let by_name = |name: &str| {
        std::fs::write(&file, denying(name)).unwrap();
        Bundle::read(folder.path()).unwrap().digest()
    };
    let (second, first) = (by_name("second"), by_name("first"));
    let in_force = reloader.in_force();
    let (stop, decided, plan) = (AtomicBool::new(false), AtomicUsize::new(0), plan());
    std::thread::scope(|scope| {
        let deciding = [(); 2].map(|()| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let verdict = in_force.judge(&plan, &fixtures::occasion());
                    let expected = if verdict.bundle_digest == first {
                        "first"
                    } else {
                        "second"
                    };
                    assert!(verdict.bundle_digest == first || verdict.bundle_digest == second);
                    let codes: Vec<&str> = verdict.findings.iter().map(|found| found.rule.as_str()).collect();
                    assert_eq!(codes, [expected]);
                    decided.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        for round in 0..20 {
            let before = decided.load(Ordering::Relaxed);
            by_name(if round % 2 == 0 { "second" } else { "first" });
            let looked = reloader.look();
            assert!(matches!(looked, Looked::Replaced(_)), "{looked:?}");
            let is_going_on = || deciding.iter().all(|thread| !thread.is_finished());
            while decided.load(Ordering::Relaxed) == before && is_going_on() {
                std::thread::yield_now();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(decided.load(Ordering::Relaxed) > 20);
}

#[test]
fn the_decision_log_holds_digests_and_rules_and_not_the_input() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.rego"), denying("first")).unwrap();
    let written = folder.path().join("decisions.jsonl");
    let log = Arc::new(DecisionLog::new(std::fs::File::create(&written).unwrap()));
    let policy = compile(&Bundle::read(folder.path()).unwrap())
        .unwrap()
        .observed(log);
    let plan = plan();
    let verdict = policy.judge(&plan, &fixtures::occasion());
    let text = std::fs::read_to_string(written).unwrap();
    let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
    assert_eq!(line["format"], "enact.decision/v1");
    assert_eq!(line["subject"], plan.id().to_string());
    assert_eq!(line["outcome"], "deny");
    assert_eq!(line["findings"][0]["rule"], "first");
    assert_eq!(line["bundle_digest"], verdict.bundle_digest.as_str());
    assert_eq!(line["input_digest"], verdict.input_digest.unwrap().as_str());
    assert!(!text.contains("changes"), "{text}");
}
