//! Plans in Markdown.

use enact_core::diagnostic::Severity;
use enact_runbook::files::MemoryFiles;
use enact_runbook::{CheckReport, Source, check};

use crate::kit::{options, shown};

fn report(text: &str) -> CheckReport {
    let source = Source {
        name: "a.md".to_owned(),
        content: text.as_bytes().to_vec(),
    };
    check(&source, &options(), &MemoryFiles::default(), None)
}

#[test]
fn look() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for path in ["examples/task-api/task-api.plan.md", "examples/plans-by-agents/task-api.md", "examples/plans-by-agents/two-factor.md","examples/plans-by-agents/users-mysql-to-postgres.md","examples/plans-by-agents/docs/plans/2026-11-20-greeting.md"] {
        let text = std::fs::read_to_string(root.join(path)).unwrap();
        let report = report(&text);
        println!("== {path} {}", report.compiled.is_some());
        for f in &report.findings { println!("{:?} {} {}", f.diagnostic.severity == Severity::Error, f.rule, shown(&f.diagnostic)); }
        if let Some(c) = report.compiled { let p = c.draft.freeze().unwrap(); println!("{}", p.id()); 
          if path.contains("greeting") { for c in p.changes() { println!("{}", serde_json::to_string_pretty(&c.spec).unwrap()); } } }
    }
}
