//! Files, directories and what `!file` pulls in.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

/// A directory with these files.
fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

fn load_paths(root: &Path, names: &[&str], options: &LoadOptions) -> Result<Desired, Vec<String>> {
    let sources: Vec<Source> = names.iter().map(|name| Source::Path(root.join(name))).collect();
    let prefix = format!("{}/", root.display());
    load(&sources, options, &variables()).map_err(|faults| {
        let lines = render(&faults).into_iter();
        lines
            .map(|line| {
                line.replace(&prefix, "")
                    .replace(&root.display().to_string(), ".")
            })
            .collect()
    })
}

fn references(desired: &Desired) -> Vec<&str> {
    desired
        .resources
        .iter()
        .map(|resource| resource.reference.as_str())
        .collect()
}

fn known(desired: &Desired, index: usize, field: &str) -> String {
    match &desired.resources[index].fields[field] {
        FieldValue::Known(value) => value.as_str().unwrap().to_owned(),
        FieldValue::Reference { .. } => panic!("not known"),
    }
}

fn with_description(value: &str) -> String {
    format!("portals:\n  - ref: p\n    description: {value}\n")
}

#[test]
fn a_directory_loads_its_yaml_files_in_order() {
    let root = directory(&[
        ("b.yml", b"portals: [{ref: b}]"),
        ("a.YAML", b"portals: [{ref: a}]"),
        ("notes.txt", b"\xff"),
        ("sub/c.yaml", b"portals: [{ref: c}]"),
    ]);
    assert_eq!(
        references(&load_paths(root.path(), &[""], &options()).unwrap()),
        ["a", "b"]
    );
    let recursive = LoadOptions {
        recursive: true,
        ..options()
    };
    assert_eq!(
        references(&load_paths(root.path(), &[""], &recursive).unwrap()),
        ["a", "b", "c"]
    );
}

#[test]
fn refs_are_unique_across_files_and_defaults_are_per_file() {
    let root = directory(&[
        (
            "a.yaml",
            b"_defaults: {kongctl: {namespace: team}}\nportals: [{ref: a}]",
        ),
        ("b.yaml", b"portals: [{ref: b}]"),
        ("c.yaml", b"portals: [{ref: a, name: c}]"),
    ]);
    let desired = load_paths(root.path(), &["a.yaml", "b.yaml"], &options()).unwrap();
    let namespaces = desired
        .resources
        .iter()
        .map(|resource| resource.namespace.as_deref().unwrap());
    assert_eq!(namespaces.collect::<Vec<_>>(), ["default", "team"]);
    assert_eq!(
        load_paths(root.path(), &["a.yaml", "c.yaml"], &options()).unwrap_err(),
        [
            "c.yaml:1:17+1: the ref `a` is used twice — a portal has it at a.yaml:2:17 (refs are unique across all kinds and files: rename one)"
        ]
    );
}

#[test]
fn sources_that_cannot_be_read_are_all_reported() {
    let root = directory(&[
        ("data.json", b"{}"),
        ("bad.yaml", b"a: 1\nb: \xff\xfe"),
        ("empty/sub/a.yaml", b""),
        ("none/readme.md", b""),
        ("twice.yaml", b""),
    ]);
    let names = [
        "nope.yaml",
        "data.json",
        "bad.yaml",
        "empty",
        "none",
        "twice.yaml",
        "./twice.yaml",
    ];
    assert_eq!(
        load_paths(root.path(), &names, &options()).unwrap_err(),
        [
            "`./twice.yaml` is given twice (leave one of them out)",
            "`data.json` is not a YAML file — expected a name that ends in `.yaml` or `.yml` (rename it; JSON content is fine in a `.yaml` file)",
            "`empty` holds no YAML file — expected files that end in `.yaml` or `.yml` (it has sub-directories: read those too with `-R`)",
            "`none` holds no YAML file — expected files that end in `.yaml` or `.yml` (name another directory with `-f`)",
            "`nope.yaml` does not exist (check the path)",
            "bad.yaml:2:4+1: `bad.yaml` is not UTF-8: the byte at offset 8 does not belong (save the file as UTF-8)",
        ]
    );
}

#[test]
fn sizes_and_counts_are_bounded() {
    let root = directory(&[
        ("a.yaml", b"# 3456789"),
        ("b.yaml", b"# 3456789"),
        ("x/y/z.yaml", b""),
    ]);
    let limited = |limits: Limits| LoadOptions {
        limits,
        recursive: true,
        ..options()
    };
    let faults = |names: &[&str], limits| load_paths(root.path(), names, &limited(limits)).unwrap_err();
    let limits = Limits::default;
    assert_eq!(
        faults(
            &["a.yaml"],
            Limits {
                file_bytes: 8,
                ..limits()
            }
        ),
        ["`a.yaml` is larger than 8 bytes (split it)"]
    );
    assert_eq!(
        faults(
            &["a.yaml", "b.yaml"],
            Limits {
                total_bytes: 17,
                ..limits()
            }
        ),
        [
            "the files are too large together, last `b.yaml` — at most 17 bytes per load (split the set into several runs)"
        ]
    );
    assert_eq!(
        faults(&[""], Limits { files: 1, ..limits() }),
        ["there are too many YAML files, last `b.yaml` (split the set into several runs)"]
    );
    assert_eq!(
        faults(
            &["x"],
            Limits {
                directory_depth: 0,
                ..limits()
            }
        ),
        ["`x/y` lies deeper than 0 directories (name the deep directories with `-f` of their own)"]
    );
    let stdin = [Source::Stdin(vec![b'#'; 9])];
    let small = limited(Limits {
        file_bytes: 8,
        ..limits()
    });
    assert_eq!(
        render(&load(&stdin, &small, &variables()).unwrap_err()),
        ["`<stdin>` is larger than 8 bytes (split it)"]
    );
}

