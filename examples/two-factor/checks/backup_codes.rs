//! Pinned by the plan: ten codes, hashed, each good once.

use login::accounts::{Accounts, Login};
use login::totp;

const NOW: u64 = 1_795_000_020;

fn code(accounts: &Accounts, name: &str, now: u64) -> String {
    totp::code(&accounts.load_secret(name).unwrap(), now / 30, 6)
}

fn account(is_admin: bool) -> Accounts {
    let mut accounts = Accounts::with_key([7; 32]);
    accounts.register("ana", "correct horse", is_admin);
    accounts
}

fn enrolled() -> (Accounts, Vec<String>) {
    let mut accounts = account(false);
    accounts.setup("ana").unwrap();
    let given = code(&accounts, "ana", NOW);
    assert!(accounts.confirm("ana", &given, NOW));
    let codes = accounts.enable("ana").unwrap();
    (accounts, codes)
}

fn ticket(accounts: &mut Accounts) -> String {
    let Login::SecondFactor(ticket) = accounts.login("ana", "correct horse") else {
        panic!("no code is asked for")
    };
    ticket
}

#[test]
fn each_of_the_ten_works_once() {
    let (mut accounts, codes) = enrolled();
    assert_eq!(codes.len(), 10);
    for (n, given) in codes.iter().enumerate() {
        let open = ticket(&mut accounts);
        assert!(
            matches!(
                accounts.second_factor(&open, &given.to_lowercase(), NOW),
                Login::In(_)
            ),
            "{given}"
        );
        assert_eq!(accounts.account("ana").unwrap().backup_codes.len(), 9 - n);
        let open = ticket(&mut accounts);
        assert_eq!(
            accounts.second_factor(&open, given, NOW),
            Login::Refused,
            "{given} again"
        );
    }
}

#[test]
fn codes_are_stored_hashed_and_belong_to_one_account() {
    let (mut accounts, codes) = enrolled();
    let stored = format!("{:?}", accounts.account("ana").unwrap());
    for given in &codes {
        assert!(given.len() >= 10, "{given} can be guessed");
        assert!(!stored.contains(given.as_str()));
    }
    let (_, others) = enrolled();
    let open = ticket(&mut accounts);
    assert_eq!(accounts.second_factor(&open, &others[0], NOW), Login::Refused);
    assert_eq!(accounts.second_factor(&open, "", NOW), Login::Refused);
}
