//! Ways back: an execution made of `rollbackInfo` takes back what was done as long as nobody else has changed it since; and what was kept
//! for it goes when nobody needs it any more.

use enact_kube::api::{FailureReason, KubernetesExecution, Phase};
use kube::Api;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::support::{Bench, SYSTEM, scale};

/// Asks for what `rollbackInfo` of an execution says, with further parameters.
fn back(bench: &Bench, of: &str, further: &Value) -> String {
    let way = bench.status(of).rollback_info.unwrap();
    assert!(way.available, "{way:?}");
    let mut parameters = json!(way.parameters);
    for (name, value) in further.as_object().into_iter().flatten() {
        parameters[name] = value.clone();
    }
    let name = format!("{of}-back");
    bench.ask(
        &name,
        &json!({ "action": way.action, "parameters": parameters, "targetResource": way.target_resource }),
    );
    name
}

async fn completes(bench: &Bench, name: &str) {
    let status = bench.to_end(name).await;
    assert_eq!(status.phase, Some(Phase::Completed), "{status:#?}");
}

/// It fails before anything is done, with these words.
async fn is_refused(bench: &Bench, name: &str, words: &str) {
    let made = bench.jobs_made();
    let status = bench.to_end(name).await;
    assert_eq!(
        status.failure_reason,
        Some(FailureReason::TargetChanged),
        "{status:#?}"
    );
    assert!(status.message.as_ref().unwrap().contains(words), "{status:#?}");
    assert_eq!(bench.jobs_made(), made);
}

fn image(bench: &Bench) -> Value {
    let web = bench.cluster.get("deployments", "shop", "web").unwrap();
    web["spec"]["template"]["spec"]["containers"][0]["image"].clone()
}

fn update(image: &str) -> Value {
    json!({ "action": "UpdateImage", "targetResource": { "kind": "Deployment", "name": "web" },
        "parameters": { "container": "app", "image": image } })
}

fn patch(kind: &str, name: &str, data: &Value) -> Value {
    json!({ "action": format!("Patch{kind}"), "targetResource": { "kind": kind, "name": name },
        "parameters": { "patch": json!({ "data": data }).to_string() } })
}

fn keep(bench: &Bench, kind: &str, name: &str, data: &Value) {
    bench.cluster.put(&json!({ "apiVersion": "v1", "kind": kind,
        "metadata": { "namespace": "shop", "name": name }, "data": data }));
}

#[tokio::test(start_paused = true)]
async fn replicas_are_set_back_unless_somebody_set_others() {
    let bench = Bench::new();
    bench.ask("up", &scale("5"));
    completes(&bench, "up").await;
    completes(&bench, &back(&bench, "up", &json!({}))).await;
    assert_eq!(bench.replicas(), 3);

    bench.ask("again", &scale("5"));
    completes(&bench, "again").await;
    bench.cluster.edit("deployments", "shop", "web", |web| {
        web["spec"]["replicas"] = json!(8);
    });
    is_refused(
        &bench,
        &back(&bench, "again", &json!({})),
        "has 8 replicas, not 5 as expected",
    )
    .await;
    assert_eq!(bench.replicas(), 8);
}

