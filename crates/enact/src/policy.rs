//! Which policies are in force for a command, and their answer: the bundle that `enact.toml` names, and those that flag and
//! environment add; the built-in one where none is named. Naming one more never lets more through.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use clap::Args;
use enact_core::canonical::Digest;
use enact_core::exit::ExitCode;
use enact_core::plan::Plan;
use enact_core::principal::Principal;
use enact_core::verdict::{Finding, NO_POLICY, Outcome, Verdict};
use enact_engine::policy::bundle::Bundle;
use enact_engine::policy::decision::ActionDecision;
use enact_engine::policy::input::{ActionInput, Occasion};
use enact_engine::policy::observe::{DecisionLog, PolicyObserver};
use enact_engine::policy::process::{Isolated, WorkerProgram};
use enact_engine::policy::rego::RegoPolicy;
use enact_engine::policy::{BuiltinPolicy, Combined, PolicyEngine};

use crate::cluster_steps;
use crate::config::Settings;
use crate::error::CommandError;
use crate::state;

/// Flags of every command that judges a plan.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Policy")]
pub(crate) struct PolicyFlags {
    /// Judge by the policies of this directory (or .rego file) too; repeatable [env: ENACT_POLICY]
    #[arg(long, value_name = "PATH")]
    pub(crate) policy: Vec<PathBuf>,
    /// Judge by no policy at all; only where enact.toml has `allow-none = true`. The journal says so
    #[arg(long, conflicts_with = "policy")]
    pub(crate) no_policy: bool,
}

impl PolicyFlags {
    /// As arguments of a command that is suggested: ` --policy rules`.
    pub(crate) fn as_arguments(&self) -> String {
        if self.no_policy {
            return " --no-policy".to_owned();
        }
        let paths = self
            .policy
            .iter()
            .map(|path| format!(" --policy {}", path.display()));
        paths.collect()
    }
}

/// The policies in force. Directories are looked at again for every judgement, so that what is judged is judged by what they
/// hold today.
pub(crate) struct Policies {
    sources: Vec<PathBuf>,
    off: bool,
    actor: Principal,
    log: Option<Arc<dyn PolicyObserver>>,
    loaded: Vec<(Digest, RegoPolicy)>,
    /// The built-in policies on their way: they take as long to load as a plan takes to be read.
    coming: Option<JoinHandle<RegoPolicy>>,
}

impl Policies {
    /// Finds out which policies are in force. No directory is read yet; where none is named the built-in ones are being
    /// loaded when this returns.
    ///
    /// Without `allow-none = true` in the settings, `--no-policy` is refused.
    pub(crate) fn in_force(settings: &Settings, flags: &PolicyFlags) -> Result<Self, CommandError> {
        if flags.no_policy && !settings.policy.allow_none {
            return Err(
                CommandError::new(ExitCode::Denied, "--no-policy is not allowed here")
                    .hint("whoever keeps enact.toml can allow it: [policy] allow-none = true"),
            );
        }
        let named = settings.policy_path();
        let added = settings.environment.get("ENACT_POLICY").map(PathBuf::from);
        let sources = named.into_iter().chain(added).chain(flags.policy.iter().cloned());
        let sources: Vec<PathBuf> = sources.filter(|_| !flags.no_policy).collect();
        let built_in = sources.is_empty() && !flags.no_policy;
        Ok(Self {
            coming: built_in.then(load_built_in).flatten(),
            sources,
            off: flags.no_policy,
            actor: settings.principal(),
            log: open_log(settings)?,
            loaded: Vec::new(),
        })
    }

    /// How to see what every rule says about a plan.
    pub(crate) fn see_more(&self, plan: Option<&Path>) -> String {
        let named = self.sources.last().map(|source| format!(" {}", source.display()));
        let policies = named.unwrap_or_default();
        match plan {
            Some(plan) => {
                let plan = plan.display();
                format!("what every rule says about it: enact policy eval{policies} --input {plan} --explain")
            }
            None => format!(
                "to see what every rule says about it, write it down with `enact plan -o plan.json`, then: \
                 enact policy eval{policies} --input plan.json --explain"
            ),
        }
    }

