//! Faults of top-level keys and of files as a whole.

use super::super::refused;

#[test]
fn an_unknown_key_gets_a_suggestion() {
    refused(
        r#"portls: []
_default: {}
zebra: 1
"#,
        &[
            "1:1+6: unknown key `portls` — expected a kind of resource or `_defaults` (did you mean `portals`?)",
            "2:1+8: unknown key `_default` — expected a kind of resource or `_defaults` (did you mean `_defaults`?)",
            "3:1+5: unknown key `zebra` — expected a kind of resource or `_defaults` (known here: `portals`, `portal_pages`, `_defaults`)",
        ],
    );
}

#[test]
fn a_kind_of_the_format_that_is_not_managed_says_so() {
    refused(
        r#"apis:
  - ref: a
"#,
        &[
            "1:1+4: kind `apis` is not managed by enact yet (keep it in a file of its own for the tool that manages it)",
        ],
    );
}

#[test]
fn a_file_holds_a_mapping() {
    refused(
        r#"- a
"#,
        &["1:1+1: a configuration file holds a mapping, found a list (begin with a key such as `portals:`)"],
    );
}

#[test]
fn a_collection_is_a_list() {
    refused(
        r#"portals:
  ref: p
"#,
        &["2:3+1: `portals`: expected a list, found a mapping (begin each entry with `- `)"],
    );
}

#[test]
fn a_collection_without_value_is_ambiguous() {
    refused(
        r#"portals:
"#,
        &[
            "1:1+7: `portals`: expected a list, found nothing (null) (write `[]` to say there shall be none (a sync then deletes them), or remove the key)",
        ],
    );
}

#[test]
fn a_resource_is_a_mapping() {
    refused(
        r#"portals:
  - p
"#,
        &["2:5+1: a portal is a mapping, found text `p` (begin it with `ref: …`)"],
    );
}

#[test]
fn a_duplicate_key_shows_both_places() {
    refused(
        r#"portals:
  - ref: a
    name: x
    name: y
"#,
        &[
            "4:5+4: the key `name` is used twice in this mapping — it is first used at line 3, column 5 (keep one of them)",
        ],
    );
}

#[test]
fn broken_yaml_is_one_fault_with_its_place() {
    refused(
        r#"portals:
  - ref: [a
"#,
        &[
            "2:12+1: this is not valid YAML: while parsing a flow sequence, expected ',' or ']' (check the indentation, quotes and brackets here and in the line before)",
        ],
    );
}

#[test]
fn all_faults_are_reported_in_order() {
    refused(
        r#"portals:
  - ref: p
    lables: {}
    description: 5
    rbac_enabled: 'yes'
  - ref: p
    name: ""
"#,
        &[
            "3:5+6: unknown field `lables` on portal `p` (did you mean `labels`?)",
            r#"4:18+1: `description`: expected text, found number 5 (quote it: "5")"#,
            "5:19+5: `rbac_enabled`: expected `true` or `false`, found text `yes` (write `true` or `false` without quotes)",
            "6:10+1: the ref `p` is used twice — a portal has it at <stdin>:2:10 (refs are unique across all kinds and files: rename one)",
            "7:11+2: `name` is too short: 0 characters — expected at least 1 (write more, or remove the key)",
        ],
    );
}
