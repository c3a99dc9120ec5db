//! The engine dies while it hands a step over to somebody: whoever was never told of it is told when the run is taken up again, and
//! nobody has to say what became of it.

use enact_core::change::ChangeId;
use enact_core::journal::{ChangeState, Fact, RunId, RunPhase, RunState};
use enact_core::plan::Plan;
use enact_testkit::crash::Kill;

use crate::crash::{Bench, block_on, writes};
use crate::kit;

const STEPS: &str = "  - { id: one, title: One, exec: [\"true\"], repeat: safe, rollback: none }\n  \
    - { id: theirs, title: Theirs, manual: { assignee: human, instructions: Do it, write_scope: [\"a/**\"] }, rollback: none }\n\
    verification: { run_tests: false, run_lint: false, run_typecheck: false }";

fn plan() -> Plan {
    kit::plan(&kit::with_steps(STEPS))
}

fn theirs() -> ChangeId {
    ChangeId::from("theirs")
}

/// How the journal stands: was it begun, handed over, and is it in somebody's hands?
fn traces(bench: &Bench, run_id: &RunId) -> (bool, bool, bool) {
    let entries = bench.machine.disk.load(run_id).unwrap();
    let has = |is: &dyn Fn(&Fact) -> bool| entries.iter().any(|entry| is(&entry.fact));
    (
        has(&|fact| matches!(fact, Fact::Intent { change_id } if change_id == &theirs())),
        has(&|fact| matches!(fact, Fact::Noted(note) if note.topic == "handed_over")),
        has(&|fact| matches!(fact, Fact::Delegated { .. })),
    )
}

fn waits_for_them(state: &RunState) -> bool {
    state.phase == RunPhase::Paused && state.of(&theirs()) == ChangeState::Delegated
}

/// One case. True: it died after the intent, and before anybody was told.
async fn case(plan: &Plan, kill: Kill) -> bool {
    let bench = Bench::new(plan);
    let mut run_id = None;
    let ended = bench.live(&bench.process(kill), &mut run_id).await;
    assert!(ended.is_none_or(|state| waits_for_them(&state)), "{kill:?}");
    let left = run_id.as_ref().map(|run_id| traces(&bench, run_id));
    bench.machine.let_leases_expire();
    let taken_up = bench
        .live(&bench.process(Kill::Never), &mut run_id)
        .await
        .unwrap();
    assert!(
        waits_for_them(&taken_up),
        "{kill:?}: {:?}",
        taken_up.of(&theirs())
    );
    assert_eq!(
        traces(&bench, run_id.as_ref().unwrap()),
        (true, true, true),
        "{kill:?}"
    );
    left == Some((true, false, false))
}

#[test]
fn whoever_was_never_told_is_told_when_the_run_is_taken_up() {
    let plan = plan();
    block_on(async {
        let mut never_told = 0;
        for write in 1..=writes(&plan).await {
            for kill in [Kill::Before(write), Kill::After(write)] {
                never_told += usize::from(case(&plan, kill).await);
            }
        }
        assert!(never_told > 0, "no process died while it handed the step over");
    });
}
