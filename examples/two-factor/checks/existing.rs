//! Pinned by the plan: the login as it was before. A user without a second factor notices nothing.

use login::accounts::{Accounts, Login};

#[test]
fn a_user_without_a_second_factor_logs_in_as_before() {
    let mut accounts = Accounts::new();
    accounts.register("ana", "correct horse", false);
    let Login::In(session) = accounts.login("ana", "correct horse") else {
        panic!("refused")
    };
    assert_eq!(accounts.session(&session), Some("ana"));
    assert_eq!(accounts.login("ana", "wrong"), Login::Refused);
    assert_eq!(accounts.login("bob", "correct horse"), Login::Refused);
    assert_eq!(accounts.session("x"), None);
}
