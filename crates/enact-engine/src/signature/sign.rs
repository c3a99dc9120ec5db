//! How a signature is made: by `ssh-keygen -Y sign`, as git does it. Agents, passphrases, certificates and security keys work as
//! they do elsewhere, and no private key is read here.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ssh_key::{Certificate, PrivateKey, PublicKey};

use super::container::Signer;

/// The program that signs.
pub const PROGRAM: &str = "ssh-keygen";

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The program is not there.
    #[error("{PROGRAM} was not found; it makes the signature")]
    Missing,
    /// The program did not start, or the data could not be handed over.
    #[error("{PROGRAM} could not be run")]
    Run(#[from] std::io::Error),
    /// The program refused.
    #[error("{PROGRAM} made no signature with {key}: {problem}")]
    Refused {
        /// The key.
        key: String,
        /// What it said.
        problem: String,
    },
    /// The file holds no key.
    #[error("{path} holds no SSH key: {problem}")]
    NotAKey {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
}

/// Who a key file signs as: the public key, or the certificate beside it. Of a private key only the public part is looked at.
///
/// # Errors
/// [`SignError::NotAKey`].
pub fn signer_of(path: &Path) -> Result<Signer, SignError> {
    let refused = |problem: String| SignError::NotAKey {
        path: path.display().to_string(),
        problem,
    };
    let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
    if let Ok(certificate) = Certificate::from_openssh(text.trim()) {
        return Ok(Signer::Certified(Box::new(certificate)));
    }
    if let Ok(key) = PublicKey::from_openssh(text.trim()) {
        return Ok(Signer::Key(key.key_data().clone()));
    }
    let beside = std::fs::read_to_string(with_suffix(path, ".pub")).ok();
    if let Some(key) = beside.and_then(|text| PublicKey::from_openssh(text.trim()).ok()) {
        return Ok(Signer::Key(key.key_data().clone()));
    }
    let key = PrivateKey::from_openssh(text.as_str()).map_err(|error| refused(error.to_string()))?;
    Ok(Signer::Key(key.public_key().key_data().clone()))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Signs with a key: a private key's file, or a public key's whose private part is with the agent. May ask for a passphrase or a
/// touch at the terminal.
///
/// # Errors
/// See [`SignError`].
pub fn sign(key: &Path, message: &[u8], namespace: &str) -> Result<String, SignError> {
    // At a terminal people must see that a touch is waited for; elsewhere its words become part of the message.
    let stderr = if std::io::stderr().is_terminal() {
        Stdio::inherit()
    } else {
        Stdio::piped()
    };
    let started = Command::new(PROGRAM)
        .args(["-Y", "sign", "-n", namespace, "-f"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn();
    let mut process = started.map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            SignError::Missing
        } else {
            SignError::Run(error)
        }
    })?;
    if let Some(mut input) = process.stdin.take()
        && let Err(error) = input.write_all(message)
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        return Err(error.into());
    }
    let output = process.wait_with_output()?;
    if output.status.success() && !output.stdout.is_empty() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with("Signing data"))
        .collect();
    Err(SignError::Refused {
        key: key.display().to_string(),
        problem: said.join("; "),
    })
}
