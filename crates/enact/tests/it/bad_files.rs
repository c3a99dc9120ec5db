//! Configuration that is wrong: what the person sees, exit code 3, not one request, and their files as they were.

use crate::harness::{Place, Ran};

/// Plans the files of a place, which must be refused as invalid input before anything is sent.
#[track_caller]
fn refused(place: &Place, arguments: &[&str], said: &[&str]) -> Ran {
    let before = place.files();
    let ran = place.run(arguments).expect(3).says(said);
    assert_eq!(ran.stdout, "");
    assert_eq!(place.requests(), [""; 0]);
    assert_eq!(place.files(), before);
    ran
}

/// The same for one file.
#[track_caller]
fn refused_file(content: impl AsRef<[u8]>, said: &[&str]) -> Ran {
    let place = Place::new();
    place.write("bad.yaml", content);
    refused(&place, &["apply", "-f", "bad.yaml", "--auto-approve"], said)
}

#[test]
fn yaml_that_does_not_parse_is_shown_where_it_breaks() {
    refused_file(
        "portals:\n  - { ref: a, name: a\n  - x: [\n",
        &[
            "error: this is not valid YAML: ",
            "  --> bad.yaml:3:6\n",
            "3 |   - x: [\n",
            "  hint: check the indentation, quotes and brackets",
            "error: 1 fault in the configuration; nothing was done",
        ],
    );
}

