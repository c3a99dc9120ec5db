//! Findings about runbooks: for people, as JSON (`enact.check/v1`), and as SARIF 2.1.0 (OASIS) for code scanning.

use std::collections::BTreeSet;

use enact_core::diagnostic::{Diagnostic, Severity};
use enact_runbook::lint::LintFinding;
use serde_json::{Value, json};

use super::{Painter, diagnostics};

/// Each finding with its place and its rule.
pub(crate) fn text(painter: Painter, findings: &[LintFinding]) -> String {
    let mut text = String::new();
    for finding in findings {
        text.push_str(&diagnostics::render(painter, &finding.diagnostic));
        text.push_str(&format!("  rule: {}\n\n", finding.rule));
    }
    text
}

/// One document.
pub(crate) fn json(findings: &[LintFinding]) -> Value {
    let findings: Vec<Value> = findings
        .iter()
        .map(|finding| json!({ "rule": finding.rule, "finding": finding.diagnostic }))
        .collect();
    json!({ "format": "enact.check/v1", "findings": findings })
}

/// One SARIF log with one run.
pub(crate) fn sarif(findings: &[LintFinding]) -> Value {
    let rules: BTreeSet<&str> = findings.iter().map(|finding| finding.rule).collect();
    let rules: Vec<Value> = rules.into_iter().map(|rule| json!({ "id": rule })).collect();
    let results: Vec<Value> = findings.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "enact",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "results": results,
        }],
    })
}

fn result(finding: &LintFinding) -> Value {
    let level = match finding.diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level,
        "message": { "text": message(&finding.diagnostic) },
    });
    if let (Some(place), Some(fields)) = (&finding.diagnostic.place, result.as_object_mut()) {
        let mut location = json!({ "artifactLocation": { "uri": reference(&place.file) } });
        if let (Some(position), Some(location)) = (place.position, location.as_object_mut()) {
            let region = json!({ "startLine": position.line, "startColumn": position.column });
            location.insert("region".to_owned(), region);
        }
        fields.insert("locations".to_owned(), json!([{ "physicalLocation": location }]));
    }
    result
}

/// A file's name as a reference that URIs allow (SARIF 2.1.0, 3.4.3; RFC 3986, 4.2).
fn reference(file: &str) -> String {
    let mut safe = String::with_capacity(file.len());
    for byte in file.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    safe
}

fn message(diagnostic: &Diagnostic) -> String {
    let parts = [
        Some(&diagnostic.summary),
        diagnostic.detail.as_ref(),
        diagnostic.hint.as_ref(),
    ];
    let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    parts.join(". ")
}
