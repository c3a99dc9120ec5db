//! Portals: `/v3/portals` and `/v3/portals/{portalId}`, as the API description's "Portals" section says.
//!
//! The description gives no default for the two visibilities; this server uses `public`. References to
//! kinds that it does not keep (auth strategies) are not looked up.

use axum::http::Method;
use rusqlite::{OptionalExtension, Row, Transaction, params, params_from_iter};
use serde_json::{Map, Value, json};

use super::auth::Access;
use super::operation::{BodyRule, Call, Operation, Reply, Resource};
use super::paging::{Column, ColumnKind, page, select};
use super::problem::{InvalidParameter, Problem};
use super::store::rfc3339;
use super::validate::{Field, Kind, MAX_LABELS, Mode, VISIBILITIES, check, too_many_labels};

/// Portals with all their settings in columns; labels as a JSON object.
pub(super) const RESOURCE: Resource = Resource {
    tables: "
        CREATE TABLE IF NOT EXISTS portals (
            seq INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL UNIQUE,
            display_name TEXT NOT NULL,
            description TEXT,
            authentication_enabled INTEGER NOT NULL,
            rbac_enabled INTEGER NOT NULL,
            sipr_enabled INTEGER NOT NULL,
            default_api_visibility TEXT NOT NULL,
            default_page_visibility TEXT NOT NULL,
            default_application_auth_strategy_id TEXT,
            auto_approve_developers INTEGER NOT NULL,
            auto_approve_applications INTEGER NOT NULL,
            notifications_developer_pii_visibility_enabled INTEGER NOT NULL,
            default_domain TEXT NOT NULL,
            canonical_domain TEXT NOT NULL,
            labels TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            visible_at INTEGER NOT NULL
        ) STRICT;
    ",
    seed: None,
    operations: &[
        operation(Method::GET, "/v3/portals", BodyRule::Ignored, list),
        operation(Method::POST, "/v3/portals", BodyRule::Required, create),
        operation(Method::GET, "/v3/portals/{portalId}", BodyRule::Ignored, get),
        operation(
            Method::PATCH,
            "/v3/portals/{portalId}",
            BodyRule::Required,
            update,
        ),
        operation(
            Method::DELETE,
            "/v3/portals/{portalId}",
            BodyRule::Ignored,
            delete,
        ),
    ],
};

const FIELDS: &[Field] = &[
    Field::new("id", Kind::ReadOnly),
    Field::new("created_at", Kind::ReadOnly),
    Field::new("updated_at", Kind::ReadOnly),
    Field::new("default_domain", Kind::ReadOnly),
    Field::new("canonical_domain", Kind::ReadOnly),
    Field::text("name", 1, 255).required(),
    Field::text("display_name", 1, 255),
    Field::text("description", 0, 512).nullable(),
    Field::new("authentication_enabled", Kind::Flag),
    Field::new("rbac_enabled", Kind::Flag),
    Field::new("sipr_enabled", Kind::Flag),
    Field::new("default_api_visibility", Kind::Choice(VISIBILITIES)),
    Field::new("default_page_visibility", Kind::Choice(VISIBILITIES)),
    Field::new("default_application_auth_strategy_id", Kind::Uuid).nullable(),
    Field::new("auto_approve_developers", Kind::Flag),
    Field::new("auto_approve_applications", Kind::Flag),
    Field::new("labels", Kind::Labels).nullable(),
    Field::new("notifications_developer_pii_visibility_enabled", Kind::Flag),
];

const COLUMNS: &[Column] = &[
    Column::new("id", ColumnKind::Id).only_filter(),
    Column::new("name", ColumnKind::Text),
    Column::new("description", ColumnKind::Text),
    Column::new("authentication_enabled", ColumnKind::Flag),
    Column::new("rbac_enabled", ColumnKind::Flag),
    Column::new("default_api_visibility", ColumnKind::Text).only_filter(),
    Column::new("default_page_visibility", ColumnKind::Text).only_filter(),
    Column::new("default_application_auth_strategy_id", ColumnKind::Id).only_filter(),
    Column::new("auto_approve_developers", ColumnKind::Flag),
    Column::new("auto_approve_applications", ColumnKind::Flag),
    Column::new("default_domain", ColumnKind::Text),
    Column::new("canonical_domain", ColumnKind::Text),
    Column::new("created_at", ColumnKind::Date).only_sort(),
    Column::new("updated_at", ColumnKind::Date).only_sort(),
];

