//! Steps on clusters, before any cluster: where they are possible, and what of them names a step.

use enact_core::diagnostic::Diagnostic;
use enact_core::plan::Plan;
use enact_runbook::cluster::{ClusterPlan, ClusterRequest};
use enact_runbook::files::MemoryFiles;
use enact_runbook::{CompileOptions, SubPlan, SubPlanRequest, SubPlanner, compile};

use crate::kit;

const CORDON: &str = "  - id: cordon\n    title: Cordon\n    kubernetes: { action: CordonNode, target: { kind: Node, name: n } }\n    rollback: none\n";

/// A node as it is seen.
struct Node {
    uid: &'static str,
    generation: i64,
}

impl SubPlanner for Node {
    fn plan(&self, _: &SubPlanRequest<'_>) -> Result<SubPlan, Vec<Diagnostic>> {
        Err(vec![Diagnostic::error("there is no Konnect here")])
    }

    fn cluster(&self, request: &ClusterRequest<'_>) -> Result<ClusterPlan, Vec<Diagnostic>> {
        let mut plan = kit::on_a_node(request);
        self.uid.clone_into(&mut plan.planned.uid);
        plan.planned.generation = Some(self.generation);
        plan.planned.description = format!("seen at generation {}", self.generation);
        Ok(plan)
    }
}

fn planned(node: &Node) -> Plan {
    let text = kit::with_steps(CORDON);
    let compiled = compile(
        &kit::source(&text),
        &kit::options(),
        &MemoryFiles::default(),
        Some(node),
    );
    compiled.unwrap().draft.freeze().unwrap()
}

fn step_hash(plan: &Plan) -> String {
    let spec = plan.changes()[0].spec.as_ref().unwrap();
    spec["step_hash"].as_str().unwrap().to_owned()
}

#[test]
fn what_was_seen_is_in_the_plan_and_only_the_uid_in_the_name_of_the_step() {
    let first = planned(&Node {
        uid: "1",
        generation: 1,
    });
    let later = planned(&Node {
        uid: "1",
        generation: 2,
    });
    let other = planned(&Node {
        uid: "2",
        generation: 1,
    });
    assert_ne!(first.id(), later.id(), "an approval is for what was seen");
    assert_eq!(
        step_hash(&first),
        step_hash(&later),
        "a revision knows the finished step again"
    );
    assert_ne!(step_hash(&first), step_hash(&other));
    let planned = &first.changes()[0].spec.as_ref().unwrap()["action"]["planned"];
    assert_eq!(planned["description"], "seen at generation 1");
}

#[test]
fn a_program_without_clusters_says_so_wherever_one_stands() {
    let looks = "  - id: look\n    title: Look\n    exec: [\"true\"]\n    verify: [{ kubernetes: { action: get, target: { kind: Node } } }]\n    rollback: { kubernetes: { action: uncordon, target: { kind: Node, name: n } } }\n";
    let options = CompileOptions {
        no_cluster: Some("there are no clusters here".to_owned()),
        ..kit::options()
    };
    let text = kit::with_steps(&format!("{CORDON}{looks}"));
    let faults = kit::errors_with(&text, &options, &MemoryFiles::default());
    let said: Vec<&String> = faults
        .iter()
        .filter(|fault| fault.contains("there are no clusters here"))
        .collect();
    assert_eq!(said.len(), 3, "{faults:?}");
    assert!(
        said.iter()
            .all(|fault| fault.starts_with(|first: char| first.is_ascii_digit())),
        "{said:?}"
    );
}