#[tokio::test(start_paused = true)]
async fn what_is_back_already_need_not_be_as_it_was_left() {
    let bench = Bench::new();
    bench.ask("up", &scale("5"));
    completes(&bench, "up").await;
    bench.cluster.edit("deployments", "shop", "web", |web| {
        web["spec"]["replicas"] = json!(3);
    });
    completes(&bench, &back(&bench, "up", &json!({}))).await;
    assert_eq!(bench.replicas(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_image_is_set_back_unless_somebody_set_another() {
    let bench = Bench::new();
    bench.ask("new", &update("app:2"));
    completes(&bench, "new").await;
    completes(&bench, &back(&bench, "new", &json!({}))).await;
    assert_eq!(image(&bench), "app:1");

    bench.ask("newer", &update("app:3"));
    completes(&bench, "newer").await;
    bench.cluster.edit("deployments", "shop", "web", |web| {
        web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("app:hotfix");
    });
    is_refused(
        &bench,
        &back(&bench, "newer", &json!({})),
        "has the image app:hotfix, not app:3 as expected",
    )
    .await;
    assert_eq!(image(&bench), "app:hotfix");
}

#[tokio::test(start_paused = true)]
async fn a_map_is_patched_back_unless_somebody_changed_it() {
    let bench = Bench::new();
    keep(&bench, "ConfigMap", "settings", &json!({ "level": "info" }));
    bench.ask(
        "debug",
        &patch("ConfigMap", "settings", &json!({ "level": "debug" })),
    );
    completes(&bench, "debug").await;
    bench.cluster.edit("configmaps", "shop", "settings", |map| {
        map["data"]["other"] = json!("since");
    });
    let name = back(&bench, "debug", &json!({}));
    is_refused(&bench, &name, "somebody else has changed them since").await;
    bench.cluster.edit("configmaps", "shop", "settings", |map| {
        map["data"] = json!({ "level": "debug" });
    });
    bench.cluster.vanish("kubernetesexecutions", "shop", &name);
    completes(&bench, &back(&bench, "debug", &json!({}))).await;
    let map = bench.cluster.get("configmaps", "shop", "settings").unwrap();
    assert_eq!(map["data"], json!({ "level": "info" }));
}

#[tokio::test(start_paused = true)]
async fn the_values_kept_for_a_secret_s_way_back_go_with_its_execution() {
    let bench = Bench::new();
    keep(&bench, "Secret", "token", &json!({ "key": "b2xk" }));
    bench.ask("turn", &patch("Secret", "token", &json!({ "key": "bmV3" })));
    completes(&bench, "turn").await;
    let snapshot = bench.status("turn").rollback_info.unwrap().snapshot_ref.unwrap();
    let kept = || bench.cluster.get("secrets", SYSTEM, &snapshot);
    let patch = kept().unwrap()["data"]["patch"].as_str().unwrap().to_owned();
    let patch = String::from_utf8(base64_of(&patch)).unwrap();

    // With the values of the snapshot it is taken back, as long as nobody has written the Secret since.
    completes(&bench, &back(&bench, "turn", &json!({ "patch": patch }))).await;
    assert_eq!(
        bench.cluster.get("secrets", "shop", "token").unwrap()["data"]["key"],
        "b2xk"
    );
    let executions: Api<KubernetesExecution> = Api::namespaced(bench.cluster.client("owner"), "shop");
    executions.delete("turn", &DeleteParams::default()).await.unwrap();
    assert!(
        kept().is_some() && bench.object("turn").is_some(),
        "its finalizer holds it"
    );
    bench.pass(&bench.controller(), "turn").await.unwrap();
    assert!(kept().is_none() && bench.object("turn").is_none());
}

fn base64_of(text: &str) -> Vec<u8> {
    use k8s_openapi::ByteString;
    let bytes: ByteString = serde_json::from_value(json!(text)).unwrap();
    bytes.0
}

#[tokio::test(start_paused = true)]
async fn values_kept_for_one_that_never_ran_are_forgotten_at_once() {
    let bench = Bench::new();
    keep(&bench, "Secret", "token", &json!({ "key": "b2xk" }));
    bench.ask("turn", &patch("Secret", "token", &json!({ "key": "bmV3" })));
    let controller = bench.controller();
    bench.pass(&controller, "turn").await.unwrap();
    // The snapshot is written, and then the server is not there for the status.
    let refused = enact_testkit::cluster::Fault::Refused {
        code: 503,
        retry_after: None,
    };
    let status = enact_testkit::cluster::When::next("PUT", "*/kubernetesexecutions/turn/status");
    bench.cluster.plan(status.of(crate::support::CONTROLLER), refused);
    bench.pass(&controller, "turn").await.unwrap_err();
    let snapshots = || {
        let all = bench.cluster.all("secrets");
        let of_the_executor = all
            .iter()
            .filter(|secret| secret["metadata"]["namespace"] == SYSTEM);
        of_the_executor.count()
    };
    assert_eq!(snapshots(), 1);
    bench
        .cluster
        .edit("kubernetesexecutions", "shop", "turn", |object| {
            object["spec"]["cancel"] = json!(true);
        });
    let status = bench.to_end("turn").await;
    assert_eq!(status.failure_reason, Some(FailureReason::Cancelled));
    bench.pass(&controller, "turn").await.unwrap();
    assert_eq!(snapshots(), 0);
}
