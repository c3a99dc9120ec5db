//! Faults of `!ref`.

use super::super::refused;

#[test]
fn a_ref_to_nothing_gets_a_suggestion() {
    refused(
        r#"portals:
  - ref: p
    description: !ref portal-q#name
  - ref: portal-r
    description: !ref zzzzzzz
"#,
        &[
            "3:18+18: there is no resource with the ref `portal-q` (did you mean `portal-r`?)",
            "5:18+12: there is no resource with the ref `zzzzzzz` (add it, declare it with `_external` if others manage it, or write the value out)",
        ],
    );
}

#[test]
fn an_unknown_field_is_refused() {
    refused(
        r#"portals:
  - ref: p
    description: !ref q#lables
  - ref: q
    description: !ref p#id.x
    display_name: !ref p#name.x
"#,
        &[
            "3:18+13: a portal has no field `lables` to refer to (did you mean `labels`?)",
            "5:18+11: a portal has no field `id.x` to refer to (known here: `name`, `display_name`, `description`, `authentication_enabled`, `rbac_enabled`, `sipr_enabled`, `default_api_visibility`, `default_page_visibility`, `default_application_auth_strategy_id`, `auto_approve_developers`, `auto_approve_applications`, `notifications_developer_pii_visibility_enabled`, `labels`, `id`)",
            "6:19+13: a portal has no field `name.x` to refer to (did you mean `name`?)",
        ],
    );
}

#[test]
fn a_reference_to_itself_is_refused() {
    refused(
        r#"portals:
  - ref: p
    description: !ref p#name
"#,
        &["3:18+11: `p` refers to itself (refer to another resource, or write the value out)"],
    );
}

#[test]
fn a_cycle_names_the_chain() {
    refused(
        r#"portals:
  - ref: a
    description: !ref b#description
  - ref: b
    description: !ref a#description
  - ref: c
    description: !ref a#description
"#,
        &[
            "3:18+18: references form a cycle: `a#description → b#description → a#description` (write one of the values out)",
        ],
    );
}

#[test]
fn resources_that_need_each_other_are_refused() {
    refused(
        r#"portals:
  - ref: a
    description: !ref b#id
  - ref: b
    description: !ref a#id
"#,
        &[
            "2:10+1: resources need each other: `a → b → a` — each would have to exist before the other (write one of the values out)",
        ],
    );
}

#[test]
fn a_portal_cannot_need_its_own_page() {
    refused(
        r#"portals:
  - ref: p
    description: !ref a#id
    pages:
      - {ref: a, slug: a, content: x}
"#,
        &[
            "2:10+1: resources need each other: `p → a → p` — each would have to exist before the other (write one of the values out)",
        ],
    );
}

#[test]
fn a_substituted_value_is_checked() {
    refused(
        r#"portals:
  - ref: p
    rbac_enabled: !ref q#name
  - ref: q
    display_name: !ref p#authentication_enabled
    authentication_enabled: !ref p#id
"#,
        &[
            "3:19+11: `rbac_enabled`: expected `true` or `false`, found text `q` (look at the field that `!ref` names)",
            "5:19+29: `display_name`: `authentication_enabled` of `p` is not text (refer to another field)",
            "6:29+9: `authentication_enabled`: `id` of `p` is not `true` or `false` (refer to another field)",
        ],
    );
}

#[test]
fn a_mapping_is_not_a_value() {
    refused(
        r#"portals:
  - ref: p
    description: !ref q#labels
    display_name: !ref q#labels.b
  - ref: q
    labels: {a: x}
"#,
        &[
            "3:18+13: `labels` of `q` is a mapping, not a single value (name one of its keys: `!ref q#labels.key`)",
            "4:19+15: `q` has no label `b` (add it there, or write the value out)",
        ],
    );
}

#[test]
fn a_name_must_be_known() {
    refused(
        r#"portals:
  - ref: p
    name: !ref q#id
  - ref: q
"#,
        &[
            "3:11+9: `name` of portal `p` must be known when loading — only Konnect knows `id` of `q` (write the value out)",
        ],
    );
}

#[test]
fn a_path_is_not_part_of_a_path() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a, content: x}
      - {ref: b, slug: !ref a#name, content: x}
"#,
        &["5:24+11: the path of `a` cannot be part of a path or name (write the value out)"],
    );
}

#[test]
fn an_incomplete_reference_is_refused() {
    refused(
        r#"portals:
  - ref: p
    description: !ref p#
    display_name: !ref
    name: !ref '#id'
    rbac_enabled: !ref [a]
"#,
        &[
            "3:18+7: `!ref p#` is not complete — expected `!ref other` or `!ref other#field`",
            "4:19+4: `!ref ` is not complete — expected `!ref other` or `!ref other#field`",
            "5:11+10: `!ref #id` is not complete — expected `!ref other` or `!ref other#field`",
            "6:19+6: `!ref` expects the `ref` of a resource, found a list (write `!ref other` or `!ref other#field`)",
        ],
    );
}
