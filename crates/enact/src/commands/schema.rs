//! `enact schema`: the JSON Schemas of what enact reads and writes.

use clap::{Args, ValueEnum};
use enact_core::exit::ExitCode;

use crate::cli::Output;
use crate::error::CommandResult;
use crate::views;

/// What to describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// A plan file (enact.plan/v1).
    Plan,
    /// The result of a run (enact.run/v1).
    Run,
    /// One entry of a journal.
    Entry,
    /// One approval.
    Approval,
    /// What policies are asked about (enact.policy-input/v1).
    PolicyInput,
    /// A runbook as its author writes it (enact/v1), for editors.
    Runbook,
    /// What stands in the `document` of a runbook's plan (enact.runbook/v1).
    RunbookDocument,
    /// The `spec` of a step in a runbook's plan.
    RunbookStep,
    /// The report of a runbook's run (enact.runbook-report/v1).
    RunbookReport,
    /// What a run waits for (enact.run-next/v1), of `enact runs next --output json`.
    RunNext,
    /// The result of `enact policy test --format json` (enact.policy-test/v1).
    PolicyTest,
    /// The definition of KubernetesExecution, for `kubectl apply -f -`.
    #[cfg(feature = "kubernetes")]
    Crd,
    /// All that a cluster needs for the executor, for `kubectl apply -f -`.
    #[cfg(feature = "kubernetes")]
    Manifests,
    /// What of the Helm chart is made from the types, into the directory `--out`.
    #[cfg(feature = "kubernetes")]
    Chart,
}

/// Print the JSON Schema of a document
#[derive(Debug, Args)]
#[command(after_help = "Example:
  enact schema plan > plan.schema.json")]
pub(crate) struct SchemaArgs {
    /// The document
    #[arg(value_enum)]
    what: What,
    /// The directory of the chart; only with `chart`, which is several files
    #[cfg(feature = "kubernetes")]
    #[arg(long, value_name = "DIR", required_if_eq("what", "chart"))]
    out: Option<std::path::PathBuf>,
}

pub(crate) fn run(args: &SchemaArgs) -> CommandResult {
    let schema = match args.what {
        What::Plan => schemars::schema_for!(enact_core::plan::PlanDocument),
        What::Run => schemars::schema_for!(enact_core::report::RunReport),
        What::Entry => schemars::schema_for!(enact_core::journal::Entry),
        What::PolicyInput => schemars::schema_for!(enact_engine::policy::input::AnyInput),
        What::PolicyTest => schemars::schema_for!(enact_engine::policy::test_report::TestReport),
        What::Runbook => enact_runbook::schema::runbook_schema(),
        What::RunbookDocument => schemars::schema_for!(enact_runbook::spec::Document),
        What::RunbookStep => schemars::schema_for!(enact_runbook::spec::StepSpec),
        What::RunbookReport => schemars::schema_for!(enact_runbook::report::RunbookReport),
        What::RunNext => schemars::schema_for!(super::runs_next::Next),
        What::Approval => schemars::schema_for!(enact_core::approval::Approval),
        #[cfg(feature = "kubernetes")]
        What::Crd => return objects(&[serde_json::to_value(enact_kube::api::crd())?]),
        #[cfg(feature = "kubernetes")]
        What::Manifests => {
            let files = enact_kube::manifests::files(&enact_kube::manifests::Choices::default())?;
            let all: Vec<serde_json::Value> = files.into_iter().flat_map(|(_, objects)| objects).collect();
            return objects(&all);
        }
        #[cfg(feature = "kubernetes")]
        What::Chart => return chart(args.out.as_deref().unwrap_or_else(|| std::path::Path::new("."))),
    };
    views::print_document(&schema, Output::Json)?;
    Ok(ExitCode::Ok)
}

/// Objects of a cluster as YAML documents.
#[cfg(feature = "kubernetes")]
fn objects(objects: &[serde_json::Value]) -> CommandResult {
    for object in objects {
        views::print("---\n")?;
        views::print_document(object, Output::Yaml)?;
    }
    Ok(ExitCode::Ok)
}

/// Writes the generated files of the chart; they replace those that are there.
#[cfg(feature = "kubernetes")]
fn chart(directory: &std::path::Path) -> CommandResult {
    for (path, parts) in enact_kube::manifests::chart_files()? {
        let file = directory.join(&path);
        let mut text = String::new();
        for part in parts {
            match part {
                enact_kube::manifests::Part::Text(plain) => text.push_str(&plain),
                enact_kube::manifests::Part::Object(object) => {
                    text.push_str("---\n");
                    text.push_str(&views::yaml(&object)?);
                }
            }
        }
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&file, text)?;
    }
    Ok(ExitCode::Ok)
}
