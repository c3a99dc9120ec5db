//! What is wrong with the policies of a bundle that the compiler does not say, or says only when it comes across it: unknown
//! functions, rules that use themselves, sets that are objects, names that nobody will ask for.

use std::collections::{BTreeMap, BTreeSet};

use enact_core::diagnostic::Diagnostic;

use super::builtins;
use super::bundle::Bundle;
use super::limits::MAX_RULE_CHAIN;
use super::query::{ASKING_PACKAGE, QUERIES};
use super::syntax::{Call, DottedPath, HeadKind, Module, Rule, place_at};

/// Everything to say about the modules of one bundle, sorted by place.
pub fn lint(bundle: &Bundle, modules: &[Module]) -> Vec<Diagnostic> {
    let program = Program::new(bundle, modules);
    let mut faults = Vec::new();
    for module in modules {
        for rule in &module.rules {
            faults.extend(object_by_accident(&program, module, rule));
            faults.extend(program.unknown_calls(module, rule));
            faults.extend(misspelt_output(&program, module, rule));
        }
    }
    faults.extend(whole_packages(&program, modules));
    faults.extend(reserved(&program, modules));
    faults.extend(program.two_kinds());
    faults.extend(program.rules_over_packages(modules));
    faults.extend(program.recursion());
    faults.extend(program.data_over_rules(bundle));
    faults.sort_by(|a, b| a.place.cmp(&b.place).then(a.summary.cmp(&b.summary)));
    faults
}

/// References to a package as a whole that is spread over files, or has packages below it. The engine takes such a package for
/// evaluated after its first file, and what the other files say is lost: a denial could be missing.
fn whole_packages(program: &Program<'_>, modules: &[Module]) -> Vec<Diagnostic> {
    let mut files: BTreeMap<DottedPath, usize> = BTreeMap::new();
    for module in modules {
        *files.entry(module.package.clone()).or_default() += 1;
    }
    let mut faults = Vec::new();
    for module in modules {
        for rule in &module.rules {
            let mut paths = rule.references.iter().filter_map(|reference| {
                let is_local = reference.first().is_some_and(|root| rule.locals.contains(root));
                absolute(module, reference).filter(|_| !is_local)
            });
            let whole = paths.find_map(|path| spread_below(&files, &path));
            faults.extend(whole.map(|package| {
                Diagnostic::error(format!(
                    "`data.{}` is used as a whole, and is spread over several files",
                    package.join(".")
                ))
                .detail("the engine would see the rules of some of them only")
                .hint("name the rule that is meant, or keep the package in one file")
                .at(program.place(module, rule.at.start))
            }));
        }
    }
    faults
}

/// The first package at or below a path that several files make: their own, or those of a package around another.
fn spread_below<'a>(files: &'a BTreeMap<DottedPath, usize>, path: &DottedPath) -> Option<&'a DottedPath> {
    let mut before: Option<&DottedPath> = None;
    let below = files
        .range(path.clone()..)
        .take_while(|(package, _)| package.starts_with(path));
    for (package, count) in below {
        if *count > 1 {
            return Some(package);
        }
        if let Some(outer) = before.filter(|outer| package.starts_with(outer)) {
            return Some(outer);
        }
        before = Some(package);
    }
    None
}

/// The package that puts answers together is not for policies.
fn reserved(program: &Program<'_>, modules: &[Module]) -> Vec<Diagnostic> {
    let taken = modules
        .iter()
        .filter(|module| module.package.first().is_some_and(|name| name == ASKING_PACKAGE));
    let faults = taken.map(|module| {
        Diagnostic::error(format!("the package name {ASKING_PACKAGE} is reserved"))
            .hint("rename the package")
            .at(program.place(module, 0))
    });
    faults.collect()
}

fn object_by_accident(program: &Program<'_>, module: &Module, rule: &Rule) -> Option<Diagnostic> {
    // A key that is written out is part of the path: `deny["no"]` is `deny.no`.
    let name = rule.name.first()?;
    (rule.kind == HeadKind::ObjectByAccident).then(|| {
        Diagnostic::error(format!(
            "`{name}[…] if` makes an object whose keys are the members, not a set; nothing that asks for a set finds them"
        ))
        .hint(format!("write `{name} contains … if {{ … }}`"))
        .at(program.place(module, rule.at.start))
    })
}

