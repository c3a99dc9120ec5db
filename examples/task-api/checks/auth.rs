//! Pinned by the plan: which tokens are let in. The tokens come from another implementation.

use task_api::auth::authenticate;
use task_api::jwt::{Claims, JwtError, sign, verify};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const NOW: u64 = 1_795_000_000;
const GOOD: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbmEiLCJleHAiOjQxMDI0NDQ4MDB9.-KeYZ4PJNc8SV-Hl7U6Uh0LJlndjQdf-KjbJSICBCgg";
const EXPIRED: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbmEiLCJleHAiOjEwMDAwMDAwMDB9.Z2TFlH64xr-VYbsDD0Us0f95zCb3o-VhrXm1If03srU";
const FOREIGN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbmEiLCJleHAiOjQxMDI0NDQ4MDB9.yckguJ-c2GvU5MA9C0Rv7wOdvDZ7C5tC7Lcg9KaA0-A";
const NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbmEiLCJleHAiOjQxMDI0NDQ4MDB9.";
const NONE_SIGNED: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEiLCJleHAiOjQxMDI0NDQ4MDB9.zXbhOrLjVi4T0g1utX0fe9aFKbQz886XSBscAZIFa-c";
const NO_SUBJECT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjQxMDI0NDQ4MDB9.sWsXA_2jSLVj898-a4GCxtzBXdodHLuy769ojE2Ifl4";
const NO_EXPIRY: &str =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbmEifQ.ZaugPjhrguCs4HBpRtOVDafXR6BW12UttGHCawIL2MA";
const TAMPERED: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJyb290IiwiZXhwIjo0MTAyNDQ0ODAwfQ.-KeYZ4PJNc8SV-Hl7U6Uh0LJlndjQdf-KjbJSICBCgg";
const UNSIGNED: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbmEiLCJleHAiOjQxMDI0NDQ4MDB9.";

#[test]
fn a_good_token_names_its_subject() {
    let claims = Claims {
        sub: "ana".into(),
        exp: 4_102_444_800,
    };
    assert_eq!(verify(GOOD, SECRET, NOW), Ok(claims.clone()));
    assert_eq!(verify(&sign(&claims, SECRET), SECRET, NOW), Ok(claims));
}

#[test]
fn every_other_token_is_refused() {
    assert_eq!(verify(EXPIRED, SECRET, NOW), Err(JwtError::Expired));
    assert_eq!(verify(FOREIGN, SECRET, NOW), Err(JwtError::Signature));
    assert_eq!(verify(TAMPERED, SECRET, NOW), Err(JwtError::Signature));
    for token in [
        NONE,
        NONE_SIGNED,
        NO_SUBJECT,
        NO_EXPIRY,
        UNSIGNED,
        "",
        ".",
        "..",
        "a.b.c",
    ] {
        assert!(verify(token, SECRET, NOW).is_err(), "{token}");
    }
}

#[test]
fn the_middleware_takes_bearer_tokens_only() {
    assert!(authenticate(Some(&format!("Bearer {GOOD}")), SECRET, NOW).is_some());
    assert!(authenticate(Some(&format!("bearer {GOOD}")), SECRET, NOW).is_some());
    for header in [
        None,
        Some(""),
        Some("Bearer"),
        Some(GOOD),
        Some("Basic YTpi"),
        Some("Bearer a.b.c"),
    ] {
        assert!(authenticate(header, SECRET, NOW).is_none(), "{header:?}");
    }
    assert!(authenticate(Some(&format!("Basic {GOOD}")), SECRET, NOW).is_none());
}
