//! Reading lists: numbered pages in parallel, trees in one answer.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use crate::client::{ApiError, Client};
use crate::observed::ObservedObject;
use crate::resources::{Kind, Listing};

/// Objects per page.
const PAGE: usize = 100;

/// The most objects of one list that are read.
const MAX_OBJECTS: usize = 200_000;

/// The most levels of a tree that are read.
const MAX_DEPTH: usize = 100;

/// All objects of a collection, sorted by identity.
///
/// # Errors
/// See [`ApiError`]; [`ApiError::Malformed`] for an answer without `data`.
pub async fn list(
    client: &Client,
    kind: &'static Kind,
    parent_id: Option<&str>,
) -> Result<Vec<ObservedObject>, ApiError> {
    let path = kind.collection_path(parent_id);
    let mut objects = match kind.api.listing {
        Listing::Paged => list_pages(client, kind, &path, &[]).await?,
        Listing::Tree => {
            let answer = client.get(&path, &[]).await?;
            let mut objects = Vec::new();
            collect_tree(kind, &path, data(&path, &answer)?, None, 0, &mut objects)?;
            objects
        }
    };
    objects.sort_by(|a, b| (&a.identity, &a.id).cmp(&(&b.identity, &b.id)));
    Ok(objects)
}

/// The objects of a top-level kind that have this name.
///
/// # Errors
/// See [`ApiError`].
pub async fn find_by_name(
    client: &Client,
    kind: &'static Kind,
    name: &str,
) -> Result<Vec<ObservedObject>, ApiError> {
    let filter = format!("filter[{}][eq]", kind.identity_field());
    let mut objects = list_pages(client, kind, kind.api.collection, &[(&filter, name)]).await?;
    // The filter is the server's; whether it matched is checked here.
    objects.retain(|object| object.identity == name);
    Ok(objects)
}

async fn list_pages(
    client: &Client,
    kind: &'static Kind,
    path: &str,
    filter: &[(&str, &str)],
) -> Result<Vec<ObservedObject>, ApiError> {
    let (mut objects, total) = list_page(client, kind, path, filter, 1).await?;
    let pages = total.min(MAX_OBJECTS).div_ceil(PAGE);
    let rest: Vec<Vec<ObservedObject>> = stream::iter(2..=pages)
        .map(
            |number| async move { Ok::<_, ApiError>(list_page(client, kind, path, filter, number).await?.0) },
        )
        .buffered(client.concurrency().max(1))
        .try_collect()
        .await?;
    objects.extend(rest.into_iter().flatten());
    // Objects that come and go between two pages can show up twice.
    objects.sort_by(|a, b| a.id.cmp(&b.id));
    objects.dedup_by(|a, b| a.id == b.id);
    Ok(objects)
}

async fn list_page(
    client: &Client,
    kind: &'static Kind,
    path: &str,
    filter: &[(&str, &str)],
    number: usize,
) -> Result<(Vec<ObservedObject>, usize), ApiError> {
    let (size, number) = (PAGE.to_string(), number.to_string());
    let mut query = vec![("page[size]", size.as_str()), ("page[number]", number.as_str())];
    query.extend_from_slice(filter);
    let answer = client.get(path, &query).await?;
    read_page(kind, path, &answer)
}

/// The objects of one page and the number of all. A page that leaves either out is no page: what it hides would be taken
/// for not there.
fn read_page(
    kind: &'static Kind,
    path: &str,
    answer: &Value,
) -> Result<(Vec<ObservedObject>, usize), ApiError> {
    let objects = data(path, answer)?
        .iter()
        .map(|value| {
            ObservedObject::read(kind, value).ok_or_else(|| malformed(path, "an object without `id`"))
        })
        .collect::<Result<_, _>>()?;
    let total = answer.pointer("/meta/page/total").and_then(Value::as_f64);
    match total.filter(|total| total.is_finite() && *total >= 0.0) {
        // The API's schema says `number`, so it may come as 3.0.
        Some(total) => Ok((objects, saturating_usize(total))),
        None => Err(malformed(path, "a list without `meta.page.total`")),
    }
}

fn malformed(path: &str, problem: &str) -> ApiError {
    ApiError::Malformed {
        request: format!("GET {path}"),
        problem: problem.to_owned(),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and a count is not negative"
)]
fn saturating_usize(number: f64) -> usize {
    number as usize
}

fn data<'a>(path: &str, answer: &'a Value) -> Result<&'a [Value], ApiError> {
    let list = answer.get("data").and_then(Value::as_array).map(Vec::as_slice);
    list.ok_or_else(|| malformed(path, "a list without `data`"))
}

/// Flattens a tree; each object's identity becomes its path.
fn collect_tree(
    kind: &'static Kind,
    path: &str,
    nodes: &[Value],
    above: Option<&str>,
    depth: usize,
    objects: &mut Vec<ObservedObject>,
) -> Result<(), ApiError> {
    if depth > MAX_DEPTH {
        return Err(malformed(path, "a tree that does not end"));
    }
    for node in nodes {
        let mut object =
            ObservedObject::read(kind, node).ok_or_else(|| malformed(path, "an object without `id`"))?;
        if let Some(above) = above {
            object.identity = crate::load::tree_path(Some(above), &object.identity);
        }
        let identity = object.identity.clone();
        objects.push(object);
        if let Some(children) = node.get("children").and_then(Value::as_array) {
            collect_tree(kind, path, children, Some(&identity), depth + 1, objects)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_that_hides_something_is_no_page() {
        let read = |answer: Value| read_page(&crate::resources::portal::KIND, "/v3/portals", &answer);
        let portal = json!({"id": "1", "name": "a"});
        let (objects, total) = read(json!({"data": [portal], "meta": {"page": {"total": 3.0}}})).unwrap();
        assert_eq!((objects.len(), total), (1, 3));
        for (answer, problem) in [
            (json!({"data": []}), "meta.page.total"),
            (json!({"meta": {"page": {"total": 1}}}), "`data`"),
            (
                json!({"data": [{"name": "a"}], "meta": {"page": {"total": 1}}}),
                "`id`",
            ),
        ] {
            let error = read(answer).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }
}