    /// Judges a plan by what the policies are now. The verdict's bundle is the one that [`Policies::digest`] names after it.
    pub(crate) fn judge(&mut self, plan: &Plan) -> Verdict {
        let occasion = Occasion {
            now: state::now(),
            actor: self.actor.clone(),
        };
        let verdict = self.engine().judge(plan, &occasion);
        self.judge_actions(plan, verdict)
    }

    /// A verdict with what the policies for actions say of every step on a cluster, and of its way back.
    fn judge_actions(&self, plan: &Plan, mut verdict: Verdict) -> Verdict {
        for (change_id, input) in cluster_steps::inputs(plan) {
            let Some(input) = input else {
                verdict = verdict.with(cluster_steps::not_planned(change_id));
                continue;
            };
            for decision in self.decisions(&input) {
                verdict = decision.added_to(verdict, Some(change_id));
            }
        }
        verdict
    }

    /// What the policies say of an action as things are now; those that know no actions say nothing. `Err`: why it is denied.
    #[cfg(feature = "kubernetes")]
    pub(crate) fn judge_action(&mut self, input: &ActionInput) -> Result<(), String> {
        if !self.off {
            self.refresh();
        }
        let denied = self.decisions(input).into_iter().find(|decision| !decision.allow);
        denied.map_or(Ok(()), |decision| Err(decision.reason))
    }

    fn decisions(&self, input: &ActionInput) -> Vec<ActionDecision> {
        let asked = self.loaded.iter().map(|(_, policy)| policy);
        let asked = asked.filter(|policy| knows_actions(policy));
        let input = ActionInput {
            now: enact_engine::policy::input::seconds(state::now()),
            ..input.clone()
        };
        asked.map(|policy| policy.judge_action(&input)).collect()
    }

    /// The digest of the policies as they are now.
    pub(crate) fn digest(&mut self) -> Digest {
        self.engine().bundle_digest()
    }

    /// Gives back what judging takes, memory and processes, for as long as nothing is judged: a run may take hours.
    pub(crate) fn rest(&mut self) {
        self.loaded.clear();
    }

    /// Everything that judges: the rule that is always there, and the bundles.
    fn engine(&mut self) -> Combined {
        let mut engines: Vec<Box<dyn PolicyEngine>> = vec![Box::new(BuiltinPolicy)];
        if self.off {
            engines.push(Box::new(SwitchedOff));
        } else {
            self.refresh();
            engines.extend(self.loaded.iter().map(|(_, policy)| {
                let origin = PathBuf::from(&policy.loaded().origin);
                let placed = Placed {
                    root: root_of(&origin),
                    policy: policy.clone(),
                };
                Box::new(placed) as Box<dyn PolicyEngine>
            }));
        }
        Combined(engines)
    }

    /// Reads the sources again; what has not changed is kept with its process.
    fn refresh(&mut self) {
        let before = std::mem::take(&mut self.loaded);
        let kept = |digest: &Digest| before.iter().find(|(known, _)| known == digest).cloned();
        if self.sources.is_empty() {
            let digest = Digest::of(b"built in");
            let built_in = kept(&digest).unwrap_or_else(|| {
                let came = self.coming.take().and_then(|loading| loading.join().ok());
                (digest, self.observed(came.unwrap_or_else(RegoPolicy::built_in)))
            });
            self.loaded = vec![built_in];
            return;
        }
        self.loaded = self
            .sources
            .iter()
            .map(|source| match Bundle::read(source) {
                Ok(bundle) => {
                    let digest = bundle.digest();
                    kept(&digest).unwrap_or_else(|| (digest, self.observed(load(&bundle))))
                }
                Err(fault) => {
                    let digest = Digest::of(fault.summary.as_bytes());
                    let broken = RegoPolicy::broken(&source.display().to_string(), &digest, &[fault]);
                    (digest, self.observed(broken))
                }
            })
            .collect();
    }

    fn observed(&self, policy: RegoPolicy) -> RegoPolicy {
        match &self.log {
            Some(log) => policy.observed(log.clone()),
            None => policy,
        }
    }
}

/// Does it have rules for actions on clusters? What could not be loaded is asked too, and denies.
fn knows_actions(policy: &RegoPolicy) -> bool {
    let loaded = policy.loaded();
    let rules = ["allow", "deny"];
    loaded.versions.is_empty()
        || rules
            .iter()
            .any(|rule| loaded.declares("kubernetes_executor.safety", rule))
}

