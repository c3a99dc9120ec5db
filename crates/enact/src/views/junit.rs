//! Results of policy tests as JUnit's XML, for CI: a suite for each package. The elements are those that Jenkins, GitLab and
//! GitHub's reporters read (<https://github.com/testmoapp/junitxml>).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use enact_engine::policy::test_report::{TestEntry, TestReport, TestWord};

/// The document.
pub(crate) fn render(report: &TestReport) -> String {
    let mut suites: BTreeMap<&str, Vec<&TestEntry>> = BTreeMap::new();
    for test in &report.tests {
        suites.entry(&test.package).or_default().push(test);
    }
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let all: Vec<&TestEntry> = report.tests.iter().collect();
    open(&mut text, "testsuites", &report.origin, &all);
    for (package, tests) in &suites {
        open(&mut text, "testsuite", package, tests);
        tests.iter().for_each(|test| case(&mut text, test));
        text.push_str("</testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// The begin tag of a suite with its counts.
fn open(text: &mut String, element: &str, name: &str, tests: &[&TestEntry]) {
    let count = |word: TestWord| tests.iter().filter(|test| test.result == word).count();
    let took_us = tests.iter().map(|test| test.took_us).sum();
    // Writing to a text cannot fail.
    let _written = writeln!(
        text,
        "<{element} name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\">",
        escaped(name),
        tests.len(),
        count(TestWord::Failed),
        count(TestWord::Error),
        count(TestWord::Skipped),
        seconds(took_us)
    );
}

fn case(text: &mut String, test: &TestEntry) {
    let place = format!("{}:{}", test.file, test.line);
    let _written = write!(
        text,
        "<testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\" time=\"{}\">",
        escaped(&test.package),
        escaped(&test.name),
        escaped(&test.file),
        test.line,
        seconds(test.took_us)
    );
    match test.result {
        TestWord::Passed => {}
        TestWord::Failed => {
            let said = format!("it is not true, at {place}");
            outcome(text, "failure", &said, &place);
        }
        TestWord::Error => {
            let said = test.message.as_deref().unwrap_or_default();
            outcome(text, "error", said, test.location.as_ref().unwrap_or(&place));
        }
        TestWord::Skipped => text.push_str("<skipped message=\"its name begins with todo_\"/>"),
    }
    if !test.prints.is_empty() {
        let printed = escaped(&test.prints.join("\n"));
        let _written = write!(text, "<system-out>{printed}</system-out>");
    }
    text.push_str("</testcase>\n");
}

fn outcome(text: &mut String, element: &str, said: &str, place: &str) {
    let _written = write!(
        text,
        "<{element} message=\"{}\">{}</{element}>",
        escaped(said),
        escaped(place)
    );
}

fn seconds(took_us: u64) -> String {
    format!("{}.{:06}", took_us / 1_000_000, took_us % 1_000_000)
}

/// A text that can stand in an element and in an attribute. Characters that XML 1.0 cannot hold at all are shown as escapes
/// (<https://www.w3.org/TR/xml/#charsets>).
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // A reader would make a blank of it in an attribute.
            '\n' => safe.push_str("&#10;"),
            '\t' => safe.push_str("&#9;"),
            character if character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}') => {
                safe.extend(character.escape_unicode());
            }
            character => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup_or_forbidden() {
        assert_eq!(
            escaped("<a b=\"c\">&\u{0}\u{1b}[1m\r\n\u{ffff}é]]>"),
            "&lt;a b=&quot;c&quot;&gt;&amp;\\u{0}\\u{1b}[1m\\u{d}&#10;\\u{ffff}é]]&gt;"
        );
    }

    #[test]
    fn times_are_seconds() {
        assert_eq!(seconds(1_002_003), "1.002003");
    }
}
