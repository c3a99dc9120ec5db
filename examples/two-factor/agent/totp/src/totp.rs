//! Time-based one-time passwords (RFC 6238) with HMAC-SHA1.

use crate::base32;
use crate::crypto::{equal, random};
use crate::policy::{DIGITS, PERIOD};
use crate::sha1::hmac_sha1;

/// 160 bits, as RFC 4226 recommends.
pub fn generate_secret() -> [u8; 20] {
    random()
}

/// The code of one period, with leading zeros.
pub fn code(secret: &[u8], period: u64, digits: u32) -> String {
    let mac = hmac_sha1(secret, &period.to_be_bytes());
    let at = usize::from(mac[19] & 15);
    let number = u32::from_be_bytes([mac[at] & 0x7f, mac[at + 1], mac[at + 2], mac[at + 3]]);
    format!(
        "{:0width$}",
        u64::from(number) % 10u64.pow(digits),
        width = digits as usize
    )
}

/// The period whose code this is: the current one, or its neighbours, because clocks differ. Only periods after
/// `used` count, so that nobody enters with a code seen over a shoulder.
pub fn verify(secret: &[u8], given: &str, now: u64, used: u64) -> Option<u64> {
    let current = now / PERIOD;
    let mut found = None;
    for period in current.saturating_sub(1)..=current + 1 {
        // All three are compared: the time says nothing about which one fits.
        if equal(given.as_bytes(), code(secret, period, DIGITS).as_bytes()) && period > used {
            found = found.or(Some(period));
        }
    }
    found
}

/// What a QR code for an authenticator app holds.
pub fn uri(issuer: &str, name: &str, secret: &[u8]) -> String {
    format!(
        "otpauth://totp/{0}:{1}?secret={2}&issuer={0}&algorithm=SHA1&digits={DIGITS}&period={PERIOD}",
        escape(issuer),
        escape(name),
        base32::encode(secret)
    )
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_standard() {
        assert_eq!(code(SECRET, 1, 8), "94287082");
        assert_eq!(code(SECRET, 20_000_000_000 / 30, 8), "65353130");
    }

    #[test]
    fn a_code_is_taken_once_and_near_its_time() {
        let given = code(SECRET, 100, DIGITS);
        for (now, taken) in [
            (2969, false),
            (2970, true),
            (3000, true),
            (3059, true),
            (3060, false),
        ] {
            // Period 100 lasts from 3000 to 3029; its neighbours reach from 2970 to 3059.
            assert_eq!(verify(SECRET, &given, now, 0).is_some(), taken, "{now}");
        }
        assert_eq!(verify(SECRET, &given, 3000, 100), None);
    }
}
