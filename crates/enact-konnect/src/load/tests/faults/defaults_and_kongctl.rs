//! Faults in `_defaults` and `kongctl`.

use super::super::refused;

#[test]
fn defaults_know_two_keys() {
    refused(
        r#"_defaults:
  kongctl: {namespce: a, protected: 'no'}
  other: 1
"#,
        &[
            "2:13+8: `kongctl` does not know `namespce` (did you mean `namespace`?)",
            "2:37+4: `protected`: expected `true` or `false`, found text `no` (write `true` or `false` without quotes)",
            "3:3+5: `_defaults` does not know `other` (known here: `kongctl`)",
        ],
    );
}

#[test]
fn a_namespace_has_its_syntax() {
    refused(
        r#"portals:
  - ref: p
    kongctl: {namespace: Team_A}
  - ref: q
    kongctl: {namespace: ''}
  - ref: r
    kongctl: {namespace: 5}
"#,
        &[
            "3:26+6: `Team_A` is not a namespace — expected 1 to 63 of `a-z`, digits and `-`, with a letter or digit at both ends (choose another name, or remove the key)",
            "5:26+2: `` is not a namespace — expected 1 to 63 of `a-z`, digits and `-`, with a letter or digit at both ends (choose another name, or remove the key)",
            r#"7:26+1: `namespace`: expected text, found number 5 (quote it: "5")"#,
        ],
    );
}

#[test]
fn kongctl_is_a_mapping() {
    refused(
        r#"portals:
  - ref: p
    kongctl:
"#,
        &[
            "3:5+7: `kongctl`: expected a mapping, found nothing (null) (write its keys below it, or remove it)",
        ],
    );
}

#[test]
fn a_child_is_owned_by_its_parent() {
    refused(
        r#"portals:
  - ref: p
    pages:
      - {ref: g, slug: g, content: x, kongctl: {protected: true}}
"#,
        &[
            "4:39+7: `kongctl` cannot stand on a portal_page — its portal owns and protects it (set it on the portal)",
        ],
    );
}

#[test]
fn an_external_has_another_owner() {
    refused(
        r#"portals:
  - ref: p
    _external: {selector: {matchFields: {name: x}}}
    kongctl: {namespace: a}
"#,
        &[
            "4:5+7: `kongctl` cannot stand on an `_external` resource — somebody else owns it; enact writes nothing to it (remove `kongctl`, or `_external`)",
        ],
    );
}
