//! Approvals in files: written by `enact approve --out`, carried to another machine, verified and taken into its ledger.

use std::io::Read as _;
use std::path::Path;

use enact_core::approval::{Approval, Method};
use enact_core::exit::ExitCode;
use enact_core::plan::Plan;
use enact_engine::installation::Installation;
use enact_engine::signature::verified;

use crate::commands::Context;
use crate::error::CommandError;
use crate::{state, trust};

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Reads a file with one record, or with a list of them.
pub(crate) fn read(path: &Path) -> Result<Vec<Approval>, CommandError> {
    let refused = |problem: String| {
        CommandError::invalid(format!(
            "the approval {} cannot be read: {problem}",
            path.display()
        ))
        .hint("make one with: enact approve PLAN --sign-with KEY --out FILE")
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| refused(error.to_string()))?;
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| refused(error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(refused(format!("it is longer than {MAX_FILE} bytes")));
    }
    let is_list = bytes.trim_ascii_start().starts_with(b"[");
    let records = if is_list {
        serde_json::from_slice(&bytes)
    } else {
        serde_json::from_slice(&bytes).map(|one| vec![one])
    };
    records.map_err(|error| refused(error.to_string()))
}

/// Writes a record for another machine.
pub(crate) fn write(path: &Path, record: &Approval) -> Result<(), CommandError> {
    let text = format!("{}\n", serde_json::to_string_pretty(record)?);
    if path.as_os_str() == "-" {
        return crate::views::print(&text);
    }
    std::fs::write(path, text).map_err(|error| {
        CommandError::failed(format!(
            "the approval cannot be written to {}: {error}",
            path.display()
        ))
        .hint("it is kept here all the same: enact approvals list")
    })
}

/// Verifies the records of a file and takes them into the ledger. Taking the same ones again changes nothing.
pub(crate) fn import(
    context: &Context,
    installation: &Installation,
    plan: &Plan,
    path: &Path,
) -> Result<(), CommandError> {
    let records = read(path)?;
    let refused =
        |message: String| CommandError::new(ExitCode::NotApproved, format!("{}: {message}", path.display()));
    if let Some(other) = records.iter().find(|record| record.plan_id != *plan.id()) {
        let message = format!(
            "approval {} is for plan {}, and this is plan {}",
            other.approval_id,
            other.plan_id.short(),
            plan.id().short()
        );
        return Err(refused(message)
            .hint("a plan that was changed, or made anew from another state, needs its own approval"));
    }
    let by = context.settings.principal();
    if let Some(plain) = records
        .iter()
        .find(|record| record.method != Method::Signature && !by.may_decide())
    {
        let message = format!(
            "approval {} is not signed, and {by} may not bring it: an agent never approves",
            plain.approval_id
        );
        return Err(refused(message));
    }
    let checked = verified(records.clone(), &trust::read(&context.settings)?, state::now());
    if let Some(bad) = checked.worthless.first() {
        let message = format!(
            "approval {} by {} counts for nothing: {}",
            bad.approval_id, bad.approver, bad.reason
        );
        return Err(refused(message)
            .hint("whose keys count stands in the file that [approvals] allowed-signers names"));
    }
    for record in &records {
        installation.store.add_approval(record)?;
    }
    Ok(())
}
