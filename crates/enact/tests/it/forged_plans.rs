//! Plan files that somebody edited and gave the digest of their new content, or that are for another place: what they
//! cannot hide.

use enact_core::canonical::Digest;
use serde_json::{Value, json};

use crate::bad_plans::{ONE, plan, planned, refused};
use crate::harness::Place;

/// Writes the saved plan to `bad.json` with an edit, under the digest that its new content has.
pub(crate) fn forge(place: &Place, edit: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&plan(place)).unwrap();
    edit(&mut value);
    let mut content = value.clone();
    let object = content.as_object_mut().unwrap();
    object.remove("plan_id");
    object.remove("verdict");
    object["metadata"].as_object_mut().unwrap().remove("generated_at");
    value["plan_id"] = json!(Digest::of_canonical(&content).unwrap().as_str());
    place.write("bad.json", serde_json::to_vec_pretty(&value).unwrap());
}

#[test]
fn a_deletion_cannot_hide_behind_the_summary_or_the_order() {
    let place = Place::new();
    place.write("portals.yaml", ONE);
    place
        .run(&["apply", "-f", "portals.yaml", "--auto-approve"])
        .expect(0);
    place.write("portals.yaml", "portals: []\n");
    let arguments = ["plan", "-f", "portals.yaml", "--mode", "sync", "-o", "plan.json"];
    // The namespace is in play by the default of the file.
    place.write(
        "portals.yaml",
        "_defaults: { kongctl: { namespace: default } }\nportals: []\n",
    );
    place.run(&arguments).expect(0);
    let text = String::from_utf8(plan(&place)).unwrap();
    assert!(text.contains("\"DELETE\": 1"), "{text}");
    place.reset_counts();
    place.write("bad.json", text.replace("\"DELETE\": 1", "\"UPDATE\": 1"));
    refused(
        &place,
        &[
            "does not match its plan_id",
            "hint: the file was edited after it was made",
        ],
    );
    forge(&place, |plan| plan["summary"]["by_action"] = json!({"UPDATE": 1}));
    refused(
        &place,
        &["the plan is not well formed: its summary does not count its changes"],
    );
    forge(&place, |plan| plan["execution_order"] = json!([]));
    refused(&place, &["its execution order leaves out 1 of its changes"]);
    forge(&place, |plan| plan["metadata"]["mode"] = json!("apply"));
    refused(&place, &["a plan of mode apply cannot hold a DELETE"]);
    forge(&place, |_| {});
    refused(
        &place,
        &[
            "apply never deletes, and this sync plan does",
            "enact sync --plan",
        ],
    );
    place.portal("a");
}

#[test]
fn an_id_in_a_forged_plan_cannot_lead_to_another_object() {
    let place = Place::new();
    let files = "portals:\n  - { ref: a, name: a, pages: [ { ref: p, slug: p, content: x } ] }\n";
    place.write("portals.yaml", files);
    place
        .run(&["apply", "-f", "portals.yaml", "--auto-approve"])
        .expect(0);
    place.write("portals.yaml", "portals:\n  - { ref: a, name: a, pages: [] }\n");
    place
        .run(&["plan", "-f", "portals.yaml", "--mode", "sync", "-o", "plan.json"])
        .expect(0);
    let effects = place.effects();
    let portal = place.portal("a");
    let climbing = format!("../../{portal}");
    let cut = format!("../../{portal}?x=");
    for id in [
        "..",
        ".",
        "%2e%2e",
        "../..",
        climbing.as_str(),
        cut.as_str(),
        "..#",
    ] {
        forge(&place, |plan| {
            plan["changes"][0]["resource_id"] = json!(id);
            plan["changes"][0]["current"] = json!({});
        });
        let ran = place
            .run(&["sync", "--plan", "bad.json", "--auto-approve"])
            .expect(6)
            .says(&["Stale: portal_page \"p\": expected \"it exists\", found \"it is gone\""]);
        assert_eq!(place.effects(), effects, "{id}: {}", ran.all());
        let (status, _) = place.call("GET", &format!("/v3/portals/{portal}"), None);
        assert_eq!(status, 200, "{id}");
    }
}

