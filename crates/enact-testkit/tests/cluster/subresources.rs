//! Scale, eviction, logs, reviews and rights.

use enact_testkit::cluster::{Cluster, Rule};
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::Api;
use kube::api::{EvictParams, LogParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::fixtures::{configmap, deployment, deployments, maps, pod, pods, refusal};

fn budget(name: &str, allowed: i64) -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": { "namespace": "u", "name": name },
        "spec": { "selector": { "matchLabels": { "app": "web" } } },
        "status": { "disruptionsAllowed": allowed, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 2 },
    })
}

#[tokio::test(start_paused = true)]
async fn a_scale_is_the_number_of_replicas_and_nothing_else() {
    let cluster = Cluster::new();
    cluster.put(&deployment("web"));
    let api = deployments(&cluster);
    let scale = api.get_scale("web").await.unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(2));
    let version = scale.metadata.resource_version;
    let body = json!({ "metadata": { "resourceVersion": version }, "spec": { "replicas": 0 } });
    let patch = Patch::Merge(&body);
    let scaled = api
        .patch_scale("web", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert_eq!(scaled.spec.unwrap().replicas, None, "zero is left out");
    assert_eq!(
        cluster.get("deployments", "u", "web").unwrap()["metadata"]["generation"],
        2
    );
    let stale = api.patch_scale("web", &PatchParams::default(), &patch).await;
    assert_eq!(refusal(stale), (409, "Conflict".to_owned()));
    let negative = Patch::Merge(json!({ "spec": { "replicas": -1 } }));
    let refused = api.patch_scale("web", &PatchParams::default(), &negative).await;
    assert_eq!(refusal(refused), (422, "Invalid".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn budgets_have_a_say_in_evictions() {
    let cluster = Cluster::new();
    for name in ["a", "b", "c"] {
        cluster.put(&pod(name, "node-1", &json!({ "app": "web" })));
    }
    cluster.put(&budget("one", 1));
    let api = pods(&cluster);
    api.evict("a", &EvictParams::default()).await.unwrap();
    let evicted = cluster.get("pods", "u", "a").unwrap();
    assert_eq!(evicted["status"]["conditions"][1]["type"], "DisruptionTarget");
    assert!(evicted["metadata"]["deletionTimestamp"].is_string());
    let Err(kube::Error::Api(status)) = api.evict("b", &EvictParams::default()).await else {
        panic!("the budget is spent");
    };
    let details = status.details.clone().unwrap();
    assert_eq!((status.code, details.retry_after_seconds), (429, 10));
    assert_eq!(details.causes[0].reason, "DisruptionBudget");
    cluster.put(&budget("two", 1));
    let refused = api.evict("b", &EvictParams::default()).await;
    assert_eq!(refusal(refused).0, 500);
    cluster.vanish("poddisruptionbudgets", "u", "one");
    let other = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": "b" },
        "deleteOptions": { "preconditions": { "uid": "another" } },
    });
    let parameters = PostParams::default();
    let asked = api.create_subresource::<Value, Value>("eviction", "b", &parameters, &other);
    assert_eq!(refusal(asked.await), (409, "Conflict".to_owned()));
    let left = cluster.get("poddisruptionbudgets", "u", "two").unwrap();
    assert_eq!(
        left["status"]["disruptionsAllowed"], 1,
        "nothing is spent on another pod"
    );
    assert_eq!(
        refusal(api.evict("gone", &EvictParams::default()).await),
        (404, "NotFound".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_evicted_in_a_namespace_that_ends() {
    let cluster = Cluster::new();
    cluster.put(&pod("a", "node-1", &json!({})));
    let spaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(cluster.client("tester"));
    spaces.delete("u", &Default::default()).await.unwrap();
    let Err(kube::Error::Api(status)) = pods(&cluster).evict("a", &EvictParams::default()).await else {
        panic!("the namespace ends");
    };
    assert_eq!(status.code, 403);
    assert_eq!(status.details.unwrap().causes[0].reason, "NamespaceTerminating");
}

#[tokio::test(start_paused = true)]
async fn a_log_is_cut_as_it_is_asked_for() {
    let cluster = Cluster::new();
    cluster.put(&pod("a", "node-1", &json!({})));
    cluster.write_log("u", "a", "one\ntwo\nthree\n");
    let api = pods(&cluster);
    let tail = LogParams {
        tail_lines: Some(2),
        limit_bytes: Some(5),
        ..LogParams::default()
    };
    assert_eq!(api.logs("a", &tail).await.unwrap(), "two\nt");
    let other = LogParams {
        container: Some("other".to_owned()),
        ..LogParams::default()
    };
    assert_eq!(refusal(api.logs("a", &other).await).0, 400);
    assert_eq!(refusal(api.logs("b", &LogParams::default()).await).0, 404);
}

#[tokio::test(start_paused = true)]
async fn accounts_do_what_they_may_and_reviews_say_the_same() {
    let cluster = Cluster::new();
    cluster.put(&configmap("a", &json!({})));
    cluster.restrict("tester", vec![Rule::new("", "configmaps", &["get"]).within("u")]);
    assert!(maps(&cluster).get("a").await.is_ok());
    let Err(kube::Error::Api(status)) = maps(&cluster).list(&Default::default()).await else {
        panic!("it may not list");
    };
    assert_eq!(
        status.message,
        "configmaps is forbidden: User \"system:serviceaccount:kubernetes-executor-system:tester\" cannot list \
         resource \"configmaps\" in API group \"\" in the namespace \"u\""
    );
    let reviews: Api<SubjectAccessReview> = Api::all(cluster.client("controller"));
    let may = async |verb: &str, namespace: &str| {
        let review = json!({ "spec": {
            "user": "system:serviceaccount:kubernetes-executor-system:tester",
            "resourceAttributes": { "verb": verb, "resource": "configmaps", "namespace": namespace },
        } });
        let mut review: SubjectAccessReview = serde_json::from_value(review).unwrap();
        review.metadata = Default::default();
        let answer = reviews.create(&PostParams::default(), &review).await.unwrap();
        answer.status.unwrap().allowed
    };
    assert!(may("get", "u").await);
    assert!(!may("patch", "u").await);
    assert!(!may("get", "v").await);
    cluster.deny("tester", Rule::new("", "configmaps", &["get"]));
    assert!(!may("get", "u").await);
    assert_eq!(
        refusal(maps(&cluster).get("a").await),
        (403, "Forbidden".to_owned())
    );
}
