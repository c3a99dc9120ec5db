//! Portal pages: a tree per portal, as the API description's "Pages" section says.
//!
//! Placing a page (parent, slug, cycles, order among siblings) is in `page_tree`.

use axum::http::{Method, StatusCode};
use rusqlite::{OptionalExtension, Row, Transaction, params, params_from_iter};
use serde_json::{Map, Value, json};

use super::auth::Access;
use super::operation::{BodyRule, Call, Operation, Reply, Resource};
use super::page_tree::{self, Place, front_matter, is_slug};
use super::paging::{Column, ColumnKind, select};
use super::portals::default_page_visibility;
use super::problem::Problem;
use super::store::rfc3339;
use super::validate::{Field, Kind, Mode, Pattern, VISIBILITIES, check};

/// Pages go with their portal and with their parent; `content` is the last column so that lists need not read it.
pub(super) const RESOURCE: Resource = Resource {
    tables: "
        CREATE TABLE IF NOT EXISTS portal_pages (
            seq INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            portal_id TEXT NOT NULL REFERENCES portals (id) ON DELETE CASCADE,
            parent_page_id TEXT REFERENCES portal_pages (id) ON DELETE CASCADE,
            slug TEXT NOT NULL,
            title TEXT NOT NULL,
            visibility TEXT NOT NULL,
            status TEXT NOT NULL,
            description TEXT,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            position INTEGER NOT NULL,
            visible_at INTEGER NOT NULL,
            content TEXT NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX IF NOT EXISTS portal_pages_slug
            ON portal_pages (portal_id, ifnull(parent_page_id, ''), slug);
        CREATE INDEX IF NOT EXISTS portal_pages_parent ON portal_pages (parent_page_id);
        CREATE INDEX IF NOT EXISTS portal_pages_position ON portal_pages (portal_id, position, seq);
    ",
    seed: None,
    operations: &[
        operation(
            Method::GET,
            "/v3/portals/{portalId}/pages",
            BodyRule::Ignored,
            list,
        ),
        operation(
            Method::POST,
            "/v3/portals/{portalId}/pages",
            BodyRule::Required,
            create,
        ),
        operation(
            Method::GET,
            "/v3/portals/{portalId}/pages/{pageId}",
            BodyRule::Ignored,
            get,
        ),
        operation(
            Method::PATCH,
            "/v3/portals/{portalId}/pages/{pageId}",
            BodyRule::Required,
            update,
        ),
        operation(
            Method::DELETE,
            "/v3/portals/{portalId}/pages/{pageId}",
            BodyRule::Ignored,
            delete,
        ),
        operation(
            Method::POST,
            "/v3/portals/{portalId}/pages/{pageId}/move",
            BodyRule::Optional,
            move_to,
        ),
    ],
};

const SLUG: Pattern = Pattern {
    text: r"^[\w-]+$",
    matches: is_slug,
};

const FIELDS: &[Field] = &[
    Field::new(
        "slug",
        Kind::Text {
            min: 0,
            max: 512,
            pattern: Some(SLUG),
        },
    )
    .required(),
    Field::text("title", 0, 512),
    Field::text("content", 0, 1_000_000).required(),
    Field::new("visibility", Kind::Choice(VISIBILITIES)),
    Field::new("status", Kind::Choice(&["published", "unpublished"])),
    Field::text("description", 0, 160),
    Field::new("parent_page_id", Kind::Uuid).nullable(),
];

const MOVE_FIELDS: &[Field] = &[
    Field::new("parent_page_id", Kind::Uuid).nullable(),
    Field::new("index", Kind::Integer),
];

const COLUMNS: &[Column] = &[
    Column::new("id", ColumnKind::Id).only_filter(),
    Column::new("slug", ColumnKind::Text),
    Column::new("title", ColumnKind::Text),
    Column::new("visibility", ColumnKind::Text),
    Column::new("created_at", ColumnKind::Date),
    Column::new("updated_at", ColumnKind::Date),
];

const LISTED: &str =
    "id, parent_page_id, slug, title, visibility, status, description, created_at, updated_at";

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

/// A page; `content` is `None` in lists.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PortalPage {
    pub(super) id: String,
    pub(super) parent_page_id: Option<String>,
    pub(super) slug: String,
    title: String,
    visibility: String,
    status: String,
    description: Option<String>,
    created_at: i64,
    updated_at: i64,
    content: Option<String>,
}

