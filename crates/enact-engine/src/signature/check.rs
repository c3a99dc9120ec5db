//! Does a signature hold: over these bytes, for this purpose, by a key that is known to be this principal's, now?

use jiff::Timestamp;
use ssh_key::certificate::{CertType, Certificate};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, PublicKey, SshSig};

use super::allowed_signers::{AllowedSigners, Line};
use super::container::{Container, NotASignature, Signer};

/// The shortest RSA key that counts, in bits.
const MIN_RSA_BITS: usize = 2048;

/// The flag of a security key's signature that says that somebody touched it.
const TOUCHED: u8 = 0x01;

/// Why a signature counts for nothing.
#[derive(Debug, thiserror::Error)]
pub enum BadSignature {
    /// It cannot be read.
    #[error(transparent)]
    NotASignature(#[from] NotASignature),
    /// It was made for something else.
    #[error("it was made for {found:?}, not for {wanted:?}")]
    Namespace {
        /// What it was made for.
        found: String,
        /// What it is shown for.
        wanted: String,
    },
    /// A key or an algorithm that is not good enough, or not known.
    #[error("its key or algorithm does not count: {0}")]
    Weak(String),
    /// No line of the file makes the key this principal's.
    #[error("key {key_id} is not known to be {principal}'s: {why}")]
    Unknown {
        /// The key.
        key_id: String,
        /// Who was named.
        principal: String,
        /// What is missing.
        why: String,
    },
    /// The bytes are not those that were signed.
    #[error("it does not hold: what was signed is not what is here")]
    Broken,
}

/// A signature that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The key's fingerprint.
    pub key_id: String,
    /// Is it a security key's, and was it touched?
    pub touched: bool,
    /// The line of the file that makes the key known.
    pub line: usize,
}

/// The fingerprint of a key, as `ssh-keygen -l` shows it: `SHA256:…`.
pub fn fingerprint(key: &KeyData) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// Checks a signature over `message` by `principal`.
///
/// # Errors
/// See [`BadSignature`].
pub fn check(
    armoured: &str,
    message: &[u8],
    principal: &str,
    namespace: &str,
    signers: &AllowedSigners,
    now: Timestamp,
) -> Result<Signed, BadSignature> {
    let container = Container::parse(armoured)?;
    if container.namespace != namespace {
        return Err(BadSignature::Namespace {
            found: container.namespace,
            wanted: namespace.to_owned(),
        });
    }
    let key = container.signer.key();
    check_strength(key, &container.signature.algorithm())?;
    let line = known(&container.signer, principal, namespace, signers, now)?;
    // Of a certified key it is the key that signed; the certificate was looked at above.
    let plain = SshSig::new(
        key.clone(),
        namespace,
        container.hash,
        container.signature.clone(),
    );
    let plain = plain.map_err(|_unreadable| BadSignature::Broken)?;
    let holds = PublicKey::new(key.clone(), "").verify(namespace, message, &plain);
    holds.map_err(|_broken| BadSignature::Broken)?;
    Ok(Signed {
        key_id: fingerprint(key),
        touched: touched(&container),
        line,
    })
}

/// The algorithm of the signature must be the key's own, and one that counts.
fn check_strength(key: &KeyData, used: &Algorithm) -> Result<(), BadSignature> {
    let weak = |text: String| Err(BadSignature::Weak(text));
    match (key, used) {
        (KeyData::Ed25519(_), Algorithm::Ed25519)
        | (KeyData::SkEd25519(_), Algorithm::SkEd25519)
        | (KeyData::SkEcdsaSha2NistP256(_), Algorithm::SkEcdsaSha2NistP256) => Ok(()),
        (KeyData::Ecdsa(key), Algorithm::Ecdsa { curve }) if key.curve() == *curve => match curve {
            ssh_key::EcdsaCurve::NistP256 => Ok(()),
            ssh_key::EcdsaCurve::NistP384 | ssh_key::EcdsaCurve::NistP521 => weak(format!(
                "{} cannot be checked by this version; use ed25519",
                used.as_str()
            )),
        },
        (KeyData::Rsa(key), Algorithm::Rsa { hash: Some(_) }) => {
            let bits = key.n.as_positive_bytes().map_or(0, |bytes| {
                let first = bytes.first().map_or(0, |byte| byte.leading_zeros() as usize);
                (bytes.len() * 8).saturating_sub(first)
            });
            if bits >= MIN_RSA_BITS {
                Ok(())
            } else {
                weak(format!("RSA with {bits} bits, and {MIN_RSA_BITS} are needed"))
            }
        }
        (_, used) => weak(format!(
            "{} by a key of type {}",
            used.as_str(),
            key.algorithm().as_str()
        )),
    }
}

