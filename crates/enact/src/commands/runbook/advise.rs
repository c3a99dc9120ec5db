//! `enact runbook advise`: is this worth a plan?

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use enact_core::exit::ExitCode;
use enact_runbook::advise::{
    self, Advice, Dependencies, Environment, Facts, Requirements, Stakes, Steps, Verdict,
};

use super::unreadable;
use crate::cli::Output;
use crate::error::CommandResult;
use crate::runbook::{self, RunbookFlags};
use crate::views;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EnvironmentWord {
    Predictable,
    Dynamic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RequirementsWord {
    Known,
    Partly,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StepsWord {
    One,
    Few,
    Many,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DependenciesWord {
    Sequential,
    Independent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ApprovalWord {
    Needed,
    NotNeeded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StakesWord {
    Low,
    High,
}

/// Say whether planning it whole and then executing is the right way
#[derive(Debug, Args)]
#[command(
    after_help = "What is not said is left open. Of a runbook its own words count where no flag says otherwise. Whatever the
advice is, the exit code is 0.

Examples:
  enact runbook advise move-users.plan.yaml
  enact runbook advise --requirements partly --stakes high
  enact runbook advise --environment dynamic --steps one --output json"
)]
pub(crate) struct AdviseArgs {
    /// A runbook
    #[arg(value_name = "RUNBOOK")]
    file: Option<PathBuf>,
    /// Do the surroundings change while one works?
    #[arg(long, value_enum)]
    environment: Option<EnvironmentWord>,
    /// Is it known what is wanted?
    #[arg(long, value_enum)]
    requirements: Option<RequirementsWord>,
    /// How much is there to do?
    #[arg(long, value_enum)]
    steps: Option<StepsWord>,
    /// Does each step need the one before it?
    #[arg(long, value_enum)]
    dependencies: Option<DependenciesWord>,
    /// Must somebody agree first?
    #[arg(long, value_enum)]
    approval: Option<ApprovalWord>,
    /// What is lost when it goes wrong?
    #[arg(long, value_enum)]
    stakes: Option<StakesWord>,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

impl AdviseArgs {
    fn facts(&self) -> Facts {
        Facts {
            environment: self.environment.map(|word| match word {
                EnvironmentWord::Predictable => Environment::Predictable,
                EnvironmentWord::Dynamic => Environment::Dynamic,
            }),
            requirements: self.requirements.map(|word| match word {
                RequirementsWord::Known => Requirements::Known,
                RequirementsWord::Partly => Requirements::Partly,
                RequirementsWord::Unknown => Requirements::Unknown,
            }),
            steps: self.steps.map(|word| match word {
                StepsWord::One => Steps::One,
                StepsWord::Few => Steps::Few,
                StepsWord::Many => Steps::Many,
            }),
            dependencies: self.dependencies.map(|word| match word {
                DependenciesWord::Sequential => Dependencies::Sequential,
                DependenciesWord::Independent => Dependencies::Independent,
            }),
            approval: self.approval.map(|word| word == ApprovalWord::Needed),
            stakes: self.stakes.map(|word| match word {
                StakesWord::Low => Stakes::Low,
                StakesWord::High => Stakes::High,
            }),
        }
    }
}

pub(super) fn run(args: &AdviseArgs) -> CommandResult {
    let said = match &args.file {
        Some(file) => {
            let opened = runbook::open(file, &RunbookFlags::default())?;
            advise::facts_of(&opened.source).map_err(unreadable)?
        }
        None => Facts::default(),
    };
    let advice = advise::advise(args.facts().or(said));
    match args.output {
        Output::Text => views::print_text(&text(&advice))?,
        Output::Json | Output::Yaml => views::print_document(&advice, args.output)?,
    }
    Ok(ExitCode::Ok)
}

fn text(advice: &Advice) -> String {
    let mut text = String::new();
    for row in &advice.rows {
        let verdict = match row.verdict {
            Verdict::For => "speaks for a plan",
            Verdict::Against => "speaks against",
            Verdict::Neutral => "does not apply",
            Verdict::NotSaid => "not said",
        };
        text.push_str(&format!("{:<30} {verdict:<18} {}\n", row.scenario, row.reason));
    }
    text.push_str(&format!("\nAdvice: {}\n", advice.recommendation.sentence()));
    for because in &advice.because {
        text.push_str(&format!("  because {because}\n"));
    }
    text
}