impl PortalPage {
    fn listed(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            parent_page_id: row.get(1)?,
            slug: row.get(2)?,
            title: row.get(3)?,
            visibility: row.get(4)?,
            status: row.get(5)?,
            description: row.get(6)?,
            created_at: row.get(7)?,
            updated_at: row.get(8)?,
            content: None,
        })
    }

    fn full(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            content: row.get(9)?,
            ..Self::listed(row)?
        })
    }

    pub(super) fn to_json(&self) -> Map<String, Value> {
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
        put("id", json!(self.id));
        put("slug", json!(self.slug));
        put("title", json!(self.title));
        put("visibility", json!(self.visibility));
        put("status", json!(self.status));
        put("parent_page_id", json!(self.parent_page_id));
        put("created_at", json!(rfc3339(self.created_at)));
        put("updated_at", json!(rfc3339(self.updated_at)));
        // Not nullable in the description, so a page without one has no such member.
        if let Some(description) = &self.description {
            put("description", json!(description));
        }
        if let Some(content) = &self.content {
            put("content", json!(content));
        }
        object
    }

    fn set(&mut self, body: &Map<String, Value>) {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        for (name, into) in [
            ("slug", &mut self.slug),
            ("title", &mut self.title),
            ("visibility", &mut self.visibility),
            ("status", &mut self.status),
        ] {
            if let Some(value) = text(name) {
                *into = value;
            }
        }
        if let Some(description) = text("description") {
            self.description = Some(description);
        }
        if let Some(content) = text("content") {
            self.content = Some(content);
        }
        if let Some(parent) = body.get("parent_page_id") {
            self.parent_page_id = parent.as_str().map(str::to_ascii_lowercase);
        }
    }
}

fn find(transaction: &Transaction<'_>, call: &Call, portal_id: &str) -> Result<PortalPage, Problem> {
    let id = call.param("pageId");
    let sql = format!(
        "SELECT {LISTED}, content FROM portal_pages WHERE id = ?1 AND portal_id = ?2 AND visible_at <= ?3"
    );
    let found = transaction
        .prepare_cached(&sql)?
        .query_row(params![id, portal_id, call.now_ms], PortalPage::full)
        .optional()?;
    found.ok_or_else(|| Problem::not_found("Page", &id))
}

fn list(call: &Call, transaction: &Transaction<'_>) -> Result<Reply, Problem> {
    let (portal_id, _) = default_page_visibility(transaction, call)?;
    let selection = select(&call.query, COLUMNS)?;
    let mut values = vec![
        rusqlite::types::Value::Text(portal_id),
        rusqlite::types::Value::Integer(call.now_ms),
    ];
    values.extend(selection.values);
    let (conditions, order) = (selection.conditions, selection.order);
    let sql = format!(
        "SELECT {LISTED} FROM portal_pages WHERE portal_id = ? AND visible_at <= ?{conditions} \
         ORDER BY {order}position, seq"
    );
    let mut statement = transaction.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(&values), PortalPage::listed)?;
    let pages = rows.collect::<rusqlite::Result<Vec<PortalPage>>>()?;
    Ok(Reply::read(json!({"data": page_tree::nest(pages)})))
}

fn get(call: &Call, transaction: &Transaction<'_>) -> Result<Reply, Problem> {
    let (portal_id, _) = default_page_visibility(transaction, call)?;
    Ok(Reply::read(Value::Object(
        find(transaction, call, &portal_id)?.to_json(),
    )))
}

