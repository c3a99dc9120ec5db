//! Approvals in the SQLite store: their chain, and which runs they have paid for.

use enact_core::approval::{Approval, ApprovalId};
use enact_core::canonical::Digest;
use enact_core::journal::RunId;
use rusqlite::{Connection, Transaction, params};

use super::seal::{self, Over};
use super::sqlite::{Problem, SqliteStore};
use super::{ApprovalStore, StoreError, is_known};

impl ApprovalStore for SqliteStore {
    fn add_approval(&self, approval: &Approval) -> Result<(), StoreError> {
        let body = serde_json::to_string(approval)?;
        let added = self.write(|transaction| {
            let (known, prev) = chain(transaction)?;
            if is_known(&known, approval)? {
                return Ok(None);
            }
            let (count, digest) = (known.len() + 1, chained(&prev, &body));
            transaction.execute(
                "INSERT INTO approvals (plan_id, prev, digest, body) VALUES (?1, ?2, ?3, ?4)",
                params![approval.plan_id.to_string(), prev, digest.as_str(), body],
            )?;
            seal::put(transaction, Over::Approvals, count, digest.as_str())?;
            Ok(Some((count, digest)))
        })?;
        if let Some((count, digest)) = added {
            self.mark.approval(count, digest.as_str());
        }
        Ok(())
    }

    fn approvals(&self) -> Result<Vec<Approval>, StoreError> {
        Ok(self.read(chain)?.0)
    }

    fn runs_spent(&self, approval_id: &ApprovalId, except: Option<&RunId>) -> Result<u32, StoreError> {
        self.read(|connection| {
            check_spent(connection)?;
            spent(connection, approval_id, except)
        })
    }
}

/// All approvals and the digest of the last one, once the chain was found to hold and to end where it ended.
fn chain(connection: &Connection) -> Result<(Vec<Approval>, String), Problem> {
    let mut statement =
        connection.prepare_cached("SELECT seq, plan_id, prev, digest, body FROM approvals ORDER BY seq")?;
    let mut rows = statement.query([])?;
    let (mut found, mut last) = (Vec::new(), String::new());
    while let Some(row) = rows.next()? {
        let (seq, of_plan): (u32, String) = (row.get(0)?, row.get(1)?);
        let (prev, digest, body): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let broken = |problem: &str| {
            let number = found.len() + 1;
            Problem::Damaged(format!(
                "the chain of approvals does not hold: record {number} {problem}"
            ))
        };
        if prev != last || usize::try_from(seq).ok() != Some(found.len() + 1) {
            return Err(broken("does not follow the one before it"));
        }
        if chained(&prev, &body).as_str() != digest {
            return Err(broken("was changed"));
        }
        let record: Approval = serde_json::from_str(&body)?;
        if of_plan != record.plan_id.to_string() {
            return Err(broken("is filed under another plan"));
        }
        last = digest;
        found.push(record);
    }
    seal::check(connection, Over::Approvals, found.len(), &last)?;
    Ok((found, last))
}

/// The digest of an approval's body and of the record before it.
fn chained(prev: &str, body: &str) -> Digest {
    Digest::of(format!("{prev}\n{body}").as_bytes())
}

/// Do the chain of approvals and the list of those spent hold?
pub(super) fn check_approvals(connection: &Connection) -> Result<(), Problem> {
    chain(connection)?;
    check_spent(connection)
}

fn check_spent(connection: &Connection) -> Result<(), Problem> {
    let (count, digest) = seal::all_spent(connection)?;
    seal::check(connection, Over::Spent, count, &digest)
}

fn spent(connection: &Connection, approval_id: &ApprovalId, except: Option<&RunId>) -> Result<u32, Problem> {
    Ok(connection.query_row(
        "SELECT count(*) FROM run_approvals WHERE approval_id = ?1 AND run_id <> ?2",
        params![approval_id.0, except.map_or("", |run| run.0.as_str())],
        |row| row.get(0),
    )?)
}

/// Spends approvals on a run.
pub(super) fn pay(
    transaction: &Transaction<'_>,
    run_id: &RunId,
    approvals: &[(ApprovalId, u32)],
) -> Result<(), Problem> {
    check_spent(transaction)?;
    for (approval_id, max_runs) in approvals {
        // Without this run: the same approval may be given twice.
        if spent(transaction, approval_id, Some(run_id))? >= *max_runs {
            return Err(StoreError::ApprovalSpent(approval_id.clone()).into());
        }
        transaction.execute(
            "INSERT INTO run_approvals (run_id, approval_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![run_id.0, approval_id.0],
        )?;
    }
    let (count, digest) = seal::all_spent(transaction)?;
    Ok(seal::put(transaction, Over::Spent, count, &digest)?)
}
