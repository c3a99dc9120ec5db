//! Pinned by the plan: the standards' own test vectors.

use login::base32;
use login::crypto::hex;
use login::policy::{ATTEMPTS, BACKUP_CODES, DIGITS, PERIOD};
use login::sha1::{hmac_sha1, sha1};

#[test]
fn the_numbers_are_those_of_the_requirements() {
    assert_eq!((PERIOD, DIGITS, BACKUP_CODES, ATTEMPTS), (30, 6, 10, 5));
}

#[test]
fn base32_as_in_rfc_4648() {
    for (plain, encoded) in [
        ("", ""),
        ("f", "MY"),
        ("fo", "MZXQ"),
        ("foo", "MZXW6"),
        ("foob", "MZXW6YQ"),
        ("fooba", "MZXW6YTB"),
        ("foobar", "MZXW6YTBOI"),
    ] {
        assert_eq!(base32::encode(plain.as_bytes()), encoded);
        assert_eq!(base32::decode(encoded), Some(plain.as_bytes().to_vec()));
    }
    assert_eq!(base32::decode("M!"), None);
}

#[test]
fn sha1_as_in_fips_180() {
    assert_eq!(hex(&sha1(b"")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assert_eq!(
        hex(&sha1(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
    );
}

#[test]
fn hmac_as_in_rfc_2202() {
    assert_eq!(
        hex(&hmac_sha1(&[0x0b; 20], b"Hi There")),
        "b617318655057264e28bc0b6fb378c8ef146be00"
    );
    assert_eq!(
        hex(&hmac_sha1(
            &[0xaa; 80],
            b"Test Using Larger Than Block-Size Key - Hash Key First"
        )),
        "aa4ae5e15272d00e95705637ce8a3b55ed402112"
    );
}
