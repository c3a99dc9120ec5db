//! Pinned by the plan: RFC 6238, appendix B, and when a code is taken.

use login::totp::{code, generate_secret, uri, verify};

const SECRET: &[u8] = b"12345678901234567890";

#[test]
fn codes_as_in_rfc_6238() {
    for (time, expected) in [
        (59u64, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ] {
        assert_eq!(code(SECRET, time / 30, 8), expected);
        assert_eq!(code(SECRET, time / 30, 6), expected[2..]);
    }
}

#[test]
fn a_code_is_taken_in_its_period_and_the_neighbours_and_once() {
    let given = code(SECRET, 100, 6);
    for (now, taken) in [
        (0, false),
        (2969, false),
        (2970, true),
        (3029, true),
        (3059, true),
        (3060, false),
    ] {
        assert_eq!(verify(SECRET, &given, now, 0), taken.then_some(100), "{now}");
    }
    assert_eq!(verify(SECRET, &given, 3000, 99), Some(100));
    assert_eq!(verify(SECRET, &given, 3000, 100), None);
    for wrong in [
        "",
        "0",
        "abcdef",
        &given[1..],
        &format!("{given}0"),
        &format!(" {given}"),
    ] {
        assert_eq!(verify(SECRET, wrong, 3000, 0), None, "{wrong:?}");
    }
}

#[test]
fn secrets_are_random_and_links_are_escaped() {
    assert_ne!(generate_secret(), generate_secret());
    let link = uri("Our Shop", "ana&x=y", SECRET);
    assert!(
        link.starts_with("otpauth://totp/Our%20Shop:ana%26x%3Dy?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&"),
        "{link}"
    );
}
