//! Pinned by the plan: what the tasks' table must do.

use task_api::model::{NewTask, Status};
use task_api::store::Store;

const THEN: &str = "2026-11-20T18:00:00Z";

fn task(title: &str) -> NewTask {
    NewTask {
        title: title.into(),
        description: "d".into(),
        status: Status::Doing,
        due_date: Some("2026-12-24".into()),
    }
}

#[test]
fn what_was_stored_comes_back() {
    let store = Store::new();
    let made = store.insert(task("a"), THEN);
    assert_eq!(store.get(made.id), Some(made.clone()));
    assert_eq!((made.title.as_str(), made.description.as_str()), ("a", "d"));
    assert_eq!(
        (made.status, made.due_date.as_deref()),
        (Status::Doing, Some("2026-12-24"))
    );
    assert_eq!(made.created_at, THEN);
}

#[test]
fn an_update_is_kept_and_leaves_id_and_creation() {
    let store = Store::new();
    let made = store.insert(task("a"), THEN);
    let other = store.insert(task("b"), THEN);
    let new = NewTask {
        status: Status::Done,
        due_date: None,
        ..task("c")
    };
    let updated = store.update(made.id, new).unwrap();
    assert_eq!(store.get(made.id), Some(updated.clone()));
    assert_eq!(
        (updated.id, updated.title.as_str(), updated.status),
        (made.id, "c", Status::Done)
    );
    assert_eq!(updated.created_at, THEN);
    assert_eq!(store.get(other.id), Some(other));
    assert_eq!(store.update(9999, task("x")), None);
}

#[test]
fn a_removed_task_is_gone_and_its_id_too() {
    let store = Store::new();
    let made = store.insert(task("a"), THEN);
    assert!(store.remove(made.id));
    assert!(!store.remove(made.id));
    assert_eq!(store.get(made.id), None);
    assert_ne!(store.insert(task("b"), THEN).id, made.id);
    assert_eq!(store.list().len(), 1);
}