/// What other tools ask for, and what it is called here.
const NAMES_ELSEWHERE: &[(&str, &str)] = &[
    ("denied", "deny"),
    ("violation", "deny"),
    ("violations", "deny"),
    ("warning", "warn"),
    ("warnings", "warn"),
];

/// A rule in a package that is asked, whose name is nearly one of those that are asked for.
fn misspelt_output(program: &Program<'_>, module: &Module, rule: &Rule) -> Option<Diagnostic> {
    let [name] = rule.name.as_slice() else { return None };
    let query = QUERIES
        .iter()
        .find(|query| query.package == module.package.join("."))?;
    if query.outputs.contains(&name.as_str()) {
        return None;
    }
    let near = query.outputs.iter().find(|output| {
        strsim::damerau_levenshtein(output, name) <= 1
            || **output == name.trim_end_matches("ed")
            || NAMES_ELSEWHERE.contains(&(name, output))
    })?;
    Some(
        Diagnostic::warning(format!("nobody asks for `{name}`"))
            .hint(format!("did you mean `{near}`?"))
            .at(program.place(module, rule.name_at.start)),
    )
}

/// The rules of a bundle by their full names, and what uses what.
struct Program<'a> {
    bundle: &'a Bundle,
    rules: BTreeMap<DottedPath, Vec<(&'a Module, &'a Rule)>>,
}

impl<'a> Program<'a> {
    fn new(bundle: &'a Bundle, modules: &'a [Module]) -> Self {
        let mut rules: BTreeMap<DottedPath, Vec<(&Module, &Rule)>> = BTreeMap::new();
        for module in modules {
            for rule in &module.rules {
                rules
                    .entry(full_name(module, rule))
                    .or_default()
                    .push((module, rule));
            }
        }
        Self { bundle, rules }
    }

    fn place(&self, module: &Module, at: usize) -> enact_core::diagnostic::Place {
        let text = self
            .bundle
            .file(&module.path)
            .map_or("", |file| file.text.as_str());
        place_at(&module.path, text, at)
    }

    fn unknown_calls(&self, module: &Module, rule: &Rule) -> Vec<Diagnostic> {
        let unknown = rule.calls.iter().filter(|call| !self.is_known(module, call));
        unknown.map(|call| self.unknown_call(module, call)).collect()
    }

    fn is_known(&self, module: &Module, call: &Call) -> bool {
        builtins::is_allowed(&call.name.join("."))
            || absolute(module, &call.name).is_some_and(|path| self.is_function(&path))
    }

    fn is_function(&self, path: &DottedPath) -> bool {
        let definitions = self.rules.get(path).into_iter().flatten();
        definitions
            .into_iter()
            .any(|(_, rule)| rule.kind == HeadKind::Function)
    }

    fn unknown_call(&self, module: &Module, call: &Call) -> Diagnostic {
        let name = call.name.join(".");
        let fault = match builtins::absent(&name) {
            Some(why) => Diagnostic::error(format!("policies cannot call {name}")).hint(why),
            None => {
                let fault = Diagnostic::error(format!("there is no function {name}"));
                match self.nearest(module, &name) {
                    Some(near) => fault.hint(format!("did you mean `{near}`?")),
                    None => fault.hint("functions of other packages need an import"),
                }
            }
        };
        fault.at(self.place(module, call.at.start))
    }

    fn nearest(&self, module: &Module, name: &str) -> Option<String> {
        let own = module.rules.iter().filter(|rule| rule.kind == HeadKind::Function);
        let own = own.map(|rule| rule.name.join("."));
        let all = builtins::ALLOWED
            .iter()
            .map(|known| (*known).to_owned())
            .chain(own);
        all.map(|known| (strsim::damerau_levenshtein(&known, name), known))
            .filter(|(distance, _)| *distance <= 2)
            .min()
            .map(|(_, known)| known)
    }

