//! A revision takes a run over: once, at rest, exactly as far as the journal proves, and nothing of it runs twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use enact_core::change::{Adopted, Change, ChangeId};
use enact_core::gate::{AdmittedPlan, Circumstances, GateClosed, admit};
use enact_core::journal::{ChangeState, RunId, RunOutcome, RunPhase, RunState};
use enact_core::plan::{Mode, Plan, PlanDraft};
use enact_core::procedure::RollbackRule;
use enact_core::revision::{NotProved, ParentRun, Parentage, adoption, revision_of};
use enact_engine::installation::Surroundings;
use enact_engine::policy::{BuiltinPolicy, PolicyEngine as _};
use enact_engine::runner::{RunError, RunOptions};
use enact_engine::stop::StopSignal;
use enact_engine::store::StoreError;
use enact_testkit::crash::{Kill, Machine};
use enact_testkit::fixtures::{approval, circumstances, metadata, occasion, person};
use serde_json::json;

use crate::desk::{Script, fails, step};
use crate::support::block_on;

fn row(steps: &[&str]) -> Vec<Change> {
    let mut before = None;
    let mut changes = Vec::new();
    for name in steps {
        changes.push(step(name, before));
        before = Some(*name);
    }
    changes
}

fn plan(changes: Vec<Change>, allowed: bool) -> Plan {
    let document = json!({
        "format": "enact.runbook/v1",
        "settings": {"require_approval": true, "allow_plan_revision": allowed},
        "approvals": {"count": 1, "max_runs": 9},
    });
    let draft = PlanDraft {
        metadata: metadata(Mode::Run),
        document: Some(document),
        changes,
        warnings: Vec::new(),
    };
    draft.freeze().unwrap()
}

/// The revision of a run with these changes, marked as the rule says, then edited.
fn revision(parent: &ParentRun, changes: Vec<Change>, edit: impl FnOnce(&mut PlanDraft)) -> Plan {
    let plain = plan(changes.clone(), false);
    let mut adopted = adoption(&changes, plain.document(), parent).unwrap();
    let mut draft = PlanDraft {
        metadata: metadata(Mode::Run),
        document: plain.document().cloned(),
        changes,
        warnings: Vec::new(),
    };
    draft.metadata.revision = revision_of(parent);
    for change in &mut draft.changes {
        change.adopted = adopted.remove(&change.change_id);
    }
    edit(&mut draft);
    draft.freeze().unwrap()
}

fn ask(plan: &Plan, parentage: Parentage) -> Result<AdmittedPlan, GateClosed> {
    let circumstances = Circumstances {
        parentage,
        ..circumstances()
    };
    let verdict = BuiltinPolicy.judge(plan, &occasion());
    admit(plan.clone(), verdict, vec![approval(plan)], &circumstances)
}

fn known(parent: &ParentRun) -> Parentage {
    Parentage::Run(Box::new(parent.clone()))
}

fn surroundings() -> Surroundings {
    Surroundings {
        options: RunOptions::of_procedure(RollbackRule::default()),
        reporters: Vec::new(),
        stop: StopSignal::new(),
    }
}

fn parent_of(machine: &Machine, plan: &Plan, run_id: RunId) -> ParentRun {
    ParentRun {
        entries: machine.disk.load(&run_id).unwrap(),
        run_id,
        plan: plan.clone(),
    }
}

/// Runs `a`, `b`, `c`, of which `b` fails.
fn failed_run(machine: &Machine) -> ParentRun {
    let plan = plan(row(&["a", "b", "c"]), false);
    let script = Script::default()
        .applies("a", vec![Ok(BTreeMap::from([("rows".to_owned(), json!(3))]))])
        .applies("b", vec![fails("no")]);
    let admitted = ask(&plan, Parentage::None).unwrap();
    let process = machine.process(Kill::Never, Arc::new(|_| ()));
    let open = process.installation.begin(&admitted, &person("ana")).unwrap();
    let run_id = open.run_id.clone();
    block_on(process.installation.run(open, &admitted, &script, surroundings())).unwrap();
    parent_of(machine, &plan, run_id)
}

