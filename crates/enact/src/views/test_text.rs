//! Results of policy tests, for people: the files as headings, the tests that did not pass (or all of them), then the counts.

use std::time::Duration;

use enact_engine::policy::test_report::{Coverage, CoveredFile, TestEntry, TestReport, TestWord};

use super::Painter;

const RULE: &str = "--------------------------------------------------------------------------------\n";

/// Tests as they end.
#[derive(Debug)]
pub(crate) struct Listing {
    painter: Painter,
    verbose: bool,
    file: String,
}

impl Listing {
    /// Nothing listed yet.
    pub(crate) fn new(painter: Painter, verbose: bool) -> Self {
        Self {
            painter,
            verbose,
            file: String::new(),
        }
    }

    /// One test, with its file where that is another than before. Empty for one that is not shown.
    pub(crate) fn entry(&mut self, test: &TestEntry) -> String {
        if test.result == TestWord::Passed && !self.verbose {
            return String::new();
        }
        let mut text = String::new();
        if self.file != test.file {
            self.file.clone_from(&test.file);
            text.push_str(&format!("{}:\n", test.file));
        }
        text.push_str(&format!("{}.{}: {}\n", test.package, test.name, self.said(test)));
        if let Some(message) = &test.message {
            text.push_str(&format!("  {message}\n"));
        }
        if let Some(place) = place(test) {
            text.push_str(&format!("  at {place}\n"));
        }
        if !test.prints.is_empty() {
            let lines = test.prints.iter().flat_map(|print| print.lines());
            let lines: String = lines.map(|line| format!("    {line}\n")).collect();
            text.push_str(&format!("\n{lines}\n"));
        }
        text
    }

    fn said(&self, test: &TestEntry) -> String {
        let took = taken(Duration::from_micros(test.took_us));
        match test.result {
            TestWord::Passed => format!("{} ({took})", self.painter.good("PASS")),
            TestWord::Failed => format!("{} ({took})", self.painter.bad("FAIL")),
            TestWord::Error => format!("{} ({took})", self.painter.bad("ERROR")),
            TestWord::Skipped => format!("{} (its name begins with todo_)", self.painter.careful("SKIPPED")),
        }
    }

    /// The counts, and the coverage where that was asked for.
    pub(crate) fn summary(&self, report: &TestReport) -> String {
        let mut text = String::new();
        if !self.file.is_empty() {
            text.push_str(RULE);
        }
        let counts = &report.counts;
        let lines = [
            ("PASS", counts.passed),
            ("FAIL", counts.failed),
            ("ERROR", counts.errors),
            ("SKIPPED", counts.skipped),
        ];
        for (word, count) in lines {
            if count > 0 {
                text.push_str(&format!("{word}: {count}/{}\n", counts.total));
            }
        }
        if let Some(coverage) = &report.coverage {
            text.push_str(&covered(coverage));
        }
        text
    }
}

/// Where to look: the rule that failed, or the test.
fn place(test: &TestEntry) -> Option<String> {
    match test.result {
        TestWord::Failed => Some(format!("{}:{}", test.file, test.line)),
        TestWord::Error => {
            let test_itself = || format!("{}:{}", test.file, test.line);
            Some(test.location.clone().unwrap_or_else(test_itself))
        }
        TestWord::Passed | TestWord::Skipped => None,
    }
}

/// The share of each file, and the lines that are missing.
fn covered(coverage: &Coverage) -> String {
    let width = coverage.files.keys().map(|path| path.chars().count()).max();
    let width = width.unwrap_or(0).max("total".len());
    let mut text = "\nCoverage:\n".to_owned();
    for (path, file) in &coverage.files {
        text.push_str(&format!(
            "{path:width$}  {:>6.2}%{}\n",
            file.coverage,
            missing(file)
        ));
    }
    text.push_str(&format!("{:width$}  {:>6.2}%\n", "total", coverage.coverage));
    text
}

fn missing(file: &CoveredFile) -> String {
    let lines: Vec<String> = file.not_covered.iter().map(ToString::to_string).collect();
    if lines.is_empty() {
        String::new()
    } else {
        format!("  not covered: {}", lines.join(", "))
    }
}

/// `850µs`, `1.2ms`, `3.05s`.
fn taken(took: Duration) -> String {
    if took < Duration::from_millis(1) {
        format!("{}µs", took.as_micros())
    } else if took < Duration::from_secs(1) {
        format!("{:.1}ms", took.as_secs_f64() * 1000.0)
    } else {
        format!("{:.2}s", took.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!(taken(Duration::from_micros(850)), "850µs");
        assert_eq!(taken(Duration::from_micros(1_230)), "1.2ms");
        assert_eq!(taken(Duration::from_millis(3_050)), "3.05s");
    }
}
