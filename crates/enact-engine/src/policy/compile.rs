//! From a bundle to something that can be asked, or to everything that is wrong with it. Nothing here reads the world.

use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use enact_core::canonical::Digest;
use enact_core::diagnostic::{Diagnostic, Place, Position, Severity};
use regorus::utils::limits::ExecutionTimerConfig;

use super::bundle::{Bundle, BundleFile};
use super::decision::bundle_faults;
use super::evaluate::{Detail, Evaluator};
use super::limits::STACK_BYTES;
use super::lint::lint;
use super::query::{ASKING_PACKAGE, QUERIES, Query, Question};
use super::scan::scan;
use super::syntax::{Module, RegoVersion, is_plain, module, place_at, replaced};

/// Which of a bundle's files to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The policies, as they judge.
    Policies,
    /// The policies and their tests.
    WithTests,
}

/// A bundle that can be asked. Cloning shares nothing that evaluation writes to.
#[derive(Clone)]
pub struct Compiled {
    /// The bundle.
    pub bundle: Arc<Bundle>,
    /// Its digest.
    pub digest: Digest,
    /// What is doubtful about it.
    pub warnings: Vec<Diagnostic>,
    pub(super) engine: regorus::Engine,
    scope: Scope,
    modules: OnceLock<Vec<Module>>,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Compiled")
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

impl Compiled {
    /// Compiles a bundle on a thread with a stack for it. The same bundle gives the same result.
    ///
    /// # Errors
    /// Everything that is wrong with it, sorted by place.
    pub fn load(bundle: &Bundle, scope: Scope) -> Result<Self, Vec<Diagnostic>> {
        on_large_stack(|| Self::load_here(bundle, scope))
            .unwrap_or_else(|lost| Err(vec![Diagnostic::error(lost)]))
    }

    /// The same on the caller's stack, which must be a large one.
    ///
    /// # Errors
    /// As [`Compiled::load`].
    pub fn load_here(bundle: &Bundle, scope: Scope) -> Result<Self, Vec<Diagnostic>> {
        let modules = parse_all(bundle, scope)?;
        let (errors, warnings): (Vec<_>, Vec<_>) = lint(bundle, &modules)
            .into_iter()
            .partition(|fault| fault.severity == Severity::Error);
        if !errors.is_empty() {
            return Err(errors);
        }
        let engine = build(
            bundle,
            spelled_out(bundle, &modules),
            &asking(declared_in(&modules)),
        )?;
        let compiled = Self {
            bundle: Arc::new(bundle.clone()),
            digest: bundle.digest(),
            warnings,
            engine,
            scope,
            modules: modules.into(),
        };
        compiled.check_rules()?;
        compiled.check_itself()?;
        Ok(compiled)
    }

    /// The bundle that comes with the program, without looking for what a test has looked for already: it is Rego v1, uses no
    /// imports, is without faults, and declares these outputs.
    ///
    /// # Errors
    /// What the engine says; never, as long as that test passes.
    pub(super) fn embedded(bundle: &Bundle, declared: &[(&str, &str)]) -> Result<Self, Vec<Diagnostic>> {
        let sources = bundle
            .policies()
            .map(|file| (file.path.as_str(), file.text.clone(), RegoVersion::V1));
        let engine = build(
            bundle,
            sources,
            &asking(|query, output| declared.contains(&(query.package, output))),
        )?;
        Ok(Self {
            bundle: Arc::new(bundle.clone()),
            digest: bundle.digest(),
            warnings: Vec::new(),
            engine,
            scope: Scope::Policies,
            modules: OnceLock::new(),
        })
    }

    /// What its files declare.
    pub fn modules(&self) -> &[Module] {
        // What was loaded parses again; an embedded bundle is parsed the first time that somebody asks.
        self.modules
            .get_or_init(|| parse_all(&self.bundle, self.scope).unwrap_or_default())
    }