#[test]
fn a_revision_killed_at_any_write_does_nothing_twice_and_takes_everything_back() {
    for write in 1.. {
        for kill in [Kill::Before(write), Kill::After(write)] {
            let machine = Machine::new();
            let parent = failed_run(&machine);
            let plan = revision(&parent, row(&["a", "b2", "c"]), |_| ());
            let admitted = ask(&plan, known(&parent)).unwrap();
            let script = Script::default();
            let dying = machine.process(kill, Arc::new(|_| ()));
            let open = dying.installation.begin(&admitted, &person("ana")).unwrap();
            let run_id = open.run_id.clone();
            let end: Result<RunState, RunError> =
                block_on(dying.installation.run(open, &admitted, &script, surroundings()));
            let survived = end.is_ok();
            machine.let_leases_expire();
            let again = ask(&plan, Parentage::TakenOver).unwrap();
            let process = machine.process(Kill::Never, Arc::new(|_| ()));
            if !survived {
                let open = process
                    .installation
                    .reopen(&run_id, &again, &person("ana"))
                    .unwrap();
                block_on(process.installation.run(open, &again, &script, surroundings())).unwrap();
            }
            let state = RunState::replay(&machine.disk.load(&run_id).unwrap()).unwrap();
            assert_eq!(state.outcome, Some(RunOutcome::Verified), "{kill:?}");
            assert_eq!(state.outputs[&ChangeId::from("a")]["rows"], json!(3));
            let did: Vec<String> = script
                .saw()
                .into_iter()
                .filter(|what| what.starts_with("do"))
                .collect();
            // An effect that the kill left open is found done by looking.
            let once: std::collections::BTreeSet<&String> = did.iter().collect();
            assert_eq!(once.len(), did.len(), "{kill:?}: {did:?}");
            assert!(
                !did.contains(&"do a".to_owned()) && !did.contains(&"do b".to_owned()),
                "{kill:?}"
            );
            let old = RunState::replay(&machine.disk.load(&parent.run_id).unwrap()).unwrap();
            assert_eq!(
                (old.outcome, old.superseded_by),
                (Some(RunOutcome::Superseded), Some(run_id.clone()))
            );

            let open = process
                .installation
                .reopen(&run_id, &again, &person("ana"))
                .unwrap();
            let state = block_on(
                process
                    .installation
                    .roll_back(open, &again, &script, surroundings()),
            )
            .unwrap();
            assert_eq!(state.outcome, Some(RunOutcome::RolledBack));
            let undone: Vec<String> = script
                .saw()
                .into_iter()
                .filter(|what| what.starts_with("undo"))
                .collect();
            assert_eq!(undone, ["undo c", "undo b2", "undo a"]);
            if survived {
                return;
            }
        }
    }
}

#[test]
fn a_run_is_taken_over_once_and_does_not_go_on() {
    let machine = Machine::new();
    let parent = failed_run(&machine);
    let (one, two) = (
        revision(&parent, row(&["a", "x"]), |_| ()),
        revision(&parent, row(&["a", "y"]), |_| ()),
    );
    // Both pass the gate before either begins.
    let admitted = [&one, &two].map(|plan| ask(plan, known(&parent)).unwrap());
    let process = machine.process(Kill::Never, Arc::new(|_| ()));
    let first = process.installation.begin(&admitted[0], &person("ana")).unwrap();
    let script = Script::default();
    block_on(
        process
            .installation
            .run(first, &admitted[0], &script, surroundings()),
    )
    .unwrap();
    let second = process.installation.begin(&admitted[1], &person("ana"));
    assert!(matches!(second, Err(StoreError::GoneOn(run_id)) if run_id == parent.run_id));
    // Nothing was spent by the attempt.
    let record = admitted[1].approvals()[0].approval_id.clone();
    assert_eq!(machine.disk.runs_spent(&record, None).unwrap(), 0);
    let now = parent_of(&machine, &parent.plan, parent.run_id.clone());
    assert!(matches!(
        ask(&two, known(&now)),
        Err(GateClosed::NotProved(NotProved::Superseded { .. }))
    ));
    let old = ask(&parent.plan, Parentage::None).unwrap();
    let resumed = process.installation.reopen(&parent.run_id, &old, &person("ana"));
    assert!(matches!(resumed, Err(StoreError::Superseded { .. })));
    // The refusal gave the lease back.
    let again = process.installation.reopen(&parent.run_id, &old, &person("ana"));
    assert!(matches!(again, Err(StoreError::Superseded { .. })));
}

