//! Base32 (RFC 4648 §6) without padding, as authenticator apps take it.

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::new();
    let (mut bits, mut count) = (0u32, 0);
    for byte in bytes {
        bits = (bits << 8 | u32::from(*byte)) & 0xfff;
        count += 8;
        while count >= 5 {
            count -= 5;
            out.push(ALPHABET[(bits >> count) as usize & 31] as char);
        }
    }
    if count > 0 {
        out.push(ALPHABET[(bits << (5 - count)) as usize & 31] as char);
    }
    out
}

/// Takes small letters, spaces and padding, as people type them.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for letter in text
        .trim_end_matches('=')
        .bytes()
        .filter(|letter| *letter != b' ')
    {
        let value = ALPHABET
            .iter()
            .position(|known| *known == letter.to_ascii_uppercase())?;
        bits = (bits << 5 | value as u32) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_again() {
        for length in 0..=20u8 {
            let bytes: Vec<u8> = (0..length).map(|n| n.wrapping_mul(97)).collect();
            assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
        assert_eq!(decode("mzxw 6ytb oi======"), Some(b"foobar".to_vec()));
        assert_eq!(decode("MZ1W"), None);
    }
}
