//! What the tests of the format share.

use enact_core::diagnostic::Diagnostic;
use enact_core::journal::Fact;
use enact_core::plan::Plan;
use enact_core::principal::{Principal, PrincipalKind};
use enact_runbook::files::MemoryFiles;
use enact_runbook::{CheckReport, CompileOptions, Compiled, Source, check, compile};
use serde_json::Value;

pub(crate) const MIGRATION: &str = include_str!("../samples/users-mysql-to-postgres.plan.yaml");
pub(crate) const MAINTENANCE: &str = include_str!("../samples/node-maintenance.plan.yaml");

/// The smallest complete runbook, with steps put in.
pub(crate) fn with_steps(steps: &str) -> String {
    format!(
        "version: enact/v1\nkind: Plan\nname: small\ntitle: Small\n\
         requirements:\n  - {{ id: R1, text: Works }}\n\
         steps:\n{steps}\n\
         acceptance:\n  - {{ id: C1, text: Works, manual: true, satisfies: [R1] }}\n"
    )
}

pub(crate) fn person() -> Principal {
    Principal {
        id: "os:ana".to_owned(),
        kind: PrincipalKind::Person,
    }
}

/// That a run of the plan began, its first.
pub(crate) fn started(plan: &Plan) -> Fact {
    Fact::RunStarted {
        plan_id: plan.id().clone(),
        approvals: Vec::new(),
        bundle_digest: enact_core::canonical::Digest::of(b"bundle"),
        without_policy: false,
        conditions: Vec::new(),
        folder: None,
        number: 1,
        by: person(),
    }
}

/// That it was taken up again, or is being taken back.
pub(crate) fn resumed(back: bool) -> Fact {
    Fact::Resumed {
        back,
        bundle_digest: None,
        without_policy: false,
        approvals: Vec::new(),
        folder: None,
        by: person(),
    }
}

pub(crate) fn options() -> CompileOptions {
    CompileOptions::new("2026-11-20T10:00:00Z".parse().unwrap(), person())
}

pub(crate) fn with_parameters(parameters: &[(&str, Value)]) -> CompileOptions {
    CompileOptions {
        parameters: parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        ..options()
    }
}

pub(crate) fn source(text: &str) -> Source {
    Source {
        name: "a.plan.yaml".to_owned(),
        content: text.as_bytes().to_vec(),
    }
}

pub(crate) fn files(entries: &[(&str, &str)]) -> MemoryFiles {
    MemoryFiles(
        entries
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
            .collect(),
    )
}

/// The scripts of the migration.
pub(crate) fn scripts() -> MemoryFiles {
    let names = [
        "convert-schema",
        "validate",
        "export",
        "rehearse-import",
        "migrate",
        "compare",
        "cutover",
        "maintenance",
        "smoke",
    ];
    MemoryFiles(
        names
            .iter()
            .map(|name| (format!("scripts/{name}.sh"), b"#!/bin/sh\n".to_vec()))
            .collect(),
    )
}

pub(crate) fn compiled(text: &str, options: &CompileOptions, files: &MemoryFiles) -> Compiled {
    compile(&source(text), options, files, None).unwrap_or_else(|faults| panic!("{}", listed(&faults)))
}

pub(crate) fn plan(text: &str) -> Plan {
    compiled(text, &options(), &MemoryFiles::default())
        .draft
        .freeze()
        .unwrap()
}

pub(crate) fn report(text: &str) -> CheckReport {
    check(&source(text), &options(), &MemoryFiles::default(), None)
}

/// `line:column summary (hint)` of each error.
pub(crate) fn errors(text: &str) -> Vec<String> {
    errors_with(text, &options(), &MemoryFiles::default())
}

pub(crate) fn errors_with(text: &str, options: &CompileOptions, files: &MemoryFiles) -> Vec<String> {
    match compile(&source(text), options, files, None) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(shown).collect(),
    }
}

pub(crate) fn shown(fault: &Diagnostic) -> String {
    let position = fault.place.as_ref().and_then(|place| place.position);
    let position = position.map_or_else(|| "-".to_owned(), |at| format!("{}:{}", at.line, at.column));
    let hint = fault
        .hint
        .as_ref()
        .map_or_else(String::new, |hint| format!(" ({hint})"));
    format!("{position} {}{hint}", fault.summary)
}

pub(crate) fn listed(faults: &[Diagnostic]) -> String {
    faults.iter().map(shown).collect::<Vec<_>>().join("\n")
}

/// The plan of a step on a cluster, as if its target were a node.
pub(crate) fn on_a_node(
    request: &enact_runbook::cluster::ClusterRequest<'_>,
) -> enact_runbook::cluster::ClusterPlan {
    use enact_runbook::cluster::{ClusterName, ClusterPlan, Doing, Planned, WayBack};
    ClusterPlan {
        doing: Doing {
            action: request.action.to_owned(),
            kind: request.aim.kind.clone().unwrap_or_default(),
            namespace: request.aim.namespace.clone(),
            name: request.aim.name.clone().unwrap_or_default(),
            parameters: request.parameters.clone(),
        },
        planned: Planned {
            cluster: ClusterName {
                context: None,
                server: "https://cluster".to_owned(),
            },
            uid: "uid-1".to_owned(),
            generation: None,
            resource_version: None,
            first: true,
            description: "do it".to_owned(),
            warnings: Vec::new(),
            effect: enact_core::change::Effect::Write,
            repeatable: true,
            input: serde_json::json!({}),
        },
        timeout: enact_core::change::Milliseconds(30_000),
        back: WayBack::None("there is none".to_owned()),
    }
}
