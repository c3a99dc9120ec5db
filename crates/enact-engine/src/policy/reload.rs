//! Policies that change while others decide. A directory is looked at now and then; a bundle that is new is compiled and
//! tried out beside the one in force, and takes its place in one step. A bad one changes nothing but what is reported.
//!
//! Looking means reading: names, sizes and times can stay the same while the content changes, and a bundle is small. That
//! also covers how Kubernetes puts a ConfigMap into a directory, by exchanging the `..data` link in one step.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use enact_core::canonical::Digest;
use enact_core::diagnostic::Diagnostic;
use enact_core::plan::Plan;
use enact_core::verdict::Verdict;

use super::PolicyEngine;
use super::asking::Loaded;
use super::bundle::Bundle;
use super::input::Occasion;
use super::observe::PolicyObserver;
use super::rego::RegoPolicy;

/// Turns a bundle into policies that can be asked: in this process, or in others.
pub type Load = dyn Fn(&Bundle) -> Result<RegoPolicy, Vec<Diagnostic>> + Send + Sync;

/// Tries policies out before they are put in force: the cases that must be denied, and those that must not.
pub type Canaries = dyn Fn(&RegoPolicy) -> Result<(), String> + Send + Sync;

/// The policies in force, for everybody who decides. A decision takes them once and is made by one bundle only.
#[derive(Debug, Clone)]
pub struct InForce(Arc<RwLock<RegoPolicy>>);

impl InForce {
    /// Starts with a bundle that may be broken: then everything is denied until a good one comes.
    pub fn new(policy: RegoPolicy) -> Self {
        Self(Arc::new(RwLock::new(policy)))
    }

    /// The policies as they are now.
    pub fn now(&self) -> RegoPolicy {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, policy: RegoPolicy) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = policy;
    }
}

impl PolicyEngine for InForce {
    fn bundle_digest(&self) -> Digest {
        self.now().bundle_digest()
    }

    fn judge(&self, plan: &Plan, occasion: &Occasion) -> Verdict {
        self.now().judge(plan, occasion)
    }
}

/// What a look at the directory came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// Nothing has changed since the last look.
    Same,
    /// A new bundle is in force.
    Replaced(Box<Loaded>),
    /// A new bundle is there and was refused; the last good one stays. Said once for each bundle.
    Refused(String),
    /// The directory or all of its policies are gone: from now on everything is denied.
    Gone(String),
}

/// Keeps policies in step with a directory.
pub struct Reloader {
    path: PathBuf,
    in_force: InForce,
    load: Box<Load>,
    canaries: Box<Canaries>,
    observers: Vec<Arc<dyn PolicyObserver>>,
    /// What the last look saw, good or bad.
    seen: Option<Digest>,
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Reloader")
            .field("path", &self.path)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

impl Reloader {
    /// Watches a directory. Until the first good bundle everything is denied.
    pub fn new(
        path: &Path,
        load: Box<Load>,
        canaries: Box<Canaries>,
        observers: Vec<Arc<dyn PolicyObserver>>,
    ) -> Self {
        let nothing = Diagnostic::error("no policies have been loaded yet");
        let broken = RegoPolicy::broken(&path.display().to_string(), &Digest::of(b""), &[nothing]);
        Self {
            path: path.to_owned(),
            in_force: InForce::new(broken),
            load,
            canaries,
            observers,
            seen: None,
        }
    }

    /// The policies in force; clones follow every replacement.
    pub fn in_force(&self) -> InForce {
        self.in_force.clone()
    }

    /// Looks once, and puts a new bundle in force if it is good. Blocks while it compiles; whoever decides meanwhile goes on
    /// with the old one.
    pub fn look(&mut self) -> Looked {
        let bundle = match settled(&self.path) {
            Ok(bundle) => bundle,
            Err(fault) => return self.gone(fault),
        };
        let digest = bundle.digest();
        if self.seen.as_ref() == Some(&digest) {
            return Looked::Same;
        }
        self.seen = Some(digest);
        match self.tried(&bundle) {
            Ok(policy) => self.replace(policy),
            Err(why) => self.refuse(why),
        }
    }

    /// Looks every so often, and at once when told to, until the other end of `wake` is gone. For a thread of its own:
    /// compiling blocks. What each look came to is reported.
    pub fn watch(mut self, every: Duration, wake: &Receiver<()>, mut report: impl FnMut(Looked)) {
        loop {
            report(self.look());
            match wake.recv_timeout(every) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn tried(&self, bundle: &Bundle) -> Result<RegoPolicy, String> {
        let policy = (self.load)(bundle).map_err(|faults| {
            let told: Vec<String> = faults.iter().take(5).map(one_line).collect();
            format!("it does not compile: {}", told.join("; "))
        })?;
        (self.canaries)(&policy).map_err(|why| format!("it fails a trial: {why}"))?;
        Ok(policy)
    }

    fn replace(&mut self, policy: RegoPolicy) -> Looked {
        // The trial is over: from here on decisions count.
        let policy = self.observers.iter().cloned().fold(policy, RegoPolicy::observed);
        let loaded = policy.loaded().clone();
        self.in_force.put(policy);
        Looked::Replaced(Box::new(loaded))
    }

    fn refuse(&self, why: String) -> Looked {
        self.observers.iter().for_each(|observer| observer.refused(&why));
        Looked::Refused(why)
    }

    /// Somebody took the policies away. Without rules nothing is allowed.
    fn gone(&mut self, fault: Diagnostic) -> Looked {
        let why = fault.summary.clone();
        let digest = Digest::of(why.as_bytes());
        if self.seen.as_ref() == Some(&digest) {
            return Looked::Same;
        }
        self.seen = Some(digest.clone());
        self.in_force.put(RegoPolicy::broken(
            &self.path.display().to_string(),
            &digest,
            &[fault],
        ));
        self.observers.iter().for_each(|observer| observer.refused(&why));
        Looked::Gone(why)
    }
}

/// A bundle that was the same twice: somebody may be copying files into the directory right now.
fn settled(path: &Path) -> Result<Bundle, Diagnostic> {
    let mut before = Bundle::read(path)?;
    for _ in 0..4 {
        let again = Bundle::read(path)?;
        if again == before {
            break;
        }
        before = again;
    }
    Ok(before)
}

fn one_line(fault: &Diagnostic) -> String {
    match fault
        .place
        .as_ref()
        .and_then(|place| Some((&place.file, place.position?)))
    {
        Some((file, at)) => format!("{file}:{}: {}", at.line, fault.summary),
        None => fault.summary.clone(),
    }
}
