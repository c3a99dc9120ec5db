//! Faults of children and their parents.

use super::super::refused;

#[test]
fn a_nested_child_does_not_name_its_parent() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x, portal: p}
"#,
        &[
            "4:39+6: `portal` cannot stand on a nested portal_page (what it is nested under is its parent; remove the key)",
        ],
    );
}

#[test]
fn a_root_child_names_its_parent() {
    refused(
        r#"portal_pages:
  - {ref: a, slug: a, content: x}
"#,
        &[
            "2:11+1: portal_page `a` at the root has no `portal` (add `portal: <ref of the portal>`, or nest it under `pages`)",
        ],
    );
}

#[test]
fn a_root_child_of_nobody_is_refused() {
    refused(
        r#"portals:
  - ref: harbor
portal_pages:
  - {ref: a, slug: a, content: x, portal: q}
  - {ref: b, slug: b, content: x, portal: habor}
"#,
        &[
            "4:43+1: there is no portal with the ref `q` (add that portal, or declare it with `_external` if others manage it)",
            "5:43+5: there is no portal with the ref `habor` (did you mean `harbor`? if not, add that portal, or declare it with `_external` if others manage it)",
        ],
    );
}

#[test]
fn nested_pages_do_not_repeat_the_fault_of_their_root() {
    refused(
        r#"portal_pages:
  - ref: a
    slug: a
    content: x
    portal: nobody
    children:
      - {ref: b, slug: b, content: x}
"#,
        &[
            "5:13+6: there is no portal with the ref `nobody` (add that portal, or declare it with `_external` if others manage it)",
        ],
    );
}

#[test]
fn a_parent_is_named_by_ref_not_id() {
    refused(
        r#"portal_pages:
  - {ref: a, slug: a, content: x, portal: 6f2d6a0e-5b7e-4d3c-9a54-3f7f6f1c2b1a}
"#,
        &[
            "2:43+36: `portal` takes the `ref` of a resource, not an id (declare the object with `_external` and `id`, and write its `ref` here)",
        ],
    );
}

#[test]
fn a_parent_is_a_whole_resource() {
    refused(
        r#"portals:
  - ref: p
portal_pages:
  - {ref: a, slug: a, content: x, portal: !ref p#name}
"#,
        &["4:43+11: `portal` takes a whole resource, not its `name` (write `!ref p#id` or just `p`)"],
    );
}

#[test]
fn a_parent_is_of_the_right_kind() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x}
portal_pages:
  - {ref: b, slug: b, content: x, portal: a}
"#,
        &["6:43+1: `a` is a portal_page, expected a portal (write the ref of a portal)"],
    );
}

#[test]
fn an_empty_root_list_of_children_is_refused() {
    refused(
        r#"portal_pages: []
"#,
        &[
            r#"1:1+12: `portal_pages` is an empty list at the root (an empty list says "none" under a parent only; write it there, or remove the key)"#,
        ],
    );
}

#[test]
fn a_nested_key_without_list_is_ambiguous() {
    refused(
        r#"portals:
  - ref: p
    pages:
"#,
        &[
            "3:5+5: `pages`: expected a list, found nothing (null) (write `[]` to say there shall be none (a sync then deletes them), or remove the key)",
        ],
    );
}

#[test]
fn a_kind_of_child_that_is_not_managed_says_so() {
    refused(
        r#"portals:
  - ref: p
    snippets: []
    customization: {}
"#,
        &[
            "3:5+8: `snippets` of a portal is not managed by enact yet (keep it in a file of its own for the tool that manages it)",
            "4:5+13: `customization` of a portal is not managed by enact yet (keep it in a file of its own for the tool that manages it)",
        ],
    );
}
