//! Taking over from kongctl and handing back: the labels on the server are kongctl's, before and after.

use serde_json::json;

use crate::harness::Place;

#[test]
fn what_kongctl_manages_is_taken_over_as_it_is_and_can_be_handed_back() {
    let place = Place::new();
    let by_kongctl = json!({
        "name": "harbor",
        "description": "old",
        "labels": {
            "team": "docs",
            "KONGCTL-namespace": "harbor-docs",
            "KONGCTL-protected": "true",
            // Left behind by old versions; nobody writes them any more, and nobody must lose them either.
            "KONGCTL-managed": "true"
        }
    });
    let (status, _) = place.call("POST", "/v3/portals", Some(by_kongctl));
    assert_eq!(status, 201);
    let file = "_defaults: { kongctl: { namespace: harbor-docs } }\nportals:\n  - { ref: harbor, name: harbor, description: old, labels: { team: docs } }\n";
    place.write("portals.yaml", file);
    let plan = place
        .run(&[
            "plan",
            "-f",
            "portals.yaml",
            "--mode",
            "sync",
            "--detailed-exitcode",
        ])
        .expect(0);
    assert!(plan.stdout.contains("No changes detected"), "{}", plan.stdout);

    // Protection is seen although it was another tool that set it, and is taken off only when somebody says so.
    place.write("portals.yaml", file.replace("old,", "new,"));
    let blocked = place
        .run(&["apply", "-f", "portals.yaml", "--auto-approve"])
        .expect(4);
    assert!(
        blocked.stderr.contains("portal \"harbor\" is protected"),
        "{}",
        blocked.stderr
    );
    place.write(
        "portals.yaml",
        file.replace("{ team: docs }", "{ team: docs }, kongctl: { protected: false }"),
    );
    place
        .run(&[
            "apply",
            "-f",
            "portals.yaml",
            "--auto-approve",
            "--allow-unprotect",
        ])
        .expect(0);
    place.write(
        "portals.yaml",
        file.replace("old,", "new,").replace("team: docs", "team: web"),
    );
    place
        .run(&["apply", "-f", "portals.yaml", "--auto-approve"])
        .expect(0);

    // What kongctl finds when it comes back.
    let portal = place.portal("harbor");
    let (_, found) = place.call("GET", &format!("/v3/portals/{portal}"), None);
    assert_eq!(
        found["labels"],
        json!({"team": "web", "KONGCTL-namespace": "harbor-docs", "KONGCTL-managed": "true"})
    );
    assert_eq!(found["description"], "new");
}

#[test]
fn a_new_portal_carries_the_labels_kongctl_looks_for() {
    let place = Place::new();
    place.write(
        "portals.yaml",
        "portals:\n  - { ref: a, name: a, labels: { team: x }, kongctl: { namespace: ns, protected: true } }\n",
    );
    place
        .run(&["apply", "-f", "portals.yaml", "--auto-approve"])
        .expect(0);
    let portal = place.portal("a");
    let (_, found) = place.call("GET", &format!("/v3/portals/{portal}"), None);
    assert_eq!(
        found["labels"],
        json!({"team": "x", "KONGCTL-namespace": "ns", "KONGCTL-protected": "true"})
    );
}