    /// Asks the bundle whether it is in order: what depends on its data alone is checked once, here.
    fn check_itself(&self) -> Result<(), Vec<Diagnostic>> {
        if !self.declares(Question::Bundle.query().package, "faults") {
            return Ok(());
        }
        let answer = Evaluator::new(self.clone()).ask(Question::Bundle, "{}", Detail::Objections);
        let faults = bundle_faults(answer);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// Does the bundle declare a rule of this name in this package?
    pub fn declares(&self, package: &str, name: &str) -> bool {
        self.modules()
            .iter()
            .filter(|module| module.package.join(".") == package)
            .flat_map(|module| &module.rules)
            .any(|rule| rule.name.first().is_some_and(|first| first == name))
    }

    /// Has the compiler go through every rule: variables without a value are found here, not when they are reached.
    fn check_rules(&self) -> Result<(), Vec<Diagnostic>> {
        // Any rule does; the engine cannot be told of one whose path needs brackets.
        let mut paths = self.modules().iter().flat_map(|module| {
            let rules = module.rules.iter();
            rules.map(|rule| module.package.iter().chain(&rule.name))
        });
        let Some(path) = paths.find(|path| path.clone().all(|part| is_plain(part))) else {
            return Ok(());
        };
        let entry = path.fold("data".to_owned(), |entry, part| format!("{entry}.{part}"));
        let entry: regorus::Rc<str> = entry.into();
        match self.engine.clone().compile_with_entrypoint(&entry) {
            Ok(_) => Ok(()),
            Err(error) => Err(vec![from_engine(&self.bundle, &error)]),
        }
    }
}

fn parse_all(bundle: &Bundle, scope: Scope) -> Result<Vec<Module>, Vec<Diagnostic>> {
    let files = bundle
        .files()
        .iter()
        .filter(|file| file.is_policy() || (scope == Scope::WithTests && file.is_test()));
    let mut modules = Vec::new();
    let mut faults = Vec::new();
    for file in files {
        match parse(file) {
            Ok(module) => modules.push(module),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        Ok(modules)
    } else {
        Err(faults)
    }
}

/// One file, as Rego v1; as v0 where that fails. What the file turned out to be is recorded.
fn parse(file: &BundleFile) -> Result<Module, Diagnostic> {
    scan(&file.path, &file.text)?;
    match parse_as(file, RegoVersion::V1) {
        Ok(module) => Ok(module),
        Err(first) => parse_as(file, RegoVersion::V0).map_err(|_| first),
    }
}

fn parse_as(file: &BundleFile, version: RegoVersion) -> Result<Module, Diagnostic> {
    let mut engine = regorus::Engine::new();
    engine.set_rego_v0(version == RegoVersion::V0);
    engine
        .add_policy(file.path.clone(), file.text.clone())
        .map_err(|error| describe(&file.path, &file.text, &format!("{error:#}")))?;
    let tree = engine
        .get_ast_as_json()
        .map_err(|error| describe(&file.path, &file.text, &format!("{error:#}")))?;
    module(&file.path, &file.text, version, &tree)
}

/// An engine with these sources (path, text, dialect), the module that asks, and the bundle's data.
fn build<'a>(
    bundle: &Bundle,
    sources: impl Iterator<Item = (&'a str, String, RegoVersion)>,
    asking: &str,
) -> Result<regorus::Engine, Vec<Diagnostic>> {
    let data = bundle.data()?;
    let mut engine = regorus::Engine::new();
    // An error inside a rule is an answer of its own: it denies.
    engine.set_strict_builtin_errors(true);
    engine.set_gather_prints(true);
    let failed = |error: &dyn std::fmt::Display| vec![from_engine(bundle, error)];
    for (path, text, version) in sources {
        engine.set_rego_v0(version == RegoVersion::V0);
        engine
            .add_policy(path.to_owned(), text)
            .map_err(|error| failed(&error))?;
    }
    engine.set_rego_v0(false);
    engine
        .add_policy("(asking)".to_owned(), asking.to_owned())
        .map_err(|error| failed(&error))?;
    let data = serde_json::from_value::<regorus::Value>(data).map_err(|error| {
        vec![Diagnostic::error(format!(
            "the data of the bundle is not usable: {error}"
        ))]
    })?;
    engine
        .add_data(data)
        .map_err(|error| vec![from_engine(bundle, &error)])?;
    Ok(engine)
}

/// The sources as the engine is given them: references through imports are spelled out.
fn spelled_out<'a>(
    bundle: &'a Bundle,
    modules: &'a [Module],
) -> impl Iterator<Item = (&'a str, String, RegoVersion)> {
    modules.iter().map(|module| {
        let text = bundle.file(&module.path).map_or("", |file| file.text.as_str());
        let text = replaced(text, module.through_imports());
        (module.path.as_str(), text, module.version)
    })
}

/// Does a bundle declare an output of a question?
fn declared_in(modules: &[Module]) -> impl Fn(&Query, &str) -> bool {
    move |query, output| {
        let in_package = modules
            .iter()
            .filter(|module| module.package.join(".") == query.package);
        let mut names = in_package
            .flat_map(|module| &module.rules)
            .filter_map(|rule| rule.name.first());
        names.any(|name| name == output)
    }
}

/// The rules that put the answers to each question together, of what is declared.
fn asking(is_declared: impl Fn(&Query, &str) -> bool) -> String {
    let mut source = format!("package {ASKING_PACKAGE}\n");
    for query in QUERIES {
        let asked = query
            .outputs
            .iter()
            .copied()
            .filter(|output| is_declared(query, output));
        source.push_str(&query.asking_source(asked));
    }
    source
}

/// How long an evaluation may take.
pub(super) fn timer(limit: Duration) -> ExecutionTimerConfig {
    ExecutionTimerConfig {
        limit,
        check_interval: NonZeroU32::new(1000).unwrap_or(NonZeroU32::MIN),
    }
}

/// What the engine says, as a fault with its place.
pub(super) fn from_engine(bundle: &Bundle, error: &dyn std::fmt::Display) -> Diagnostic {
    let message = format!("{error:#}");
    let file = engine_place(&message).and_then(|(path, _, _)| bundle.file(path));
    match file {
        Some(file) => describe(&file.path, &file.text, &message),
        None => Diagnostic::error(last_line(&message)),
    }
}

/// regorus writes `--> file:line:column`, the source line, a caret and `error: what`.
fn describe(path: &str, text: &str, message: &str) -> Diagnostic {
    let fault = Diagnostic::error(last_line(message));
    let Some((_, line, column)) = engine_place(message).filter(|(named, _, _)| *named == path) else {
        return fault.at(place_at(path, text, 0));
    };
    let excerpt = text
        .lines()
        .nth(line.saturating_sub(1) as usize)
        .unwrap_or_default();
    fault.at(Place {
        file: path.to_owned(),
        position: Some(Position { line, column }),
        excerpt: excerpt.chars().take(200).collect(),
        length: 1,
    })
}

pub(super) fn engine_place(message: &str) -> Option<(&str, u32, u32)> {
    let line = message
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("--> "))?;
    let (rest, column) = line.rsplit_once(':')?;
    let (path, row) = rest.rsplit_once(':')?;
    Some((path, row.parse().ok()?, column.parse().ok()?))
}

fn last_line(message: &str) -> String {
    let told = message
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("error: "));
    let text = told.or_else(|| message.lines().map(str::trim).find(|line| !line.is_empty()));
    text.unwrap_or("the engine gave no reason")
        .chars()
        .take(500)
        .collect()
}

/// Runs something on a thread with a stack that no bounded source can exhaust; a panic becomes a message.
///
/// # Errors
/// When the thread cannot start, or panicked.
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let started = std::thread::Builder::new()
            .name("policy".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work);
        match started {
            Ok(thread) => thread
                .join()
                .map_err(|_| "the policy engine failed inside".to_owned()),
            Err(error) => Err(format!("no thread for the policy engine: {error}")),
        }
    })
}
