//! `http`: one request.

use std::collections::BTreeMap;

use enact_core::diagnostic::Diagnostic;
use enact_core::secret::Secret;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Acting, Kind, frozen, line, thawed, unreadable};
use crate::disk;
use crate::expression::secret_parts;
use crate::files::{join, normal_path};
use crate::process::NamedSecret;
use crate::provider::{End, Reply, Request, Site, send};
use crate::reading::{Node, Reading, Slot, one_or_more};
use crate::spec::Text;

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Body {
    /// A JSON value; texts in it may hold expressions, see [`crate::expression::json_value`].
    Json(Value),
    /// A text.
    Text(Text),
    /// A pinned file, by its path from the runbook's folder.
    File(String),
}

impl Body {
    /// For people: the text, the value, or where it comes from.
    fn shown(&self) -> String {
        match self {
            Self::Json(value) => as_written(value).to_string(),
            Self::Text(text) => text.shown(),
            Self::File(path) => format!("(the file {path})"),
        }
    }
}

/// A JSON value with its texts as their author wrote them.
fn as_written(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(as_written).collect(),
        Value::Object(fields) if fields.contains_key("template") => {
            let text = serde_json::from_value::<Text>(value.clone());
            text.map_or_else(|_| value.clone(), |text| Value::String(text.shown()))
        }
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), as_written(value)));
            Value::Object(fields.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// A request, as frozen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// `GET`, `POST`, …
    pub method: String,
    /// Where to.
    pub url: Text,
    /// Headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Text>,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// The status must be one of these. Empty: any of 200 to 299.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect_status: Vec<u16>,
}

/// The largest file that is sent as a body, in bytes.
const MAX_BODY_FILE: u64 = 64 * 1024 * 1024;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

pub(super) struct HttpKind;

impl Kind for HttpKind {
    fn name(&self) -> &'static str {
        "http"
    }

    fn may_check(&self) -> bool {
        true
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Value> {
        let fields = reading.fields(node, "`http`", &["method", "url", "headers", "body", "expect"])?;
        let method = match fields.get("method") {
            Some(node) => reading.choice(node, "`method`", &METHODS),
            None => Some("GET"),
        };
        let url = reading.require(&fields, "url").and_then(|node| {
            let url = reading.template(node, "`url`", Slot::Url)?;
            check_url(&url, node, reading);
            Some(url)
        });
        let headers = fields
            .get("headers")
            .map(|node| headers(node, reading))
            .unwrap_or_default();
        let body = fields.get("body").map(|node| body(node, reading));
        let expect_status = match fields.get("expect") {
            Some(node) => {
                let expect = reading.fields(node, "`expect` of a request", &["status"])?;
                expect
                    .get("status")
                    .map(|node| reading.statuses(node))
                    .unwrap_or_default()
            }
            None => Vec::new(),
        };
        frozen(&Http {
            method: method?.to_owned(),
            url: url?,
            headers,
            body: match body {
                Some(body) => Some(body?),
                None => None,
            },
            expect_status,
        })
    }

    fn summary(&self, action: &Value) -> String {
        thawed::<Http>(action).map_or_else(String::new, |http| {
            line(&format!("{} {}", http.method, http.url.shown()))
        })
    }

    fn whole(&self, action: &Value) -> String {
        thawed::<Http>(action).map_or_else(String::new, |http| {
            let mut lines = vec![format!("{} {}", http.method, http.url.shown())];
            let headers = http.headers.iter();
            lines.extend(headers.map(|(name, value)| format!("{name}: {}", value.shown())));
            lines.extend(http.body.as_ref().map(Body::shown));
            if !http.expect_status.is_empty() {
                let status: Vec<String> = http.expect_status.iter().map(u16::to_string).collect();
                lines.push(format!("expects status {}", status.join(" or ")));
            }
            lines.join("\n")
        })
    }

    fn act<'a>(&'a self, action: &'a Value, site: &'a Site<'a>) -> Acting<'a> {
        let request = thawed::<Http>(action)
            .ok_or_else(|| "the action is not readable".to_owned())
            .and_then(|http| Ok((request(&http, site)?, secrets_of(&http, site)?)));
        match request {
            Ok((request, secrets)) => Box::pin(async move { send(request, &secrets, site.stop).await }),
            Err(why) => unreadable(why),
        }
    }

    fn is_success(&self, action: &Value, reply: &Reply) -> bool {
        let End::Status(status) = reply.end else {
            return false;
        };
        let expected = thawed::<Http>(action)
            .map(|http| http.expect_status)
            .unwrap_or_default();
        if expected.is_empty() {
            (200..300).contains(&status)
        } else {
            expected.contains(&status)
        }
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object", "required": ["url"], "additionalProperties": false,
            "patternProperties": {"^x-": true},
            "properties": {
                "method": {"enum": METHODS, "default": "GET"},
                "url": {"type": "string"},
                "headers": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
                "body": {"type": "object", "minProperties": 1, "maxProperties": 1, "properties": {
                    "json": true, "text": {"type": "string"}, "file": {"type": "string"}
                }, "additionalProperties": false},
                "expect": {"type": "object", "additionalProperties": false, "properties": {
                    "status": {"type": ["array", "integer"], "items": {"type": "integer", "minimum": 100, "maximum": 599}}
                }}
            }
        })
    }
}

