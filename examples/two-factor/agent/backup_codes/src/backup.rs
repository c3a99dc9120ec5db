//! Codes for the day the phone is lost: each opens the account once.

use crate::accounts::Accounts;
use crate::base32;
use crate::crypto::{equal, pbkdf2, random};
use crate::policy::BACKUP_CODES;

const ROUNDS: u32 = 100;

/// New codes like `ABCDE-FGHIJ`, 50 random bits each.
pub fn generate() -> Vec<String> {
    (0..BACKUP_CODES)
        .map(|_| {
            let letters = base32::encode(&random::<7>());
            format!("{}-{}", &letters[..5], &letters[5..10])
        })
        .collect()
}

/// What is stored. Case and hyphens do not matter, as people type them.
pub fn hash(code: &str, salt: &[u8]) -> [u8; 32] {
    let letters: String = code
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric())
        .collect();
    pbkdf2(letters.to_ascii_uppercase().as_bytes(), salt, ROUNDS)
}

impl Accounts {
    /// Takes a backup code out of the account. It does not work again.
    pub(crate) fn take_backup_code(&mut self, name: &str, code: &str) -> bool {
        let Some(account) = self.accounts.get_mut(name) else {
            return false;
        };
        let given = hash(code, &account.salt);
        let before = account.backup_codes.len();
        account.backup_codes.retain(|stored| !equal(stored, &given));
        account.backup_codes.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_differ_and_are_not_what_is_stored() {
        let mut codes = generate();
        assert_eq!(
            hash(&codes[0], b"salt"),
            hash(&codes[0].to_lowercase().replace('-', " "), b"salt")
        );
        assert_ne!(hash(&codes[0], b"salt"), hash(&codes[0], b"pepper"));
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), 10);
    }
}
