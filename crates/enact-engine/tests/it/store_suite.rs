//! What every store promises, run against each of them.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use enact_core::approval::{Approval, ApprovalId, Decision};
use enact_core::canonical::Digest;
use enact_core::journal::{Fact, RunId, RunOutcome, verify_chain};
use enact_core::plan::PlanId;
use enact_engine::holder::Holder;
use enact_engine::stop::Urgency;
use enact_engine::store::memory::MemoryStore;
use enact_engine::store::sqlite::SqliteStore;
use enact_engine::store::{Lease, NewRun, StopRequest, Store, StoreError, TakeOver, find_run};
use enact_testkit::fixtures::{approval, person, start};
use enact_testkit::scenario::Scenario;
use jiff::Timestamp;

pub(crate) const TTL: Duration = Duration::from_secs(30);

/// A store with a second handle on the same content: another process, as far as stores can tell.
pub(crate) struct Pair {
    pub(crate) one: Arc<dyn Store>,
    two: Arc<dyn Store>,
    _folder: Option<tempfile::TempDir>,
}

pub(crate) fn memory() -> Pair {
    let store = MemoryStore::new();
    Pair {
        one: Arc::new(store.clone()),
        two: Arc::new(store),
        _folder: None,
    }
}

pub(crate) fn sqlite() -> Pair {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    Pair {
        one: Arc::new(SqliteStore::open(&path).unwrap()),
        two: Arc::new(SqliteStore::open(&path).unwrap()),
        _folder: Some(folder),
    }
}

