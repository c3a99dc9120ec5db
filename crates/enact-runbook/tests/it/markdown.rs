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
