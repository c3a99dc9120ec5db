//! Who the caller is: one organization and one user per database, the same for every token.

use axum::http::Method;
use rusqlite::Transaction;
use serde_json::json;

use super::auth::Access;
use super::operation::{BodyRule, Call, Operation, Reply, Resource, Sources};
use super::problem::Problem;
use super::store::{init_meta, meta, rfc3339};

const ORGANIZATION: &str = "organization_id";
const USER: &str = "user_id";
const CREATED: &str = "created_at";

/// Seeds the ids that stay with the database.
pub(super) const RESOURCE: Resource = Resource {
    tables: "",
    seed: Some(seed),
    operations: &[
        Operation {
            method: Method::GET,
            path: "/v3/organizations/me",
            access: Access::Token,
            body: BodyRule::Ignored,
            handler: get_organization,
        },
        Operation {
            method: Method::GET,
            path: "/v3/users/me",
            access: Access::Token,
            body: BodyRule::Ignored,
            handler: get_user,
        },
    ],
};

fn seed(transaction: &Transaction<'_>, sources: &Sources) -> rusqlite::Result<()> {
    if meta(transaction, CREATED)?.is_some() {
        return Ok(());
    }
    init_meta(transaction, ORGANIZATION, &(sources.new_id)())?;
    init_meta(transaction, USER, &(sources.new_id)())?;
    init_meta(transaction, CREATED, &rfc3339(sources.now_ms()))
}

fn get_organization(_: &Call, transaction: &Transaction<'_>) -> Result<Reply, Problem> {
    let created_at = meta(transaction, CREATED)?;
    Ok(Reply::read(json!({
        "id": meta(transaction, ORGANIZATION)?,
        "name": "Local Konnect",
        "owner_id": meta(transaction, USER)?,
        "login_path": "",
        "created_at": created_at,
        "updated_at": created_at,
        "state": "active",
        "retention_period_days": 90,
    })))
}

fn get_user(_: &Call, transaction: &Transaction<'_>) -> Result<Reply, Problem> {
    let created_at = meta(transaction, CREATED)?;
    Ok(Reply::read(json!({
        "id": meta(transaction, USER)?,
        "email": "local@example.com",
        "full_name": "Local User",
        "preferred_name": "Local",
        "active": true,
        "inferred_region": "us",
        "created_at": created_at,
        "updated_at": created_at,
    })))
}