macro_rules! suite {
    ($($name:ident),+ $(,)?) => {
        mod in_memory { $(#[test] fn $name() { super::$name(&super::memory()); })+ }
        mod in_sqlite { $(#[test] fn $name() { super::$name(&super::sqlite()); })+ }
    };
}

suite!(
    a_lease_is_held_until_it_runs_out_and_its_epoch_rises,
    a_dead_holders_lease_is_taken_over_at_once,
    nothing_is_written_under_a_lost_lease,
    a_lease_given_back_is_free_and_cannot_be_used,
    one_run_at_a_time_works_on_a_target,
    entries_form_a_chain_and_come_back_as_written,
    an_append_is_a_sign_of_life,
    an_approval_pays_for_as_many_runs_as_it_says,
    an_approval_given_twice_is_spent_once,
    an_approval_for_one_run_is_spent_once_by_two_threads,
    two_threads_and_one_free_lease_make_one_holder,
    approvals_come_back_in_order_and_by_plan,
    an_approval_is_kept_once_and_never_changed,
    a_run_that_goes_on_spends_what_it_has_not_spent_yet,
    plans_are_found_by_the_beginning_of_their_name,
    a_stop_request_only_gets_more_urgent_and_ends_with_its_holder,
    runs_are_listed_newest_first_to_the_millisecond,
    runs_are_found_by_the_beginning_of_their_name,
    pruning_forgets_old_finished_runs_and_nothing_else,
    an_approval_stays_spent_after_its_run_is_pruned,
    what_does_not_exist_is_named,
    a_run_is_taken_over_at_rest_as_it_stands_or_nothing_happens,
);

pub(crate) fn at(seconds: i64) -> Timestamp {
    start() + jiff::SignedDuration::from_secs(seconds)
}

pub(crate) fn plan_id(name: &str) -> PlanId {
    PlanId(Digest::of(name.as_bytes()))
}

pub(crate) fn elsewhere() -> Holder {
    Holder {
        host: "elsewhere".to_owned(),
        pid: 7,
        started: 1,
        boot_id: "unknown".to_owned(),
    }
}

fn gone() -> Holder {
    let me = Holder::this_process();
    Holder {
        started: me.started + 1,
        ..me
    }
}

fn create(store: &dyn Store, name: &str, holder: &Holder, now: Timestamp) -> Result<Lease, StoreError> {
    store.create_run(&NewRun {
        takes_over: None,
        run_id: RunId(name.to_owned()),
        plan_id: plan_id(name),
        target: format!("target of {name}"),
        approvals: Vec::new(),
        holder,
        ttl: TTL,
        now,
    })
}

fn spend(store: &dyn Store, name: &str, approvals: &[(&str, u32)]) -> Result<Lease, StoreError> {
    store.create_run(&NewRun {
        takes_over: None,
        run_id: RunId(name.to_owned()),
        plan_id: plan_id("plan"),
        target: format!("target of {name}"),
        approvals: approvals
            .iter()
            .map(|(id, runs)| (ApprovalId((*id).to_owned()), *runs))
            .collect(),
        holder: &elsewhere(),
        ttl: TTL,
        now: at(0),
    })
}

fn a_run_is_taken_over_at_rest_as_it_stands_or_nothing_happens(pair: &Pair) {
    let store = pair.one.as_ref();
    let lease = create(store, "old", &elsewhere(), at(0)).unwrap();
    let written = store.append(&lease, TTL, at(0), vec![stopped()]).unwrap();
    let take = |name: &str, head: &Digest, now| {
        store.create_run(&NewRun {
            takes_over: Some(TakeOver {
                run_id: RunId("old".to_owned()),
                head: head.clone(),
                fact: Fact::Superseded {
                    run_id: RunId(name.to_owned()),
                    plan_id: plan_id("new"),
                    by: person("ana"),
                },
            }),
            run_id: RunId(name.to_owned()),
            plan_id: plan_id("new"),
            target: "another target".to_owned(),
            approvals: vec![(ApprovalId("yes".to_owned()), 1)],
            holder: &elsewhere(),
            ttl: TTL,
            now,
        })
    };
    let spent = || store.runs_spent(&ApprovalId("yes".to_owned()), None).unwrap();
    let head = &written[0].digest;
    assert!(matches!(take("new", head, at(1)), Err(StoreError::Held { .. })));
    store.release(&lease).unwrap();
    let other = Digest::of(b"another entry");
    assert!(matches!(take("new", &other, at(1)), Err(StoreError::GoneOn(_))));
    assert_eq!((spent(), store.runs().unwrap().len()), (0, 1));
    assert_eq!(store.load(&RunId("old".to_owned())).unwrap(), written);

    // Somebody took the lease, slept through it, and wakes up when it is too late.
    let asleep = store
        .acquire(&RunId("old".to_owned()), &elsewhere(), TTL, at(2))
        .unwrap();
    take("new", head, at(100)).unwrap();
    let late = store.append(&asleep, TTL, at(100), vec![stopped()]);
    assert!(matches!(late, Err(StoreError::LeaseLost { .. })));
    let entries = store.load(&RunId("old".to_owned())).unwrap();
    verify_chain(&entries).unwrap();
    assert!(matches!(entries.last().unwrap().fact, Fact::Superseded { .. }));
    assert_eq!((spent(), entries.len()), (1, 2));
    assert!(take("newer", head, at(200)).is_err());
}

pub(crate) fn stopped() -> Fact {
    Fact::Stopped {
        reason: "test".to_owned(),
    }
}

pub(crate) fn finished() -> Fact {
    Fact::Finished {
        outcome: RunOutcome::Verified,
    }
}

#[track_caller]
fn is_lost<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::LeaseLost { .. })), "{result:?}");
}

#[track_caller]
fn is_held<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Held { .. })), "{result:?}");
}

fn a_lease_is_held_until_it_runs_out_and_its_epoch_rises(pair: &Pair) {
    let first = create(&*pair.one, "a", &elsewhere(), at(0)).unwrap();
    assert_eq!(first.epoch, 1);
    let run = RunId("a".to_owned());
    is_held(&pair.two.acquire(&run, &elsewhere(), TTL, at(29)));
    pair.one.renew(&first, TTL, at(20)).unwrap();
    is_held(&pair.two.acquire(&run, &elsewhere(), TTL, at(49)));
    let second = pair.two.acquire(&run, &elsewhere(), TTL, at(50)).unwrap();
    assert_eq!(second.epoch, 2);
    is_lost(&pair.one.renew(&first, TTL, at(50)));
    pair.two.renew(&second, TTL, at(50)).unwrap();
}

