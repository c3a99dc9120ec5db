//! The author's document to a plan.

use enact_core::change::{Effect, Precondition, Undo};
use enact_runbook::files::MemoryFiles;
use enact_runbook::spec::{Document, StepSpec};
use serde_json::json;

use crate::kit::{
    MAINTENANCE, MIGRATION, compiled, errors, options, plan, scripts, with_parameters, with_steps,
};

#[test]
fn the_migration_of_the_reference_compiles() {
    let compiled = compiled(MIGRATION, &options(), &scripts());
    let plan = compiled.draft.freeze().unwrap();
    assert_eq!(plan.changes().len(), 9);
    let document: Document = serde_json::from_value(plan.document().unwrap().clone()).unwrap();
    assert_eq!(document.name, "users-mysql-to-postgres");
    assert_eq!(document.files.len(), 9);
    assert_eq!(document.estimate.unwrap().likely.0, 66 * 60_000);
    let migrate = plan
        .changes()
        .iter()
        .find(|change| change.change_id.as_str() == "migrate")
        .unwrap();
    assert!(matches!(&migrate.preconditions[..], [Precondition::Check { name, .. }] if name == "A_SPACE"));
    assert!(matches!(migrate.undo, Some(Undo::Run { .. })));
    let spec: StepSpec = serde_json::from_value(migrate.spec.clone().unwrap()).unwrap();
    assert_eq!(spec.number, 6);
    assert_eq!(
        spec.action,
        json!({"argv": ["scripts/migrate.sh", "--chunk", "5000"]})
    );
    let last = plan.changes().last().unwrap();
    assert!(last.handling.as_ref().unwrap().always && last.depends_on.is_empty());
}

#[test]
fn the_maintenance_of_the_reference_compiles() {
    let options = with_parameters(&[("node", json!("w1.example")), ("kernel", json!("6.8.0-45"))]);
    let plan = compiled(MAINTENANCE, &options, &MemoryFiles::default())
        .draft
        .freeze()
        .unwrap();
    assert_eq!(plan.changes().len(), 5);
    let ready = &plan.changes()[3];
    assert_eq!(ready.effect, Effect::Read);
    assert_eq!(ready.depends_on, ["patch".into()]);
}

#[test]
fn the_smallest_runbook_compiles() {
    let plan = plan(&with_steps(
        "  - { id: hello, title: Say hello, exec: [echo, hello] }",
    ));
    assert_eq!(plan.changes().len(), 1);
}

#[test]
fn a_misspelt_key_is_named_with_its_place() {
    let text = with_steps("  - { id: hello, titel: Say hello, title: x, exec: [echo, hello] }");
    assert_eq!(
        errors(&text),
        ["8:18 unknown key `titel` in a step (did you mean `title`?)"]
    );
}
