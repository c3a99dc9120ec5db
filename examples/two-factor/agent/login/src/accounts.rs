//! Who may log in.

use std::collections::BTreeMap;

use crate::crypto::{equal, hex, pbkdf2, random};
use crate::seal;

/// So many that guessing is slow. A real service takes hundreds of thousands; here tests should be quick.
const ROUNDS: u32 = 100;

#[derive(Clone, Debug)]
pub struct Account {
    pub is_admin: bool,
    pub(crate) salt: [u8; 16],
    password: [u8; 32],
    pub two_factor_enabled: bool,
    /// Sealed, see `seal`. There before two-factor authentication is enabled, while a user enrols.
    pub two_factor_secret: Option<Vec<u8>>,
    /// The last period a code was taken from.
    pub two_factor_used: u64,
    /// Hashed; each disappears when it is used.
    pub backup_codes: Vec<[u8; 32]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// Which of name and password was wrong is not said.
    Refused,
    /// Logged in; the text identifies the session.
    In(String),
    /// The password is right, and a code is asked for. The text is a ticket for `second_factor`.
    SecondFactor(String),
    /// The password is right, but an administrator needs a second factor and has none yet. The text is a ticket that
    /// is good for enrolling and nothing else.
    MustEnrol(String),
}

/// Somebody who has shown a password and nothing more.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) name: String,
    pub(crate) attempts: u32,
}

#[derive(Debug)]
pub struct Accounts {
    pub(crate) accounts: BTreeMap<String, Account>,
    sessions: BTreeMap<String, String>,
    pub(crate) tickets: BTreeMap<String, Ticket>,
    key: [u8; 32],
}

impl Default for Accounts {
    fn default() -> Self {
        Self::new()
    }
}

impl Accounts {
    /// With a key that is lost with the process.
    pub fn new() -> Self {
        Self::with_key(random())
    }

    /// The key seals what is secret in the accounts. It must not be stored beside them.
    pub fn with_key(key: [u8; 32]) -> Self {
        Self {
            accounts: BTreeMap::new(),
            sessions: BTreeMap::new(),
            tickets: BTreeMap::new(),
            key,
        }
    }

    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.get(name)
    }

    /// Stores the secret that a user's codes come from. Two-factor authentication is not enabled by that.
    pub fn store_secret(&mut self, name: &str, secret: &[u8]) -> bool {
        let sealed = seal::seal(&self.key, secret);
        self.accounts
            .get_mut(name)
            .map(|account| account.two_factor_secret = Some(sealed))
            .is_some()
    }

    pub fn load_secret(&self, name: &str) -> Option<Vec<u8>> {
        seal::open(&self.key, self.account(name)?.two_factor_secret.as_deref()?)
    }

    pub fn register(&mut self, name: &str, password: &str, is_admin: bool) {
        let salt = random();
        let password = pbkdf2(password.as_bytes(), &salt, ROUNDS);
        let account = Account {
            is_admin,
            salt,
            password,
            two_factor_enabled: false,
            two_factor_secret: None,
            two_factor_used: 0,
            backup_codes: Vec::new(),
        };
        self.accounts.insert(name.into(), account);
    }

    pub fn login(&mut self, name: &str, password: &str) -> Login {
        if !self.password_fits(name, password) {
            return Login::Refused;
        }
        match self.account(name) {
            Some(account) if account.two_factor_enabled => Login::SecondFactor(self.open_ticket(name)),
            Some(account) if account.is_admin => Login::MustEnrol(self.open_ticket(name)),
            _ => Login::In(self.open_session(name)),
        }
    }

    /// Who has shown a password for this ticket.
    pub fn ticket(&self, id: &str) -> Option<&str> {
        self.tickets.get(id).map(|ticket| ticket.name.as_str())
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

    fn open_ticket(&mut self, name: &str) -> String {
        let id = hex(&random::<16>());
        self.tickets.insert(
            id.clone(),
            Ticket {
                name: name.into(),
                attempts: 0,
            },
        );
        id
    }

    pub(crate) fn open_session(&mut self, name: &str) -> String {
        let id = hex(&random::<16>());
        self.sessions.insert(id.clone(), name.into());
        id
    }
}
