//! The examples of the repository are runbooks that compile.

use std::path::{Path, PathBuf};

use enact_core::diagnostic::Diagnostic;
use enact_runbook::cluster::{ClusterPlan, ClusterRequest};
use enact_runbook::files::{FileFault, Files};
use enact_runbook::{Source, SubPlan, SubPlanRequest, SubPlanner, compile};

struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileFault> {
        let content = std::fs::read(self.0.join(path)).map_err(|_| FileFault::Missing)?;
        if content.len() as u64 > limit {
            return Err(FileFault::TooLarge { limit });
        }
        Ok(content)
    }

    fn exists(&self, path: &str) -> bool {
        self.0.join(path).is_file()
    }
}

struct NoChanges;

impl SubPlanner for NoChanges {
    fn plan(&self, _: &SubPlanRequest<'_>) -> Result<SubPlan, Vec<Diagnostic>> {
        Ok(SubPlan {
            warnings: Vec::new(),
            unchanged: Vec::new(),
            observed: None,
            target: serde_json::json!({"kind": "konnect"}),
            changes: Vec::new(),
        })
    }

    fn cluster(&self, request: &ClusterRequest<'_>) -> Result<ClusterPlan, Vec<Diagnostic>> {
        Ok(crate::kit::on_a_node(request))
    }
}

#[test]
fn every_example_compiles() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut tried = 0;
    for folder in std::fs::read_dir(examples)
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_dir())
    {
        for entry in std::fs::read_dir(folder.path()).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            if !name.ends_with(".plan.yaml") {
                continue;
            }
            let source = Source {
                name: name.clone(),
                content: std::fs::read(entry.path()).unwrap(),
            };
            let files = Folder(folder.path());
            let compiled = compile(&source, &crate::kit::options(), &files, Some(&NoChanges));
            let compiled =
                compiled.unwrap_or_else(|faults| panic!("{name}:\n{}", crate::kit::listed(&faults)));
            compiled.draft.freeze().unwrap();
            tried += 1;
        }
    }
    assert!(tried > 0);
}