#[test]
fn faults_of_every_sort_are_collected_in_one_go() {
    let ran = refused_file(
        "portals:
  - { ref: a, name: a, descripton: x, auto_approve_developers: 5 }
  - { ref: a, name: b }
  - { ref: c, name: !ref nobody#name }
  - { ref: d, name: d, kongctl: { protected: perhaps } }
portal: []
",
        &[
            "error: unknown field `descripton` on portal `a`\n  --> bad.yaml:2:24\n",
            "  hint: did you mean `description`?",
            "error: `auto_approve_developers`: expected `true` or `false`, found number 5\n  --> bad.yaml:2:64\n",
            "error: the ref `a` is used twice\n  --> bad.yaml:3:12\n",
            "  a portal has it at bad.yaml:2:12\n",
            "error: there is no resource with the ref `nobody`\n  --> bad.yaml:4:21\n",
            "  --> bad.yaml:5:46\n",
            "  --> bad.yaml:6:1\n",
            "  hint: did you mean `portals`?",
            "error: 6 faults in the configuration; nothing was done",
        ],
    );
    assert_eq!(ran.stderr.matches("  --> ").count(), 6, "{}", ran.stderr);
}

#[test]
fn a_ref_cycle_is_named() {
    refused_file(
        "portals:\n  - { ref: a, name: !ref b#name }\n  - { ref: b, name: !ref a#name }\n",
        &[
            "error: references form a cycle: `a#name → b#name → a#name`\n  --> bad.yaml:2:21\n",
            "error: 1 fault in the configuration",
        ],
    );
}

#[test]
fn a_file_tag_cannot_leave_its_directory() {
    let place = Place::new();
    place.write("secret.md", "nobody's business");
    place.write(
        "inner/bad.yaml",
        "portals:
  - ref: a
    name: a
    pages:
      - { ref: p, slug: p, content: !file ../secret.md }
      - { ref: q, slug: q, content: !file link.md }
      - { ref: r, slug: r, content: !file /etc/hostname }
      - { ref: s, slug: s, content: !file none.md }
",
    );
    std::os::unix::fs::symlink("../secret.md", place.work().join("inner/link.md")).unwrap();
    let ran = refused(
        &place,
        &["apply", "-f", "inner/bad.yaml", "--auto-approve"],
        &[
            "`!file` leads outside the base directory: `inner/../secret.md`\n  --> inner/bad.yaml:5:37\n",
            "`!file` leads outside the base directory: `inner/link.md`\n  --> inner/bad.yaml:6:37\n",
            "`!file` cannot take the absolute path `/etc/hostname`\n  --> inner/bad.yaml:7:37\n",
            "`inner/none.md` does not exist\n  --> inner/bad.yaml:8:37\n",
            "--base-dir",
        ],
    );
    assert!(!ran.stderr.contains("nobody's business"));
    // A directory somebody names is wide enough for both.
    let content = std::fs::read_to_string(place.work().join("inner/bad.yaml")).unwrap();
    let sound: Vec<&str> = content.lines().take(6).collect();
    place.write("inner/bad.yaml", sound.join("\n"));
    place
        .run(&["plan", "-f", "inner/bad.yaml", "--base-dir", "."])
        .expect(0);
}

#[test]
fn what_is_no_readable_file_is_refused() {
    let place = Place::new();
    std::fs::create_dir(place.work().join("empty")).unwrap();
    place.write("nested/below/a.yaml", "portals: []\n");
    place.write("plan.json", "{}");
    place.write("a.yaml", "portals: []\n");
    for (arguments, said) in [
        (
            vec!["plan", "-f", "none.yaml"],
            vec!["error: `none.yaml` does not exist\n  hint: "],
        ),
        (
            vec!["plan", "-f", "empty"],
            vec!["error: `empty` holds no YAML file\n", "`.yaml` or `.yml`"],
        ),
        (
            vec!["plan", "-f", "nested"],
            vec!["error: `nested` holds no YAML file\n", "read those too with `-R`"],
        ),
        (
            vec!["plan", "-f", "plan.json"],
            vec!["error: `plan.json` is not a YAML file\n"],
        ),
        (
            vec!["plan", "-f", "a.yaml", "-f", "./a.yaml"],
            vec!["is given twice"],
        ),
        (
            vec!["plan", "-f", "https://example.com/a.yaml"],
            vec!["is a URL; enact reads files only"],
        ),
        (vec!["plan", "-f", "-"], vec!["error: standard input is empty\n"]),
        (
            vec!["plan"],
            vec!["error: no configuration is named\n", "-f", "--plan"],
        ),
        (
            vec!["apply", "--auto-approve"],
            vec!["error: no configuration is named\n"],
        ),
        (
            vec!["sync", "-f", ","],
            vec!["error: no configuration is named\n"],
        ),
    ] {
        refused(&place, &arguments, &said);
    }
}

#[test]
fn a_file_that_is_too_large_or_not_text_is_refused() {
    let place = Place::new();
    let mut large = b"portals: []\n".to_vec();
    large.resize((10 << 20) + 1, b'#');
    place.write("large.yaml", large);
    refused(
        &place,
        &["plan", "-f", "large.yaml"],
        &["error: `large.yaml` is larger than 10485760 bytes\n  hint: split it"],
    );
    refused_file(
        b"portals:\n  - { ref: a, name: \"\xff\" }\n",
        &["error: `bad.yaml` is not UTF-8: the byte at offset 30 does not belong\n  --> bad.yaml:2:22\n"],
    );
}

#[test]
fn an_alias_bomb_goes_off_nowhere() {
    let mut bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\n".to_owned();
    for (name, before) in ["b", "c", "d", "e", "f", "g", "h"]
        .iter()
        .zip(["a", "b", "c", "d", "e", "f", "g"])
    {
        let tenfold = vec![format!("*{before}"); 10].join(",");
        bomb.push_str(&format!("{name}: &{name} [{tenfold}]\n"));
    }
    let ran = refused_file(
        format!("{bomb}portals: []\n"),
        &[
            "error: the aliases of this file expand too far",
            "  --> bad.yaml:5:",
            "  hint: use fewer aliases",
        ],
    );
    assert!(ran.stderr.len() < 2_000, "{}", ran.stderr);
}

#[test]
fn nesting_without_end_is_refused() {
    let deep = format!("portals: {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let ran = refused_file(deep, &["  --> bad.yaml:1:"]);
    assert!(ran.stderr.len() < 2_000, "{}", ran.stderr);
}

#[test]
fn unknown_flags_and_values_are_invalid_input() {
    let place = Place::new();
    place.write("a.yaml", "portals: []\n");
    for (arguments, said) in [
        (
            vec!["apply", "-f", "a.yaml", "--aprove"],
            "unexpected argument '--aprove'",
        ),
        (vec!["aply"], "unrecognized subcommand 'aply'"),
        (
            vec!["plan", "-f", "a.yaml", "--mode", "destroy"],
            "invalid value 'destroy'",
        ),
        (
            vec!["plan", "-f", "a.yaml", "--max-concurrency", "0"],
            "0 is not in 1..=200",
        ),
        (
            vec!["apply", "-f", "a.yaml", "--plan", "plan.json"],
            "cannot be used with",
        ),
        (
            vec!["plan", "-f", "a.yaml", "--konnect", "mars"],
            "\"mars\" is neither `local`, a region nor a URL",
        ),
        (
            vec!["plan", "-f", "a.yaml", "--profile", "none"],
            "there is no profile \"none\"",
        ),
        (
            vec!["get", "gateways"],
            "\"gateways\" is not a kind that enact manages",
        ),
    ] {
        refused(&place, &arguments, &[said]);
    }
}

#[test]
fn a_settings_file_that_is_wrong_is_refused() {
    let place = Place::new();
    place.write("a.yaml", "portals: []\n");
    place.write("enact.toml", "[profiles.default]\nregoin = \"eu\"\n");
    refused(
        &place,
        &["plan", "-f", "a.yaml"],
        &[
            "enact.toml is not a valid settings file",
            "unknown field `regoin`",
            "line 2",
        ],
    );
    place.write("enact.toml", b"\xff\xfe");
    refused(&place, &["plan", "-f", "a.yaml"], &["enact.toml cannot be read"]);
}

#[test]
fn a_hundred_thousand_lines_are_planned() {
    let place = Place::new();
    let mut text = "portals:\n".to_owned();
    for portal in 0..2_000 {
        text.push_str(&format!("  - ref: r{portal}\n    name: n{portal}\n    pages:\n"));
        text.push_str(&format!(
            "      - ref: p{portal}\n        slug: home\n        content: |\n"
        ));
        text.push_str(&"          one more line\n".repeat(44));
    }
    assert!(text.lines().count() > 100_000);
    place.write("long.yaml", text);
    let plan = place.run(&["plan", "-f", "long.yaml"]).expect(0);
    assert!(
        plan.stdout.contains("- Create: 4000 resources\n"),
        "{}",
        plan.stdout
    );
    assert!(plan.stdout.contains("… and 3800 more changes"), "{}", plan.stdout);
    assert_eq!(place.effects(), 0);
}

#[test]
fn of_a_thousand_faults_the_first_fifty_are_shown_and_the_rest_counted() {
    let portal = |number: usize| format!("  - {{ ref: r{number}, name: n{number}, bogus: 1 }}\n");
    let text: String = (0..1_000).map(portal).collect();
    let ran = refused_file(
        format!("portals:\n{text}"),
        &[
            "  --> bad.yaml:2:",
            "  --> bad.yaml:51:",
            "… and 950 more faults; the first 50 are shown\n",
            "error: 1000 faults in the configuration; nothing was done",
        ],
    );
    assert_eq!(ran.stderr.matches("  --> ").count(), 50);
    assert!(ran.stderr.len() < 50_000);
}
