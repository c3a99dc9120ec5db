//! People's words to a run, signed: made where somebody confirms, decides or attests with a key, and looked at again before the
//! run goes on.

use std::path::{Path, PathBuf};

use clap::Args;
use enact_core::approval::Signature;
use enact_core::canonical::Digest;
use enact_core::exit::ExitCode;
use enact_core::journal::{Entry, Fact, NAMESPACE, Proof, RunId, RunState};
use enact_core::principal::{Principal, PrincipalKind};
use enact_engine::holder::Holder;
use enact_engine::installation::Installation;
use enact_engine::signature::check::fingerprint;
use enact_engine::signature::container::Container;
use enact_engine::signature::words::{WorthlessWord, count_confirmations, examine_signature};
use enact_engine::store::Lease;

use crate::commands::Context;
use crate::error::CommandError;
use crate::{signing, state, trust, views};

/// Flags of commands that take a person's word.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SignFlags {
    /// Say it as the owner of this SSH key: a private key, or the public one of a key that the agent holds
    #[arg(long, value_name = "KEY")]
    pub(crate) sign_with: Option<PathBuf>,
}

/// Somebody who says something to a run, and the key they say it with.
pub(crate) struct Speaker {
    pub(crate) principal: Principal,
    /// Roles that the configuration gives them.
    pub(crate) roles: Vec<String>,
    key: Option<PathBuf>,
}

impl Speaker {
    /// The owner of the key that was named, or the user of this machine. A process that is an agent's stays an agent's.
    pub(crate) fn of(context: &Context, flags: &SignFlags) -> Result<Self, CommandError> {
        let user = context.settings.principal();
        let trust = trust::read(&context.settings)?;
        let (mut principal, key) = match &flags.sign_with {
            None => (user.clone(), None),
            Some(named) => {
                let key = trust::key(&context.settings, Some(named)).unwrap_or_else(|| named.clone());
                (signing::signer(&context.settings, &key, &trust)?, Some(key))
            }
        };
        if !user.may_decide() {
            principal.kind = PrincipalKind::Agent;
        }
        Ok(Self {
            roles: trust.roles_of(&principal.id),
            principal,
            key,
        })
    }

    /// Do they speak with a key?
    pub(crate) fn signs(&self) -> bool {
        self.key.is_some()
    }

    /// Signs their word, where they speak with a key. One that does not count here is not written down.
    pub(crate) fn sign(&self, context: &Context, run_id: &RunId, fact: Fact) -> Result<Fact, CommandError> {
        match &self.key {
            None => Ok(fact),
            Some(key) => self.sign_with(context, run_id, fact, key),
        }
    }

    fn sign_with(
        &self,
        context: &Context,
        run_id: &RunId,
        fact: Fact,
        key: &Path,
    ) -> Result<Fact, CommandError> {
        let said_at = state::now();
        let message = fact.signed_bytes(run_id, said_at)?;
        let sshsig = signing::sign_as(key, &message, NAMESPACE)?;
        let container = Container::parse(&sshsig)
            .map_err(|error| CommandError::failed(format!("the signature cannot be used: {error}")))?;
        let proof = Proof {
            said_at,
            signature: Signature {
                key_id: fingerprint(container.signer.key()),
                sshsig,
            },
        };
        let owner = self.principal.id.trim_start_matches("ssh:");
        let trust = trust::read(&context.settings)?;
        match examine_signature(&fact, run_id, owner, &proof, &trust) {
            Ok(_) => Ok(fact.with_proof(proof)),
            Err(reason) => Err(CommandError::new(
                ExitCode::NotApproved,
                format!("the word of {} would count for nothing: {reason}", self.principal),
            )
            .hint(format!(
                "nothing was written down; the line of allowed_signers must allow the namespace {NAMESPACE}"
            ))),
        }
    }
}

/// Looks again at what was confirmed, with the keys and roles of today: what does not count is said, and the run waits as if it
/// had not been confirmed.
pub(crate) fn count(
    context: &Context,
    installation: &Installation,
    run_id: &RunId,
    state: &mut RunState,
) -> Result<(), CommandError> {
    let entries = installation.store.load(run_id)?;
    let trust = trust::read(&context.settings)?;
    for word in count_confirmations(state, &entries, &trust) {
        views::say(&format!("note: {}\n", in_words(&word)));
    }
    Ok(())
}

/// A word that counts for nothing, in one line.
pub(crate) fn in_words(word: &WorthlessWord) -> String {
    format!(
        "what entry {} says of {} counts for nothing: {}",
        word.seq, word.by, word.reason
    )
}

/// How far somebody had read a run's journal when they spoke.
pub(crate) struct Seen(Option<Digest>);

impl Seen {
    /// Everything up to the last of these entries.
    pub(crate) fn of(entries: &[Entry]) -> Self {
        Self(entries.last().map(|entry| entry.digest.clone()))
    }
}

/// Writes a person's word into the journal of a run that nobody is at. Where something else was written since the person looked,
/// nothing is: two words may each be right and not fit behind one another.
pub(crate) fn write_down(
    installation: &Installation,
    run_id: &RunId,
    seen: &Seen,
    fact: Fact,
) -> Result<(), CommandError> {
    let store = &installation.store;
    let now = state::now();
    let lease = store.acquire(run_id, &Holder::this_process(), installation.lease_ttl, now)?;
    let written = append(installation, &lease, seen, fact);
    store.release(&lease)?;
    written
}

fn append(installation: &Installation, lease: &Lease, seen: &Seen, fact: Fact) -> Result<(), CommandError> {
    let run_id = &lease.run_id;
    installation.refuse_superseded(run_id)?;
    let last = installation.store.load(run_id)?.pop();
    if last.map(|entry| entry.digest) != seen.0 {
        let message = format!("somebody else was at run {run_id} just now; your word was not written down");
        return Err(CommandError::failed(message)
            .hint(format!("see what it waits for now: enact runs next {run_id}")));
    }
    let (ttl, now) = (installation.lease_ttl, state::now());
    installation.store.append(lease, ttl, now, vec![fact])?;
    Ok(())
}
