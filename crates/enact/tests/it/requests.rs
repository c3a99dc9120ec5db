//! How many requests each job takes, exactly.

use crate::harness::Place;

const ONE: &str = "portals:\n  - { ref: a, name: a, pages: [ { ref: p, slug: p, content: one } ] }\n  - { ref: b, name: b }\n";

fn applied() -> Place {
    let place = Place::new();
    place.write("portals.yaml", ONE);
    place
        .run(&["apply", "-f", "portals.yaml", "--auto-approve"])
        .expect(0);
    place.reset_counts();
    place
}

#[track_caller]
fn expect(place: &Place, wanted: &[&str]) {
    assert_eq!(place.requests(), wanted);
    place.reset_counts();
}

#[test]
fn a_cold_plan_without_changes_reads_each_page_once_and_a_warm_one_only_lists() {
    let place = applied();
    std::fs::remove_dir_all(place.state()).unwrap();
    place
        .run(&["plan", "-f", "portals.yaml", "--detailed-exitcode"])
        .expect(0);
    expect(
        &place,
        &[
            "GET /v3/organizations/me ×1",
            "GET /v3/portals ×1",
            "GET /v3/portals/{portalId}/pages ×1",
            "GET /v3/portals/{portalId}/pages/{pageId} ×1",
        ],
    );
    place
        .run(&["plan", "-f", "portals.yaml", "--detailed-exitcode"])
        .expect(0);
    expect(
        &place,
        &["GET /v3/portals ×1", "GET /v3/portals/{portalId}/pages ×1"],
    );
}

#[test]
fn content_edited_by_somebody_else_is_seen_although_the_cache_is_warm() {
    let place = applied();
    place
        .run(&["plan", "-f", "portals.yaml", "--detailed-exitcode"])
        .expect(0);
    let portal = place.portal("a");
    let (_, tree) = place.call("GET", &format!("/v3/portals/{portal}/pages"), None);
    let page = tree["data"][0]["id"].as_str().unwrap().to_owned();
    let edit = serde_json::json!({"content": "by hand"});
    place.call("PATCH", &format!("/v3/portals/{portal}/pages/{page}"), Some(edit));
    let plan = place
        .run(&["plan", "-f", "portals.yaml", "--detailed-exitcode"])
        .expect(2);
    assert!(
        plan.stdout.contains("content: \"by hand\" → \"one\""),
        "{}",
        plan.stdout
    );
}

#[test]
fn one_field_of_a_portal_takes_four_reads_and_one_write() {
    let place = applied();
    place.write(
        "portals.yaml",
        ONE.replace("name: b }", "name: b, description: x }"),
    );
    place
        .run(&["apply", "-f", "portals.yaml", "--auto-approve"])
        .expect(0);
    // Plan: the lists. Then the portal in the pass over all preconditions, right before the write, and after the run.
    expect(
        &place,
        &[
            "GET /v3/portals ×1",
            "GET /v3/portals/{portalId} ×3",
            "GET /v3/portals/{portalId}/pages ×1",
            "GET /v3/portals/{portalId}/pages/{pageId} ×1",
            "PATCH /v3/portals/{portalId} ×1",
        ],
    );
}

#[test]
fn a_new_portal_takes_two_reads_besides_the_plan_and_one_write() {
    let place = applied();
    place.run(&["plan", "-f", "portals.yaml"]).expect(0);
    place.reset_counts();
    place.write("portals.yaml", format!("{ONE}  - {{ ref: c, name: c }}\n"));
    place
        .run(&["apply", "-f", "portals.yaml", "--auto-approve"])
        .expect(0);
    // Plan: two lists. Then the free name, and the new portal after the run.
    expect(
        &place,
        &[
            "GET /v3/portals ×2",
            "GET /v3/portals/{portalId} ×1",
            "GET /v3/portals/{portalId}/pages ×1",
            "POST /v3/portals ×1",
        ],
    );
}

#[test]
fn a_deletion_takes_three_reads_besides_the_plan_and_one_write() {
    let place = applied();
    place.run(&["plan", "-f", "portals.yaml"]).expect(0);
    place.reset_counts();
    place.write("portals.yaml", "portals:\n  - { ref: a, name: a }\n");
    place
        .run(&["sync", "-f", "portals.yaml", "--auto-approve"])
        .expect(0);
    // The key `pages` is gone from the file, so the kept portal's pages are not looked at; those that would go with the
    // deleted portal are counted, for the plan to say so.
    expect(
        &place,
        &[
            "DELETE /v3/portals/{portalId} ×1",
            "GET /v3/portals ×1",
            "GET /v3/portals/{portalId} ×3",
            "GET /v3/portals/{portalId}/pages ×1",
        ],
    );
}

#[test]
fn a_saved_plan_that_is_shown_or_tried_sends_no_request() {
    let place = Place::new();
    place.write("portals.yaml", ONE);
    place
        .run(&["plan", "-f", "portals.yaml", "-o", "plan.json"])
        .expect(0);
    place.reset_counts();
    place
        .run(&["apply", "--plan", "plan.json", "--dry-run"])
        .expect(0);
    place.run(&["show", "plan.json"]).expect(0);
    place.run(&["diff", "--plan", "plan.json"]).expect(0);
    expect(&place, &[]);
}
