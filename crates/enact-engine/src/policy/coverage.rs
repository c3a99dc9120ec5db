//! Which lines of the policies some test reached. The engine reports on files of which it evaluated something; the lines of
//! all others are found here, so that a file without a test counts.
//!
//! Where a test reaches a rule through an import (`import data.p`, then `p.deny`), the engine evaluates all rules of that
//! package, and their lines count as far as they were evaluated. `data.p.deny` evaluates that rule only.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::compile::Compiled;
use super::syntax::{Module, RegoVersion};

/// The lines of one file that some test reached, and those that none did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileCoverage {
    /// Lines that were evaluated.
    pub covered: BTreeSet<u32>,
    /// Lines that were not.
    pub not_covered: BTreeSet<u32>,
}

impl FileCoverage {
    /// Adds what another evaluation of the same file reached.
    pub fn add(&mut self, other: &Self) {
        self.covered.extend(&other.covered);
        self.not_covered.extend(&other.not_covered);
        self.not_covered.retain(|line| !self.covered.contains(line));
    }
}

/// Adds what an engine evaluated to what is known already. Files of tests, and what is no file of the bundle, are left out.
pub(super) fn gather(
    engine: &regorus::Engine,
    compiled: &Compiled,
    files: &mut BTreeMap<String, FileCoverage>,
) {
    let Ok(report) = engine.get_coverage_report() else {
        return;
    };
    for file in report.files {
        if !policies(compiled).any(|module| module.path == file.path) {
            continue;
        }
        let reached = FileCoverage {
            covered: file.covered,
            not_covered: file.not_covered,
        };
        files.entry(file.path).or_default().add(&reached);
    }
}

/// Adds the policies of which nothing was evaluated.
pub(super) fn add_unreached(compiled: &Compiled, files: &mut BTreeMap<String, FileCoverage>) {
    for module in policies(compiled) {
        if files.contains_key(&module.path) {
            continue;
        }
        let text = compiled
            .bundle
            .file(&module.path)
            .map_or("", |file| file.text.as_str());
        let unreached = FileCoverage {
            covered: BTreeSet::new(),
            not_covered: lines(module, text).unwrap_or_default(),
        };
        files.insert(module.path.clone(), unreached);
    }
}

fn policies(compiled: &Compiled) -> impl Iterator<Item = &Module> {
    let modules = compiled.modules().iter();
    modules.filter(|module| !module.path.ends_with("_test.rego"))
}

/// The lines that can be reached. The engine says so of any file of which something was evaluated, so a copy of the file gets
/// one more rule, and that one is evaluated.
fn lines(module: &Module, text: &str) -> Option<BTreeSet<u32>> {
    const RULE: &str = "enact_lines_of_this_file";
    let mut engine = regorus::Engine::new();
    engine.set_rego_v0(module.version == RegoVersion::V0);
    engine.set_enable_coverage(true);
    let package = engine
        .add_policy(module.path.clone(), format!("{text}\n{RULE} := true\n"))
        .ok()?;
    engine.eval_rule(format!("{package}.{RULE}")).ok()?;
    let file = engine.get_coverage_report().ok()?.files.into_iter().next()?;
    let added = text.lines().count();
    let is_own = |line: &u32| usize::try_from(*line).is_ok_and(|line| line <= added);
    Some(
        file.covered
            .into_iter()
            .chain(file.not_covered)
            .filter(is_own)
            .collect(),
    )
}
