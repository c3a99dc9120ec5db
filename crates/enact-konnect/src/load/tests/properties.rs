//! The loader's laws: it never panics, it is deterministic, it does not depend on the order of keys.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

const VALID: &str = "_defaults:
  kongctl: {namespace: docs, protected: true}
portals:
  - ref: harbor
    name: &name \"Harbor\"
    description: !ref other#description
    labels: {team: devrel, env: !env \"JSON#portal.name\"}
    pages:
      - ref: guides
        slug: guides
        title: *name
        content: |
          ---
          description: Two
          ---
          # Guides
        children:
          - {ref: one, slug: one, content: !env JSON#portal.name}
  - ref: other
    description: >-
      folded
      text
    rbac_enabled: false
  - ref: shared
    _external: {id: 6f2d6a0e-5b7e-4d3c-9a54-3f7f6f1c2b1a}
portal_pages:
  - {ref: two, slug: two, content: 'x', portal: !ref harbor#id, parent_page_ref: one}
";

/// Pieces that mean something somewhere in the format.
const PIECES: &[&str] = &[
    "!ref ",
    "!file ",
    "!env ",
    "!",
    "!!",
    "&a ",
    "*a",
    "<<: ",
    "- ",
    ": ",
    "? ",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "|\n",
    "\n",
    "  ",
    "\t",
    "#",
    "---\n",
    "...\n",
    "%",
    "\0",
    "\u{feff}",
    "é",
    "null",
    "ref: harbor",
    "portal: one",
    "\r",
    ",",
    "parent_page_ref: two",
    "_external: {}",
    "!ref one#name",
    "slug: /",
    "@",
    "`",
    "!<x>",
    "%TAG ! a\n",
];

fn run(bytes: Vec<u8>) -> Result<Desired, Vec<Diagnostic>> {
    let result = load(&[Source::Stdin(bytes)], &options(), &variables());
    if let Err(faults) = &result {
        assert!(faults.iter().any(|fault| fault.severity == Severity::Error));
    }
    result
}

fn mutated(edits: &[(Index, usize, usize, bool)]) -> String {
    let mut text: Vec<char> = VALID.chars().collect();
    for (at, piece, cut, insert) in edits {
        let at = at.index(text.len() + 1);
        let end = (at + cut).min(text.len());
        let new = if *insert { PIECES[piece % PIECES.len()] } else { "" };
        text.splice(at..end, new.chars());
    }
    text.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(run(bytes));
    }

    #[test]
    fn arbitrary_pieces_never_panic(pieces in proptest::collection::vec(0..PIECES.len(), 0..40)) {
        let text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
        drop(run(text.into_bytes()));
    }

    #[test]
    fn mutations_of_a_valid_document_never_panic(
        edits in proptest::collection::vec((any::<Index>(), 0..PIECES.len(), 0..12_usize, any::<bool>()), 1..6)
    ) {
        drop(run(mutated(&edits).into_bytes()));
    }

    #[test]
    fn loading_is_deterministic(
        edits in proptest::collection::vec((any::<Index>(), 0..PIECES.len(), 0..4_usize, any::<bool>()), 0..2)
    ) {
        let bytes = mutated(&edits).into_bytes();
        prop_assert_eq!(format!("{:?}", run(bytes.clone())), format!("{:?}", run(bytes)));
    }

    #[test]
    fn the_order_of_keys_does_not_matter(seed in any::<u64>()) {
        let shuffled = shuffled(seed);
        let (one, other) = (sound(VALID), sound(&shuffled));
        prop_assert_eq!(placeless(&one), placeless(&other), "{}", shuffled);
        prop_assert_eq!((one.scope, one.namespaces), (other.scope, other.namespaces));
    }
}

fn placeless(desired: &Desired) -> Vec<String> {
    let resources = desired.resources.iter().map(|resource| DesiredResource {
        place: enact_core::diagnostic::Place {
            position: None,
            ..resource.place.clone()
        },
        environment: Vec::new(),
        ..resource.clone()
    });
    resources.map(|resource| format!("{resource:?}")).collect()
}

/// The valid document with the keys of every mapping and the entries of every list in another order.
fn shuffled(seed: u64) -> String {
    let text = VALID
        .replace("&name \"Harbor\"", "Harbor")
        .replace("*name", "Harbor");
    let mut budget = Limits::default().budget();
    let (root, _) = enact_core::yaml::parse(&text, 64, &mut budget);
    let mut out = String::new();
    write(&root.unwrap(), &mut { seed }, &mut out);
    out
}

fn write(node: &tree::Node<'_>, seed: &mut u64, out: &mut String) {
    use super::super::tree::Body;
    if let Some(tag) = &node.tag {
        out.push_str(&format!("!{tag} "));
    }
    match &node.body {
        Body::Scalar { text, plain: true } => out.push_str(text),
        Body::Scalar { text, plain: false } => out.push_str(&serde_json::json!(text).to_string()),
        Body::Sequence(items) => {
            out.push('[');
            for item in mixed(items, seed) {
                write(item, seed, out);
                out.push(',');
            }
            out.push(']');
        }
        Body::Mapping(entries) => {
            out.push('{');
            for entry in mixed(entries, seed) {
                out.push_str(&format!("{}: ", entry.key));
                write(&entry.value, seed, out);
                out.push(',');
            }
            out.push('}');
        }
        Body::Special(_) | Body::Faulty => {}
    }
}

fn mixed<'a, T>(list: &'a [T], seed: &mut u64) -> Vec<&'a T> {
    let mut mixed: Vec<&T> = list.iter().collect();
    for index in (1..mixed.len()).rev() {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(*seed >> 33).unwrap() % (index + 1);
        mixed.swap(index, other);
    }
    mixed
}

#[test]
fn ten_thousand_open_brackets_are_one_fault() {
    let faults = run("[".repeat(10_000).into_bytes()).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert!(run("{a: ".repeat(10_000).into_bytes()).is_err());
    assert!(run("- ".repeat(10_000).into_bytes()).is_err());
}

/// The time itself is measured by a benchmark; this shows that nothing is quadratic enough to hurt.
#[test]
fn a_hundred_thousand_lines_load() {
    let desired = sound(&large(20_000));
    assert_eq!(desired.resources.len(), 20_001);
}

#[test]
fn a_hundred_thousand_lines_of_faults_are_reported() {
    let faults = run(large(20_000)
        .replace("title:", "titel:")
        .replace("slug: ", "slug: .")
        .into_bytes())
    .unwrap_err();
    assert_eq!(faults.len(), 40_000);
}

fn large(pages: usize) -> String {
    let mut yaml = "portals:\n  - ref: p\n    pages:\n".to_owned();
    for page in 0..pages {
        yaml.push_str(&format!(
            "      - ref: page-{page}\n        slug: slug-{page}\n        title: \"Page {page}\"\n        content: |\n          # Page\n"
        ));
    }
    yaml
}
