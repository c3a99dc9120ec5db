//! Faults of labels.

use super::super::refused;

#[test]
fn labels_of_enact_are_not_for_users() {
    refused(
        r#"portals:
  - ref: p
    labels: {KONGCTL-namespace: a, KONGCTL-x: b}
"#,
        &[
            "3:14+17: the label `KONGCTL-namespace` is not for users to set — enact writes these itself (use `kongctl.namespace` / `kongctl.protected`)",
            "3:36+9: the label `KONGCTL-x` is not for users to set — enact writes these itself (use `kongctl.namespace` / `kongctl.protected`)",
        ],
    );
}

#[test]
fn reserved_beginnings_are_refused() {
    refused(
        r#"portals:
  - ref: p
    labels: {konnect-x: a, _x: b, kongctl-a: c, '': d}
"#,
        &[
            "3:14+9: the label `konnect-x` begins with `konnect` — Konnect keeps these beginnings for itself: kong, konnect, insomnia, mesh, kic, kuma, _ (choose another key)",
            "3:28+2: the label `_x` begins with `_` — Konnect keeps these beginnings for itself: kong, konnect, insomnia, mesh, kic, kuma, _ (choose another key)",
            "3:35+9: the label `kongctl-a` begins with `kong` — Konnect keeps these beginnings for itself: kong, konnect, insomnia, mesh, kic, kuma, _ (choose another key)",
            "3:49+2: a label's key has 0 characters — expected 1 to 63 (choose another key)",
        ],
    );
}

#[test]
fn label_values_are_checked() {
    refused(
        r#"portals:
  - ref: p
    labels: {a: 5, b: '', c: 'a b', d: [x], e: }
"#,
        &[
            r#"3:17+1: label `a`: expected text, found number 5 (quote it: "5")"#,
            "3:23+2: label `b`: Konnect does not take this value — expected 1 to 63 of letters, digits, `-`, `.`, `_`, with a letter or digit at both ends (choose another value)",
            "3:30+5: label `c`: Konnect does not take this value — expected 1 to 63 of letters, digits, `-`, `.`, `_`, with a letter or digit at both ends (choose another value)",
            "3:40+1: label `d`: expected text, found a list (give it a text, or remove the key)",
            "3:45+1: label `e`: expected text, found nothing (null) (give it a text, or remove the key)",
        ],
    );
}

#[test]
fn references_do_not_stand_in_labels() {
    refused(
        r#"portals:
  - ref: p
    labels: {a: !ref q#name}
  - ref: q
    labels: !ref p#labels
"#,
        &[
            "3:17+11: `!ref q#name` cannot stand in labels — references are not resolved inside labels (write the text out)",
            "5:13+13: `!ref p#labels` cannot stand in labels — references are not resolved inside labels (write the text out)",
        ],
    );
}

#[test]
fn more_than_fifty_labels_are_refused() {
    refused(
        r#"portals:
  - ref: p
    labels: {l0: x, l1: x, l2: x, l3: x, l4: x, l5: x, l6: x, l7: x, l8: x, l9: x, l10: x, l11: x, l12: x, l13: x, l14: x, l15: x, l16: x, l17: x, l18: x, l19: x, l20: x, l21: x, l22: x, l23: x, l24: x, l25: x, l26: x, l27: x, l28: x, l29: x, l30: x, l31: x, l32: x, l33: x, l34: x, l35: x, l36: x, l37: x, l38: x, l39: x, l40: x, l41: x, l42: x, l43: x, l44: x, l45: x, l46: x, l47: x, l48: x, l49: x, l50: x}
"#,
        &["3:5+6: 51 labels on portal `p` — Konnect takes at most 50 (remove some)"],
    );
}
