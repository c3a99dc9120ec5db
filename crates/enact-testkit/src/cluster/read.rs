//! Reading: one object, or many, page by page.

use std::sync::Arc;

use serde_json::{Value, json};

use super::object::{remove, set};
use super::refused::Refused;
use super::request::{Asked, Place};
use super::selector::Selection;
use super::store::Store;

impl Store {
    /// The objects of a collection that are selected, as one page.
    ///
    /// # Errors
    /// 400 for a selector or a token that is none, 410 for a page of a list that is forgotten.
    pub(super) fn list(&self, place: &Place, asked: &Asked) -> Result<Value, Refused> {
        let selection = selection(place, asked)?;
        let (revision, skip) = self.page(asked)?;
        let namespace = place.namespace.as_deref();
        let items: Vec<Arc<Value>> = if revision == self.revision() {
            let there = self.each(place.kind).filter(|(key, object)| {
                namespace.is_none_or(|namespace| key.namespace == namespace) && selection.selects(object)
            });
            there.map(|(_, object)| Arc::clone(object)).collect()
        } else {
            let mut then = self.all_at(revision, place.kind, namespace);
            then.retain(|object| selection.selects(object));
            then
        };
        let total = items.len();
        let limit = match asked.parameter("limit").parse() {
            Ok(0) | Err(_) => usize::MAX,
            Ok(limit) => limit,
        };
        let page = items.iter().skip(skip).take(limit);
        let items: Vec<Value> = page.map(|object| Value::clone(object)).collect();
        let next = skip + items.len();
        let mut metadata = json!({ "resourceVersion": revision.to_string() });
        if next < total {
            set(&mut metadata, "/continue", format!("{revision}.{next}"));
            if selection.is_everything() {
                set(&mut metadata, "/remainingItemCount", total - next);
            }
        }
        Ok(listed(place, metadata, items, asked.wants_metadata()))
    }

    /// Which revision a page is of, and how many items come before it.
    fn page(&self, asked: &Asked) -> Result<(u64, usize), Refused> {
        let token = asked.parameter("continue");
        if token.is_empty() {
            return Ok((self.revision(), 0));
        }
        let parts = token.split_once('.');
        let parts = parts.and_then(|(revision, skip)| Some((revision.parse().ok()?, skip.parse().ok()?)));
        let (revision, skip) = parts.ok_or_else(|| Refused::bad("continue key is not valid"))?;
        if revision < self.horizon {
            let message = "The provided continue parameter is too old to display a consistent list result. \
                           You can start a new list without the continue parameter.";
            return Err(Refused::new(410, "Expired", message));
        }
        Ok((revision, skip))
    }
}

/// What a list or a watch is about.
///
/// # Errors
/// 400 for a selector that is none.
pub(super) fn selection(place: &Place, asked: &Asked) -> Result<Selection, Refused> {
    let (labels, fields) = (asked.parameter("labelSelector"), asked.parameter("fieldSelector"));
    Selection::read(place.kind, labels, fields)
}

/// Items of built-in kinds do not say in a list what they are.
fn listed(place: &Place, metadata: Value, mut items: Vec<Value>, only_metadata: bool) -> Value {
    if only_metadata {
        let items: Vec<Value> = items.iter().map(metadata_of).collect();
        return json!({
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "items": items,
        });
    }
    if place.kind.built_in {
        for item in &mut items {
            remove(item, "/kind");
            remove(item, "/apiVersion");
        }
    }
    json!({
        "kind": format!("{}List", place.kind.name),
        "apiVersion": place.kind.api_version(),
        "metadata": metadata,
        "items": items,
    })
}

/// No more than the metadata of an object.
pub(super) fn metadata_of(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object.get("metadata"),
    })
}
