//! An SSH signature as `ssh-keygen -Y sign` writes it, taken apart. Source: OpenSSH's PROTOCOL.sshsig.

use base64::Engine as _;
use ssh_key::certificate::Certificate;
use ssh_key::public::KeyData;
use ssh_key::{HashAlg, PublicKey, Signature};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// The longest signature that is read.
const MAX_LENGTH: usize = 64 * 1024;

/// Why a text is no signature.
#[derive(Debug, thiserror::Error)]
pub enum NotASignature {
    /// Not the armour, or not base64.
    #[error("it is not an SSH signature")]
    Armour,
    /// Cut off, or of another shape.
    #[error("the SSH signature is not readable: {0}")]
    Content(String),
    /// A version or an algorithm that this version does not know.
    #[error("the SSH signature has {what} {found:?}, which is not supported")]
    Unsupported {
        /// Which part.
        what: &'static str,
        /// What it says.
        found: String,
    },
}

/// What signed: a key, or a key with a certificate of somebody who vouches for it.
#[derive(Debug, Clone)]
pub enum Signer {
    /// A key.
    Key(KeyData),
    /// A key with its certificate.
    Certified(Box<Certificate>),
}

impl Signer {
    /// The key itself.
    pub fn key(&self) -> &KeyData {
        match self {
            Self::Key(key) => key,
            Self::Certified(certificate) => certificate.public_key(),
        }
    }
}

/// A signature, taken apart. Nothing about it has been checked.
#[derive(Debug, Clone)]
pub struct Container {
    /// What signed.
    pub signer: Signer,
    /// What it was signed for.
    pub namespace: String,
    /// The digest that was signed.
    pub hash: HashAlg,
    /// The signature proper.
    pub signature: Signature,
}

impl Container {
    /// Takes a signature apart.
    ///
    /// # Errors
    /// See [`NotASignature`].
    pub fn parse(armoured: &str) -> Result<Self, NotASignature> {
        let bytes = unarmour(armoured)?;
        let mut fields = Fields(bytes.strip_prefix(b"SSHSIG").ok_or(NotASignature::Armour)?);
        let version = fields.number()?;
        if version != 1 {
            return Err(NotASignature::Unsupported {
                what: "version",
                found: version.to_string(),
            });
        }
        let signer = signer(fields.bytes()?)?;
        let namespace = fields.text()?;
        if !fields.bytes()?.is_empty() {
            return Err(NotASignature::Content(
                "its reserved field is not empty".to_owned(),
            ));
        }
        let hash = fields.text()?;
        let hash = match hash.as_str() {
            "sha256" => HashAlg::Sha256,
            "sha512" => HashAlg::Sha512,
            _ => {
                return Err(NotASignature::Unsupported {
                    what: "hash",
                    found: hash,
                });
            }
        };
        let signature = Signature::try_from(fields.bytes()?).map_err(|error| content(&error))?;
        if !fields.0.is_empty() {
            return Err(NotASignature::Content("something follows its end".to_owned()));
        }
        Ok(Self {
            signer,
            namespace,
            hash,
            signature,
        })
    }
}

fn content(error: &dyn std::fmt::Display) -> NotASignature {
    NotASignature::Content(error.to_string())
}

fn unarmour(text: &str) -> Result<Vec<u8>, NotASignature> {
    let inner = text
        .trim()
        .strip_prefix(BEGIN)
        .and_then(|rest| rest.strip_suffix(END));
    let inner = inner
        .filter(|inner| inner.len() <= MAX_LENGTH)
        .ok_or(NotASignature::Armour)?;
    let packed: String = inner
        .chars()
        .filter(|character| !character.is_ascii_whitespace())
        .collect();
    base64::engine::general_purpose::STANDARD
        .decode(packed)
        .map_err(|_unreadable| NotASignature::Armour)
}

fn signer(blob: &[u8]) -> Result<Signer, NotASignature> {
    let algorithm = Fields(blob).text()?;
    if algorithm.ends_with("-cert-v01@openssh.com") {
        let certificate = Certificate::from_bytes(blob).map_err(|error| {
            NotASignature::Content(format!(
                "its certificate: {error} (one that never ends, made without -V, is not supported)"
            ))
        })?;
        exactly(blob, certificate.to_bytes())?;
        return Ok(Signer::Certified(Box::new(certificate)));
    }
    let key = PublicKey::from_bytes(blob).map_err(|error| content(&error))?;
    exactly(blob, key.to_bytes())?;
    Ok(Signer::Key(key.key_data().clone()))
}

/// One value has one form; the library reads some that no program writes.
fn exactly(blob: &[u8], written: Result<Vec<u8>, ssh_key::Error>) -> Result<(), NotASignature> {
    match written {
        Ok(written) if written == blob => Ok(()),
        Ok(_) | Err(_) => Err(NotASignature::Content(
            "its key is not written as keys are".to_owned(),
        )),
    }
}

/// Fields of the wire format, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], NotASignature> {
        let (field, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| NotASignature::Content("it is cut off".to_owned()))?;
        self.0 = rest;
        Ok(field)
    }

    fn number(&mut self) -> Result<u32, NotASignature> {
        let bytes = self.take(4)?;
        Ok(bytes
            .iter()
            .fold(0, |number, byte| (number << 8) | u32::from(*byte)))
    }

    fn bytes(&mut self) -> Result<&'a [u8], NotASignature> {
        let length = self.number()?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn text(&mut self) -> Result<String, NotASignature> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|error| content(&error))
    }
}
