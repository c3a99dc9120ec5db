//! Enrolment, login and backup codes together.

use login::accounts::{Accounts, Login};
use login::policy::{ATTEMPTS, BACKUP_CODES, DIGITS, PERIOD};
use login::{base32, totp};

const NOW: u64 = 1_795_000_020;
const PASSWORD: &str = "correct horse";

struct Enrolled {
    accounts: Accounts,
    secret: Vec<u8>,
    backup_codes: Vec<String>,
}

impl Enrolled {
    fn new(is_admin: bool) -> Self {
        let mut accounts = Accounts::new();
        accounts.register("ana", PASSWORD, is_admin);
        let secret = base32::decode(&accounts.setup("ana").unwrap().secret).unwrap();
        assert!(accounts.confirm("ana", &code(&secret, NOW), NOW));
        let backup_codes = accounts.enable("ana").unwrap();
        Self {
            accounts,
            secret,
            backup_codes,
        }
    }

    fn ticket(&mut self) -> String {
        let Login::SecondFactor(ticket) = self.accounts.login("ana", PASSWORD) else {
            panic!("no code is asked for")
        };
        ticket
    }

    fn enter(&mut self, code: &str, now: u64) -> Login {
        let ticket = self.ticket();
        self.accounts.second_factor(&ticket, code, now)
    }
}

fn code(secret: &[u8], now: u64) -> String {
    totp::code(secret, now / 30, DIGITS)
}

#[test]
fn from_enrolment_to_a_session() {
    let mut ana = Enrolled::new(false);
    let later = NOW + 30;
    let Login::In(session) = ana.enter(&code(&ana.secret.clone(), later), later) else {
        panic!("refused")
    };
    assert_eq!(ana.accounts.session(&session), Some("ana"));
}

#[test]
fn the_password_alone_opens_no_session() {
    let mut ana = Enrolled::new(false);
    let ticket = ana.ticket();
    assert_eq!(ana.accounts.session(&ticket), None);
    assert_eq!(ana.accounts.second_factor(&ticket, "", NOW), Login::Refused);
}

#[test]
fn a_wrong_password_never_gets_as_far_as_the_code() {
    assert_eq!(
        Enrolled::new(false).accounts.login("ana", "wrong"),
        Login::Refused
    );
}

#[test]
fn a_code_works_once() {
    let mut ana = Enrolled::new(false);
    let later = NOW + 30;
    let given = code(&ana.secret, later);
    assert!(matches!(ana.enter(&given, later), Login::In(_)));
    assert_eq!(ana.enter(&given, later), Login::Refused);
}

#[test]
fn an_old_code_does_not_work() {
    let mut ana = Enrolled::new(false);
    let given = code(&ana.secret, NOW + 60);
    assert_eq!(ana.enter(&given, NOW + 60 + 2 * 30), Login::Refused);
    assert_eq!(PERIOD, 30);
}

#[test]
fn guessing_ends_the_login() {
    let mut ana = Enrolled::new(false);
    let ticket = ana.ticket();
    for _ in 0..5 {
        assert_eq!(
            ana.accounts.second_factor(&ticket, "no code", NOW),
            Login::Refused
        );
    }
    let later = NOW + 30;
    let good = code(&ana.secret, later);
    assert_eq!(ana.accounts.second_factor(&ticket, &good, later), Login::Refused);
    assert!(matches!(ana.enter(&good, later), Login::In(_)));
    assert_eq!(ATTEMPTS, 5);
}

#[test]
fn ten_backup_codes_work_once_each() {
    let mut ana = Enrolled::new(false);
    assert_eq!((ana.backup_codes.len(), BACKUP_CODES), (10, 10));
    for backup in ana.backup_codes.clone() {
        assert!(matches!(ana.enter(&backup, NOW), Login::In(_)));
        assert_eq!(ana.enter(&backup, NOW), Login::Refused);
    }
}

#[test]
fn enrolment_needs_a_confirmed_code() {
    let mut accounts = Accounts::new();
    accounts.register("ana", PASSWORD, false);
    assert_eq!(accounts.enable("ana"), None);
    accounts.setup("ana").unwrap();
    assert!(!accounts.confirm("ana", "000", NOW));
    assert_eq!(accounts.enable("ana"), None);
    assert!(matches!(accounts.login("ana", PASSWORD), Login::In(_)));
}

#[test]
fn what_is_enabled_is_not_replaced() {
    let mut ana = Enrolled::new(false);
    assert_eq!(ana.accounts.setup("ana"), None);
    assert_eq!(ana.accounts.enable("ana"), None);
}

#[test]
fn an_administrator_has_to_enrol() {
    let mut accounts = Accounts::new();
    accounts.register("root", PASSWORD, true);
    let Login::MustEnrol(ticket) = accounts.login("root", PASSWORD) else {
        panic!("an administrator got in")
    };
    assert_eq!(accounts.ticket(&ticket), Some("root"));
    assert_eq!(accounts.session(&ticket), None);
    assert_eq!(accounts.second_factor(&ticket, "000000", NOW), Login::Refused);
    let mut enrolled = Enrolled::new(true);
    assert!(matches!(
        enrolled.accounts.login("ana", PASSWORD),
        Login::SecondFactor(_)
    ));
}

#[test]
fn nothing_is_stored_in_clear() {
    let ana = Enrolled::new(false);
    let account = ana.accounts.account("ana").unwrap();
    let stored = account.two_factor_secret.clone().unwrap();
    assert!(
        !stored
            .windows(ana.secret.len())
            .any(|window| window == ana.secret)
    );
    assert!(
        account
            .backup_codes
            .iter()
            .all(|hash| ana.backup_codes.iter().all(|code| hash != code.as_bytes()))
    );
}

#[test]
fn the_link_is_one_that_apps_read() {
    let mut accounts = Accounts::new();
    accounts.register("ana smith", PASSWORD, false);
    let setup = accounts.setup("ana smith").unwrap();
    let expected = format!(
        "otpauth://totp/Example:ana%20smith?secret={}&issuer=Example&algorithm=SHA1&digits=6&period=30",
        setup.secret
    );
    assert_eq!(setup.uri, expected);
}
