//! The crash matrix of taking back: the engine dies at every journal write, or the supervisor under a command, and the run is taken
//! back instead of going on. Whatever left an effect behind is taken back, the last one first, whatever its `repeat` says.

use enact_core::journal::RunOutcome;
use enact_testkit::crash::Kill;

use crate::crash::{Bench, KINDS, Kind, STEPS, block_on, plan, writes};

/// Takes back what it finds, and may be repeated.
const UNDO: &str = "{ exec: [sh, -c, \"echo $ENACT_STEP_ID >> undone; if grep -sqx $ENACT_STEP_ID effects; then sed -i \\\"/^$ENACT_STEP_ID$/d\\\" effects; fi\"] }";

fn lines(bench: &Bench, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(bench.folder.path().join(name)).unwrap_or_default();
    text.lines().map(ToOwned::to_owned).collect()
}

/// One case: dies as it is told, then is taken back by processes that may die too.
async fn case(kind: &Kind, bench: &Bench, kill: Kill, back: Kill, supervisor_dies_at: Option<&str>) -> usize {
    let named = format!(
        "{}, {kill:?}, {back:?}, supervisor dies at {supervisor_dies_at:?}",
        kind.name
    );
    if let Some(step) = supervisor_dies_at {
        std::fs::write(bench.folder.path().join(format!("kill-{step}")), "").unwrap();
    }
    let mut run_id = None;
    let _died = bench.live(&bench.process(kill), &mut run_id).await;
    if run_id.is_none() {
        return 0;
    }
    let left_behind = lines(bench, "effects");
    let mut kills = vec![back];
    for _ in 0..4 {
        bench.machine.let_leases_expire();
        let kill = kills.pop().unwrap_or(Kill::Never);
        let ended = bench.back(&bench.process(kill), &mut run_id).await;
        if ended.is_some_and(|state| state.outcome == Some(RunOutcome::RolledBack)) {
            break;
        }
    }
    assert_eq!(
        lines(bench, "effects"),
        Vec::<String>::new(),
        "{named}: left behind"
    );
    let mut undone = lines(bench, "undone");
    // One whose undo was cut off is taken back once more.
    undone.dedup();
    undone.retain(|step| left_behind.contains(step));
    let mut expected: Vec<&str> = STEPS.into_iter().rev().collect();
    expected.retain(|step| left_behind.iter().any(|left| left == step));
    assert_eq!(undone, expected, "{named}: the last one first");
    left_behind.len()
}

fn matrix(kind: &Kind) {
    let kind = Kind {
        rollback: UNDO,
        ..*kind
    };
    let plan = plan(&kind);
    block_on(async {
        let writes = writes(&plan).await;
        let mut taken_back = 0;
        for write in 1..=writes {
            for kill in [Kill::Before(write), Kill::After(write)] {
                taken_back += case(&kind, &Bench::new(&plan), kill, Kill::Never, None).await;
                let again = Kill::After(write % 7 + 2);
                taken_back += case(&kind, &Bench::new(&plan), kill, again, Some("three")).await;
            }
        }
        assert!(taken_back > 60, "what the runs left behind: {taken_back}");
    });
}

#[test]
fn repeatable_steps_are_taken_back_wherever_the_run_was_cut_off() {
    matrix(&KINDS[0]);
}

#[test]
fn keyed_steps_are_taken_back_wherever_the_run_was_cut_off() {
    matrix(&KINDS[1]);
}

#[test]
fn probed_steps_are_taken_back_wherever_the_run_was_cut_off() {
    matrix(&KINDS[2]);
}

#[test]
fn unrepeatable_steps_are_taken_back_wherever_the_run_was_cut_off() {
    matrix(&KINDS[3]);
}
