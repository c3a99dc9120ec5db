//! Setting two-factor authentication up: get a secret, show a code, switch it on.

use crate::accounts::Accounts;
use crate::{backup, base32, totp};

const ISSUER: &str = "Example";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// For the QR code.
    pub uri: String,
    /// The same secret, to type in.
    pub secret: String,
}

impl Accounts {
    /// `GET /auth/2fa/setup`. A new secret each time; nothing for whoever has two-factor authentication already, since
    /// a stolen session must not replace it.
    pub fn setup(&mut self, name: &str) -> Option<Setup> {
        if self.account(name)?.two_factor_enabled {
            return None;
        }
        let secret = totp::generate_secret();
        self.store_secret(name, &secret);
        self.accounts.get_mut(name)?.two_factor_used = 0;
        Some(Setup {
            uri: totp::uri(ISSUER, name, &secret),
            secret: base32::encode(&secret),
        })
    }

    /// `POST /auth/2fa/verify`. The first code shows that the app has the secret.
    pub fn confirm(&mut self, name: &str, code: &str, now: u64) -> bool {
        self.take_code(name, code, now)
    }

    /// `POST /auth/2fa/enable`. Only after a code was confirmed. The backup codes are shown this once.
    pub fn enable(&mut self, name: &str) -> Option<Vec<String>> {
        let account = self.accounts.get_mut(name)?;
        if account.two_factor_enabled || account.two_factor_used == 0 {
            return None;
        }
        let codes = backup::generate();
        account.backup_codes = codes
            .iter()
            .map(|code| backup::hash(code, &account.salt))
            .collect();
        account.two_factor_enabled = true;
        Some(codes)
    }

    /// Takes a code from the app, once.
    pub(crate) fn take_code(&mut self, name: &str, code: &str, now: u64) -> bool {
        let Some(secret) = self.load_secret(name) else {
            return false;
        };
        let Some(account) = self.accounts.get_mut(name) else {
            return false;
        };
        match totp::verify(&secret, code, now, account.two_factor_used) {
            Some(period) => {
                account.two_factor_used = period;
                true
            }
            None => false,
        }
    }
}
