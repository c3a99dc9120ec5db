//! Faults of single values.

use super::super::refused;

#[test]
fn wrong_types_say_what_was_expected() {
    refused(
        r#"portals:
  - ref: p
    name: 5
    display_name: true
    description: [a]
    authentication_enabled: 'true'
    rbac_enabled: {a: 1}
    default_api_visibility: 1
    default_application_auth_strategy_id: 12
    labels: [a]
"#,
        &[
            r#"3:11+1: `name`: expected text, found number 5 (quote it: "5")"#,
            r#"4:19+4: `display_name`: expected text, found true (quote it: "true")"#,
            "5:18+1: `description`: expected text, found a list (long text goes into a block (`|`) or a file (`!file ./page.md`))",
            "6:29+6: `authentication_enabled`: expected `true` or `false`, found text `true` (write `true` or `false` without quotes)",
            "7:19+1: `rbac_enabled`: expected `true` or `false`, found a mapping (give `rbac_enabled` `true` or `false`)",
            r#"8:29+1: `default_api_visibility`: expected `public` or `private`, found number 1 (quote it: "1")"#,
            "9:43+2: `default_application_auth_strategy_id`: expected a UUID or a `!ref`, found number 12 (give `default_application_auth_strategy_id` a UUID or a `!ref`)",
            "10:13+1: `labels`: expected a mapping of text to text, found a list (give `labels` a mapping of text to text)",
        ],
    );
}

#[test]
fn null_is_refused_where_it_means_nothing() {
    refused(
        r#"portals:
  - ref: p
    display_name:
    rbac_enabled: ~
    labels: null
"#,
        &[
            "3:5+12: `display_name` cannot be null — expected text (give it a value, or remove the key to leave it alone)",
            "4:19+1: `rbac_enabled` cannot be null — expected `true` or `false` (give it a value, or remove the key to leave it alone)",
            "5:13+4: `labels` cannot be null — expected a mapping of text to text (write `{}` to remove all labels, or remove the key to leave them alone)",
        ],
    );
}

#[test]
fn lengths_count_characters() {
    refused(
        r#"portals:
  - ref: p
    display_name: ''
    name: éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé
"#,
        &[
            "3:19+2: `display_name` is too short: 0 characters — expected at least 1 (write more, or remove the key)",
            "4:11+256: `name` is too long: 256 characters — expected at most 255 (shorten it)",
        ],
    );
}

#[test]
fn words_come_from_a_choice() {
    refused(
        r#"portals:
  - ref: p
    default_api_visibility: privat
    default_page_visibility: hidden
"#,
        &[
            "3:29+6: `default_api_visibility` cannot be `privat` (did you mean `private`?)",
            "4:30+6: `default_page_visibility` cannot be `hidden` (known here: `public`, `private`)",
        ],
    );
}

#[test]
fn a_slug_is_one_step() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - {ref: a, slug: a/b, content: x}
      - {ref: b, slug: 'ä', content: x}
"#,
        &[
            "4:24+3: `slug` `a/b` is not a slug — expected letters `a-z A-Z`, digits, `_` and `-`; `/` alone for a root object (one step of the path only; deeper steps are objects of their own)",
            "5:24+3: `slug` `ä` is not a slug — expected letters `a-z A-Z`, digits, `_` and `-`; `/` alone for a root object (one step of the path only; deeper steps are objects of their own)",
        ],
    );
}

#[test]
fn what_is_required_must_be_there() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - {ref: a}
"#,
        &[
            "4:15+1: portal_page `a` has no `content` — expected text (add `content:`)",
            "4:15+1: portal_page `a` has no `slug` — expected text (add `slug:`)",
        ],
    );
}

#[test]
fn an_id_is_a_uuid_or_a_ref() {
    refused(
        r#"portals:
  - ref: p
    default_application_auth_strategy_id: 'not an id'
  - ref: q
    default_application_auth_strategy_id: harbor-key
"#,
        &[
            "3:43+11: `default_application_auth_strategy_id`: expected a UUID or a `!ref`, found text `not an id` (give `default_application_auth_strategy_id` a UUID or a `!ref`)",
            "5:43+10: there is no resource with the ref `harbor-key` (add it, declare it with `_external` if others manage it, or write the value out)",
        ],
    );
}
