//! Runs of runbooks whose state lies on a full disk: nothing is done that could not be written down, and what was done is not
//! done again once there is room.

use std::path::PathBuf;

use crate::bad_disk::{Mounted, small_disk};
use crate::harness::Place;

/// Each step writes a line to `effects`, which lies on another disk.
fn runbook(place: &Place, fills: &str) {
    let state = place.state();
    let step = |id: &str, command: &str| {
        format!(
            "  - {{ id: {id}, title: \"Step {id}\", exec: [sh, -c, \"echo {id} >> effects; {command}\"], rollback: none }}\n"
        )
    };
    let fill = format!(
        "cat /dev/zero > '{}/filler' 2> /dev/null || true",
        state.display()
    );
    let command = |id: &str| if fills == id { fill.as_str() } else { "true" };
    place.write(
        "fill.plan.yaml",
        format!(
            "version: enact/v1\nkind: Plan\nname: fill\ntitle: Fill the disk\n\
             requirements: [{{ id: R1, text: \"x\" }}]\nsteps:\n{}{}{}\
             acceptance: [{{ id: C1, text: \"Yes\", check: {{ exec: [\"true\"] }} }}]\n",
            step("one", command("one")),
            step("two", command("two")),
            step("three", command("three")),
        ),
    );
}

fn place(fills: &str) -> Option<(Place, Mounted)> {
    let place = Place::new();
    let mounted = small_disk(&place, "1m")?;
    runbook(&place, fills);
    Some((place, mounted))
}

const RUN: [&str; 3] = ["run", "fill.plan.yaml", "--auto-approve"];

fn filler(place: &Place) -> PathBuf {
    place.state().join("filler")
}

fn effects(place: &Place) -> String {
    let text = std::fs::read_to_string(place.work().join("effects")).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const ROOM: &str = "hint: check the directory's owner, permissions and free space";

#[test]
fn a_disk_that_is_full_from_the_start_starts_nothing() {
    let Some((place, _mounted)) = place("none") else {
        return;
    };
    // The state is there already, or not yet.
    for prepared in [false, true] {
        if prepared {
            place.run(&["runs", "list"]).expect(0);
        }
        place.shell(&format!(
            "cat /dev/zero > '{}' 2> /dev/null",
            filler(&place).display()
        ));
        let ran = place.run(&RUN);
        let ran = ran
            .expect(1)
            .says(&["error: the state at ", "/state.db cannot be written: ", ROOM]);
        assert_eq!(ran.stdout, "");
        assert_eq!(effects(&place), "");
        std::fs::remove_file(filler(&place)).unwrap();
    }
    place.run(&RUN).expect(0);
    assert_eq!(effects(&place), "one two three");
}

#[test]
fn a_step_that_fills_the_disk_is_the_last_one_and_is_not_done_again() {
    for (fills, done) in [("one", "one"), ("two", "one two"), ("three", "one two three")] {
        let Some((place, _mounted)) = place(fills) else {
            return;
        };
        let ran = place.run(&RUN);
        let ran = ran
            .expect(1)
            .says(&["because: the state at ", "full", "to go on: enact resume "]);
        assert_eq!(effects(&place), done, "{}", ran.all());
        // Still full: nothing more is done.
        let again = place.run(&["resume"]);
        again.expect(1).says(&["cannot be written", "full"]);
        assert_eq!(effects(&place), done);
        std::fs::remove_file(filler(&place)).unwrap();
        let resumed = place.run(&["resume"]);
        resumed.expect(0);
        assert_eq!(effects(&place), "one two three");
    }
}
