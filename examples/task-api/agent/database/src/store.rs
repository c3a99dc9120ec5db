//! Where tasks are kept: in memory, in the shape of migrations/0001_create_tasks.sql.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::{NewTask, Task};

#[derive(Debug, Default)]
struct Table {
    last_id: u64,
    rows: BTreeMap<u64, Task>,
}

/// May be shared between threads.
#[derive(Debug, Default)]
pub struct Store {
    table: Mutex<Table>,
}

impl Store {
    pub fn new() -> Self {
        Self::default()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Every change is one assignment, so a thread that panicked left nothing half done.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a task under an id that was never used before.
    pub fn insert(&self, new: NewTask, created_at: &str) -> Task {
        let mut table = self.table();
        table.last_id += 1;
        let id = table.last_id;
        let NewTask {
            title,
            description,
            status,
            due_date,
        } = new;
        let task = Task {
            id,
            title,
            description,
            status,
            due_date,
            created_at: created_at.into(),
        };
        table.rows.insert(id, task.clone());
        task
    }

    pub fn get(&self, id: u64) -> Option<Task> {
        self.table().rows.get(&id).cloned()
    }

    /// All tasks, the oldest first.
    pub fn list(&self) -> Vec<Task> {
        self.table().rows.values().cloned().collect()
    }

    /// Replaces what a caller may say; the id and the time of creation stay.
    pub fn update(&self, id: u64, new: NewTask) -> Option<Task> {
        let mut table = self.table();
        let row = table.rows.get_mut(&id)?;
        let NewTask {
            title,
            description,
            status,
            due_date,
        } = new;
        *row = Task {
            id,
            title,
            description,
            status,
            due_date,
            created_at: row.created_at.clone(),
        };
        Some(row.clone())
    }

    /// Says whether there was such a task.
    pub fn remove(&self, id: u64) -> bool {
        self.table().rows.remove(&id).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Status;

    #[test]
    fn an_id_is_never_used_twice() {
        let store = Store::new();
        let new = NewTask {
            title: "a".into(),
            description: String::new(),
            status: Status::Todo,
            due_date: None,
        };
        let first = store.insert(new.clone(), "2026-11-20T18:00:00Z");
        assert!(store.remove(first.id));
        assert_ne!(store.insert(new, "2026-11-20T18:00:00Z").id, first.id);
        assert_eq!(store.list().len(), 1);
    }
}
