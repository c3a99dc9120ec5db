//! The file of known keys: every form that ssh-keygen reads, and what it refuses.

use std::fmt::Write as _;

use enact_engine::signature::AllowedSigners;
use jiff::Timestamp;
use jiff::tz::TimeZone;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDvFv94vWj9mrgkoZxQYu1OqCqfLQRQ0OiLVgIDwBlz5";

fn parse(text: &str) -> AllowedSigners {
    AllowedSigners::parse(&text.replace("KEY", KEY), &TimeZone::fixed(jiff::tz::offset(1)))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Is the key `principal`'s, for approvals, at this moment?
fn counts(line: &str, principal: &str, now: &str) -> bool {
    let signers = parse(line);
    assert_eq!(signers.faults(), [] as [&str; 0], "{line}");
    signers
        .lines()
        .iter()
        .any(|line| line.is_of(principal) && line.allows("approval@enact") && line.is_valid(at(now)))
}

#[test]
fn whose_a_key_is_and_what_for_and_when() {
    let now = "2026-11-20T12:00:00Z";
    let table: &[(&str, &str, bool)] = &[
        ("dana@example KEY", "dana@example", true),
        (
            "dana@example KEY Dana's laptop, the grey one",
            "dana@example",
            true,
        ),
        ("dana@example KEY", "dana@example.org", false),
        ("dana@example KEY", "DANA@example", false),
        ("dana@example,eva@example KEY", "eva@example", true),
        ("*@example KEY", "eva@example", true),
        ("*@example KEY", "eva@elsewhere", false),
        ("???@example KEY", "eva@example", true),
        ("???@example KEY", "dana@example", false),
        ("*@example,!bot@example KEY", "dana@example", true),
        ("*@example,!bot@example KEY", "bot@example", false),
        ("!bot@example KEY", "dana@example", false),
        ("\"dana@example\" KEY", "dana@example", true),
        (
            "dana@example namespaces=\"approval@enact\" KEY",
            "dana@example",
            true,
        ),
        (
            "dana@example namespaces=\"git,approval@*\" KEY",
            "dana@example",
            true,
        ),
        ("dana@example namespaces=\"git\" KEY", "dana@example", false),
        (
            "dana@example namespaces=\"*,!approval@enact\" KEY",
            "dana@example",
            false,
        ),
        (
            "dana@example NAMESPACES=\"approval@enact\" KEY",
            "dana@example",
            true,
        ),
        ("dana@example valid-after=\"20261120Z\" KEY", "dana@example", true),
        (
            "dana@example valid-after=\"20261121Z\" KEY",
            "dana@example",
            false,
        ),
        (
            "dana@example valid-after=\"202611201200Z\" KEY",
            "dana@example",
            true,
        ),
        (
            "dana@example valid-after=\"20261120120001Z\" KEY",
            "dana@example",
            false,
        ),
        // Without Z it is local time, here Berlin's: 13:00 there is 12:00 UTC.
        (
            "dana@example valid-after=\"202611201300\" KEY",
            "dana@example",
            true,
        ),
        (
            "dana@example valid-before=\"202611201259\" KEY",
            "dana@example",
            false,
        ),
        (
            "dana@example valid-before=\"20261119Z\" KEY",
            "dana@example",
            false,
        ),
        (
            "dana@example valid-before=\"20261121Z\" KEY",
            "dana@example",
            true,
        ),
        (
            "dana@example valid-after=\"20260101Z\",valid-before=\"20270101Z\",namespaces=\"approval@enact\" KEY",
            "dana@example",
            true,
        ),
        ("# dana@example KEY", "dana@example", false),
        ("", "dana@example", false),
    ];
    for (line, principal, expected) in table {
        if !line.starts_with('#') && !line.is_empty() {
            assert_eq!(parse(line).lines().len(), 1, "{line}: {:?}", parse(line).faults());
        }
        assert_eq!(counts(line, principal, now), *expected, "{line} for {principal}");
    }
}

#[test]
fn a_line_that_cannot_be_read_makes_no_key_known_and_is_named() {
    for line in [
        "dana@example",
        "dana@example nothing",
        "dana@example ssh-ed25519 AAAA",
        "dana@example cert-authority",
        "dana@example no-touch-required KEY",
        "dana@example namespaces=approval@enact KEY",
        "dana@example namespaces=\"approval@enact KEY",
        "dana@example valid-after=\"yesterday\" KEY",
        "dana@example valid-after=\"20261301Z\" KEY",
        "dana@example valid-after=\"20260201Z\",valid-before=\"20260101Z\" KEY",
        "dana@example valid-after=\"20260201Z\",valid-after=\"20260101Z\" KEY",
        "dana@example cert-authority=\"yes\" KEY",
        "\"dana@example KEY",
        "\"\" KEY",
    ] {
        let signers = parse(line);
        assert_eq!(signers.lines().len(), 0, "{line}");
        assert_eq!(signers.faults().len(), 1, "{line}");
        assert!(
            signers.faults()[0].starts_with("line 1: "),
            "{:?}",
            signers.faults()
        );
    }
    let mixed = parse("# ours\n\ndana@example KEY\nbroken\n  eva@example KEY  \n");
    assert_eq!(
        mixed.lines().iter().map(|line| line.number).collect::<Vec<_>>(),
        [3, 5]
    );
    assert_eq!(mixed.faults(), ["line 4: there is no key"]);
}

#[test]
fn long_patterns_do_not_take_long() {
    let mut pattern = String::new();
    for _ in 0..200 {
        write!(pattern, "*a").unwrap();
    }
    let started = std::time::Instant::now();
    assert!(!counts(
        &format!("{pattern} KEY"),
        &"a".repeat(5000).replace("aa", "ab"),
        "2026-11-20T12:00:00Z"
    ));
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn an_owner_is_named_in_full() {
    let signers = parse("*@example KEY\ndana@example KEY\n");
    let key = signers.lines()[0].key.clone();
    assert_eq!(signers.owner(&key), Some("dana@example"));
}