fn a_dead_holders_lease_is_taken_over_at_once(pair: &Pair) {
    let dead = create(&*pair.one, "a", &gone(), at(0)).unwrap();
    let lease = pair
        .two
        .acquire(&RunId("a".to_owned()), &elsewhere(), TTL, at(0))
        .unwrap();
    assert_eq!(lease.epoch, dead.epoch + 1);
}

fn nothing_is_written_under_a_lost_lease(pair: &Pair) {
    let old = create(&*pair.one, "a", &elsewhere(), at(0)).unwrap();
    let run = RunId("a".to_owned());
    pair.one.append(&old, TTL, at(1), vec![stopped()]).unwrap();
    let new = pair.two.acquire(&run, &elsewhere(), TTL, at(60)).unwrap();
    is_lost(&pair.one.append(&old, TTL, at(60), vec![stopped()]));
    is_lost(&pair.one.append(&old, TTL, at(60), Vec::new()));
    is_lost(&pair.one.release(&old));
    assert_eq!(pair.one.load(&run).unwrap().len(), 1);
    pair.two.append(&new, TTL, at(61), vec![finished()]).unwrap();
    let entries = pair.one.load(&run).unwrap();
    let epochs: Vec<u64> = entries.iter().map(|entry| entry.epoch).collect();
    assert_eq!(epochs, [1, 2]);
}

fn a_lease_given_back_is_free_and_cannot_be_used(pair: &Pair) {
    let lease = create(&*pair.one, "a", &elsewhere(), at(0)).unwrap();
    pair.one.release(&lease).unwrap();
    is_lost(&pair.one.append(&lease, TTL, at(1), vec![stopped()]));
    is_lost(&pair.one.renew(&lease, TTL, at(1)));
    is_lost(&pair.one.release(&lease));
    pair.two.acquire(&lease.run_id, &elsewhere(), TTL, at(1)).unwrap();
}

fn one_run_at_a_time_works_on_a_target(pair: &Pair) {
    let holder = elsewhere();
    let new = |name: &str, now| NewRun {
        takes_over: None,
        run_id: RunId(name.to_owned()),
        plan_id: plan_id(name),
        target: "the same".to_owned(),
        approvals: Vec::new(),
        holder: &holder,
        ttl: TTL,
        now,
    };
    let first = pair.one.create_run(&new("first", at(0))).unwrap();
    is_held(&pair.two.create_run(&new("second", at(1))));
    pair.one.release(&first).unwrap();
    let second = pair.two.create_run(&new("second", at(1))).unwrap();
    // The first one is not finished; taken up now, two would work on one target.
    let resumed = pair.one.acquire(&first.run_id, &holder, TTL, at(2));
    is_held(&resumed);
    assert!(
        resumed
            .unwrap_err()
            .to_string()
            .contains("run second is under way")
    );
    pair.two.release(&second).unwrap();
    pair.one.acquire(&first.run_id, &holder, TTL, at(3)).unwrap();
}

fn entries_form_a_chain_and_come_back_as_written(pair: &Pair) {
    let lease = create(&*pair.one, "a", &elsewhere(), at(0)).unwrap();
    let mut written = pair
        .one
        .append(&lease, TTL, at(1), vec![stopped(), finished()])
        .unwrap();
    written.extend(pair.two.append(&lease, TTL, at(2), vec![stopped()]).unwrap());
    assert_eq!(pair.two.append(&lease, TTL, at(2), Vec::new()).unwrap(), []);
    assert_eq!(pair.two.load(&lease.run_id).unwrap(), written);
    verify_chain(&written).unwrap();
    let numbers: Vec<u64> = written.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(written[2].prev, written[1].digest);
}

fn an_append_is_a_sign_of_life(pair: &Pair) {
    let lease = create(&*pair.one, "a", &elsewhere(), at(0)).unwrap();
    pair.one.append(&lease, TTL, at(25), vec![stopped()]).unwrap();
    is_held(&pair.two.acquire(&lease.run_id, &elsewhere(), TTL, at(54)));
    pair.two
        .acquire(&lease.run_id, &elsewhere(), TTL, at(55))
        .unwrap();
}

