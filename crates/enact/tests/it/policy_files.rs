//! Policy directories that are wrong: nothing that looks like a policy is ever left out silently, and nothing hangs.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::harness::{Place, Ran};

const POLICY: &str = "package p\n\nallow if input.x\n";

/// Checks the directory `policies`, which must be refused.
#[track_caller]
fn refused(place: &Place, said: &[&str]) -> Ran {
    let ran = place.run(&["policy", "check", "policies"]).expect(3).says(said);
    assert_eq!(ran.stdout, "");
    // A policy that cannot be read denies; it is not passed over when a plan is judged either.
    place.write("portals.yaml", "portals: [{ ref: a, name: a }]\n");
    place
        .run(&["plan", "-f", "portals.yaml", "--policy", "policies"])
        .expect(4);
    ran
}

fn place() -> Place {
    let place = Place::new();
    place.write("policies/p.rego", POLICY);
    place
}

#[test]
fn a_directory_that_is_missing_empty_or_holds_only_tests_is_refused() {
    let place = Place::new();
    refused(
        &place,
        &[
            "error: the policy directory policies cannot be read: No such file or directory",
            "hint: ",
            "enact policy init DIR",
        ],
    );
    std::fs::create_dir(place.work().join("policies")).unwrap();
    refused(
        &place,
        &[
            "error: the policy directory policies holds no policy\n",
            "hint: a policy is a file",
        ],
    );
    place.write("policies/p_test.rego", "package p_test\n\ntest_a if true\n");
    place.write("policies/data.yaml", "a: 1\n");
    refused(&place, &["holds no policy"]);
    // Tests alone can be run.
    assert_eq!(
        place.run(&["policy", "test", "policies"]).expect(0).stdout,
        "PASS: 1/1\n"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_refused() {
    let place = place();
    place.write("policies/q.rego", POLICY.replace("package p", "package q"));
    let path = place.work().join("policies/q.rego");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&path).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    refused(
        &place,
        &["error: policies/q.rego cannot be read: Permission denied"],
    );
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    let place = place();
    place.write("policies/q.rego", b"package q\n\n# caf\xe9\n");
    refused(&place, &["error: policies/q.rego is not UTF-8 text (line 3)\n"]);
}

#[test]
fn a_name_that_is_no_text_is_refused() {
    let place = place();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.rego");
    std::fs::write(place.work().join("policies").join(name), POLICY).unwrap();
    refused(&place, &["is not UTF-8 text", "hint: rename it"]);
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let place = place();
    place.write(
        "policies/q.rego",
        format!("package q\n# {}\n", "x".repeat(2 * 1024 * 1024)),
    );
    refused(
        &place,
        &["error: policies/q.rego is too long; at most 1048576 bytes are read\n"],
    );
    // A file of just the longest length is taken.
    let longest = format!("package q\n# {}\n", "x".repeat(1024 * 1024 - 13));
    assert_eq!(longest.len(), 1024 * 1024);
    place.write("policies/q.rego", longest);
    place.run(&["policy", "check", "policies"]).expect(0);
}

#[test]
fn directories_that_are_too_deep_or_too_full_are_refused() {
    let place = place();
    place.write(&format!("policies/{}q.rego", "a/".repeat(8)), "package q\n");
    place.run(&["policy", "check", "policies"]).expect(0);
    place.write(&format!("policies/{}r.rego", "a/".repeat(9)), "package r\n");
    refused(&place, &["is nested deeper than 8 directories"]);
    let place = self::place();
    for number in 0..1000 {
        place.write(&format!("policies/f{number}.rego"), "package f\n");
    }
    refused(&place, &["holds more than 1000 files"]);
}

#[test]
fn data_that_is_broken_is_shown_where_it_breaks() {
    let place = place();
    place.write("policies/data.yaml", "limits:\n  a: [1\n  b: 2\n");
    refused(
        &place,
        &["error: data.yaml is not readable: ", "  --> policies/data.yaml:"],
    );
    place.write("policies/data.yaml", "limit: 1\nother: 2\nlimit: 3\n");
    refused(
        &place,
        &[
            "error: data.yaml is not readable: ",
            "  --> policies/data.yaml:3:1\n",
            "3 | limit: 3\n",
        ],
    );
    place.write("policies/data.yaml", "- 1\n");
    refused(&place, &["error: data.yaml must hold an object\n"]);
    std::fs::remove_file(place.work().join("policies/data.yaml")).unwrap();
    place.write("policies/data.json", "{\n  \"limit\": 1,\n  \"limit\": 2\n}\n");
    refused(
        &place,
        &["the key `limit` stands twice\n  --> policies/data.json:3:"],
    );
    place.write("policies/data.json", "{\"limit\": 1");
    refused(
        &place,
        &[
            "error: data.json is not readable: EOF",
            "  --> policies/data.json:1:11\n",
        ],
    );
}

#[test]
fn texts_in_data_stay_texts() {
    let place = place();
    place.write("policies/data.yaml", "hour: \"00\"\ncountry: no\n");
    place.write(
        "policies/p_test.rego",
        "package p_test\n\ntest_hour if data.hour == \"00\"\n\ntest_country if data.country == \"no\"\n",
    );
    assert_eq!(
        place.run(&["policy", "test", "policies"]).expect(0).stdout,
        "PASS: 2/2\n"
    );
}

#[test]
fn a_pipe_does_not_hang_and_is_refused_where_a_policy_is_expected() {
    let place = place();
    let pipe = |name: &str| {
        let made = std::process::Command::new("mkfifo")
            .arg(place.work().join(name))
            .status()
            .unwrap();
        assert!(made.success());
    };
    pipe("policies/notes");
    place.run(&["policy", "check", "policies"]).expect(0);
    pipe("policies/q.rego");
    refused(
        &place,
        &["error: policies/q.rego is neither a file nor a directory\n"],
    );
    pipe("pipe");
    place
        .run(&["policy", "check", "pipe"])
        .expect(3)
        .says(&["error: pipe is neither a file nor a directory\n"]);
}

#[test]
fn links_in_a_circle_are_refused() {
    let place = place();
    symlink(".", place.work().join("policies/again")).unwrap();
    refused(
        &place,
        &["error: policies/again leads back to a directory above it\n"],
    );
    let place = self::place();
    symlink("q.rego", place.work().join("policies/q.rego")).unwrap();
    refused(&place, &["error: policies/q.rego cannot be read: "]);
}

#[test]
fn a_link_to_nothing_is_refused() {
    let place = place();
    symlink("../gone.rego", place.work().join("policies/q.rego")).unwrap();
    refused(
        &place,
        &[
            "error: policies/q.rego is a link to nothing\n",
            "hint: mend the link or remove it",
        ],
    );
}

#[test]
fn policies_are_read_as_kubernetes_mounts_a_config_map() {
    let place = Place::new();
    place.write("mount/..2026_01_02/p.rego", POLICY);
    place.write("mount/..2026_01_02/data.yaml", "limit: 1\n");
    place.write(
        "mount/..2026_01_02/plan/q.rego",
        "package q\n\nlimit := data.limit\n",
    );
    let link = |to: &str, name: &str| symlink(to, place.work().join("mount").join(name)).unwrap();
    link("..2026_01_02", "..data");
    link("..data/p.rego", "p.rego");
    link("..data/data.yaml", "data.yaml");
    link("..data/plan", "plan");
    let mounted = place.run(&["policy", "check", "mount"]).expect(0).stdout;
    assert!(mounted.starts_with("2 files, 2 rules, bundle "), "{mounted}");
    // The same as the files themselves: the digest is that of names and bytes.
    assert_eq!(
        place.run(&["policy", "check", "mount/..data"]).expect(0).stdout,
        mounted
    );
}
