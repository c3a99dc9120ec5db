//! What the records of a ledger or a file count for. Signatures are checked, and what a record claims of its own strength, roles
//! and kind is replaced by what the verifier's configuration says.

use std::collections::{BTreeMap, BTreeSet};

use enact_core::approval::{Approval, ApprovalId, Method, NAMESPACE};
use enact_core::principal::{People, PrincipalKind};
use enact_core::verdict::Assurance;
use jiff::Timestamp;

use super::allowed_signers::AllowedSigners;
use super::check::{BadSignature, check};

/// Whom the verifier knows.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Whose keys are known.
    pub signers: AllowedSigners,
    /// Names (`os:bot`, `ssh:bot@example`) and fingerprints of keys that are agents'.
    pub agents: BTreeSet<String>,
    /// Who holds a role, by role: `os:dana`, `ssh:dana@example`.
    pub roles: BTreeMap<String, BTreeSet<String>>,
    /// How strongly a key proves who its owner is, by fingerprint. A known key that is not named proves what its type can.
    pub levels: BTreeMap<String, Assurance>,
    /// Which names are of one person.
    pub people: People,
}

impl Trust {
    /// The roles of somebody, sorted.
    pub fn roles_of(&self, id: &str) -> Vec<String> {
        let held = self.roles.iter().filter(|(_, holders)| holders.contains(id));
        held.map(|(role, _)| role.clone()).collect()
    }

    /// What a signature by this key proves. Touch is proved by the signature's own flag and by nothing else.
    pub fn level(&self, key_id: &str, touched: bool) -> Assurance {
        let proved = if touched {
            Assurance::Hardware
        } else {
            Assurance::Signed
        };
        self.levels.get(key_id).map_or(proved, |level| proved.min(*level))
    }
}

/// Records after verification.
#[derive(Debug, Clone, Default)]
pub struct Verified {
    /// What counts, each for as much as it proves.
    pub approvals: Vec<Approval>,
    /// What counts for nothing.
    pub worthless: Vec<Worthless>,
}

/// A record that counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worthless {
    /// The record.
    pub approval_id: ApprovalId,
    /// Whose it is said to be.
    pub approver: String,
    /// Why it counts for nothing.
    pub reason: String,
}

/// Checks records against whom the verifier knows. The same function serves admission, listings and imported files.
pub fn verified(records: Vec<Approval>, trust: &Trust, now: Timestamp) -> Verified {
    let mut verified = Verified::default();
    for record in records {
        let (approval_id, approver) = (record.approval_id.clone(), record.approver.id.clone());
        match examine(record, trust, now) {
            Ok(record) => verified.approvals.push(record),
            Err(reason) => verified.worthless.push(Worthless {
                approval_id,
                approver,
                reason,
            }),
        }
    }
    verified
}

fn examine(mut record: Approval, trust: &Trust, now: Timestamp) -> Result<Approval, String> {
    match record.method {
        Method::Signature => examine_signed(&mut record, trust, now)?,
        Method::Flag | Method::Prompt | Method::Waived => {
            if !record.approver.id.starts_with("os:") {
                return Err(
                    "it is not signed, and its approver is not a user of an operating system".to_owned(),
                );
            }
            record.signature = None;
            record.assurance = record.method.assurance_limit();
        }
    }
    if trust.agents.contains(&record.approver.id) {
        record.approver.kind = PrincipalKind::Agent;
    }
    record.roles = trust.roles_of(&record.approver.id);
    Ok(record)
}

fn examine_signed(record: &mut Approval, trust: &Trust, now: Timestamp) -> Result<(), String> {
    let message = record.signed_bytes().map_err(|error| error.to_string())?;
    let principal = record.approver.id.strip_prefix("ssh:");
    let principal =
        principal.ok_or("it is said to be signed, but its approver is not named by a key (ssh:…)")?;
    let signature = record
        .signature
        .as_mut()
        .ok_or("it is said to be signed, but has no signature")?;
    let found = check(
        &signature.sshsig,
        &message,
        principal,
        NAMESPACE,
        &trust.signers,
        now,
    );
    let signed = found.map_err(|error: BadSignature| format!("its signature counts for nothing: {error}"))?;
    record.assurance = trust.level(&signed.key_id, signed.touched);
    if trust.agents.contains(&signed.key_id) {
        record.approver.kind = PrincipalKind::Agent;
    }
    signature.key_id = signed.key_id;
    Ok(())
}
