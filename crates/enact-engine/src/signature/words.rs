//! What people's words to a run count for: a key's owner must have signed, with today's known keys, for this run and question,
//! and at about the time at which the word was written down.

use enact_core::confirmation::Confirmation;
use enact_core::journal::{Entry, Fact, NAMESPACE, Proof, RunId, RunState};
use enact_core::principal::{Principal, PrincipalKind};

use super::check::check;
use super::verified::Trust;

/// How far the time in a signature may be from that of its entry.
const SKEW: std::time::Duration = std::time::Duration::from_secs(300);

/// A word that counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorthlessWord {
    /// The entry that holds it.
    pub seq: u64,
    /// Whose it is said to be.
    pub by: String,
    /// Why it counts for nothing.
    pub reason: String,
}

/// Keeps in the state only the confirmations that count, each with the roles that its giver holds today. What does not
/// count is given back; the run then waits as if it had not been said.
pub fn count_confirmations(state: &mut RunState, entries: &[Entry], trust: &Trust) -> Vec<WorthlessWord> {
    for progress in state.changes.values_mut() {
        progress.confirmed.clear();
    }
    let mut worthless = Vec::new();
    for entry in entries {
        let Fact::Confirmed {
            change_id, at, by, ..
        } = &entry.fact
        else {
            continue;
        };
        match examine(entry, trust) {
            Ok(key_id) => {
                if let Some(progress) = state.changes.get_mut(change_id) {
                    progress.confirmed.push(Confirmation {
                        at: *at,
                        by: by.clone(),
                        person: trust.people.person(&by.id).to_owned(),
                        key_id,
                        roles: trust.roles_of(&by.id),
                        when: entry.at,
                    });
                }
            }
            Err(reason) => worthless.push(nothing(entry, by, reason)),
        }
    }
    worthless
}

/// Every word of a journal that counts for nothing.
pub fn worthless_words(entries: &[Entry], trust: &Trust) -> Vec<WorthlessWord> {
    let words = entries
        .iter()
        .filter_map(|entry| Some((entry, entry.fact.word()?.0)));
    words
        .filter_map(|(entry, by)| Some(nothing(entry, by, examine(entry, trust).err()?)))
        .collect()
}

fn nothing(entry: &Entry, by: &Principal, reason: String) -> WorthlessWord {
    WorthlessWord {
        seq: entry.seq,
        by: by.id.clone(),
        reason,
    }
}

/// The fingerprint of the key that signed a word, where one did.
fn examine(entry: &Entry, trust: &Trust) -> Result<Option<String>, String> {
    let Some((by, proof)) = entry.fact.word() else {
        return Ok(None);
    };
    let attests = matches!(entry.fact, Fact::Attested { .. });
    match (by.id.strip_prefix("ssh:"), proof) {
        (Some(owner), Some(proof)) => {
            let apart = entry.at.duration_since(proof.said_at).unsigned_abs();
            if apart > SKEW {
                return Err("it was signed at another time than it was written down".to_owned());
            }
            let key_id = examine_signature(&entry.fact, &entry.run_id, owner, proof, trust)?;
            agent_never(by, &key_id, trust, attests)?;
            Ok(Some(key_id))
        }
        (Some(_), None) => Err("it is said to be by the owner of a key, and is not signed".to_owned()),
        (None, Some(_)) => Err("it is signed, but its giver is not named by a key (ssh:…)".to_owned()),
        (None, None) => agent_never(by, "", trust, attests).map(|()| None),
    }
}

/// What is assigned to an agent, an agent may attest; nothing else is an agent's to say.
fn agent_never(by: &Principal, key_id: &str, trust: &Trust, attests: bool) -> Result<(), String> {
    let is_agent =
        by.kind == PrincipalKind::Agent || trust.agents.contains(&by.id) || trust.agents.contains(key_id);
    if is_agent && !attests {
        return Err("it is an agent's, and an agent never confirms or decides".to_owned());
    }
    Ok(())
}

/// The fingerprint of the key that signed.
///
/// # Errors
/// Why the signature counts for nothing, in words.
pub fn examine_signature(
    fact: &Fact,
    run_id: &RunId,
    owner: &str,
    proof: &Proof,
    trust: &Trust,
) -> Result<String, String> {
    let message = fact
        .signed_bytes(run_id, proof.said_at)
        .map_err(|error| error.to_string())?;
    let sshsig = &proof.signature.sshsig;
    // A key counts for what it was allowed when it signed; one that is taken out of the file counts for nothing at once.
    let signed = check(sshsig, &message, owner, NAMESPACE, &trust.signers, proof.said_at)
        .map_err(|error| format!("its signature counts for nothing: {error}"))?;
    Ok(signed.key_id)
}