#[test]
fn a_plan_for_another_host_or_organisation_writes_nothing() {
    let place = planned();
    let text = String::from_utf8(plan(&place)).unwrap();
    let other = "http://127.0.0.1:9";
    let ran = place
        .run_with(
            &[("ENACT_KONNECT", other)],
            &["apply", "--plan", "plan.json", "--auto-approve", "--dry-run"],
        )
        .expect(3);
    assert!(
        ran.stderr.contains(&format!("but this is konnect {other}")),
        "{}",
        ran.stderr
    );
    let organization =
        serde_json::from_str::<Value>(&text).unwrap()["metadata"]["target"]["organization"].clone();
    let another = "00000000-0000-4000-8000-000000000000";
    forge(&place, |plan| {
        plan["metadata"]["target"]["organization"] = json!(another);
    });
    place
        .run(&["apply", "--plan", "bad.json", "--auto-approve"])
        .expect(3)
        .says(&[
            &format!("(organization {another}), but this is konnect "),
            &format!("(organization {})", organization.as_str().unwrap()),
            "hint: connect to the plan's target, or make a plan for this one",
        ]);
    // The same plan at another server: its host is another one, and nothing is written there.
    let elsewhere = Place::new();
    elsewhere.write("plan.json", text);
    elsewhere
        .run(&["apply", "--plan", "plan.json", "--auto-approve"])
        .expect(3)
        .says(&["error: the plan is for konnect http://127.0.0.1:"]);
    assert_eq!(elsewhere.effects(), 0);
    assert_eq!(place.effects(), 0);
}

#[test]
fn a_change_cannot_do_without_its_checks() {
    let place = Place::new();
    let files = "portals:\n  - { ref: a, name: a, pages: [ { ref: p, slug: p, content: x } ] }\n";
    place.write("portals.yaml", files);
    place
        .run(&["apply", "-f", "portals.yaml", "--auto-approve"])
        .expect(0);
    let edited = files
        .replace("name: a,", "name: a, description: new,")
        .replace("content: x", "content: y");
    place.write("portals.yaml", format!("{edited}  - {{ ref: b, name: b }}\n"));
    place
        .run(&["plan", "-f", "portals.yaml", "-o", "plan.json"])
        .expect(0);
    place.reset_counts();
    let whole: Value = serde_json::from_slice(&plan(&place)).unwrap();
    let changes = whole["changes"].as_array().unwrap().len();
    let mut removed = 0;
    for change in 0..changes {
        let checks = whole["changes"][change]["preconditions"]
            .as_array()
            .unwrap()
            .len();
        for check in 0..checks {
            forge(&place, |plan| {
                let checks = plan["changes"][change]["preconditions"].as_array_mut().unwrap();
                checks.remove(check);
            });
            refused(
                &place,
                &[
                    "error: bad.json: the plan is not well formed: ",
                    ": it lacks the check ",
                ],
            );
            removed += 1;
        }
    }
    assert_eq!(removed, 7, "{whole:#}");
    // A check of another object is none, and a protected one is not expected where protection would block.
    for edit in [
        json!({"resource_id": "00000000-0000-4000-8000-000000000000"}),
        json!({"protected": true}),
    ] {
        forge(&place, |plan| {
            for change in plan["changes"].as_array_mut().unwrap() {
                for check in change["preconditions"].as_array_mut().unwrap() {
                    if check["kind"] == "protection" {
                        check
                            .as_object_mut()
                            .unwrap()
                            .extend(edit.as_object().unwrap().clone());
                    }
                }
            }
        });
        refused(&place, &["it lacks the check that its object is not protected"]);
    }
    // Untouched, the same plan runs.
    place
        .run(&["apply", "--plan", "plan.json", "--auto-approve"])
        .expect(0);
}
