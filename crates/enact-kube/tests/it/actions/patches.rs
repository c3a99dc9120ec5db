//! PatchConfigMap and PatchSecret.

use enact_kube::catalog::Failure;
use enact_testkit::cluster::{Cluster, Fault, Gate, When};
use serde_json::{Value, json};

use super::objects::{conf, key};
use super::trial::{Trial, failure};

const CONF: (&str, &str) = ("u", "conf");
const KEY: (&str, &str) = ("u", "key");

fn data(cluster: &Cluster) -> Value {
    cluster.get("configmaps", "u", "conf").unwrap()["data"].clone()
}

fn refused(action: &str, place: (&str, &str), cluster: &Cluster, parameters: &[(&str, &str)]) -> String {
    Trial::judge(cluster, action, place, parameters).err().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_merge_patch_changes_keys_and_is_taken_back() {
    let cluster = Cluster::new();
    conf(&cluster);
    let patch = r#"{"data":{"a":"9","b":null,"c":"3"}}"#;
    let trial = Trial::new(&cluster, "PatchConfigMap", CONF, &[("patch", patch)]);
    let done = trial.act().await.unwrap();
    assert_eq!(done.message, "ConfigMap u/conf: change data.a, data.b, data.c");
    assert_eq!(data(&cluster), json!({ "a": "9", "c": "3" }));
    assert_eq!(
        trial.calls(),
        ["get configmaps u/conf", "patch configmaps u/conf"]
    );
    Trial::back(&cluster, &trial.rollback()).act().await.unwrap();
    assert_eq!(data(&cluster), json!({ "a": "1", "b": "2" }));
}

#[tokio::test(start_paused = true)]
async fn a_json_patch_changes_keys_and_is_taken_back() {
    let cluster = Cluster::new();
    conf(&cluster);
    let patch =
        r#"[{"op":"test","path":"/data/a","value":"1"},{"op":"move","from":"/data/a","path":"/data/z"}]"#;
    let parameters = [("patch_json", patch), ("patchType", "json")];
    let trial = Trial::new(&cluster, "PatchConfigMap", CONF, &parameters);
    trial.act().await.unwrap();
    assert_eq!(data(&cluster), json!({ "z": "1", "b": "2" }));
    Trial::back(&cluster, &trial.rollback()).act().await.unwrap();
    assert_eq!(data(&cluster), json!({ "a": "1", "b": "2" }));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_patch_of_data_is_refused() {
    let cluster = Cluster::new();
    conf(&cluster);
    let refuse = |parameters: &[(&str, &str)]| refused("PatchConfigMap", CONF, &cluster, parameters);
    let said = refuse(&[("patch", r#"{"metadata":{"labels":{"a":"b"}}}"#)]);
    assert_eq!(
        said,
        "the patch changes `metadata`; it may only change data and binaryData"
    );
    assert_eq!(refuse(&[("patch", "[]")]), "a merge patch is a JSON object");
    let json = |patch| refuse(&[("patch", patch), ("patchType", "json")]);
    assert!(json("{}").starts_with("this is not a JSON patch"));
    let misfit = r#"[{"op":"test","path":"/data/a","value":"8"}]"#;
    assert!(json(misfit).starts_with("the patch does not fit"));
    assert!(refuse(&[]).contains("missing required parameter: 'patch'"));
    cluster.edit("configmaps", "u", "conf", |map| map["immutable"] = json!(true));
    assert_eq!(
        refuse(&[("patch", r#"{"data":{}}"#)]),
        "ConfigMap u/conf is immutable"
    );
}

#[tokio::test(start_paused = true)]
async fn data_that_changed_since_it_was_judged_is_left_alone() {
    for (action, place, patch) in [
        ("PatchConfigMap", CONF, r#"{"data":{"a":"9"}}"#),
        ("PatchSecret", KEY, r#"{"data":{"password":"bmV3"}}"#),
    ] {
        let cluster = Cluster::new();
        conf(&cluster);
        key(&cluster);
        let trial = Trial::new(&cluster, action, place, &[("patch", patch)]);
        let change = |object: &mut Value| object["data"]["other"] = json!("eA==");
        cluster.edit(trial.action.about().plural, place.0, place.1, change);
        let (kind, message) = failure(trial.act().await);
        assert_eq!(kind, Failure::TargetChanged);
        assert!(
            message.contains("was changed since it was judged (version"),
            "{message}"
        );
        assert!(trial.writes().is_empty());

        let trial = Trial::new(&cluster, action, place, &[("patch", patch)]);
        let gate = Gate::new();
        cluster.plan(When::nth(1).method("PATCH"), Fault::HeldBefore(gate.clone()));
        let (acted, ()) = tokio::join!(trial.act(), async {
            gate.reached().await;
            cluster.edit(trial.action.about().plural, place.0, place.1, |object| {
                object["data"]["more"] = json!("eA==");
            });
            gate.open();
        });
        let (kind, message) = failure(acted);
        assert_eq!(kind, Failure::TargetChanged, "{message}");
        assert!(trial.writes().len() == 1 && cluster.writes_to(trial.action.about().plural).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_patch_whose_object_became_immutable_is_refused() {
    let cluster = Cluster::new();
    conf(&cluster);
    let trial = Trial::new(
        &cluster,
        "PatchConfigMap",
        CONF,
        &[("patch", r#"{"data":{"a":"9"}}"#)],
    );
    cluster.plan(
        When::nth(1).method("PATCH"),
        Fault::Refused {
            code: 422,
            retry_after: None,
        },
    );
    let (kind, message) = failure(trial.act().await);
    assert_eq!(kind, Failure::Refused);
    assert!(message.contains("(422)"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn values_that_are_too_long_have_no_way_back() {
    let cluster = Cluster::new();
    conf(&cluster);
    cluster.edit("configmaps", "u", "conf", |map| {
        map["data"]["a"] = json!("x".repeat(17_000));
    });
    let trial = Trial::new(
        &cluster,
        "PatchConfigMap",
        CONF,
        &[("patch", r#"{"data":{"a":"9"}}"#)],
    );
    trial.act().await.unwrap();
    assert!(!trial.rollback().available);
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_changed_and_no_value_is_told() {
    for patch in [
        r#"{"stringData":{"password":"topmost"}}"#,
        r#"{"data":{"password":"dG9wbW9zdA=="}}"#,
    ] {
        let cluster = Cluster::new();
        key(&cluster);
        let trial = Trial::new(&cluster, "PatchSecret", KEY, &[("patch", patch)]);
        let done = trial.act().await.unwrap();
        let secret = cluster.get("secrets", "u", "key").unwrap();
        assert_eq!(secret["data"], json!({ "password": "dG9wbW9zdA==" }));
        assert_eq!(secret.get("stringData"), None);
        let told = format!("{done:?} {:?} {}", trial.rollback(), trial.foreseen.description);
        for value in ["topmost", "dG9wbW9zdA==", "hidden", "aGlkZGVu"] {
            assert!(!told.contains(value), "{told}");
        }
        assert_eq!(trial.calls(), ["get secrets u/key", "patch secrets u/key"]);

        let mut rollback = trial.rollback();
        let prior = trial.foreseen.snapshot["patch"].clone();
        rollback.parameters.insert("patch".to_owned(), prior);
        Trial::back(&cluster, &rollback).act().await.unwrap();
        let secret = cluster.get("secrets", "u", "key").unwrap();
        assert_eq!(secret["data"], json!({ "password": "aGlkZGVu" }));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_server_says_of_a_secret_is_not_quoted() {
    let cluster = Cluster::new();
    key(&cluster);
    let trial = Trial::new(
        &cluster,
        "PatchSecret",
        KEY,
        &[("patch", r#"{"stringData":{"a":"topmost"}}"#)],
    );
    cluster.plan(
        When::nth(1).method("PATCH"),
        Fault::Refused {
            code: 422,
            retry_after: None,
        },
    );
    let (_, message) = failure(trial.act().await);
    assert_eq!(message, "the server refuses the patch of Secret u/key (422)");
    let said = refused("PatchSecret", KEY, &cluster, &[("patch", r#"{"type":"other"}"#)]);
    assert_eq!(
        said,
        "the patch changes `type`; it may only change data and stringData"
    );
}
