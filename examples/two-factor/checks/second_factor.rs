//! Pinned by the plan: the login with a second factor.

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
fn password_and_code_open_a_session_once() {
    let (mut accounts, _) = enrolled();
    let first = ticket(&mut accounts);
    assert_eq!(accounts.session(&first), None);
    let replayed = code(&accounts, "ana", NOW);
    assert_eq!(
        accounts.second_factor(&first, &replayed, NOW),
        Login::Refused,
        "the code of the enrolment"
    );
    let given = code(&accounts, "ana", NOW + 30);
    let Login::In(session) = accounts.second_factor(&first, &given, NOW + 30) else {
        panic!("refused")
    };
    assert_eq!(accounts.session(&session), Some("ana"));
    let second = ticket(&mut accounts);
    assert_eq!(
        accounts.second_factor(&second, &given, NOW + 30),
        Login::Refused,
        "the same code again"
    );
    let next = code(&accounts, "ana", NOW + 60);
    assert_eq!(
        accounts.second_factor(&first, &next, NOW + 60),
        Login::Refused,
        "the same ticket again"
    );
}

#[test]
fn guessing_ends_the_login() {
    let (mut accounts, _) = enrolled();
    let open = ticket(&mut accounts);
    for _ in 0..5 {
        assert_eq!(accounts.second_factor(&open, "000", NOW), Login::Refused);
    }
    let given = code(&accounts, "ana", NOW + 30);
    assert_eq!(accounts.second_factor(&open, &given, NOW + 30), Login::Refused);
}

#[test]
fn an_administrator_must_enrol_and_others_need_not() {
    let mut accounts = account(true);
    let Login::MustEnrol(open) = accounts.login("ana", "correct horse") else {
        panic!("an administrator got in")
    };
    assert_eq!(accounts.ticket(&open), Some("ana"));
    assert_eq!(accounts.session(&open), None);
    accounts.setup("ana").unwrap();
    let given = code(&accounts, "ana", NOW);
    assert_eq!(
        accounts.second_factor(&open, &given, NOW),
        Login::Refused,
        "in without having enrolled"
    );
    assert_eq!(accounts.login("ana", "wrong"), Login::Refused);
    assert!(matches!(
        account(false).login("ana", "correct horse"),
        Login::In(_)
    ));
}
