//! The login as it is before two-factor authentication.

use login::accounts::{Accounts, Login};

#[test]
fn the_right_password_opens_a_session() {
    let mut accounts = Accounts::new();
    accounts.register("ana", "correct horse", false);
    let Login::In(session) = accounts.login("ana", "correct horse") else {
        panic!("refused")
    };
    assert_eq!(accounts.session(&session), Some("ana"));
}

#[test]
fn a_wrong_name_or_password_opens_none() {
    let mut accounts = Accounts::new();
    accounts.register("ana", "correct horse", false);
    assert_eq!(accounts.login("ana", "wrong"), Login::Refused);
    assert_eq!(accounts.login("bob", "correct horse"), Login::Refused);
    assert_eq!(accounts.session(""), None);
}
