//! Faults of `ref`s and names.

use super::super::refused;

#[test]
fn a_ref_is_required() {
    refused(
        r#"portals:
  - name: x
"#,
        &["2:5+1: this portal has no `ref` (add `ref: …`, unique across all files)"],
    );
}

#[test]
fn a_ref_has_its_syntax() {
    refused(
        r#"portals:
  - ref: 'a:b'
  - ref: 5
  - ref: !env TITLE
"#,
        &[
            "2:10+5: `a:b` is not a `ref` — expected 1 to 63 of letters, digits, `.`, `_`, `-`, beginning with a letter or digit (choose another; it is never sent to Konnect)",
            r#"3:10+1: `ref`: expected text, found number 5 (quote it: "5")"#,
            "4:10+10: `ref` cannot come from the environment — `!env` is for text fields only (write it out)",
        ],
    );
}

#[test]
fn a_ref_is_unique_across_kinds() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - {ref: p, slug: g, content: x}
"#,
        &[
            "4:15+1: the ref `p` is used twice — a portal has it at <stdin>:2:10 (refs are unique across all kinds and files: rename one)",
        ],
    );
}

#[test]
fn names_of_top_level_resources_are_unique() {
    refused(
        r#"portals:
  - ref: p
    name: dev
  - ref: q
    name: dev
    kongctl: {namespace: other}
"#,
        &[
            "5:11+3: two portals have the name `dev` — the other is at <stdin>:3:11 (it is unique in the whole set: change one, or remove it)",
        ],
    );
}

#[test]
fn slugs_are_unique_under_their_parent() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: g, content: x}
      - {ref: b, slug: /g, content: x}
"#,
        &[
            "5:24+2: two portal_pages have the slug `g` — the other is at <stdin>:4:24 (it is unique under its parent: change one, or remove it)",
        ],
    );
}
