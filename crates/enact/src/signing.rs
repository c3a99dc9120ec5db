//! The signature under a record: whose name it is made under, and whether it counts here.

use std::path::Path;

use enact_core::approval::{Approval, Method, NAMESPACE, Signature};
use enact_core::exit::ExitCode;
use enact_core::principal::{Principal, PrincipalKind};
use enact_engine::signature::Trust;
use enact_engine::signature::check::{BadSignature, check, fingerprint};
use enact_engine::signature::container::{Container, Signer};
use enact_engine::signature::sign::{SignError, sign, signer_of};

use crate::config::{FILE, Settings};
use crate::error::CommandError;
use crate::{state, views};

/// Who signs with this key: the owner that the known keys name, the certificate, or the settings.
pub(crate) fn signer(settings: &Settings, key: &Path, trust: &Trust) -> Result<Principal, CommandError> {
    let signer = signer_of(key).map_err(|error| unusable_key(key, &error))?;
    let configured = settings.approvals.principal.as_deref();
    let name = match &signer {
        Signer::Certified(certificate) => {
            let names = certificate.valid_principals();
            let chosen = configured.filter(|name| names.iter().any(|known| known == name));
            chosen.or_else(|| names.first().map(String::as_str))
        }
        Signer::Key(key) => {
            let lines = || trust.signers.lines().iter().filter(|line| line.key == *key);
            let own = configured.filter(|name| lines().any(|line| line.is_of(name)));
            own.or_else(|| trust.signers.owner(key)).or(configured)
        }
    };
    let key_id = fingerprint(signer.key());
    let Some(name) = name else {
        let message = format!("nothing says whose key {key_id} is");
        return Err(CommandError::invalid(message)
            .hint(format!(
                "name its owner in the file that [approvals] allowed-signers in {FILE} names"
            ))
            .hint(format!(
                "or say under which name to sign: [approvals] principal in {FILE}"
            )));
    };
    let id = format!("ssh:{name}");
    let is_agent = trust.agents.contains(&key_id) || trust.agents.contains(&id);
    let kind = if is_agent {
        PrincipalKind::Agent
    } else {
        PrincipalKind::Person
    };
    Ok(Principal { id, kind })
}

/// A certificate without an end cannot be read, and is none that counts.
fn unusable_key(key: &Path, error: &SignError) -> CommandError {
    let text = std::fs::read_to_string(key).unwrap_or_default();
    let kind = text.split_whitespace().next().unwrap_or_default();
    if !kind.ends_with("-cert-v01@openssh.com") {
        return failed(error);
    }
    let shown = key.display();
    CommandError::invalid(format!(
        "{shown} is a certificate that cannot be used: it is damaged, or has no end"
    ))
    .hint("a certificate for approvals has an end: ssh-keygen -s CA -I ID -n NAME -V +52w KEY.pub")
}

/// A signature over some bytes, for one purpose.
pub(crate) fn sign_as(key: &Path, message: &[u8], namespace: &str) -> Result<String, CommandError> {
    sign(key, message, namespace).map_err(|error| failed(&error))
}

/// Signs a record with a key. The record's approver and method are final by then.
pub(crate) fn put_signature(record: &mut Approval, key: &Path, trust: &Trust) -> Result<(), CommandError> {
    record.method = Method::Signature;
    record.signature = None;
    let message = record.signed_bytes()?;
    let sshsig = sign_as(key, &message, NAMESPACE)?;
    let unusable = |problem: String| CommandError::failed(format!("the signature cannot be used: {problem}"));
    let container = Container::parse(&sshsig).map_err(|error| unusable(error.to_string()))?;
    let key_id = fingerprint(container.signer.key());
    let principal = record.approver.id.trim_start_matches("ssh:").to_owned();
    match check(
        &sshsig,
        &message,
        &principal,
        NAMESPACE,
        &trust.signers,
        state::now(),
    ) {
        Ok(signed) => record.assurance = trust.level(&key_id, signed.touched),
        Err(problem @ BadSignature::Unknown { .. }) => {
            views::say(&format!(
                "note: the signature does not count on this machine: {problem}\n"
            ));
        }
        Err(
            problem @ (BadSignature::NotASignature(_)
            | BadSignature::Namespace { .. }
            | BadSignature::Weak(_)
            | BadSignature::Broken),
        ) => return Err(unusable(problem.to_string())),
    }
    record.signature = Some(Signature { key_id, sshsig });
    Ok(())
}

fn failed(error: &SignError) -> CommandError {
    let failed = CommandError::from_error(ExitCode::Failed, error);
    match error {
        SignError::Missing => failed.hint("install OpenSSH (Debian: apt-get install openssh-client)"),
        SignError::NotAKey { .. } => {
            failed.hint("name a private key, or the public key of one that the agent holds, with --sign-with")
        }
        SignError::Run(_) | SignError::Refused { .. } => failed.hint(
            "nothing was written; a key that needs a passphrase or a touch needs a terminal or an agent",
        ),
    }
}