fn known(
    signer: &Signer,
    principal: &str,
    namespace: &str,
    signers: &AllowedSigners,
    now: Timestamp,
) -> Result<usize, BadSignature> {
    let mut why = "no line of allowed_signers has it".to_owned();
    for line in signers.lines() {
        let vouches = match signer {
            Signer::Key(key) => !line.is_authority && line.key == *key,
            Signer::Certified(certificate) => line.is_authority && line.key == *certificate.signature_key(),
        };
        if !vouches {
            continue;
        }
        match objection(line, signer, principal, namespace, now) {
            None => return Ok(line.number),
            Some(problem) => why = format!("line {} of allowed_signers {problem}", line.number),
        }
    }
    if let Some(fault) = signers.faults().first() {
        why.push_str(&format!(
            "; {} could not be read ({fault})",
            if signers.faults().len() == 1 {
                "one line"
            } else {
                "some lines"
            }
        ));
    }
    let key_id = fingerprint(signer.key());
    Err(BadSignature::Unknown {
        key_id,
        principal: principal.to_owned(),
        why,
    })
}

/// What speaks against a line that has the key.
fn objection(
    line: &Line,
    signer: &Signer,
    principal: &str,
    namespace: &str,
    now: Timestamp,
) -> Option<String> {
    if !line.is_of(principal) {
        return Some("is for somebody else".to_owned());
    }
    if !line.allows(namespace) {
        return Some(format!("does not allow the namespace {namespace:?}"));
    }
    if !line.is_valid(now) {
        return Some("is not valid at this time".to_owned());
    }
    match signer {
        Signer::Key(_) => None,
        Signer::Certified(certificate) => objection_to_certificate(certificate, principal, now)
            .map(|text| format!("vouches for it, but {text}")),
    }
}

fn objection_to_certificate(certificate: &Certificate, principal: &str, now: Timestamp) -> Option<String> {
    if certificate.cert_type() != CertType::User {
        return Some("its certificate is not a user's".to_owned());
    }
    if !certificate
        .valid_principals()
        .iter()
        .any(|name| name == principal)
    {
        return Some(format!("its certificate is not for {principal}"));
    }
    if let Some((name, _)) = certificate.critical_options().iter().next() {
        return Some(format!(
            "its certificate asks for {name:?}, which cannot be honoured here"
        ));
    }
    let authority = certificate.signature_key();
    if let Err(problem) = check_strength(authority, &certificate.signature().algorithm()) {
        return Some(problem.to_string());
    }
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let fingerprint = authority.fingerprint(HashAlg::Sha256);
    certificate
        .validate_at(seconds, [&fingerprint])
        .err()
        .map(|_invalid| {
            "its certificate is not valid at this time, or its signature does not hold".to_owned()
        })
}

/// Of a security key's signature: was the key touched? The flags stand before the counter of four bytes at its end.
fn touched(container: &Container) -> bool {
    let is_security_key = matches!(
        container.signer.key(),
        KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_)
    );
    let bytes = container.signature.as_bytes();
    let flags = bytes
        .len()
        .checked_sub(5)
        .and_then(|at| bytes.get(at))
        .copied()
        .unwrap_or(0);
    is_security_key && flags & TOUCHED != 0
}
