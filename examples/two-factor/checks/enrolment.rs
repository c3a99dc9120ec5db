//! Pinned by the plan: how two-factor authentication is switched on.

use login::accounts::Accounts;
use login::{base32, totp};

const NOW: u64 = 1_795_000_020;

fn code(accounts: &Accounts, name: &str, now: u64) -> String {
    totp::code(&accounts.load_secret(name).unwrap(), now / 30, 6)
}

fn account(is_admin: bool) -> Accounts {
    let mut accounts = Accounts::with_key([7; 32]);
    accounts.register("ana", "correct horse", is_admin);
    accounts
}

#[test]
fn setup_then_a_code_then_enabled() {
    let mut accounts = account(false);
    let setup = accounts.setup("ana").unwrap();
    assert_eq!(base32::decode(&setup.secret), accounts.load_secret("ana"));
    assert!(setup.uri.contains(&format!("secret={}", setup.secret)));
    assert!(!accounts.account("ana").unwrap().two_factor_enabled);
    let given = code(&accounts, "ana", NOW);
    assert!(accounts.confirm("ana", &given, NOW));
    assert!(accounts.enable("ana").is_some());
    assert!(accounts.account("ana").unwrap().two_factor_enabled);
}

#[test]
fn nothing_is_enabled_without_a_code_for_this_secret() {
    let mut accounts = account(false);
    assert!(accounts.enable("ana").is_none());
    accounts.setup("ana").unwrap();
    let old = code(&accounts, "ana", NOW);
    accounts.setup("ana").unwrap();
    assert!(
        !accounts.confirm("ana", &old, NOW),
        "a code for a secret that was replaced"
    );
    assert!(accounts.enable("ana").is_none());
    let given = code(&accounts, "ana", NOW);
    assert!(accounts.confirm("ana", &given, NOW));
    accounts.setup("ana").unwrap();
    assert!(
        accounts.enable("ana").is_none(),
        "the confirmed secret was replaced"
    );
    assert!(accounts.setup("bob").is_none() && accounts.enable("bob").is_none());
}

#[test]
fn an_enabled_second_factor_is_not_replaced() {
    let mut accounts = account(false);
    accounts.setup("ana").unwrap();
    let given = code(&accounts, "ana", NOW);
    assert!(accounts.confirm("ana", &given, NOW));
    assert!(accounts.enable("ana").is_some());
    let before = accounts.load_secret("ana");
    assert!(accounts.setup("ana").is_none());
    assert!(accounts.enable("ana").is_none());
    assert_eq!(accounts.load_secret("ana"), before);
}
