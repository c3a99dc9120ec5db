//! Random calls on both stores: the twin in memory answers like the store it stands for.

use enact_core::approval::ApprovalId;
use enact_core::journal::RunId;
use enact_engine::store::{Lease, NewRun, Store};
use proptest::prelude::*;

use crate::store_suite::{Pair, TTL, at, elsewhere, finished, memory, plan_id, sqlite, stopped};
use crate::support::{ensure, holds};

#[test]
fn the_twin_in_memory_answers_like_sqlite() {
    let calls = proptest::collection::vec((0_u8..8, 0_u8..3, 0_i64..40), 1..30);
    let calls = calls.prop_map(|calls| {
        let mut now = 0;
        let stepped = calls.into_iter().map(|(what, which, later)| {
            now += later;
            (what, which, now)
        });
        stepped.collect::<Vec<_>>()
    });
    holds(40, &calls, |calls| {
        let answers =
            |pair: &Pair| -> Vec<String> { calls.iter().map(|call| one_call(&*pair.one, *call)).collect() };
        let (twin, real) = (answers(&memory()), answers(&sqlite()));
        ensure(twin == real, || {
            format!("{twin:#?} in memory, {real:#?} in SQLite")
        })
    });
}

fn one_call(store: &dyn Store, (what, which, now): (u8, u8, i64)) -> String {
    let run_id = RunId(format!("run{which}"));
    let lease = Lease {
        run_id: run_id.clone(),
        epoch: u64::from(which) % 2 + 1,
    };
    let now = at(now);
    match what {
        0 | 1 => {
            let known = store.runs().unwrap().iter().any(|row| row.run_id == run_id);
            if known {
                return "known already".to_owned();
            }
            let created = store.create_run(&NewRun {
                takes_over: None,
                run_id,
                plan_id: plan_id("plan"),
                target: format!("target {}", which % 2),
                approvals: vec![(ApprovalId(format!("approval {}", which % 2)), 1)],
                holder: &elsewhere(),
                ttl: TTL,
                now,
            });
            format!("{created:?}")
        }
        2 => format!("{:?}", store.acquire(&run_id, &elsewhere(), TTL, now)),
        3 => format!("{:?}", store.append(&lease, TTL, now, vec![stopped()])),
        4 => format!("{:?}", store.append(&lease, TTL, now, vec![finished()])),
        5 => format!("{:?}", store.release(&lease)),
        6 => format!("{:?} {:?}", store.renew(&lease, TTL, now), store.load(&run_id)),
        _ => format!("{:?} {:?}", store.prune(now), store.runs()),
    }
}