/// What no reply may show: the secrets of the run, and what the request itself makes of them or of secret outputs. A server may send
/// back what it was sent.
fn secrets_of(http: &Http, site: &Site<'_>) -> Result<Vec<NamedSecret>, String> {
    let headers = http
        .headers
        .iter()
        .map(|(name, text)| (name.as_str(), text.clone()));
    let mut texts: Vec<(&str, Text)> = headers.collect();
    match &http.body {
        Some(Body::Text(text)) => texts.push(("body", text.clone())),
        Some(Body::Json(value)) => texts.extend(texts_in(value).into_iter().map(|text| ("body", text))),
        Some(Body::File(_)) | None => {}
    }
    let mut secrets = site.secrets.clone();
    for (name, text) in texts {
        for value in secret_parts(&text, site.values).map_err(|error| error.to_string())? {
            let name = name.to_owned();
            secrets.push(NamedSecret { name, value });
        }
    }
    Ok(secrets)
}

/// The texts with expressions in a JSON value.
fn texts_in(value: &Value) -> Vec<Text> {
    match value {
        Value::Array(items) => items.iter().flat_map(texts_in).collect(),
        Value::Object(fields) if fields.contains_key("template") => {
            serde_json::from_value(value.clone()).into_iter().collect()
        }
        Value::Object(fields) => fields.values().flat_map(texts_in).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn check_url(url: &Text, node: &Node, reading: &mut Reading<'_>) {
    let shown = url.shown();
    if !(shown.starts_with("https://") || shown.starts_with("http://") || shown.starts_with("${{")) {
        let fault = Diagnostic::error("`url`: expected an address that begins with `https://` or `http://`");
        reading.fault(node.span, fault);
    } else if let Some(Err(error)) = url.as_literal().map(reqwest::Url::parse) {
        let fault = Diagnostic::error(format!("`url`: this is no address: {error}"));
        reading.fault(node.span, fault.hint("write it like `https://example.com/path`"));
    }
}

fn headers(node: &Node, reading: &mut Reading<'_>) -> BTreeMap<String, Text> {
    let Some(fields) = reading.any_fields(node, "`headers`") else {
        return BTreeMap::new();
    };
    let mut found: BTreeMap<String, Text> = BTreeMap::new();
    for entry in fields.entries() {
        let name = entry.key.to_ascii_lowercase();
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            reading.fault(
                entry.span,
                Diagnostic::error("`headers`: this cannot be the name of a header"),
            );
            continue;
        }
        let Some(text) = reading.template(&entry.value, "`headers`", Slot::Header) else {
            continue;
        };
        if found.insert(name.clone(), text).is_some() {
            let fault =
                format!("the header `{name}` stands here twice; large and small letters are the same");
            reading.fault(entry.span, Diagnostic::error(fault));
        }
    }
    found
}

fn body(node: &Node, reading: &mut Reading<'_>) -> Option<Body> {
    let fields = reading.fields(node, "`body`", &["json", "text", "file"])?;
    let count = ["json", "text", "file"]
        .iter()
        .filter(|key| fields.get(key).is_some())
        .count();
    if count != 1 {
        let fault = Diagnostic::error("`body` has exactly one of `json`, `text` and `file`");
        reading.fault(node.span, fault);
        return None;
    }
    if let Some(node) = fields.get("json") {
        return reading.json(node, Slot::Body).map(Body::Json);
    }
    if let Some(node) = fields.get("text") {
        return reading.template(node, "`text`", Slot::Body).map(Body::Text);
    }
    let node = fields.get("file")?;
    let path = reading.exact(node, "`file`")?;
    match normal_path(&join(&reading.base.clone(), &path)) {
        Ok(path) if reading.pins.contains_key(&path) => {
            reading.uses.insert(path.clone());
            Some(Body::File(path))
        }
        Ok(path) => {
            let fault = Diagnostic::error(format!("`{path}` is sent but not pinned"));
            reading.finding(
                "E_FILE_UNPINNED",
                node.span,
                fault.hint(format!("add `{path}` to `files`")),
            );
            None
        }
        Err(fault) => {
            reading.fault(node.span, Diagnostic::error(format!("`file`: {fault}")));
            None
        }
    }
}

impl Reading<'_> {
    /// One status or several.
    pub(crate) fn statuses(&mut self, node: &Node) -> Vec<u16> {
        let read = |item: &Node| {
            let status = self.whole(item, "`status`", 100, 599)?;
            u16::try_from(status).ok()
        };
        one_or_more(node).iter().filter_map(read).collect()
    }
}

/// The request with everything put in.
fn request(http: &Http, site: &Site<'_>) -> Result<Request, String> {
    let mut headers = BTreeMap::new();
    for (name, text) in &http.headers {
        headers.insert(name.clone(), site.text(text)?);
    }
    let has = |headers: &BTreeMap<String, Secret<String>>, wanted: &str| {
        headers.keys().any(|name| name.eq_ignore_ascii_case(wanted))
    };
    if let Some(key) = site.key.as_ref().filter(|_| !has(&headers, "idempotency-key")) {
        headers.insert("Idempotency-Key".to_owned(), Secret::new(key.clone()));
    }
    let body = match &http.body {
        None => None,
        Some(Body::Text(text)) => Some(Secret::new(site.text(text)?.expose().clone().into_bytes())),
        Some(Body::File(path)) => {
            let content = disk::read(&site.folder.join(path), MAX_BODY_FILE)
                .map_err(|error| format!("{path}: {error}"))?;
            Some(Secret::new(content))
        }
        Some(Body::Json(value)) => {
            if !has(&headers, "content-type") {
                headers.insert(
                    "Content-Type".to_owned(),
                    Secret::new("application/json".to_owned()),
                );
            }
            let datum =
                crate::expression::json_value(value, site.values).map_err(|error| error.to_string())?;
            Some(Secret::new(datum.expose().to_string().into_bytes()))
        }
    };
    Ok(Request {
        method: http.method.clone(),
        url: site.open_text(&http.url)?,
        headers,
        body,
        timeout: site.timeout,
    })
}