fn an_approval_pays_for_as_many_runs_as_it_says(pair: &Pair) {
    let id = ApprovalId("twice".to_owned());
    spend(&*pair.one, "a", &[("twice", 2)]).unwrap();
    spend(&*pair.two, "b", &[("twice", 2)]).unwrap();
    let third = spend(&*pair.one, "c", &[("fresh", 1), ("twice", 2)]);
    assert!(
        matches!(&third, Err(StoreError::ApprovalSpent(spent)) if *spent == id),
        "{third:?}"
    );
    assert_eq!(pair.two.runs_spent(&id, None).unwrap(), 2);
    let without_b = pair.two.runs_spent(&id, Some(&RunId("b".to_owned()))).unwrap();
    assert_eq!(without_b, 1, "a resumed run does not pay again");
    let fresh = ApprovalId("fresh".to_owned());
    assert_eq!(
        pair.two.runs_spent(&fresh, None).unwrap(),
        0,
        "all or nothing is spent"
    );
    assert_eq!(
        pair.two.runs().unwrap().len(),
        2,
        "a run that was refused is no run"
    );
}

fn an_approval_given_twice_is_spent_once(pair: &Pair) {
    spend(&*pair.one, "a", &[("once", 1), ("once", 1)]).unwrap();
    let id = ApprovalId("once".to_owned());
    assert_eq!(pair.one.runs_spent(&id, None).unwrap(), 1);
}

/// Runs the same on two threads at once, each with its own handle.
fn race<T: Send>(pair: &Pair, work: impl Fn(&dyn Store, usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        let threads = [&pair.one, &pair.two]
            .into_iter()
            .enumerate()
            .map(|(number, store)| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(&**store, number)
                })
            });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn an_approval_for_one_run_is_spent_once_by_two_threads(pair: &Pair) {
    for round in 0..20 {
        let approval = format!("approval {round}");
        let results = race(pair, |store, number| {
            spend(store, &format!("run {round} of {number}"), &[(&approval, 1)])
        });
        let won = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(won, 1, "{results:?}");
        let spent = results.iter().flat_map(|result| result.as_ref().err());
        for error in spent {
            assert!(matches!(error, StoreError::ApprovalSpent(_)), "{error:?}");
        }
    }
}

fn two_threads_and_one_free_lease_make_one_holder(pair: &Pair) {
    for round in 0..20 {
        let lease = create(&*pair.one, &format!("run {round}"), &elsewhere(), at(0)).unwrap();
        pair.one.release(&lease).unwrap();
        let results = race(pair, |store, _| {
            store.acquire(&lease.run_id, &elsewhere(), TTL, at(1))
        });
        let won = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(won, 1, "{results:?}");
    }
}

fn approvals_come_back_in_order_and_by_plan(pair: &Pair) {
    let plan = Scenario::new(Vec::new()).plan();
    let records: Vec<Approval> = (0..4)
        .map(|number| {
            let mut record = approval(&plan);
            record.approval_id = ApprovalId(format!("a{number}"));
            record.approver = person(&format!("person {number}"));
            record.decision = [Decision::Approved, Decision::Rejected][number % 2];
            if number == 1 {
                record.plan_id = plan_id("another");
            }
            record
        })
        .collect();
    for (number, record) in records.iter().enumerate() {
        let store = if number % 2 == 0 { &pair.one } else { &pair.two };
        store.add_approval(record).unwrap();
    }
    let of_plan = [records[0].clone(), records[2].clone(), records[3].clone()];
    assert_eq!(pair.two.approvals_of(plan.id()).unwrap(), of_plan);
    assert_eq!(pair.one.approvals_of(&plan_id("another")).unwrap(), records[1..2]);
    assert_eq!(pair.one.approvals_of(&plan_id("none")).unwrap(), []);
}

fn an_approval_is_kept_once_and_never_changed(pair: &Pair) {
    let plan = Scenario::new(Vec::new()).plan();
    let mut record = approval(&plan);
    pair.one.add_approval(&record).unwrap();
    // What a verifier thinks of it is no part of it.
    record.roles = vec!["dba".to_owned()];
    pair.two.add_approval(&record).unwrap();
    assert_eq!(pair.one.approvals().unwrap().len(), 1);
    record.max_runs = 9;
    let error = pair.two.add_approval(&record).unwrap_err();
    assert!(matches!(error, StoreError::OtherApproval(_)), "{error:?}");
    assert_eq!(pair.one.approvals().unwrap()[0].max_runs, 1);
}

