//! Secrets as they are stored: encrypted with a key that is not in the database, and protected against changes.
//!
//! A stream from HMAC-SHA256 over nonce and counter, then a tag over nonce and ciphertext, each with a key of its own.

use crate::crypto::{equal, hmac_sha256, random};

const NONCE: usize = 16;
const TAG: usize = 32;

pub fn seal(key: &[u8], plain: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE] = random();
    let mut sealed = nonce.to_vec();
    sealed.extend(with_stream(key, &nonce, plain));
    let tag = hmac_sha256(&hmac_sha256(key, b"tag"), &sealed);
    sealed.extend(tag);
    sealed
}

/// Nothing when the key is another one, or a single bit was changed.
pub fn open(key: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (rest, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG)?)?;
    let (nonce, encrypted) = rest.split_at_checked(NONCE)?;
    equal(tag, &hmac_sha256(&hmac_sha256(key, b"tag"), rest)).then(|| with_stream(key, nonce, encrypted))
}

fn with_stream(key: &[u8], nonce: &[u8], text: &[u8]) -> Vec<u8> {
    let key = hmac_sha256(key, b"stream");
    let mut out = Vec::with_capacity(text.len());
    for (counter, block) in text.chunks(32).enumerate() {
        let stream = hmac_sha256(&key, &[nonce, &(counter as u64).to_be_bytes()].concat());
        out.extend(block.iter().zip(stream).map(|(byte, mask)| byte ^ mask));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_bit_is_noticed() {
        let sealed = seal(b"key", b"a secret that is longer than one block");
        assert_eq!(
            open(b"key", &sealed).as_deref(),
            Some(&b"a secret that is longer than one block"[..])
        );
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(b"key", &changed), None, "byte {at}");
        }
    }
}
