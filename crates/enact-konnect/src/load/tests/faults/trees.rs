//! Faults of trees of pages.

use super::super::refused;

#[test]
fn an_unknown_tree_parent_gets_a_suggestion() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - {ref: guides, slug: guides, content: x}
      - {ref: b, slug: b, content: x, parent_page_ref: guide}
"#,
        &["5:56+5: there is no portal_page with the ref `guide` (did you mean `guides`?)"],
    );
}

#[test]
fn a_cycle_is_named() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x, parent_page_ref: b}
      - {ref: b, slug: b, content: x, parent_page_ref: a}
      - {ref: c, slug: c, content: x, parent_page_ref: a}
"#,
        &["4:15+1: portal_pages form a cycle: `a → b → a` (make one of them a root)"],
    );
}

#[test]
fn a_page_is_not_its_own_parent() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x, parent_page_ref: a}
"#,
        &["4:15+1: portal_pages form a cycle: `a → a` (make one of them a root)"],
    );
}

#[test]
fn both_stand_under_the_same_parent() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x}
  - ref: q
    pages:
      - {ref: b, slug: b, content: x, parent_page_ref: a}
"#,
        &[
            "7:56+1: portal_page `b` and its tree parent `a` belong to different portals (both must stand under the same portal)",
        ],
    );
}

#[test]
fn nesting_already_says_the_tree_parent() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - ref: a
        slug: a
        content: x
        children:
          - {ref: b, slug: b, content: x, parent_page_ref: a}
"#,
        &[
            "8:43+15: `parent_page_ref` says again what the tree parent is (keep one: the nesting, or one key at a page of its own)",
        ],
    );
}

#[test]
fn only_a_root_slug_begins_with_a_slash() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - ref: a
        slug: a
        content: x
        children:
          - {ref: b, slug: /b, content: x}
"#,
        &[
            "8:28+2: `slug` `/b` begins with `/` below another object — only a root object's may (remove the `/`; the path follows from the tree)",
        ],
    );
}

#[test]
fn a_tree_parent_is_of_the_same_kind() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x, parent_page_ref: p}
"#,
        &["4:56+1: `p` is a portal, expected a portal_page (write the ref of a portal_page)"],
    );
}