const SELECTED: &str = "id, name, display_name, description, authentication_enabled, rbac_enabled, sipr_enabled, \
     default_api_visibility, default_page_visibility, default_application_auth_strategy_id, \
     auto_approve_developers, auto_approve_applications, notifications_developer_pii_visibility_enabled, \
     default_domain, canonical_domain, labels, created_at, updated_at";

const fn operation(
    method: Method,
    path: &'static str,
    body: BodyRule,
    handler: fn(&Call, &Transaction<'_>) -> Result<Reply, Problem>,
) -> Operation {
    Operation {
        method,
        path,
        access: Access::Rights,
        body,
        handler,
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Portal {
    id: String,
    name: String,
    display_name: String,
    description: Option<String>,
    authentication_enabled: bool,
    rbac_enabled: bool,
    sipr_enabled: bool,
    default_api_visibility: String,
    default_page_visibility: String,
    default_application_auth_strategy_id: Option<String>,
    auto_approve_developers: bool,
    auto_approve_applications: bool,
    notifications_developer_pii_visibility_enabled: bool,
    default_domain: String,
    canonical_domain: String,
    labels: Map<String, Value>,
    created_at: i64,
    updated_at: i64,
}

impl Portal {
    fn new(id: String, now_ms: i64) -> Self {
        // The UUID's last part, and a top-level domain that can never resolve (RFC 6761).
        let name = id.rsplit('-').next().unwrap_or_default();
        let domain = format!("{name}.local.kongportals.test");
        Self {
            id,
            name: String::new(),
            display_name: String::new(),
            description: None,
            authentication_enabled: true,
            rbac_enabled: false,
            sipr_enabled: false,
            default_api_visibility: "public".to_owned(),
            default_page_visibility: "public".to_owned(),
            default_application_auth_strategy_id: None,
            auto_approve_developers: false,
            auto_approve_applications: false,
            notifications_developer_pii_visibility_enabled: false,
            default_domain: domain.clone(),
            canonical_domain: domain,
            labels: Map::new(),
            created_at: now_ms,
            updated_at: now_ms,
        }
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let labels: String = row.get(15)?;
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            display_name: row.get(2)?,
            description: row.get(3)?,
            authentication_enabled: row.get(4)?,
            rbac_enabled: row.get(5)?,
            sipr_enabled: row.get(6)?,
            default_api_visibility: row.get(7)?,
            default_page_visibility: row.get(8)?,
            default_application_auth_strategy_id: row.get(9)?,
            auto_approve_developers: row.get(10)?,
            auto_approve_applications: row.get(11)?,
            notifications_developer_pii_visibility_enabled: row.get(12)?,
            default_domain: row.get(13)?,
            canonical_domain: row.get(14)?,
            labels: serde_json::from_str(&labels).unwrap_or_default(),
            created_at: row.get(16)?,
            updated_at: row.get(17)?,
        })
    }

    fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "display_name": self.display_name,
            "description": self.description,
            "authentication_enabled": self.authentication_enabled,
            "rbac_enabled": self.rbac_enabled,
            "sipr_enabled": self.sipr_enabled,
            "default_api_visibility": self.default_api_visibility,
            "default_page_visibility": self.default_page_visibility,
            "default_application_auth_strategy_id": self.default_application_auth_strategy_id,
            "auto_approve_developers": self.auto_approve_developers,
            "auto_approve_applications": self.auto_approve_applications,
            "notifications_developer_pii_visibility_enabled": self.notifications_developer_pii_visibility_enabled,
            "default_domain": self.default_domain,
            "canonical_domain": self.canonical_domain,
            "labels": self.labels,
            "created_at": rfc3339(self.created_at),
            "updated_at": rfc3339(self.updated_at),
        })
    }

    /// Takes over the members of a checked body.
    fn set(&mut self, body: &Map<String, Value>) {
        set_text(body, "name", &mut self.name);
        set_text(body, "display_name", &mut self.display_name);
        set_optional(body, "description", &mut self.description);
        set_flag(body, "authentication_enabled", &mut self.authentication_enabled);
        set_flag(body, "rbac_enabled", &mut self.rbac_enabled);
        set_flag(body, "sipr_enabled", &mut self.sipr_enabled);
        set_text(body, "default_api_visibility", &mut self.default_api_visibility);
        set_text(body, "default_page_visibility", &mut self.default_page_visibility);
        set_optional(
            body,
            "default_application_auth_strategy_id",
            &mut self.default_application_auth_strategy_id,
        );
        set_flag(body, "auto_approve_developers", &mut self.auto_approve_developers);
        set_flag(
            body,
            "auto_approve_applications",
            &mut self.auto_approve_applications,
        );
        set_flag(
            body,
            "notifications_developer_pii_visibility_enabled",
            &mut self.notifications_developer_pii_visibility_enabled,
        );
        match body.get("labels") {
            Some(Value::Object(labels)) => merge_labels(&mut self.labels, labels),
            Some(Value::Null) => self.labels.clear(),
            _ => {}
        }
    }

    /// Rules over several fields.
    fn check(&self) -> Result<(), Problem> {
        let mut invalid = Vec::new();
        if self.labels.len() > MAX_LABELS {
            invalid.push(too_many_labels("labels"));
        }
        if self.rbac_enabled && !self.authentication_enabled {
            let reason = "needs authentication_enabled";
            let dependents = json!(["authentication_enabled"]);
            invalid.push(
                InvalidParameter::body("rbac_enabled", "dependent_fields", reason)
                    .with("dependents", dependents),
            );
        }
        if invalid.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(invalid))
        }
    }
}

