//! Objects are created, read, listed, replaced, patched and deleted as by the real server.

use enact_testkit::cluster::Cluster;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::json;

use crate::fixtures::{configmap, deployment, deployments, maps, pod, pods, refusal};

#[tokio::test(start_paused = true)]
async fn what_is_created_is_named_counted_and_there_once() {
    let cluster = Cluster::new();
    cluster.put(&configmap("other", &json!({})));
    let api = maps(&cluster);
    let asked: ConfigMap = serde_json::from_value(configmap("one", &json!({}))).unwrap();
    let made = api.create(&PostParams::default(), &asked).await.unwrap();
    assert!(made.uid().is_some() && made.resource_version().is_some());
    assert_eq!(
        serde_json::to_value(&made).unwrap()["metadata"]["creationTimestamp"],
        "2026-03-01T12:00:00Z"
    );
    let twice = api.create(&PostParams::default(), &asked).await;
    assert_eq!(refusal(twice), (409, "AlreadyExists".to_owned()));
    let mut unnamed = asked.clone();
    unnamed.metadata.name = None;
    unnamed.metadata.generate_name = Some("one-".to_owned());
    let first = api.create(&PostParams::default(), &unnamed).await.unwrap();
    let second = api.create(&PostParams::default(), &unnamed).await.unwrap();
    assert!(first.name_any().starts_with("one-") && first.name_any() != second.name_any());
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    unnamed.metadata.name = Some("tried".to_owned());
    api.create(&dry, &unnamed).await.unwrap();
    assert_eq!(refusal(api.get("tried").await), (404, "NotFound".to_owned()));
    let nowhere: kube::Api<ConfigMap> = kube::Api::namespaced(cluster.client("tester"), "nowhere");
    let mut asked = asked;
    asked.metadata.namespace = None;
    let refused = nowhere.create(&PostParams::default(), &asked).await;
    assert_eq!(refusal(refused), (404, "NotFound".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_list_is_selected_and_paged_as_it_was_when_it_began() {
    let cluster = Cluster::new();
    for number in 0..7 {
        let tier = if number % 2 == 0 { "web" } else { "db" };
        cluster.put(&configmap(
            &format!("m{number}"),
            &json!({ "tier": tier, "n": number.to_string() }),
        ));
    }
    let api = maps(&cluster);
    let count = async |labels: &str| {
        let found = api.list(&ListParams::default().labels(labels)).await.unwrap();
        found.items.len()
    };
    assert_eq!(count("tier=web").await, 4);
    assert_eq!(count("tier!=web,n").await, 3);
    assert_eq!(count("tier in (web, db),n notin (1,2),!gone").await, 5);
    assert_eq!(count("gone").await, 0);
    let refused = api.list(&ListParams::default().labels("a in (b")).await;
    assert_eq!(refusal(refused), (400, "BadRequest".to_owned()));
    let by_name = ListParams::default().fields("metadata.name!=m3");
    assert_eq!(api.list(&by_name).await.unwrap().items.len(), 6);
    let by_data = api.list(&ListParams::default().fields("data.a=1")).await;
    assert_eq!(refusal(by_data), (400, "BadRequest".to_owned()));

    let first = api.list(&ListParams::default().limit(3)).await.unwrap();
    cluster.vanish("configmaps", "u", "m5");
    let token = first.metadata.continue_.clone().unwrap();
    let second = ListParams::default().limit(10).continue_token(&token);
    let second = api.list(&second).await.unwrap();
    assert_eq!((first.items.len(), second.items.len()), (3, 4));
    assert_eq!(first.metadata.resource_version, second.metadata.resource_version);
    cluster.forget(enact_testkit::cluster::Forgotten::Status);
    let late = api.list(&ListParams::default().continue_token(&token)).await;
    assert_eq!(refusal(late), (410, "Expired".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn pods_are_selected_by_node_and_phase() {
    let cluster = Cluster::new();
    cluster.put(&pod("a", "node-1", &json!({})));
    cluster.put(&pod("b", "node-2", &json!({})));
    let api = pods(&cluster);
    let selected = ListParams::default().fields("spec.nodeName=node-2,status.phase=Running");
    let found = api.list(&selected).await.unwrap();
    assert_eq!(
        found.items.iter().map(|pod| pod.name_any()).collect::<Vec<_>>(),
        ["b"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_for_another_version_or_object_is_a_conflict() {
    let cluster = Cluster::new();
    cluster.put(&deployment("web"));
    let api = deployments(&cluster);
    let read = api.get("web").await.unwrap();
    let mut wanted = read.clone();
    wanted.spec.as_mut().unwrap().replicas = Some(3);
    let written = api.replace("web", &PostParams::default(), &wanted).await.unwrap();
    assert_eq!(
        (read.metadata.generation, written.metadata.generation),
        (Some(1), Some(2))
    );
    let stale = api.replace("web", &PostParams::default(), &wanted).await;
    assert_eq!(refusal(stale), (409, "Conflict".to_owned()));
    let patch = async |body| {
        let patch: Patch<serde_json::Value> = Patch::Merge(body);
        api.patch("web", &PatchParams::default(), &patch).await
    };
    let version = read.resource_version();
    let stale = patch(json!({ "metadata": { "resourceVersion": version }, "spec": { "replicas": 4 } })).await;
    assert_eq!(refusal(stale), (409, "Conflict".to_owned()));
    let other = patch(json!({ "metadata": { "uid": "another" }, "spec": { "replicas": 4 } })).await;
    assert_eq!(refusal(other), (409, "Conflict".to_owned()));
    let same = patch(json!({ "spec": { "replicas": 3 } })).await.unwrap();
    assert_eq!(
        same.resource_version(),
        written.resource_version(),
        "nothing changes, so no version is counted"
    );
    let labelled = patch(json!({ "metadata": { "labels": { "a": "b" } } }))
        .await
        .unwrap();
    assert_eq!(labelled.metadata.generation, Some(2), "labels are no spec");
}

#[tokio::test(start_paused = true)]
async fn the_status_is_written_apart_from_the_rest() {
    let cluster = Cluster::new();
    cluster.put(&deployment("web"));
    let api = deployments(&cluster);
    let both = json!({ "spec": { "replicas": 5 }, "status": { "replicas": 5 } });
    let main = api
        .patch("web", &PatchParams::default(), &Patch::Merge(&both))
        .await
        .unwrap();
    assert_eq!(main.status.and_then(|status| status.replicas), None);
    let both = json!({ "spec": { "replicas": 9 }, "status": { "replicas": 4 } });
    let status = api
        .patch_status("web", &PatchParams::default(), &Patch::Merge(&both))
        .await
        .unwrap();
    assert_eq!(status.spec.unwrap().replicas, Some(5));
    assert_eq!(status.status.unwrap().replicas, Some(4));
    assert_eq!(status.metadata.generation, Some(2));
}

#[tokio::test(start_paused = true)]
async fn strategic_patches_know_the_keys_of_lists() {
    let cluster = Cluster::new();
    cluster.put(&deployment("web"));
    let api = deployments(&cluster);
    let containers = json!([
        { "name": "web", "image": "web:2", "env": [{ "name": "B", "value": "2" }] },
        { "name": "log", "$patch": "delete" },
        { "name": "new", "image": "new:1" },
    ]);
    let body = json!({ "spec": { "template": { "spec": { "containers": containers, "tolerations": [{ "key": "a" }] } } } });
    let patched = api
        .patch("web", &PatchParams::default(), &Patch::Strategic(&body))
        .await
        .unwrap();
    let pod = serde_json::to_value(patched).unwrap()["spec"]["template"]["spec"].clone();
    let expected = json!([
        { "name": "web", "image": "web:2", "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }] },
        { "name": "new", "image": "new:1" },
    ]);
    assert_eq!(pod["containers"], expected);
    let body = json!({ "spec": { "template": { "spec": { "tolerations": [{ "key": "b" }] } } } });
    let patched: Deployment = api
        .patch("web", &PatchParams::default(), &Patch::Strategic(&body))
        .await
        .unwrap();
    let pod = serde_json::to_value(patched).unwrap()["spec"]["template"]["spec"].clone();
    assert_eq!(
        pod["tolerations"],
        json!([{ "key": "b" }]),
        "tolerations are replaced"
    );
    let operations = json!([{ "op": "test", "path": "/spec/replicas", "value": 7 }]);
    let operations: json_patch::Patch = serde_json::from_value(operations).unwrap();
    let refused = api
        .patch("web", &PatchParams::default(), &Patch::<()>::Json(operations))
        .await;
    assert_eq!(refusal(refused), (422, "Invalid".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn deletion_heeds_preconditions_finalizers_and_grace() {
    let cluster = Cluster::new();
    cluster.put(&configmap("held", &json!({})));
    cluster.edit("configmaps", "u", "held", |map| {
        map["metadata"]["finalizers"] = json!(["a/b"]);
    });
    let api = maps(&cluster);
    let wrong = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some("another".to_owned()),
            ..Preconditions::default()
        }),
        ..DeleteParams::default()
    };
    assert_eq!(
        refusal(api.delete("held", &wrong).await),
        (409, "Conflict".to_owned())
    );
    assert!(
        api.delete("held", &DeleteParams::default())
            .await
            .unwrap()
            .is_left()
    );
    let ending = api.get("held").await.unwrap();
    assert!(ending.metadata.deletion_timestamp.is_some());
    let more = json!({ "metadata": { "finalizers": ["a/b", "c/d"] } });
    let refused = api
        .patch("held", &PatchParams::default(), &Patch::Merge(&more))
        .await;
    assert_eq!(refusal(refused), (422, "Invalid".to_owned()));
    let none = json!({ "metadata": { "finalizers": null } });
    api.patch("held", &PatchParams::default(), &Patch::Merge(&none))
        .await
        .unwrap();
    assert_eq!(refusal(api.get("held").await), (404, "NotFound".to_owned()));

    cluster.put(&pod("p", "node-1", &json!({})));
    let api = pods(&cluster);
    let dry = DeleteParams {
        dry_run: true,
        ..DeleteParams::default()
    };
    api.delete("p", &dry).await.unwrap();
    assert!(api.get("p").await.unwrap().metadata.deletion_timestamp.is_none());
    api.delete("p", &DeleteParams::default()).await.unwrap();
    let ending = cluster.get("pods", "u", "p").unwrap();
    assert_eq!(ending["metadata"]["deletionTimestamp"], "2026-03-01T12:00:30Z");
    let now = DeleteParams::default().grace_period(0);
    api.delete("p", &now).await.unwrap();
    assert!(cluster.get("pods", "u", "p").is_none());
}

#[tokio::test(start_paused = true)]
async fn only_cancel_changes_in_the_spec_of_an_execution() {
    let cluster = Cluster::new();
    cluster.put(&json!({
        "apiVersion": "kubernetesexecution.kubernaut.io/v1alpha1", "kind": "KubernetesExecution",
        "metadata": { "namespace": "u", "name": "e" }, "spec": { "action": "CordonNode" },
    }));
    let kind = kube::core::GroupVersionKind::gvk(
        "kubernetesexecution.kubernaut.io",
        "v1alpha1",
        "KubernetesExecution",
    );
    let resource = kube::core::ApiResource::from_gvk(&kind);
    let api: kube::Api<kube::core::DynamicObject> =
        kube::Api::namespaced_with(cluster.client("tester"), "u", &resource);
    let patch = async |body| {
        let patch: Patch<serde_json::Value> = Patch::Merge(body);
        api.patch("e", &PatchParams::default(), &patch).await
    };
    patch(json!({ "spec": { "cancel": true } })).await.unwrap();
    let refused = patch(json!({ "spec": { "dryRun": true } })).await;
    assert_eq!(refusal(refused), (422, "Invalid".to_owned()));
    let strategic: Patch<serde_json::Value> = Patch::Strategic(json!({}));
    let refused = api.patch("e", &PatchParams::default(), &strategic).await;
    assert_eq!(refusal(refused), (415, "UnsupportedMediaType".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn who_shows_no_token_is_nobody() {
    let cluster = Cluster::new();
    let listening = cluster.listen().await;
    let config = kube::Config::new(format!("http://{}", listening.address).parse().unwrap());
    let service = kube::client::ClientBuilder::try_from(config);
    // Over a real socket the clock must run.
    tokio::time::resume();
    let api: kube::Api<ConfigMap> = kube::Api::namespaced(service.unwrap().build(), "u");
    assert_eq!(refusal(api.get("a").await), (401, "Unauthorized".to_owned()));
}
