//! Faults of `_external`.

use super::super::refused;

#[test]
fn exactly_one_of_id_and_selector() {
    refused(
        r#"portals:
  - ref: p
    _external: {}
  - ref: q
    _external: {id: 6f2d6a0e-5b7e-4d3c-9a54-3f7f6f1c2b1a, selector: {matchFields: {name: x}}}
"#,
        &[
            "3:5+9: `_external` has neither `id` nor `selector` — expected exactly one of them (find it by `id`, or by `selector.matchFields`)",
            "5:5+9: `_external` has both `id` and `selector` — expected exactly one of them (find it by `id`, or by `selector.matchFields`)",
        ],
    );
}

#[test]
fn its_parts_are_checked() {
    refused(
        r#"portals:
  - ref: p
    _external: {id: nope}
  - ref: q
    _external: {selector: {matchFields: {}}}
  - ref: r
    _external: {selector: {matchfields: {name: x}}}
  - ref: s
    _external: {name: x}
  - ref: t
    _external: {selector: {matchFields: {name: 5}}}
"#,
        &[
            "3:21+4: `nope` is not an id — expected a UUID (find it by name with `selector.matchFields`)",
            "5:17+8: the selector matches no field (write `matchFields: {name: …}`)",
            "7:17+8: the selector matches no field (write `matchFields: {name: …}`)",
            "7:28+11: `selector` does not know `matchfields` (did you mean `matchFields`?)",
            "9:5+9: `_external` has neither `id` nor `selector` — expected exactly one of them (find it by `id`, or by `selector.matchFields`)",
            "9:17+4: `_external` does not know `name` (known here: `id`, `selector`)",
            "11:17+8: the selector matches no field (write `matchFields: {name: …}`)",
            r#"11:48+1: `name`: expected text, found number 5 (quote it: "5")"#,
        ],
    );
}

#[test]
fn its_fields_are_not_ours_to_set() {
    refused(
        r#"portals:
  - ref: p
    name: x
    _external: {selector: {matchFields: {name: x}}}
"#,
        &[
            "3:5+4: `name` cannot be set: portal `p` is `_external` (an external object is never written; remove the field, or `_external`)",
        ],
    );
}

#[test]
fn not_every_kind_can_be_external() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x, _external: {id: 6f2d6a0e-5b7e-4d3c-9a54-3f7f6f1c2b1a}}
"#,
        &[
            "4:39+9: a portal_page cannot be `_external` (declare its parent `_external`, or remove the key to manage it)",
        ],
    );
}