fn set_text(body: &Map<String, Value>, name: &str, into: &mut String) {
    if let Some(text) = body.get(name).and_then(Value::as_str) {
        text.clone_into(into);
    }
}

fn set_optional(body: &Map<String, Value>, name: &str, into: &mut Option<String>) {
    if let Some(value) = body.get(name) {
        *into = value.as_str().map(str::to_owned);
    }
}

fn set_flag(body: &Map<String, Value>, name: &str, into: &mut bool) {
    if let Some(flag) = body.get(name).and_then(Value::as_bool) {
        *into = flag;
    }
}

/// `null` removes a label; labels that are not named stay.
fn merge_labels(labels: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (key, value) in changes {
        if value.is_null() {
            labels.remove(key);
        } else {
            labels.insert(key.clone(), value.clone());
        }
    }
}

/// What page operations need to know of their portal.
///
/// # Errors
/// 404 when there is no such portal or it cannot be seen yet.
pub(super) fn default_page_visibility(
    transaction: &Transaction<'_>,
    call: &Call,
) -> Result<(String, String), Problem> {
    let portal = find(transaction, call)?;
    Ok((portal.id, portal.default_page_visibility))
}

fn find(transaction: &Transaction<'_>, call: &Call) -> Result<Portal, Problem> {
    let id = call.param("portalId");
    let sql = format!("SELECT {SELECTED} FROM portals WHERE id = ?1 AND visible_at <= ?2");
    let found = transaction
        .prepare_cached(&sql)?
        .query_row(params![id, call.now_ms], Portal::from_row)
        .optional()?;
    found.ok_or_else(|| Problem::not_found("Portal", &id))
}

fn list(call: &Call, transaction: &Transaction<'_>) -> Result<Reply, Problem> {
    let page = page(&call.query)?;
    let selection = select(&call.query, COLUMNS)?;
    let mut values = vec![rusqlite::types::Value::Integer(call.now_ms)];
    values.extend(selection.values);
    let conditions = selection.conditions;
    let total: i64 = transaction
        .prepare_cached(&format!(
            "SELECT count(*) FROM portals WHERE visible_at <= ?{conditions}"
        ))?
        .query_row(params_from_iter(&values), |row| row.get(0))?;
    values.push(rusqlite::types::Value::Integer(page.size));
    values.push(rusqlite::types::Value::Integer(page.offset()));
    let order = selection.order;
    let sql = format!(
        "SELECT {SELECTED} FROM portals WHERE visible_at <= ?{conditions} ORDER BY {order}seq LIMIT ? OFFSET ?"
    );
    let mut statement = transaction.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(&values), |row| {
        Portal::from_row(row).map(|portal| portal.to_json())
    })?;
    let data = rows.collect::<rusqlite::Result<Vec<Value>>>()?;
    Ok(Reply::read(json!({"data": data, "meta": page.meta(total)})))
}

