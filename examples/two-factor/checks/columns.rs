//! Pinned by the plan: what an account holds, and that a secret is sealed.

use login::accounts::Accounts;
use login::seal::{open, seal};

#[test]
fn a_new_account_has_no_second_factor() {
    let mut accounts = Accounts::with_key([7; 32]);
    accounts.register("ana", "correct horse", false);
    let account = accounts.account("ana").unwrap();
    assert!(
        !account.two_factor_enabled && account.two_factor_secret.is_none() && account.backup_codes.is_empty()
    );
}

#[test]
fn a_stored_secret_is_sealed() {
    let mut accounts = Accounts::with_key([7; 32]);
    accounts.register("ana", "correct horse", false);
    assert!(accounts.store_secret("ana", b"12345678901234567890"));
    assert!(!accounts.store_secret("bob", b"12345678901234567890"));
    let stored = accounts
        .account("ana")
        .unwrap()
        .two_factor_secret
        .clone()
        .unwrap();
    assert!(
        !stored.windows(4).any(|window| window == b"1234"),
        "the secret is stored in clear"
    );
    assert_eq!(
        accounts.load_secret("ana").as_deref(),
        Some(&b"12345678901234567890"[..])
    );
    assert!(!accounts.account("ana").unwrap().two_factor_enabled);
}

#[test]
fn a_seal_depends_on_the_key_and_on_every_bit() {
    let sealed = seal(b"key", b"plain text");
    assert_ne!(
        sealed,
        seal(b"key", b"plain text"),
        "the same text is sealed in the same way twice"
    );
    assert_eq!(open(b"key", &sealed).as_deref(), Some(&b"plain text"[..]));
    assert_eq!(open(b"other", &sealed), None);
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open(b"key", &changed), None, "bit {bit}");
    }
    assert_eq!(open(b"key", b"short"), None);
}