    /// Full names of the rules that a rule refers to.
    fn used_by(&self, module: &Module, rule: &Rule) -> BTreeSet<&DottedPath> {
        let mut used = BTreeSet::new();
        let called = rule.calls.iter().map(|call| &call.name);
        for reference in rule.references.iter().chain(called) {
            let is_local = reference.first().is_some_and(|root| rule.locals.contains(root));
            let Some(path) = absolute(module, reference).filter(|_| !is_local) else {
                continue;
            };
            used.extend(self.rules_at(&path));
        }
        used
    }

    /// The rules that a path means: the one it leads to or through, or all that stand below it.
    fn rules_at(&self, path: &DottedPath) -> Vec<&DottedPath> {
        let through = (1..=path.len()).filter_map(|length| path.get(..length));
        let hit = through.filter_map(|part| self.rules.get_key_value(part)).next();
        if let Some((name, _)) = hit {
            return vec![name];
        }
        self.rules
            .range(path.clone()..)
            .map(|(name, _)| name)
            .take_while(|name| name.starts_with(path))
            .collect()
    }

    /// Rules that use themselves, directly or through others, and chains that are too long. Kahn's order: what is left
    /// over stands on a cycle or leads into one.
    fn recursion(&self) -> Vec<Diagnostic> {
        let uses: BTreeMap<&DottedPath, BTreeSet<&DottedPath>> = self
            .rules
            .iter()
            .map(|(name, definitions)| {
                let used = definitions
                    .iter()
                    .flat_map(|(module, rule)| self.used_by(module, rule));
                (name, used.collect())
            })
            .collect();
        let mut waiting: BTreeMap<&DottedPath, usize> = uses.keys().map(|name| (*name, 0)).collect();
        for used in uses.values().flatten() {
            *waiting.entry(used).or_default() += 1;
        }
        let mut chain: BTreeMap<&DottedPath, usize> = BTreeMap::new();
        let mut ready: Vec<&DottedPath> = waiting
            .iter()
            .filter(|(_, users)| **users == 0)
            .map(|(name, _)| *name)
            .collect();
        while let Some(name) = ready.pop() {
            waiting.remove(name);
            let links = chain.get(name).copied().unwrap_or(1);
            if links > MAX_RULE_CHAIN {
                return vec![self.too_long_a_chain(name)];
            }
            for used in uses.get(name).into_iter().flatten() {
                let longest = chain.entry(used).or_insert(1);
                *longest = (*longest).max(links + 1);
                if let Some(users) = waiting.get_mut(used) {
                    *users -= 1;
                    if *users == 0 {
                        ready.push(used);
                    }
                }
            }
        }
        self.cycle_among(&waiting, &uses).into_iter().collect()
    }

    fn too_long_a_chain(&self, name: &DottedPath) -> Diagnostic {
        let fault = Diagnostic::error(format!(
            "more than {MAX_RULE_CHAIN} rules use each other in a row, up to `{}`",
            name.join(".")
        ));
        self.at_rule(fault, name)
            .hint("split the chain, or compute it over a collection")
    }

    fn cycle_among(
        &self,
        left: &BTreeMap<&DottedPath, usize>,
        uses: &BTreeMap<&DottedPath, BTreeSet<&DottedPath>>,
    ) -> Option<Diagnostic> {
        let mut walked: Vec<&DottedPath> = vec![left.keys().next().copied()?];
        loop {
            let here = walked.last().copied()?;
            let next = uses
                .get(here)?
                .iter()
                .find(|name| left.contains_key(**name))
                .copied()?;
            if let Some(begin) = walked.iter().position(|name| *name == next) {
                let mut names: Vec<String> = walked.iter().skip(begin).map(|name| name.join(".")).collect();
                names.push(next.join("."));
                let fault = Diagnostic::error(format!("a rule uses itself: {}", names.join(" → ")))
                    .hint("Rego has no recursion; compute it over a collection, or with walk()");
                return Some(self.at_rule(fault, next));
            }
            walked.push(next);
        }
    }

    fn at_rule(&self, fault: Diagnostic, name: &DottedPath) -> Diagnostic {
        match self.rules.get(name).and_then(|definitions| definitions.first()) {
            Some((module, rule)) => fault.at(self.place(module, rule.at.start)),
            None => fault,
        }
    }

