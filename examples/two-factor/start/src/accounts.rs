//! Who may log in.

use std::collections::BTreeMap;

use crate::crypto::{equal, hex, pbkdf2, random};

/// So many that guessing is slow. A real service takes hundreds of thousands; here tests should be quick.
const ROUNDS: u32 = 100;

#[derive(Clone, Debug)]
pub struct Account {
    pub is_admin: bool,
    salt: [u8; 16],
    password: [u8; 32],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// Which of name and password was wrong is not said.
    Refused,
    /// Logged in; the text identifies the session.
    In(String),
}

#[derive(Debug, Default)]
pub struct Accounts {
    accounts: BTreeMap<String, Account>,
    sessions: BTreeMap<String, String>,
}

impl Accounts {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn register(&mut self, name: &str, password: &str, is_admin: bool) {
        let salt = random();
        let password = pbkdf2(password.as_bytes(), &salt, ROUNDS);
        self.accounts.insert(
            name.into(),
            Account {
                is_admin,
                salt,
                password,
            },
        );
    }

    pub fn login(&mut self, name: &str, password: &str) -> Login {
        if self.password_fits(name, password) {
            Login::In(self.open_session(name))
        } else {
            Login::Refused
        }
    }

    /// Whose session this is.
    pub fn session(&self, id: &str) -> Option<&str> {
        self.sessions.get(id).map(String::as_str)
    }

    fn password_fits(&self, name: &str, password: &str) -> bool {
        match self.accounts.get(name) {
            Some(account) => equal(
                &pbkdf2(password.as_bytes(), &account.salt, ROUNDS),
                &account.password,
            ),
            None => {
                // Takes as long as for a name that exists.
                pbkdf2(password.as_bytes(), &[0; 16], ROUNDS);
                false
            }
        }
    }

    fn open_session(&mut self, name: &str) -> String {
        let id = hex(&random::<16>());
        self.sessions.insert(id.clone(), name.into());
        id
    }
}
