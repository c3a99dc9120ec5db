//! What sound configurations become.

use serde_json::{Value, json};

use super::*;
use crate::desired::{External, Scope};

fn fields(resource: &DesiredResource) -> Value {
    let entries = resource.fields.iter().map(|(name, value)| {
        let value = match value {
            FieldValue::Known(value) => value.clone(),
            FieldValue::Reference { target, field } => json!(format!("<{target}#{field}>")),
        };
        ((*name).to_owned(), value)
    });
    Value::Object(entries.collect())
}

fn get<'d>(desired: &'d Desired, reference: &str) -> &'d DesiredResource {
    let mut found = desired.resources.iter();
    found.find(|resource| resource.reference == reference).unwrap()
}

fn outline(desired: &Desired) -> Vec<String> {
    let line = |resource: &DesiredResource| {
        format!(
            "{} {} {} parent={} tree={} namespace={}",
            resource.kind.name,
            resource.reference,
            resource.identity,
            resource.parent.as_deref().unwrap_or("-"),
            resource.tree_parent.as_deref().unwrap_or("-"),
            resource.namespace.as_deref().unwrap_or("-"),
        )
    };
    desired.resources.iter().map(line).collect()
}

const TREE: &str = "
_defaults:
  kongctl: {namespace: docs}
portals:
  - ref: harbor
    pages:
      - {ref: home, slug: /, content: Welcome}
      - ref: guides
        slug: /guides
        content: x
        children:
          - {ref: first-call, slug: first-call, content: x}
  - ref: shared
    _external: {selector: {matchFields: {name: Shared}}}
    pages: []