fn get(call: &Call, transaction: &Transaction<'_>) -> Result<Reply, Problem> {
    Ok(Reply::read(find(transaction, call)?.to_json()))
}

fn create(call: &Call, transaction: &Transaction<'_>) -> Result<Reply, Problem> {
    let body = check(&call.body, FIELDS, Mode::Create, false)?;
    let mut portal = Portal::new((call.sources.new_id)(), call.now_ms);
    portal.set(body);
    if portal.display_name.is_empty() {
        portal.display_name.clone_from(&portal.name);
    }
    portal.check()?;
    refuse_taken_name(transaction, &portal)?;
    save(transaction, &portal, call.visible_at_ms())?;
    Ok(Reply::created(portal.id.clone(), portal.to_json()))
}

fn update(call: &Call, transaction: &Transaction<'_>) -> Result<Reply, Problem> {
    let old = find(transaction, call)?;
    let body = check(&call.body, FIELDS, Mode::Update, false)?;
    let mut portal = old.clone();
    portal.set(body);
    portal.check()?;
    let applied = portal != old;
    if applied {
        refuse_taken_name(transaction, &portal)?;
        portal.updated_at = call.updated_after(old.updated_at);
        save(transaction, &portal, 0)?;
    }
    Ok(Reply::updated(portal.id.clone(), portal.to_json(), applied))
}

// The description lets `force` decide over published APIs only: "If the force param is not set, the deletion
// will only succeed if there are no APIs currently published". Pages go with their portal either way, and
// publications are not kept here.
fn delete(call: &Call, transaction: &Transaction<'_>) -> Result<Reply, Problem> {
    let portal = find(transaction, call)?;
    if let Some(force) = call
        .query("force")
        .filter(|force| !matches!(*force, "true" | "false"))
    {
        let reason = format!("must be one of [true, false], not [{force}]");
        let fault =
            InvalidParameter::query("force", "enum", reason).with("choices", json!(["true", "false"]));
        return Err(Problem::invalid(vec![fault]));
    }
    transaction
        .prepare_cached("DELETE FROM portals WHERE id = ?1")?
        .execute([&portal.id])?;
    Ok(Reply::deleted(portal.id))
}

fn refuse_taken_name(transaction: &Transaction<'_>, portal: &Portal) -> Result<(), Problem> {
    let taken = transaction
        .prepare_cached("SELECT 1 FROM portals WHERE name = ?1 AND id <> ?2")?
        .exists([&portal.name, &portal.id])?;
    if taken {
        return Err(Problem::conflict(format!(
            "A portal with name [{}] already exists",
            portal.name
        )));
    }
    Ok(())
}

/// Inserts a portal or updates what can change of it; `visible_at_ms` counts on insertion only.
fn save(transaction: &Transaction<'_>, portal: &Portal, visible_at_ms: i64) -> Result<(), Problem> {
    let sql = format!(
        "INSERT INTO portals ({SELECTED}, visible_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) \
         ON CONFLICT (id) DO UPDATE SET name = ?2, display_name = ?3, description = ?4, \
         authentication_enabled = ?5, rbac_enabled = ?6, sipr_enabled = ?7, default_api_visibility = ?8, \
         default_page_visibility = ?9, default_application_auth_strategy_id = ?10, \
         auto_approve_developers = ?11, auto_approve_applications = ?12, \
         notifications_developer_pii_visibility_enabled = ?13, labels = ?16, updated_at = ?18"
    );
    transaction.prepare_cached(&sql)?.execute(params![
        portal.id,
        portal.name,
        portal.display_name,
        portal.description,
        portal.authentication_enabled,
        portal.rbac_enabled,
        portal.sipr_enabled,
        portal.default_api_visibility,
        portal.default_page_visibility,
        portal.default_application_auth_strategy_id,
        portal.auto_approve_developers,
        portal.auto_approve_applications,
        portal.notifications_developer_pii_visibility_enabled,
        portal.default_domain,
        portal.canonical_domain,
        Value::Object(portal.labels.clone()).to_string(),
        portal.created_at,
        portal.updated_at,
        visible_at_ms
    ])?;
    Ok(())
}
