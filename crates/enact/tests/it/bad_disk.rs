//! Places that cannot be written, or are full: said before the first effect where that is possible, and nothing is lost
//! where it is not.

use std::path::PathBuf;

use crate::harness::{Place, Ran};

const ONE: &str = "portals:\n  - { ref: a, name: a }\n";
const APPLY: [&str; 4] = ["apply", "-f", "portals.yaml", "--auto-approve"];

fn place() -> Place {
    let place = Place::new();
    place.write("portals.yaml", ONE);
    place
}

/// Applies, which must fail before any write to Konnect.
#[track_caller]
fn refused(place: &Place, said: &[&str]) -> Ran {
    let ran = place.run(&APPLY).expect(1).says(said);
    assert_eq!(ran.stdout, "");
    assert_eq!(place.effects(), 0);
    ran
}

#[test]
fn a_state_directory_that_cannot_be_made_is_named() {
    let place = place();
    std::fs::write(place.state(), "a file").unwrap();
    refused(
        &place,
        &[
            "error: the state directory ",
            "/state cannot be made: ",
            "hint: name another with --state-dir or ENACT_STATE_DIR",
        ],
    );
    assert_eq!(std::fs::read(place.state()).unwrap(), b"a file");
    // Planning needs no state: it says that the plan is not kept, and succeeds.
    place
        .run(&["plan", "-f", "portals.yaml", "-o", "plan.json"])
        .expect(0)
        .says(&["the plan was not kept in the state directory"]);
    // A directory in /proc cannot be made by anybody.
    place
        .run_with(&[("ENACT_STATE_DIR", "/proc/enact/state")], &APPLY)
        .expect(1)
        .says(&["error: the state directory /proc/enact/state cannot be made: "]);
    assert_eq!(place.effects(), 0);
    place
        .run(&[APPLY.as_slice(), &["--state-dir", "elsewhere"]].concat())
        .expect(0);
}

#[test]
fn a_directory_in_place_of_the_database_is_named() {
    let place = place();
    std::fs::create_dir_all(place.state().join("state.db")).unwrap();
    refused(
        &place,
        &[
            "/state.db cannot be written: ",
            "hint: check the directory's owner, permissions and free space",
        ],
    );
}

#[test]
fn a_state_that_is_full_before_the_first_effect_stops_the_run() {
    let place = place();
    // The server is in this process, so its files are not bounded. A write beyond the limit fails, as on a full disk.
    let ran = place
        .shell("trap '' XFSZ; ulimit -f 1; exec enact apply -f portals.yaml --auto-approve")
        .expect(1)
        .says(&[
            " cannot be written: ",
            "hint: check the directory's owner, permissions and free space",
        ]);
    assert!(!ran.stderr.contains('✓'), "{}", ran.stderr);
    assert_eq!(place.effects(), 0);
}

/// Mounts a small file system at the state directory; `None`, with the reason printed, where that is not allowed.
pub(crate) fn small_disk(place: &Place, size: &str) -> Option<Mounted> {
    std::fs::create_dir(place.state()).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"])
        .arg(place.state())
        .output();
    match mounted {
        Ok(output) if output.status.success() => Some(Mounted(place.state())),
        other => {
            println!("skipped: no small file system can be mounted here: {other:?}");
            None
        }
    }
}

pub(crate) struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        std::process::Command::new("umount")
            .arg(&self.0)
            .status()
            .unwrap();
    }
}

#[test]
fn a_disk_that_fills_up_during_a_run_loses_nothing() {
    let place = Place::new();
    let Some(_mounted) = small_disk(&place, "512k") else {
        return;
    };
    let portals = |count: usize| -> String {
        let portal = |number: usize| format!("  - {{ ref: r{number}, name: n{number} }}\n");
        format!("portals:\n{}", (0..count).map(portal).collect::<String>())
    };
    // Enough changes that their journal does not fit, few enough that the plan does.
    place.write("portals.yaml", portals(120));
    let ran = place.run(&[APPLY.as_slice(), &["--max-concurrency", "1"]].concat());
    let done = place.effects();
    assert_eq!(ran.code, 1, "{}", ran.all());
    assert!(done > 0 && done < 120, "{done}: {}", ran.all());
    assert!(
        ran.stderr.contains("because: the state at ") && ran.stderr.contains("full"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("to go on: enact resume "), "{}", ran.stderr);
    // Room is made: the journal is whole, the run goes on, and no portal is made twice.
    let remount = std::process::Command::new("mount")
        .args(["-o", "remount,size=64m"])
        .arg(place.state())
        .status()
        .unwrap();
    assert!(remount.success());
    place.run(&["resume"]).expect(0).says(&["- Verified: 120 of 120"]);
    assert_eq!(place.effects(), 120);
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure_and_the_run_is_on_record() {
    let place = place();
    place
        .shell("enact plan -f portals.yaml --output json > /dev/full")
        .expect(1)
        .says(&["No space left on device"]);
    place
        .shell("enact apply -f portals.yaml --auto-approve --output json > /dev/full")
        .expect(1)
        .says(&["No space left on device", "hint: "]);
    assert_eq!(place.effects(), 1);
    let runs = place.run(&["runs", "list"]).expect(0);
    assert!(runs.stdout.contains("  verified  "), "{}", runs.stdout);
}

#[test]
fn a_plan_is_written_where_it_was_asked_for_and_nothing_is_replaced_that_is_no_file() {
    let place = place();
    let ran = place
        .shell("enact plan -f portals.yaml -o /dev/fd/3 3> through.json")
        .expect(0);
    assert!(ran.stdout.contains("The plan is in /dev/fd/3."), "{}", ran.stdout);
    place.run(&["show", "through.json"]).expect(0);
    std::os::unix::fs::symlink("real.json", place.work().join("link.json")).unwrap();
    place.write("real.json", "old");
    place
        .run(&["plan", "-f", "portals.yaml", "-o", "link.json"])
        .expect(0);
    assert!(place.work().join("link.json").is_symlink());
    place.run(&["show", "real.json"]).expect(0);
    place
        .run(&["plan", "-f", "portals.yaml", "-o", "none/plan.json"])
        .expect(1)
        .says(&["error: none/plan.json cannot be written: No such file or directory"]);
    std::fs::create_dir(place.work().join("folder")).unwrap();
    place
        .run(&["plan", "-f", "portals.yaml", "-o", "folder"])
        .expect(1)
        .says(&["error: folder cannot be written: "]);
    let left = place
        .files()
        .into_keys()
        .filter(|path| path.to_string_lossy().ends_with(".new"));
    assert_eq!(left.count(), 0, "no half-written file is left");
}
