//! What the tests of policies share: bundles from texts, questions with a bound on their time, plans to judge.

use std::sync::mpsc::channel;
use std::time::Duration;

use enact_core::diagnostic::Diagnostic;
use enact_core::plan::Plan;
use enact_core::verdict::Verdict;
use enact_engine::policy::PolicyEngine as _;
use enact_engine::policy::asking::{Ask as _, InProcess, Loaded};
use enact_engine::policy::bundle::{Bundle, BundleFile};
use enact_engine::policy::evaluate::{Answer, Detail, Failure};
use enact_engine::policy::query::Question;
use enact_engine::policy::rego::RegoPolicy;
use enact_testkit::fixtures::occasion;

/// Far above what anything here may take: what is still running then hangs.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn bundle(files: &[(&str, &str)]) -> Bundle {
    let files = files.iter().map(|(path, text)| BundleFile {
        path: (*path).to_owned(),
        text: (*text).to_owned(),
    });
    Bundle::new("test", files.collect()).unwrap()
}

/// Runs something on a thread of its own, and fails the test when it hangs.
pub(crate) fn bounded<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, waiting) = channel();
    std::thread::spawn(move || done.send(work()));
    match waiting.recv_timeout(PATIENCE) {
        Ok(result) => result,
        Err(error) => panic!("{what}: no result within {PATIENCE:?}: {error}"),
    }
}

pub(crate) fn load(files: &[(&str, &str)]) -> Result<(InProcess, Loaded), Vec<Diagnostic>> {
    let bundle = bundle(files);
    bounded("load", move || InProcess::load(&bundle))
}

/// The one thing that is wrong with a bundle of one file.
pub(crate) fn fault_of(text: &str) -> String {
    faults_of(&[("a.rego", text)]).join("; ")
}

/// Everything that is wrong with a bundle; empty when it loads.
pub(crate) fn faults_of(files: &[(&str, &str)]) -> Vec<String> {
    match load(files) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.into_iter().map(|fault| fault.summary).collect(),
    }
}

/// Asks a bundle that must load.
pub(crate) fn ask(files: &[(&str, &str)], question: Question, input: &str) -> Result<Answer, Failure> {
    let (asked, _) = load(files).unwrap_or_else(|faults| panic!("{files:?}: {faults:?}"));
    let input = input.to_owned();
    bounded("ask", move || asked.ask(question, input, Detail::EveryRule))
}

pub(crate) fn judge(bundle: &Bundle, plan: &Plan) -> Verdict {
    in_process(bundle).judge(plan, &occasion())
}

/// A bundle in force, evaluated in this process. One that does not load denies, as it does for a command.
pub(crate) fn in_process(bundle: &Bundle) -> RegoPolicy {
    match enact_engine::policy::asking::InProcess::load(bundle) {
        Ok((asked, loaded)) => RegoPolicy::new(loaded, std::sync::Arc::new(asked)),
        Err(faults) => RegoPolicy::broken(&bundle.origin, &bundle.digest(), &faults),
    }
}