/// How large a stack the built-in policies are read with; the main thread's, which is enough for them.
const STACK: usize = 8 * 1024 * 1024;

/// Begins to load the built-in policies; none where no thread can be had, and whoever needs them loads them then.
fn load_built_in() -> Option<JoinHandle<RegoPolicy>> {
    let thread = std::thread::Builder::new().name("policy".to_owned());
    thread.stack_size(STACK).spawn(RegoPolicy::built_in).ok()
}

/// A bundle from outside, in a process of its own. What is wrong with it makes it deny.
fn load(bundle: &Bundle) -> RegoPolicy {
    match worker_program().map(|program| Isolated::load(program, bundle, 1)) {
        Ok(Ok((asked, loaded))) => RegoPolicy::new(loaded, Arc::new(asked)),
        Ok(Err(faults)) => RegoPolicy::broken(&bundle.origin, &bundle.digest(), &faults),
        Err(error) => {
            let fault = enact_core::diagnostic::Diagnostic::error(error.chain.join(": "));
            RegoPolicy::broken(&bundle.origin, &bundle.digest(), &[fault])
        }
    }
}

/// The same for whoever wants to know what is wrong with it. So many questions are answered at once.
#[cfg(feature = "kubernetes")]
pub(crate) fn isolated(
    bundle: &Bundle,
    at_once: usize,
) -> Result<RegoPolicy, Vec<enact_core::diagnostic::Diagnostic>> {
    let program = worker_program()
        .map_err(|error| vec![enact_core::diagnostic::Diagnostic::error(error.chain.join(": "))])?;
    let (asked, loaded) = Isolated::load(program, bundle, at_once)?;
    Ok(RegoPolicy::new(loaded, Arc::new(asked)))
}

/// How this binary is started as a policy process.
pub(crate) fn worker_program() -> Result<WorkerProgram, CommandError> {
    Ok(WorkerProgram {
        program: std::env::current_exe()?,
        arguments: vec!["policy-worker".into()],
    })
}

/// The decision log of the settings, opened for appending and readable by its owner only.
fn open_log(settings: &Settings) -> Result<Option<Arc<dyn PolicyObserver>>, CommandError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let Some(path) = settings.decision_log() else {
        return Ok(None);
    };
    let opened = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&path);
    let file = opened.map_err(|error| {
        CommandError::invalid(format!(
            "the decision log {} cannot be written: {error}",
            path.display()
        ))
        .hint("change `decision-log` under [policy] in enact.toml")
    })?;
    Ok(Some(Arc::new(DecisionLog::new(file))))
}

/// A bundle whose places are named from where the command runs, so that an editor finds them.
struct Placed {
    policy: RegoPolicy,
    root: PathBuf,
}

impl PolicyEngine for Placed {
    fn bundle_digest(&self) -> Digest {
        self.policy.bundle_digest()
    }

    fn judge(&self, plan: &Plan, occasion: &Occasion) -> Verdict {
        let mut verdict = self.policy.judge(plan, occasion);
        for finding in &mut verdict.findings {
            finding.location = finding.location.take().map(|place| placed(&self.root, &place));
        }
        verdict
    }
}

/// A place in a bundle, from where the command runs.
pub(crate) fn placed(root: &Path, place: &str) -> String {
    root.join(place).display().to_string()
}

/// The directory that the places of a bundle are meant from.
pub(crate) fn root_of(source: &Path) -> PathBuf {
    if source.is_file() {
        source.parent().map(Path::to_owned).unwrap_or_default()
    } else {
        source.to_owned()
    }
}

/// What judges when policy is switched off: nothing, and the verdict says so.
struct SwitchedOff;

impl PolicyEngine for SwitchedOff {
    fn bundle_digest(&self) -> Digest {
        Digest::of(b"no policy")
    }

    fn judge(&self, plan: &Plan, occasion: &Occasion) -> Verdict {
        Verdict::allow(plan.id().clone(), self.bundle_digest()).with(Finding {
            rule: NO_POLICY.to_owned(),
            outcome: Outcome::Allow,
            message: format!("policy was switched off with --no-policy by {}", occasion.actor),
            change_id: None,
            location: None,
        })
    }
}