#[test]
fn a_plan_that_says_of_its_parent_what_is_not_so_stays_outside() {
    let machine = Machine::new();
    let parent = failed_run(&machine);
    let changes = || row(&["a", "b2", "c"]);
    let not_done = || {
        let at = parent.entries[0].at;
        Some(Adopted {
            started_at: at,
            took_ms: 1,
            outputs: BTreeMap::new(),
        })
    };
    type Edit<'a> = Box<dyn Fn(&mut PlanDraft) + 'a>;
    let lies: Vec<(&str, Edit<'_>)> = vec![
        (
            "adopts nothing",
            Box::new(|draft| draft.changes[0].adopted = None),
        ),
        (
            "adopts what is not done",
            Box::new(|draft| draft.changes[2].adopted = not_done()),
        ),
        (
            "adopts what is new",
            Box::new(|draft| draft.changes[1].adopted = not_done()),
        ),
        (
            "other outputs",
            Box::new(|draft| {
                let adopted = draft.changes[0].adopted.as_mut().unwrap();
                adopted.outputs.insert("rows".to_owned(), json!(4));
            }),
        ),
        ("another work", Box::new(|draft| draft.changes[0].undo = None)),
        ("no run", Box::new(|draft| draft.metadata.revision = None)),
        (
            "another run",
            Box::new(|draft| draft.metadata.revision.as_mut().unwrap().run_id = RunId("x".to_owned())),
        ),
        (
            "another head",
            Box::new(|draft| {
                draft.metadata.revision.as_mut().unwrap().head = parent.entries[0].digest.clone();
            }),
        ),
    ];
    assert!(ask(&revision(&parent, changes(), |_| ()), known(&parent)).is_ok());
    for (what, edit) in lies {
        let plan = revision(&parent, changes(), |draft| edit(draft));
        let closed = ask(&plan, known(&parent));
        assert!(
            matches!(closed, Err(GateClosed::NotProved(_))),
            "{what}: {closed:?}"
        );
    }
    // The proof itself can be false too.
    let honest = revision(&parent, changes(), |_| ());
    let mut forged = parent.clone();
    forged.entries.remove(1);
    assert!(ask(&honest, known(&forged)).is_err());
    assert!(ask(&honest, Parentage::None).is_err());
    let mut other = parent.clone();
    other.plan = plan(row(&["a", "b", "d"]), false);
    assert!(ask(&honest, known(&other)).is_err());
}

#[test]
fn at_every_moment_of_a_run_it_is_taken_over_only_at_rest_and_only_what_is_done() {
    for allowed in [false, true] {
        let whole = ParentRun {
            plan: plan(row(&["a", "b", "c"]), allowed),
            ..failed_run(&Machine::new())
        };
        for length in 0..=whole.entries.len() {
            let mut parent = whole.clone();
            parent.entries.truncate(length);
            if allowed {
                // The same facts, of a plan that allows it.
                parent.entries = of_plan(&parent);
            }
            let state = RunState::replay(&parent.entries).unwrap();
            let changes = row(&["a", "b", "c"]);
            let plain = plan(changes.clone(), allowed);
            let rests = state.phase == RunPhase::Finished && length > 0;
            match adoption(&changes, plain.document(), &parent) {
                Ok(adopted) => {
                    assert!(rests, "{length}");
                    let done = |change_id: &&ChangeId| state.of(change_id) == ChangeState::Done;
                    assert!(adopted.keys().all(|change_id| done(&change_id)));
                }
                Err(faults) => assert!(!rests, "{length}: {faults:?}"),
            }
        }
        // Waiting in between: only where the plan says so.
        let mut waiting = whole.clone();
        waiting.entries = of_plan(&waiting);
        let at = waiting
            .entries
            .iter()
            .position(|entry| matches!(entry.fact, enact_core::journal::Fact::Done { .. }))
            .unwrap();
        waiting.entries.truncate(at + 1);
        let paused = enact_core::journal::Fact::Paused {
            reason: "a word".to_owned(),
        };
        let last = waiting.entries.last().unwrap().clone();
        let entry =
            enact_core::journal::Entry::chain(&waiting.run_id, Some(&last), last.at, last.epoch, paused)
                .unwrap();
        waiting.entries.push(entry);
        let changes = row(&["a", "new"]);
        let result = adoption(&changes, plan(changes.clone(), allowed).document(), &waiting);
        match allowed {
            true => assert_eq!(result.unwrap().len(), 1),
            false => assert!(matches!(result.unwrap_err()[0], NotProved::Frozen { .. })),
        }
    }
}

/// The same facts as the journal of a run of the parent's plan.
fn of_plan(parent: &ParentRun) -> Vec<enact_core::journal::Entry> {
    use enact_core::journal::{Entry, Fact};
    let mut entries: Vec<Entry> = Vec::new();
    for entry in &parent.entries {
        let mut fact = entry.fact.clone();
        if let Fact::RunStarted { plan_id, .. } = &mut fact {
            *plan_id = parent.plan.id().clone();
        }
        let next = Entry::chain(&parent.run_id, entries.last(), entry.at, entry.epoch, fact).unwrap();
        entries.push(next);
    }
    entries
}