fn a_run_that_goes_on_spends_what_it_has_not_spent_yet(pair: &Pair) {
    let lease = spend(&*pair.one, "a", &[("first", 1)]).unwrap();
    let id = |name: &str| ApprovalId(name.to_owned());
    let both = [(id("first"), 1), (id("second"), 1)];
    pair.one.spend(&lease, &both).unwrap();
    pair.one.spend(&lease, &both).unwrap();
    assert_eq!(pair.two.runs_spent(&id("first"), None).unwrap(), 1);
    assert_eq!(pair.two.runs_spent(&id("second"), None).unwrap(), 1);
    // Another run finds it spent, and gets nothing of what it asked for.
    let other = spend(&*pair.two, "b", &[]).unwrap();
    let error = pair
        .two
        .spend(&other, &[(id("third"), 1), (id("second"), 1)])
        .unwrap_err();
    assert!(matches!(error, StoreError::ApprovalSpent(_)), "{error:?}");
    assert_eq!(pair.one.runs_spent(&id("third"), None).unwrap(), 0);
    // A holder that lost its lease spends nothing.
    pair.one.release(&lease).unwrap();
    let error = pair.one.spend(&lease, &[(id("third"), 1)]).unwrap_err();
    assert!(matches!(error, StoreError::LeaseLost { .. }), "{error:?}");
}

fn plans_are_found_by_the_beginning_of_their_name(pair: &Pair) {
    let id = |digits: &str| PlanId(Digest::from_text(format!("sha256:{digits:0<64}")));
    pair.one.save_plan(&id("abcdef1"), b"first", at(0)).unwrap();
    pair.one.save_plan(&id("abcdef2"), b"second", at(0)).unwrap();
    pair.two.save_plan(&id("abcdef1"), b"never", at(1)).unwrap();
    let load = |prefix: &str| pair.two.load_plan(prefix);
    assert_eq!(
        load("abcdef1").unwrap().unwrap(),
        b"first",
        "saving again changes nothing"
    );
    assert_eq!(load("sha256:abcdef2").unwrap().unwrap(), b"second");
    assert_eq!(load("ABCDEF2").unwrap().unwrap(), b"second");
    assert_eq!(load(&id("abcdef1").to_string()).unwrap().unwrap(), b"first");
    let error = load("abcdef").unwrap_err();
    assert_eq!(error.to_string(), "more than one plan begins with abcdef");
    for nothing in [
        "abcde",
        "fedcba",
        "",
        "abcdef*",
        "sha256:",
        "******",
        "abcdef1[0-9]",
    ] {
        assert_eq!(load(nothing).unwrap(), None, "{nothing}");
    }
}

fn a_stop_request_only_gets_more_urgent_and_ends_with_its_holder(pair: &Pair) {
    let lease = create(&*pair.one, "a", &elsewhere(), at(0)).unwrap();
    let ask = |urgency, reason: &str| {
        let reason = reason.to_owned();
        pair.two
            .request_stop(&lease.run_id, &StopRequest { urgency, reason })
            .unwrap();
        pair.one.renew(&lease, TTL, at(1)).unwrap().unwrap()
    };
    assert_eq!(pair.one.renew(&lease, TTL, at(1)).unwrap(), None);
    let mild = ask(Urgency::AfterCurrent, "mild");
    assert_eq!(
        (mild.urgency, mild.reason.as_str()),
        (Urgency::AfterCurrent, "mild")
    );
    let now = ask(Urgency::Now, "now");
    assert_eq!((now.urgency, now.reason.as_str()), (Urgency::Now, "now"));
    assert_eq!(ask(Urgency::AfterCurrent, "milder again"), now);
    pair.one.release(&lease).unwrap();
    let next = pair.two.acquire(&lease.run_id, &elsewhere(), TTL, at(2)).unwrap();
    assert_eq!(
        pair.two.renew(&next, TTL, at(2)).unwrap(),
        None,
        "a resume is not stopped by it"
    );
}