    /// One name that is a set in one place and something else in another: the engine notices only when both have a value,
    /// and a default beside a set it never notices.
    fn two_kinds(&self) -> Vec<Diagnostic> {
        let mixed = self.rules.values().filter_map(|definitions| {
            let (_, first) = definitions
                .iter()
                .find(|(_, rule)| rule.kind != HeadKind::Default)?;
            let (module, other) = definitions.iter().find(|(_, rule)| {
                // Functions have defaults as well.
                let is_default = rule.kind == HeadKind::Default && first.kind == HeadKind::Function;
                family(rule.kind) != family(first.kind) && !is_default
            })?;
            let fault = Diagnostic::error(format!(
                "`{}` is {} here and {} elsewhere",
                other.name.join("."),
                family(other.kind),
                family(first.kind)
            ));
            Some(
                fault
                    .hint("rename one of them")
                    .at(self.place(module, other.at.start)),
            )
        });
        mixed.collect()
    }

    /// A rule whose value would hide a package, or what another rule sets below it.
    fn rules_over_packages(&self, modules: &[Module]) -> Vec<Diagnostic> {
        let packages: BTreeSet<DottedPath> = modules.iter().map(|module| module.package.clone()).collect();
        let hiding = self.rules.iter().filter_map(|(name, definitions)| {
            let hidden = packages
                .range(name.clone()..)
                .next()
                .filter(|next| next.starts_with(name));
            let whole = definitions
                .iter()
                .any(|(_, rule)| !matches!(rule.kind, HeadKind::Object | HeadKind::ObjectByAccident));
            let part = self
                .rules
                .range(name.clone()..)
                .nth(1)
                .map(|(next, _)| next)
                .filter(|next| whole && next.starts_with(name));
            let below = hidden.or(part)?;
            let fault = Diagnostic::error(format!(
                "the rule `{}` stands over `{}`",
                name.join("."),
                below.join(".")
            ));
            Some(self.at_rule(fault.hint("rename one of them"), name))
        });
        hiding.collect()
    }

    /// Data that would stand where rules are: nobody could tell which one is meant.
    fn data_over_rules(&self, bundle: &Bundle) -> Vec<Diagnostic> {
        let Ok(data) = bundle.data() else {
            return Vec::new();
        };
        let covered = self.rules.iter().filter(|(name, _)| stands_on(&data, name));
        covered
            .map(|(name, _)| {
                let fault = Diagnostic::error(format!("the data sets `{}`, which is a rule", name.join(".")))
                    .hint("rename one of them");
                self.at_rule(fault, name)
            })
            .collect()
    }
}

/// Does the data have a value where the rule is, or one that is no object on the way there?
fn stands_on(data: &serde_json::Value, name: &DottedPath) -> bool {
    let mut value = data;
    for part in name {
        let Some(fields) = value.as_object() else {
            return true;
        };
        let Some(inner) = fields.get(part) else {
            return false;
        };
        value = inner;
    }
    true
}

/// What definitions of one name must agree on.
fn family(kind: HeadKind) -> &'static str {
    match kind {
        HeadKind::Set => "a set",
        HeadKind::Object | HeadKind::ObjectByAccident => "an object",
        HeadKind::Function => "a function",
        HeadKind::Value | HeadKind::Default => "one value",
    }
}

fn full_name(module: &Module, rule: &Rule) -> DottedPath {
    module.package.iter().chain(&rule.name).cloned().collect()
}

/// The path below `data` that a name means in a module; `None` for what is in the input.
fn absolute(module: &Module, name: &DottedPath) -> Option<DottedPath> {
    let (root, rest) = name.split_first()?;
    if root == "data" {
        return Some(rest.to_vec());
    }
    if root == "input" {
        return None;
    }
    if let Some((_, path)) = module.imports.iter().find(|(alias, _)| alias == root) {
        let (first, inner) = path.split_first()?;
        return (first == "data").then(|| inner.iter().chain(rest).cloned().collect());
    }
    Some(module.package.iter().chain(name).cloned().collect())
}