#[test]
fn a_file_is_relative_to_the_file_that_names_it() {
    let root = directory(&[
        ("sub/a.yaml", with_description("!file ./texts/one.md").as_bytes()),
        ("sub/texts/one.md", b"one"),
        ("b.yaml", b"portals:\n  - {ref: q, description: !file 'data.json#a.1', name: !file {path: data.yml, extract: n.x}}"),
        ("data.json", br#"{"a": ["x", "second"]}"#),
        ("data.yml", b"n: {x: !env named}"),
    ]);
    let desired = load_paths(root.path(), &["sub/a.yaml", "b.yaml"], &options()).unwrap();
    assert_eq!(known(&desired, 0, "name"), "named");
    assert_eq!(known(&desired, 0, "description"), "second");
    assert_eq!(known(&desired, 1, "description"), "one");
}

#[test]
fn a_file_can_stand_for_structure() {
    let root = directory(&[
        (
            "a.yaml",
            b"portals:\n  - ref: p\n    labels: !file labels.yaml\n    pages: !file pages.yaml#pages\n",
        ),
        ("labels.yaml", b"team: docs"),
        ("pages.yaml", b"pages: [{ref: a, slug: a, content: x}]"),
    ]);
    let desired = load_paths(root.path(), &["a.yaml"], &options()).unwrap();
    assert_eq!(references(&desired), ["p", "a"]);
    assert_eq!(desired.resources[1].place.position.unwrap().line, 4);
}

#[test]
fn a_file_stays_inside_the_base_directory() {
    let root = directory(&[
        ("in/a.yaml", with_description("!file ../out/secret.md").as_bytes()),
        ("in/b.yaml", with_description("!file ../nowhere.md").as_bytes()),
        ("in/c.yaml", with_description("!file /etc/hostname").as_bytes()),
        ("in/d.yaml", with_description("!file missing/x.md").as_bytes()),
        ("in/e.yaml", with_description("!file .").as_bytes()),
        ("out/secret.md", b"secret"),
    ]);
    let fault = |name: &str| load_paths(root.path(), &[name], &options()).unwrap_err();
    assert_eq!(
        fault("in/a.yaml"),
        [
            "in/a.yaml:3:18+22: `!file` leads outside the base directory: `in/../out/secret.md` — the base directory is `in` (move the file there, or choose a wider directory with `--base-dir`)"
        ]
    );
    assert_eq!(
        fault("in/b.yaml"),
        [
            "in/b.yaml:3:18+19: `!file` leads outside the base directory: `in/../nowhere.md` — the base directory is `in` (move the file there, or choose a wider directory with `--base-dir`)"
        ]
    );
    assert_eq!(
        fault("in/c.yaml"),
        [
            "in/c.yaml:3:18+19: `!file` cannot take the absolute path `/etc/hostname` (write it relative to the file that contains the tag)"
        ]
    );
    assert_eq!(
        fault("in/d.yaml"),
        ["in/d.yaml:3:18+18: `in/missing/x.md` does not exist (check the path)"]
    );
    assert_eq!(
        fault("in/e.yaml"),
        ["in/e.yaml:3:18+7: `in` is not a regular file (name a file)"]
    );
    let wider = LoadOptions {
        base_dir: Some(root.path().to_owned()),
        ..options()
    };
    let desired = load_paths(root.path(), &["in/a.yaml"], &wider).unwrap();
    assert_eq!(known(&desired, 0, "description"), "secret");
}

#[cfg(unix)]
#[test]
fn symbolic_links_do_not_lead_out() {
    let root = directory(&[
        ("in/a.yaml", with_description("!file link.md").as_bytes()),
        ("in/b.yaml", with_description("!file inner.md").as_bytes()),
        ("in/text.md", b"text"),
        ("out/secret.md", b"secret"),
        ("out/more.yaml", b"portals: [{ref: more}]"),
    ]);
    let link = |to: &str, from: &str| {
        std::os::unix::fs::symlink(root.path().join(to), root.path().join(from)).unwrap();
    };
    link("out/secret.md", "in/link.md");
    link("in/text.md", "in/inner.md");
    link("out", "in/linked.yaml");
    let faults = load_paths(root.path(), &["in/a.yaml"], &options()).unwrap_err();
    assert!(
        faults[0].contains("`!file` leads outside the base directory: `in/link.md`"),
        "{faults:?}"
    );
    let recursive = LoadOptions {
        recursive: true,
        ..options()
    };
    fs::remove_file(root.path().join("in/a.yaml")).unwrap();
    let desired = load_paths(root.path(), &["in"], &recursive).unwrap();
    assert_eq!(references(&desired), ["p"]);
    assert_eq!(known(&desired, 0, "description"), "text");
}

#[test]
fn files_that_do_not_fit_are_refused_at_the_tag() {
    let root = directory(&[
        (
            "a.yaml",
            b"portals:
  - ref: p
    name: !file v.yaml#version
    display_name: !file v.yaml#versoin
    description: !file v.yaml
  - ref: q
    name: !file bad.md
    display_name: !file bad.yaml
    description: !file text.md#a
  - ref: r
    name: !file big.md
    description: !file {file: text.md}
",
        ),
        ("v.yaml", b"version: 5"),
        ("bad.md", b"\xff"),
        ("bad.yaml", b"a: [\n"),
        ("text.md", b"text"),
        ("big.md", &[b'x'; 600]),
    ]);
    let limits = Limits {
        file_bytes: 500,
        ..Limits::default()
    };
    let small = LoadOptions { limits, ..options() };
    assert_eq!(
        load_paths(root.path(), &["a.yaml"], &small).unwrap_err(),
        [
            "a.yaml:3:11+20: `name`: expected text, found number 5 (quote it: \"5\")",
            "a.yaml:4:19+20: the path `versoin` leads nowhere: there is no `versoin` (did you mean `version`?)",
            "a.yaml:5:18+12: `description`: expected text, found a mapping (long text goes into a block (`|`) or a file (`!file ./page.md`))",
            "a.yaml:7:11+12: `bad.md` is not UTF-8: the byte at offset 0 does not belong (save the file as UTF-8)",
            "a.yaml:8:19+14: the file that `!file` names is faulty: bad.yaml:1:5: this is not valid YAML: while parsing a node, did not find expected node content",
            "a.yaml:9:18+15: nothing can be extracted from `text.md` — expected a `.yaml`, `.yml` or `.json` file (leave `#a` away)",
            "a.yaml:11:11+12: `big.md` is larger than 500 bytes (split it)",
            "a.yaml:12:18+7: `!file` does not know `file` (known here: `path`, `extract`)",
        ]
    );
}

#[test]
fn a_file_used_often_counts_each_time() {
    let mut yaml = "portals:\n".to_owned();
    for portal in 0..100 {
        yaml.push_str(&format!("  - {{ref: r{portal}, description: !file big.md}}\n"));
    }
    let root = directory(&[("a.yaml", yaml.as_bytes()), ("big.md", &[b'x'; 400])]);
    let limits = Limits {
        total_bytes: 20_000,
        ..Limits::default()
    };
    let faults = load_paths(root.path(), &["a.yaml"], &LoadOptions { limits, ..options() }).unwrap_err();
    assert!(
        faults[0].contains("the files that `!file` pulls in are too large together"),
        "{faults:?}"
    );
}

#[test]
fn images_become_data_uris() {
    let root = directory(&[
        ("a.yaml", with_description("!file logo.png#ignored").as_bytes()),
        ("logo.png", &[1, 2, 3]),
    ]);
    let desired = load_paths(root.path(), &["a.yaml"], &options()).unwrap();
    assert_eq!(known(&desired, 0, "description"), "data:image/png;base64,AQID");
}

#[test]
fn the_digest_covers_every_input() {
    let root = directory(&[
        ("a.yaml", with_description("!file t.md").as_bytes()),
        ("t.md", b"one"),
    ]);
    let digest = || {
        load_paths(root.path(), &["a.yaml"], &options())
            .unwrap()
            .config_hash
    };
    let before = digest();
    assert!(before.starts_with("sha256:") && before.len() == 71 && before == digest());
    fs::write(root.path().join("t.md"), "two").unwrap();
    assert_ne!(before, digest());
}

#[test]
fn a_broken_file_does_not_make_the_others_look_wrong() {
    let root = directory(&[
        ("a.yaml", b"portals: [{ref: p}"),
        ("b.yaml", b"portal_pages: [{ref: a, slug: a, content: x, portal: p}]\nportals: [{ref: q, description: !ref p#name, name: 5}]"),
    ]);
    let faults = load_paths(root.path(), &["a.yaml", "b.yaml"], &options()).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults[0].starts_with("a.yaml:1:") && faults[1].starts_with("b.yaml:2:52+1: `name`: expected text"),
        "{faults:?}"
    );
}

#[test]
fn a_fault_behind_an_anchor_is_reported_once() {
    let root = directory(&[(
        "a.yaml",
        b"portals: [{ref: p, labels: &l {a: 5}}, {ref: q, labels: *l}]",
    )]);
    let faults = load_paths(root.path(), &["a.yaml"], &options()).unwrap_err();
    assert_eq!(
        faults,
        ["a.yaml:1:35+1: label `a`: expected text, found number 5 (quote it: \"5\")"]
    );
}
