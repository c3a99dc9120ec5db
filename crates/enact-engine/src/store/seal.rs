//! Seals over what no chain covers: the rows of runs, which approvals were spent, and how long the chains are. A flipped byte of
//! the file can take a row out of a table without leaving a trace; its seal shows that.

use enact_core::canonical::Digest;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::sqlite::Problem;

/// What a seal is over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Over {
    /// The chain of approvals: how many, and the digest of the last.
    Approvals,
    /// Which approvals were spent on which runs: how many rows, and a digest of all.
    Spent,
    /// How many runs there are.
    Runs,
}

impl Over {
    fn name(self) -> &'static str {
        match self {
            Self::Approvals => "approvals",
            Self::Spent => "spent",
            Self::Runs => "runs",
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Approvals => "the chain of approvals does not end where it ended",
            Self::Spent => "the list of spent approvals was changed",
            Self::Runs => "the list of runs was changed",
        }
    }
}

/// Puts a seal on.
pub(super) fn put(connection: &Connection, over: Over, count: usize, digest: &str) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO seals (name, count, digest) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET count = excluded.count, digest = excluded.digest",
        params![over.name(), number(count), digest],
    )?;
    Ok(())
}

/// Looks at a seal. One that is missing is broken: each is put on when the schema is made.
pub(super) fn check(connection: &Connection, over: Over, count: usize, digest: &str) -> Result<(), Problem> {
    let found: Option<(i64, String)> = connection
        .prepare_cached("SELECT count, digest FROM seals WHERE name = ?1")?
        .query_row([over.name()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match found {
        Some((sealed, by)) if sealed == number(count) && by == digest => Ok(()),
        _ => Err(Problem::Damaged(over.in_words().to_owned())),
    }
}

/// How many approvals were spent on how many runs, and a digest of which.
pub(super) fn all_spent(connection: &Connection) -> rusqlite::Result<(usize, String)> {
    let mut statement = connection
        .prepare_cached("SELECT approval_id, run_id FROM run_approvals ORDER BY approval_id, run_id")?;
    let mut rows = statement.query([])?;
    let (mut count, mut text) = (0, String::new());
    while let Some(row) = rows.next()? {
        let (approval_id, run_id): (String, String) = (row.get(0)?, row.get(1)?);
        text.push_str(&format!("{approval_id}\n{run_id}\n"));
        count += 1;
    }
    Ok((count, Digest::of(text.as_bytes()).as_str().to_owned()))
}

/// How many runs there are.
pub(super) fn all_runs(connection: &Connection) -> rusqlite::Result<usize> {
    let count: i64 = connection.query_row("SELECT count(*) FROM runs", [], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// What never changes about a run without its journal growing: its row without lease and wishes to stop.
pub(super) struct RunSeal {
    pub(super) run_id: String,
    pub(super) plan_id: String,
    pub(super) target: String,
    pub(super) created_at: String,
    finished: i64,
    /// `SEQ DIGEST` of its newest entry; empty before the first.
    pub(super) head: String,
}

impl RunSeal {
    /// The columns of `runs`, in the order in which [`RunSeal::at`] reads them.
    pub(super) const COLUMNS: &'static str = "run_id, plan_id, target, created_at, finished, head, seal";

    /// The row at hand, with the seal that is on it.
    pub(super) fn at(row: &rusqlite::Row<'_>) -> rusqlite::Result<(Self, String)> {
        let this = Self {
            run_id: row.get("run_id")?,
            plan_id: row.get("plan_id")?,
            target: row.get("target")?,
            created_at: row.get("created_at")?,
            finished: row.get("finished")?,
            head: row.get("head")?,
        };
        Ok((this, row.get("seal")?))
    }

    /// The row of a run, if there is one; its seal must hold.
    pub(super) fn of(connection: &Connection, run_id: &str) -> Result<Option<Self>, Problem> {
        let sql = format!("SELECT {} FROM runs WHERE run_id = ?1", Self::COLUMNS);
        let found = connection
            .prepare_cached(&sql)?
            .query_row([run_id], Self::at)
            .optional()?;
        found.map(|(this, seal)| this.checked(&seal)).transpose()
    }

    /// This row, if the seal is its own.
    pub(super) fn checked(self, seal: &str) -> Result<Self, Problem> {
        if self.digest().as_str() == seal {
            return Ok(self);
        }
        let problem = format!("the record of run {} was changed", self.run_id);
        Err(Problem::Damaged(problem))
    }

    /// Writes head and seal of a row whose journal has grown.
    pub(super) fn advance(
        mut self,
        connection: &Connection,
        head: String,
        finished: bool,
    ) -> rusqlite::Result<()> {
        self.head = head;
        self.finished = self.finished.max(i64::from(finished));
        self.write(connection)
    }

    fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached("UPDATE runs SET head = ?2, finished = ?3, seal = ?4 WHERE run_id = ?1")?
            .execute(params![
                self.run_id,
                self.head,
                self.finished,
                self.digest().as_str()
            ])?;
        Ok(())
    }

    fn digest(&self) -> Digest {
        let parts = [
            self.run_id.as_str(),
            &self.plan_id,
            &self.target,
            &self.created_at,
            &self.finished.to_string(),
            &self.head,
        ];
        Digest::of(parts.join("\n").as_bytes())
    }
}

/// Seals a run whose row was just made.
pub(super) fn new_run(connection: &Connection, run_id: &str) -> rusqlite::Result<()> {
    let sql = format!("SELECT {} FROM runs WHERE run_id = ?1", RunSeal::COLUMNS);
    let (row, _) = connection
        .prepare_cached(&sql)?
        .query_row([run_id], RunSeal::at)?;
    row.write(connection)
}

/// Puts the first seals on whatever is there, after the schema was made or brought up to date.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<()> {
    let sql = format!("SELECT {} FROM runs", RunSeal::COLUMNS);
    let rows: Vec<(RunSeal, String)> = connection
        .prepare(&sql)?
        .query_map([], RunSeal::at)?
        .collect::<Result<_, _>>()?;
    for (row, _) in rows {
        row.write(connection)?;
    }
    let plans: Vec<(String, Vec<u8>)> = connection
        .prepare("SELECT plan_id, bytes FROM plans")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (plan_id, bytes) in plans {
        let digest = Digest::of(&bytes);
        connection.execute(
            "UPDATE plans SET digest = ?2 WHERE plan_id = ?1",
            [plan_id.as_str(), digest.as_str()],
        )?;
    }
    let approvals: (usize, String) = connection
        .query_row(
            "SELECT seq, digest FROM approvals ORDER BY seq DESC LIMIT 1",
            [],
            |row| Ok((usize::try_from(row.get::<_, i64>(0)?).unwrap_or(0), row.get(1)?)),
        )
        .optional()?
        .unwrap_or_default();
    put(connection, Over::Approvals, approvals.0, &approvals.1)?;
    let (count, digest) = all_spent(connection)?;
    put(connection, Over::Spent, count, &digest)?;
    put(connection, Over::Runs, all_runs(connection)?, "")
}

/// SQLite's integers are signed; ours never come near the end.
fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