portal_pages:
  - {ref: second, slug: second, content: x, portal: !ref harbor, parent_page_ref: guides}
  - {ref: third, slug: third, content: x, portal: harbor, parent_page_id: !ref second#id}
  - {ref: below-home, slug: guides, content: x, portal: harbor, parent_page_ref: home}
  - {ref: on-shared, slug: a, content: x, portal: shared}
";

#[test]
fn nested_and_root_children_are_flattened_alike() {
    assert_eq!(
        outline(&sound(TREE)),
        [
            "portal shared Shared parent=- tree=- namespace=-",
            "portal harbor harbor parent=- tree=- namespace=docs",
            "portal_page on-shared a parent=shared tree=- namespace=-",
            "portal_page home / parent=harbor tree=- namespace=docs",
            "portal_page below-home /guides parent=harbor tree=home namespace=docs",
            "portal_page guides guides parent=harbor tree=- namespace=docs",
            "portal_page first-call guides/first-call parent=harbor tree=guides namespace=docs",
            "portal_page second guides/second parent=harbor tree=guides namespace=docs",
            "portal_page third guides/second/third parent=harbor tree=second namespace=docs",
        ]
    );
}

#[test]
fn scope_follows_the_keys_that_are_present() {
    let scope = sound(TREE).scope;
    assert_eq!(scope.roots, BTreeSet::from(["portal"]));
    assert_eq!(
        scope.children,
        BTreeSet::from([("harbor".to_owned(), "portal_page")])
    );
    assert_eq!(sound("portals: []").scope.roots, BTreeSet::from(["portal"]));
    assert_eq!(sound("").scope, Scope::default());
    let empty = sound("portals:\n  - {ref: p, pages: []}\n  - {ref: q}").scope;
    assert_eq!(empty.children, BTreeSet::from([("p".to_owned(), "portal_page")]));
}

#[test]
fn a_list_of_externals_puts_nothing_into_scope() {
    let only_external =
        "portals:\n  - ref: p\n    _external: {selector: {matchFields: {name: x}}}\n    pages: []\n";
    let desired = sound(only_external);
    assert_eq!(desired.scope, Scope::default());
    assert!(desired.namespaces.is_empty());
}

#[test]
fn an_empty_file_is_nothing() {
    for nothing in ["", "# only a comment\n", "---\n", "{}", "\u{feff}"] {
        let desired = sound(nothing);
        assert!(
            desired.resources.is_empty() && desired.namespaces.is_empty(),
            "{nothing:?}"
        );
    }
}

#[test]
fn fields_keep_their_values_and_only_the_name_is_defaulted() {
    let desired = sound(
        "portals:
  - ref: p
    description: null
    display_name: '5'
    rbac_enabled: true
    default_page_visibility: private
    default_application_auth_strategy_id: 6f2d6a0e-5b7e-4d3c-9a54-3f7f6f1c2b1a
    labels: {}
    pages:
      - {ref: a, slug: a, content: x}
",
    );
    let expected = json!({
        "name": "p", "description": null, "display_name": "5", "rbac_enabled": true,
        "default_page_visibility": "private", "labels": {},
        "default_application_auth_strategy_id": "6f2d6a0e-5b7e-4d3c-9a54-3f7f6f1c2b1a",
    });
    assert_eq!(fields(get(&desired, "p")), expected);
    assert_eq!(fields(get(&desired, "a")), json!({"slug": "a", "content": "x"}));
}

#[test]
fn ownership_comes_from_the_resource_the_file_or_the_default() {
    let desired = sound(
        "portals:
  - {ref: a}
  - {ref: b, kongctl: {namespace: own, protected: false}}
_defaults:
  kongctl: {namespace: team--x, protected: true}
",
    );
    let ownership = |name: &str| {
        (
            get(&desired, name).namespace.clone().unwrap(),
            get(&desired, name).protected,
        )
    };
    assert_eq!(ownership("a"), ("team--x".to_owned(), Some(true)));
    assert_eq!(ownership("b"), ("own".to_owned(), Some(false)));
    let silent = sound("portals:\n  - ref: a");
    assert_eq!(get(&silent, "a").protected, None);
    assert_eq!(get(&silent, "a").namespace.as_deref(), Some("default"));
    let unused = sound("_defaults: {kongctl: {namespace: empty}}");
    assert_eq!(unused.namespaces, BTreeSet::from(["empty".to_owned()]));
}

#[test]
fn references_are_substituted_as_far_as_the_files_know() {
    let desired = sound(
        "portals:
  - ref: a
    description: !ref b#description
    display_name: !ref b#name
    default_application_auth_strategy_id: !ref ext
  - ref: b
    description: !ref c#labels.owner
    display_name: !ref page#name
  - ref: c
    description: !ref b#default_page_visibility
    display_name: !ref d#id
    labels: {owner: devrel}
  - ref: d
    description: !ref page-child#name
    default_application_auth_strategy_id: c
  - ref: page-owner
    pages:
      - ref: page
        slug: guides
        content: x
        children: [{ref: page-child, slug: one, content: x}]
  - ref: ext
    _external: {id: 6f2d6a0e-5b7e-4d3c-9a54-3f7f6f1c2b1a}
  - ref: ext-name
    _external: {selector: {matchFields: {name: Shared}}}
  - ref: e
    display_name: !ref ext-name#name
    description: !ref ext-name#description
"
        .replace("    default_application_auth_strategy_id: c\n", "")
        .as_str(),
    );
    let expect = |name: &str, expected: Value| assert_eq!(fields(get(&desired, name)), expected, "{name}");
    expect(
        "a",
        json!({
            "name": "a", "description": "devrel", "display_name": "b",
            "default_application_auth_strategy_id": "6f2d6a0e-5b7e-4d3c-9a54-3f7f6f1c2b1a",
        }),
    );
    expect(
        "b",
        json!({"name": "b", "description": "devrel", "display_name": "guides"}),
    );
    expect(
        "c",
        json!({
            "name": "c", "description": "<b#default_page_visibility>", "display_name": "<d#id>",
            "labels": {"owner": "devrel"},
        }),
    );
    expect("d", json!({"name": "d", "description": "guides/one"}));
    expect(
        "e",
        json!({"name": "e", "display_name": "Shared", "description": "<ext-name#description>"}),
    );
}

#[test]
fn a_bare_ref_in_an_id_field_is_a_reference() {
    let desired = sound("portals:\n  - {ref: a, default_application_auth_strategy_id: b}\n  - ref: b\n");
    let expected = json!({"name": "a", "default_application_auth_strategy_id": "<b#id>"});
    assert_eq!(fields(get(&desired, "a")), expected);
}

#[test]
fn the_environment_is_frozen_and_noted() {
    let desired = sound(
        "portals:
  - ref: a
    name: !env JSON#portal.name
    description: !env {var: EMPTY}
    display_name: !env {var: TITLE}
    labels: {name: !env {var: JSON, extract: portal.name}}
",
    );
    let resource = get(&desired, "a");
    assert_eq!(
        fields(resource),
        json!({"name": "dev", "description": "", "display_name": "From outside", "labels": {"name": "dev"}})
    );
    assert_eq!(resource.identity, "dev");
    let uses = resource.environment.iter();
    let uses: Vec<String> = uses
        .map(|used| format!("{} {} {}", used.field, used.variable, &used.digest[..13]))
        .collect();
    assert_eq!(
        uses,
        [
            "name JSON#portal.name sha256:ef260e",
            "description EMPTY sha256:e3b0c4",
            "display_name TITLE sha256:532c11",
            "labels JSON#portal.name sha256:ef260e",
        ]
    );
}

#[test]
fn front_matter_fills_unset_fields_and_stays_in_the_text() {
    let content = "---\ntitle: One\ndescription: Two\nlayout: {wide: true}\n---\n# One\n";
    let yaml = format!(
        "portals:\n  - ref: p\n    pages:\n      - ref: a\n        slug: a\n        title: One\n        content: {}\n",
        json!(content)
    );
    let expected = json!({"slug": "a", "title": "One", "description": "Two", "content": content});
    assert_eq!(fields(get(&sound(&yaml), "a")), expected);
}

#[test]
fn a_near_miss_in_front_matter_is_a_warning() {
    let desired = sound(
        "portals:\n  - ref: p\n    pages:\n      - {ref: a, slug: a, content: \"---\\ntitel: x\\n---\\n\"}\n",
    );
    assert_eq!(
        render(&desired.warnings),
        [
            "<stdin>:4:36+22: warning: front matter of `content` does not set anything by `titel` (did you mean `title`?)"
        ]
    );
}

#[test]
fn more_than_five_labels_are_a_warning() {
    let desired = sound("portals:\n  - ref: p\n    labels: {a: x, b: x, c: x, d: x, e: x, f: x}\n");
    assert_eq!(
        render(&desired.warnings),
        [
            "<stdin>:3:5+6: warning: 6 labels on portal `p` — Konnect documents at most 5 of one's own (remove some, or expect Konnect to refuse them one day)"
        ]
    );
}

#[test]
fn an_external_keeps_how_it_is_found() {
    let desired = sound(TREE);
    let fields = BTreeMap::from([("name".to_owned(), "Shared".to_owned())]);
    assert_eq!(get(&desired, "shared").external, Some(External::Fields(fields)));
}

#[test]
fn places_point_at_the_ref_and_carry_no_excerpt() {
    let desired = sound("portals:\r\n  - ref: p\r\n  - name: x\r\n    ref: q\r\n");
    let place = &get(&desired, "q").place;
    assert_eq!(
        (place.position.unwrap().line, place.position.unwrap().column),
        (4, 10)
    );
    assert_eq!(
        (place.file.as_str(), place.excerpt.as_str(), place.length),
        ("<stdin>", "", 1)
    );
}

#[test]
fn faults_carry_the_source_line() {
    let faults = load_with("portals:\n  - ref: p\n    lables: {}\n", &options()).unwrap_err();
    assert_eq!(faults[0].place.as_ref().unwrap().excerpt, "    lables: {}");
}

#[test]
fn guards_on_namespaces() {
    let any = LoadOptions {
        require_any_namespace: true,
        ..options()
    };
    let only = |name: &str| LoadOptions {
        require_namespaces: BTreeSet::from([name.to_owned()]),
        ..options()
    };
    let silent = "portals:\n  - ref: p\n";
    let named = "_defaults: {kongctl: {namespace: a}}\nportals:\n  - ref: p\n";
    assert!(load_with(named, &any).is_ok());
    assert!(load_with(named, &only("a")).is_ok());
    assert!(load_with(silent, &only("default")).is_ok());
    refused_with(
        silent,
        &any,
        &[
            "2:10+1: portal `p` names no namespace (set `kongctl.namespace` on it, or `_defaults.kongctl.namespace` for the file)",
        ],
    );
    refused_with(
        silent,
        &only("a"),
        &[
            "2:10+1: portal `p` falls into the namespace `default` — `--require-namespace` allows `a` (use one of these, or change the flag)",
        ],
    );
    refused_with(
        named,
        &only("b"),
        &[
            "1:34+1: the namespace `a` is not allowed in this run — `--require-namespace` allows `b` (use one of these, or change the flag)",
        ],
    );
    let unused = "_defaults: {kongctl: {namespace: a}}\n";
    assert_eq!(load_with(unused, &only("b")).unwrap_err().len(), 1);
    let both = LoadOptions {
        require_any_namespace: true,
        ..only("a")
    };
    refused_with(
        named,
        &both,
        &["`--require-any-namespace` and `--require-namespace` exclude each other (keep one of them)"],
    );
}

#[test]
fn trees_are_bounded_in_depth() {
    let mut yaml =
        "portals:\n  - ref: p\nportal_pages:\n  - {ref: r0, slug: s, content: x, portal: p}\n".to_owned();
    for level in 1..1000 {
        let above = level - 1;
        yaml.push_str(&format!(
            "  - {{ref: r{level}, slug: s, content: x, portal: p, parent_page_ref: r{above}}}\n"
        ));
    }
    refused(
        &yaml,
        &["68:11+3: the tree is deeper than 64 levels here (flatten the tree)"],
    );
}

#[test]
fn long_chains_of_references_need_no_stack() {
    let mut yaml = "portals:\n  - {ref: r0, description: end}\n".to_owned();
    for link in 1..20_000 {
        yaml.push_str(&format!(
            "  - {{ref: r{link}, description: !ref r{}#description}}\n",
            link - 1
        ));
    }
    let desired = sound(&yaml);
    assert_eq!(fields(get(&desired, "r19999"))["description"], "end");
}

#[test]
fn texts_repeated_by_reference_are_bounded() {
    let content = "x".repeat(100_000);
    let mut yaml =
        format!("portals:\n  - ref: p\n    pages:\n      - {{ref: r0, slug: s0, content: {content}}}\n");
    for page in 1..30 {
        yaml.push_str(&format!(
            "      - {{ref: r{page}, slug: s{page}, content: !ref r0#content}}\n"
        ));
    }
    let limits = Limits {
        total_bytes: 1_000_000,
        ..Limits::default()
    };
    let faults = load_with(&yaml, &LoadOptions { limits, ..options() }).unwrap_err();
    assert_eq!(
        faults[0].summary,
        "the texts that `!ref` repeats are too large together"
    );
}
