//! `enact policy test`: run the tests of policies, as `opa test` does.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use enact_core::exit::ExitCode;
use enact_engine::policy::bundle::Bundle;
use enact_engine::policy::test_report::{Coverage, TestEntry, TestReport};
use enact_engine::policy::test_run::{TestOptions, TestRun, run_tests};
use jiff::SignedDuration;
use regex::Regex;

use super::super::Context;
use super::Shown;
use crate::cli::Output;
use crate::error::{CommandError, CommandResult};
use crate::policy::worker_program;
use crate::views::{self, junit, test_text};

/// The longest time that a test can be given.
const MOST: SignedDuration = SignedDuration::from_hours(1);

/// The form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Pretty,
    /// One JSON document (enact.policy-test/v1).
    Json,
    /// JUnit's XML, for CI.
    Junit,
}

/// Run the tests of policies
#[derive(Debug, Args)]
#[command(
    after_help = "A test is a rule whose name begins with `test_`; it passes when it is true. One that begins with `todo_test_` is
skipped. Each test is given its time and its memory; one that takes more is an error, and the others still run.

Exit code 0 when all passed, 1 when one failed or too few lines are covered, 3 when the policies do not load or there is
no test to run.

Examples:
  enact policy test policies/
  enact policy test policies/ --run 'deletions_test\\.test_' -v
  enact policy test policies/ --threshold 90
  enact policy test policies/ --format junit > report.xml"
)]
pub(crate) struct TestArgs {
    /// Directories of policies and tests, or files of them; together they are one bundle
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Show every test, with what it printed; otherwise only those that did not pass
    #[arg(short, long)]
    verbose: bool,
    /// Run the tests whose full name (data.enact.plan_test.test_small) matches
    #[arg(long, value_name = "REGEX")]
    run: Option<String>,
    /// Show which lines of the policies no test reached
    #[arg(long)]
    coverage: bool,
    /// Fail when less than this share of the lines is covered; implies --coverage
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    threshold: Option<f64>,
    /// The form of the result, on standard output
    #[arg(long, value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// How long each test may take: 500ms, 5s, 1m 30s
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    timeout: Duration,
}

pub(crate) fn run(context: &Context, args: &TestArgs) -> CommandResult {
    let selected = selection(args)?;
    let shown = Shown::new(&args.paths);
    let bundle = Bundle::read_several(&args.paths).map_err(|fault| shown.unusable(vec![fault]))?;
    let options = TestOptions {
        selected: &|name| selected.as_ref().is_none_or(|wanted| wanted.is_match(name)),
        limit: args.timeout,
        coverage: args.coverage || args.threshold.is_some(),
    };
    let name = |file: &str| shown.name(file);
    let mut listing = test_text::Listing::new(context.painter, args.verbose);
    let mut unwritten = None;
    let mut each = |case: &_, result: &_| {
        if args.format == Format::Pretty {
            let text = listing.entry(&TestEntry::of(case, result, &name));
            unwritten = unwritten.take().or(views::print_text(&text).err());
        }
    };
    let ran = run_tests(&worker_program()?, &bundle, &options, &mut each)
        .map_err(|faults| shown.unusable(faults))?;
    if let Some(error) = unwritten {
        return Err(error);
    }
    if ran.results.is_empty() {
        return Err(nothing_ran(args, &ran));
    }
    let report = TestReport::of(&ran, &name);
    match args.format {
        Format::Pretty => views::print_text(&listing.summary(&report))?,
        Format::Json => views::print_document(&report, Output::Json)?,
        Format::Junit => views::print(&junit::render(&report))?,
    }
    let short = args.threshold.and_then(|wanted| shortfall(&report, wanted));
    if let Some(said) = &short {
        views::say(&format!("{} {said}\n", context.painter.bad("error:")));
    }
    Ok(if report.counts.is_good() && short.is_none() {
        ExitCode::Ok
    } else {
        ExitCode::Failed
    })
}

fn selection(args: &TestArgs) -> Result<Option<Regex>, CommandError> {
    let Some(wanted) = &args.run else {
        return Ok(None);
    };
    Regex::new(wanted).map(Some).map_err(|error| {
        let text = error.to_string();
        let why = text.lines().last().unwrap_or_default();
        CommandError::invalid(format!(
            "--run: {wanted:?} is no regular expression: {}",
            why.trim_start_matches("error: ")
        ))
    })
}

fn nothing_ran(args: &TestArgs, ran: &TestRun) -> CommandError {
    match &args.run {
        Some(wanted) if ran.available > 0 => {
            let tests = if ran.available == 1 { "test" } else { "tests" };
            CommandError::invalid(format!(
                "no test matches --run {wanted:?}; there are {} {tests}",
                ran.available
            ))
            .hint("it is compared with the full name, such as data.enact.plan_test.test_small")
        }
        Some(_) | None => CommandError::invalid(format!("there is no test in {}", ran.loaded.origin))
            .hint("a test is a rule whose name begins with test_, in a file such as NAME_test.rego"),
    }
}

/// How much is missing to the threshold, when something is.
fn shortfall(report: &TestReport, wanted: f64) -> Option<String> {
    let coverage: &Coverage = report.coverage.as_ref()?;
    (!coverage.reaches(wanted)).then(|| {
        format!(
            "{}% of the lines are covered, {:.2} less than the threshold of {wanted}%",
            coverage.coverage,
            wanted - coverage.coverage
        )
    })
}

fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text
        .trim_end_matches('%')
        .parse()
        .map_err(|_| "a percentage is a number, such as 80 or 92.5".to_owned())?;
    if (0.0..=100.0).contains(&number) {
        Ok(number)
    } else {
        Err("a percentage is between 0 and 100".to_owned())
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let time: SignedDuration = text
        .parse()
        .map_err(|_| "a time is a number with a unit, such as 500ms, 5s or 1m 30s".to_owned())?;
    if time > MOST {
        return Err("a test can be given an hour at most".to_owned());
    }
    Duration::try_from(time)
        .ok()
        .filter(|time| time.as_millis() > 0)
        .ok_or_else(|| "a test needs a millisecond at least".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let read = |text: &str| time(text).ok().map(|time| time.as_millis());
        assert_eq!(read("5s"), Some(5000));
        assert_eq!(read("500ms"), Some(500));
        assert_eq!(read("1m 30s"), Some(90_000));
        assert_eq!(read("1h"), Some(3_600_000));
        for wrong in ["5", "", "soon", "-5s", "0s", "2h", "1us"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn percentages_stand_between_nothing_and_all() {
        assert_eq!(percent("80"), Ok(80.0));
        assert_eq!(percent("92.5%"), Ok(92.5));
        for wrong in ["-1", "100.1", "NaN", "inf", "many", ""] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }
}
