//! The second half of a login.

use crate::accounts::{Accounts, Login};
use crate::policy::ATTEMPTS;

impl Accounts {
    /// Exchanges a ticket and a code for a session. A ticket ends with its use or with too many wrong codes.
    pub fn second_factor(&mut self, ticket: &str, code: &str, now: u64) -> Login {
        let Some(open) = self.tickets.get_mut(ticket) else {
            return Login::Refused;
        };
        open.attempts += 1;
        let (name, last) = (open.name.clone(), open.attempts >= ATTEMPTS);
        let enabled = self
            .account(&name)
            .is_some_and(|account| account.two_factor_enabled);
        let fits = enabled && self.take_code(&name, code, now);
        if fits || last {
            self.tickets.remove(ticket);
        }
        if fits {
            Login::In(self.open_session(&name))
        } else {
            Login::Refused
        }
    }
}
