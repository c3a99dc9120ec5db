//! Faults of tags.

use super::super::refused;

#[test]
fn unknown_tags_get_a_suggestion() {
    refused(
        r#"portals:
  - ref: p
    description: !fil x
    name: !zzzzzz x
"#,
        &[
            "3:18+6: unknown tag `!fil` (did you mean `!file`?)",
            "4:11+9: unknown tag `!zzzzzz` (known tags: `!ref`, `!file`, `!env`)",
        ],
    );
}

#[test]
fn tags_without_a_place_here_say_so() {
    refused(
        r#"portals:
  - ref: p
    description: !secret {source: x}
    default_application_auth_strategy_id: !lookup name:x
    name: !external {name: x}
"#,
        &[
            "3:18+9: `!secret` cannot be used on any field enact manages yet — `!secret` is for write-only fields, `!lookup` and `!external` for relationships (use `!ref`, `!file` or `!env`, or write the value out)",
            "4:43+14: `!lookup` cannot be used on any field enact manages yet — `!secret` is for write-only fields, `!lookup` and `!external` for relationships (use `!ref`, `!file` or `!env`, or write the value out)",
            "5:11+11: `!external` cannot be used on any field enact manages yet — `!secret` is for write-only fields, `!lookup` and `!external` for relationships (use `!ref`, `!file` or `!env`, or write the value out)",
        ],
    );
}

#[test]
fn the_environment_must_be_set() {
    refused(
        r#"portals:
  - ref: p
    description: !env NOPE
    name: !env EMPTY
"#,
        &[
            "3:18+9: the environment variable `NOPE` is not set (set it (it may be empty), or write the value here)",
            "4:11+10: `name` is too short: 0 characters — expected at least 1 (write more, or remove the key)",
        ],
    );
}

#[test]
fn the_environment_fills_text_only() {
    refused(
        r#"portals:
  - ref: p
    rbac_enabled: !env TITLE
    kongctl: {namespace: !env TITLE}
"#,
        &[
            "3:19+10: `rbac_enabled` cannot come from the environment — `!env` is for text fields only (write the value out)",
            "4:26+10: `namespace` cannot come from the environment — `!env` is for text fields only (write it out)",
        ],
    );
}

#[test]
fn extraction_from_the_environment_never_shows_the_value() {
    refused(
        r#"portals:
  - ref: p
    description: !env JSON#portal.nope
    name: !env BROKEN#a
    display_name: !env JSON#portal.list
"#,
        &[
            "3:18+21: the value of `JSON` has no single value at `portal.nope` (check the path behind `#`)",
            "4:11+13: the value of `BROKEN` is neither JSON nor YAML (only such a value has parts to extract)",
            "5:19+21: the value of `JSON` has no single value at `portal.list` (check the path behind `#`)",
        ],
    );
}

#[test]
fn incomplete_tags_are_refused() {
    refused(
        r#"portals:
  - ref: p
    description: !env
    name: !env 'TITLE#'
    display_name: !env {vr: TITLE}
    rbac_enabled: !env [a]
    labels: !env {var: !env TITLE}
"#,
        &[
            "3:18+4: `!env` is not complete — expected `!env var`, `!env var#a.b` or `!env {var: …, extract: a.b}`",
            "4:11+13: `!env` is not complete — expected `!env var`, `!env var#a.b` or `!env {var: …, extract: a.b}`",
            "5:19+6: `!env` does not know `vr` (known here: `var`, `extract`)",
            "6:19+6: `!env` expects a var, found a list (write `!env var`)",
            "7:13+6: no other tag may stand inside `!env` (write the value out)",
        ],
    );
}