fn create(call: &Call, transaction: &Transaction<'_>) -> Result<Reply, Problem> {
    let (portal_id, visibility) = default_page_visibility(transaction, call)?;
    let body = check(&call.body, FIELDS, Mode::Create, false)?;
    let mut page = PortalPage {
        id: (call.sources.new_id)(),
        parent_page_id: None,
        slug: String::new(),
        title: String::new(),
        visibility,
        status: "unpublished".to_owned(),
        description: None,
        created_at: call.now_ms,
        updated_at: call.now_ms,
        content: None,
    };
    page.set(body);
    if !body.contains_key("title") {
        page.title.clone_from(&page.slug);
    }
    let written = front_matter(page.content.as_deref().unwrap_or_default());
    page.title = written.title.unwrap_or(page.title);
    page.description = written.description.or(page.description);
    let place = Place {
        portal_id: &portal_id,
        page: &page,
        now_ms: call.now_ms,
    };
    place.check(transaction)?;
    let position = place.last_position(transaction)?;
    let sql = format!(
        "INSERT INTO portal_pages ({LISTED}, content, portal_id, position, visible_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
    );
    transaction.prepare_cached(&sql)?.execute(params![
        page.id,
        page.parent_page_id,
        page.slug,
        page.title,
        page.visibility,
        page.status,
        page.description,
        page.created_at,
        page.updated_at,
        page.content,
        portal_id,
        position,
        call.visible_at_ms()
    ])?;
    Ok(Reply::created(page.id.clone(), Value::Object(page.to_json())))
}

fn update(call: &Call, transaction: &Transaction<'_>) -> Result<Reply, Problem> {
    let (portal_id, _) = default_page_visibility(transaction, call)?;
    let old = find(transaction, call, &portal_id)?;
    let body = check(&call.body, FIELDS, Mode::Update, false)?;
    let mut page = old.clone();
    page.set(body);
    let applied = page != old;
    if applied {
        page.updated_at = call.updated_after(old.updated_at);
        let place = Place {
            portal_id: &portal_id,
            page: &page,
            now_ms: call.now_ms,
        };
        place.check(transaction)?;
        let position = if page.parent_page_id == old.parent_page_id {
            place.position(transaction)?
        } else {
            place.last_position(transaction)?
        };
        transaction
            .prepare_cached(
                "UPDATE portal_pages SET parent_page_id = ?2, slug = ?3, title = ?4, visibility = ?5, status = ?6, \
                 description = ?7, updated_at = ?8, content = ?9, position = ?10 WHERE id = ?1",
            )?
            .execute(params![
                page.id,
                page.parent_page_id,
                page.slug,
                page.title,
                page.visibility,
                page.status,
                page.description,
                page.updated_at,
                page.content,
                position
            ])?;
    }
    Ok(Reply::updated(
        page.id.clone(),
        Value::Object(page.to_json()),
        applied,
    ))
}

fn delete(call: &Call, transaction: &Transaction<'_>) -> Result<Reply, Problem> {
    let (portal_id, _) = default_page_visibility(transaction, call)?;
    let page = find(transaction, call, &portal_id)?;
    transaction
        .prepare_cached("DELETE FROM portal_pages WHERE id = ?1")?
        .execute([&page.id])?;
    Ok(Reply::deleted(page.id))
}

/// Moves a page under another parent (none: the top level) and to an index among its siblings; a negative
/// index counts from the end, one out of range goes to the nearer end, and none means the end.
fn move_to(call: &Call, transaction: &Transaction<'_>) -> Result<Reply, Problem> {
    let (portal_id, _) = default_page_visibility(transaction, call)?;
    let mut page = find(transaction, call, &portal_id)?;
    let empty = Map::new();
    let body = if call.body.is_null() {
        &empty
    } else {
        check(&call.body, MOVE_FIELDS, Mode::Update, true)?
    };
    page.parent_page_id = body
        .get("parent_page_id")
        .and_then(Value::as_str)
        .map(str::to_ascii_lowercase);
    page.updated_at = call.updated_after(page.updated_at);
    let place = Place {
        portal_id: &portal_id,
        page: &page,
        now_ms: call.now_ms,
    };
    place.check(transaction)?;
    let applied = place.insert_at(
        transaction,
        body.get("index").and_then(Value::as_i64).unwrap_or(-1),
    )?;
    if applied {
        transaction
            .prepare_cached("UPDATE portal_pages SET parent_page_id = ?2, updated_at = ?3 WHERE id = ?1")?
            .execute(params![page.id, page.parent_page_id, page.updated_at])?;
    }
    Ok(Reply {
        status: StatusCode::CREATED,
        body: None,
        object_id: Some(page.id),
        applied,
    })
}