fn names(store: &dyn Store) -> Vec<String> {
    store
        .runs()
        .unwrap()
        .into_iter()
        .map(|row| row.run_id.0)
        .collect()
}

fn runs_are_listed_newest_first_to_the_millisecond(pair: &Pair) {
    let half = at(0) + Duration::from_millis(500);
    create(&*pair.one, "noon", &elsewhere(), at(0)).unwrap();
    create(&*pair.one, "half a second later", &elsewhere(), half).unwrap();
    create(&*pair.one, "a second later", &elsewhere(), at(1)).unwrap();
    assert_eq!(
        names(&*pair.two),
        ["a second later", "half a second later", "noon"]
    );
}

fn runs_are_found_by_the_beginning_of_their_name(pair: &Pair) {
    create(&*pair.one, "abc", &elsewhere(), at(0)).unwrap();
    create(&*pair.one, "abd", &elsewhere(), at(0)).unwrap();
    assert_eq!(find_run(&*pair.two, "abd").unwrap().plan_id, plan_id("abd"));
    let message = |prefix: &str| find_run(&*pair.two, prefix).unwrap_err().to_string();
    assert_eq!(message("ab"), "more than one run begins with ab");
    assert_eq!(message("x"), "there is no run x");
    assert_eq!(message(""), "there is no run ");
}

fn pruning_forgets_old_finished_runs_and_nothing_else(pair: &Pair) {
    let store = &*pair.one;
    let end = |name: &str, now: Timestamp, fact: Fact, release: bool| {
        let lease = create(store, name, &elsewhere(), now).unwrap();
        store.save_plan(&plan_id(name), name.as_bytes(), now).unwrap();
        store.append(&lease, TTL, now, vec![fact]).unwrap();
        if release {
            store.release(&lease).unwrap();
        }
    };
    // Written with and without fractions of a second: moments are compared, not their text.
    end("old", at(-1) + Duration::from_millis(500), finished(), true);
    end("unfinished", at(-10), stopped(), true);
    end("held", at(-10), finished(), false);
    end("young", at(0), finished(), true);
    store
        .save_plan(&plan_id("never run"), b"never run", at(-20))
        .unwrap();
    assert_eq!(pair.two.prune(at(0)).unwrap(), 1);
    let mut left = names(store);
    left.sort();
    assert_eq!(left, ["held", "unfinished", "young"]);
    let known = |name: &str| store.load_plan(&plan_id(name).to_string()).unwrap().is_some();
    assert!(!known("old"), "no run needs its plan any more");
    for name in ["held", "unfinished", "young", "never run"] {
        assert!(known(name), "the plan of {name} is gone");
    }
    assert!(matches!(
        store.load(&RunId("old".to_owned())),
        Err(StoreError::NoSuchRun(_))
    ));
    assert_eq!(pair.two.prune(at(0)).unwrap(), 0);
}

fn an_approval_stays_spent_after_its_run_is_pruned(pair: &Pair) {
    let lease = spend(&*pair.one, "a", &[("once", 1)]).unwrap();
    pair.one.append(&lease, TTL, at(1), vec![finished()]).unwrap();
    pair.one.release(&lease).unwrap();
    assert_eq!(pair.two.prune(at(100)).unwrap(), 1);
    let again = spend(&*pair.two, "b", &[("once", 1)]);
    assert!(matches!(again, Err(StoreError::ApprovalSpent(_))), "{again:?}");
}

fn what_does_not_exist_is_named(pair: &Pair) {
    let run = RunId("nothing".to_owned());
    let lease = Lease {
        run_id: run.clone(),
        epoch: 1,
    };
    let message = |error: StoreError| assert_eq!(error.to_string(), "there is no run nothing");
    message(pair.one.load(&run).unwrap_err());
    message(pair.one.acquire(&run, &elsewhere(), TTL, at(0)).unwrap_err());
    let request = StopRequest {
        urgency: Urgency::Now,
        reason: "x".to_owned(),
    };
    message(pair.one.request_stop(&run, &request).unwrap_err());
    is_lost(&pair.one.append(&lease, TTL, at(0), vec![stopped()]));
    assert_eq!(pair.one.runs().unwrap(), []);
}
