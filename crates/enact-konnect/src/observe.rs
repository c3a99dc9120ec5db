//! Looking at the world: lists in parallel, contents only where a digest is not known or differs.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use crate::cache::DigestCache;
use crate::client::{ApiError, Client};
use crate::desired::{Desired, DesiredResource, External, FieldValue};
use crate::listing::list;
use crate::observed::{Observed, ObservedObject};
use crate::resources::{Kind, Kinds};

/// What to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObserveOptions {
    /// Are children of declared parents needed? Not for a `delete`, which removes whole trees.
    pub children: bool,
    /// Will objects that nobody describes be deleted? Then their contents are read, so that the plan shows them.
    pub deletions: bool,
    /// Are the described objects themselves what will be deleted?
    pub described: bool,
}

/// Reads everything a plan of `desired` needs.
///
/// # Errors
/// See [`ApiError`]. Nothing is written, so a failure here leaves nothing behind.
pub async fn observe(
    client: &Client,
    kinds: Kinds,
    desired: &Desired,
    options: ObserveOptions,
    cache: &mut DigestCache,
) -> Result<Observed, ApiError> {
    let wanted_roots: Vec<&'static Kind> = kinds.roots().filter(|kind| is_wanted(desired, kind)).collect();
    let (organization, roots) = futures_util::future::try_join(
        organization(client, cache),
        futures_util::future::try_join_all(wanted_roots.iter().map(|kind| list(client, kind, None))),
    )
    .await?;
    let roots: BTreeMap<&'static str, Vec<ObservedObject>> =
        wanted_roots.iter().map(|kind| kind.name).zip(roots).collect();
    if let (Some(token), Some(fresh)) = (client.token_digest(), &organization.1) {
        cache.put_organization(token.as_str(), fresh);
    }
    let mut observed = Observed {
        organization: organization.0,
        roots,
        ..Observed::default()
    };
    if options.children {
        read_children(client, kinds, desired, &mut observed).await?;
        read_contents(client, kinds, desired, options, &mut observed, cache).await?;
    }
    if options.deletions {
        observed.cascades = read_cascades(client, kinds, desired, &observed, options).await?;
    }
    Ok(observed)
}

/// The organisation a client's token belongs to, and the same once more when it was read just now.
async fn organization(client: &Client, cache: &DigestCache) -> Result<(String, Option<String>), ApiError> {
    let known = client
        .token_digest()
        .and_then(|token| cache.organization(token.as_str()));
    if let Some(known) = known {
        return Ok((known, None));
    }
    let id = read_organization(client).await?;
    Ok((id.clone(), Some(id)))
}

/// Asks the server for the organisation of the client's token.
///
/// # Errors
/// See [`ApiError`].
pub async fn read_organization(client: &Client) -> Result<String, ApiError> {
    let path = "/v3/organizations/me";
    let answer = client.get(path, &[]).await?;
    answer
        .get("id")
        .and_then(Value::as_str)
        .map(ToOwned::to_owned)
        .ok_or_else(|| ApiError::Malformed {
            request: format!("GET {path}"),
            problem: "an organisation without `id`".to_owned(),
        })
}

fn is_wanted(desired: &Desired, kind: &Kind) -> bool {
    desired.scope.roots.contains(kind.name) || desired.resources.iter().any(|resource| resource.kind == kind)
}

/// The live object that a top-level resource stands for: by name and namespace, or as its `_external` says.
pub fn find_root<'a>(observed: &'a Observed, resource: &'a DesiredResource) -> Option<&'a ObservedObject> {
    let objects = observed.roots(resource.kind.name);
    match &resource.external {
        Some(External::Id(id)) => objects.iter().find(|object| object.id == *id),
        Some(External::Fields(fields)) => {
            let mut matching = objects.iter().filter(|object| {
                fields.iter().all(|(name, text)| {
                    object.fields.get(name.as_str()).and_then(Value::as_str) == Some(text.as_str())
                })
            });
            matching.next().filter(|_| matching.next().is_none())
        }
        None => by_identity(objects, &resource.identity)
            .find(|object| object.namespace.is_some() && object.namespace == resource.namespace),
    }
}

/// The objects with this identity; the slice is sorted by it.
pub fn by_identity<'a>(
    objects: &'a [ObservedObject],
    identity: &'a str,
) -> impl Iterator<Item = &'a ObservedObject> {
    let start = objects.partition_point(|object| object.identity.as_str() < identity);
    objects
        .iter()
        .skip(start)
        .take_while(move |object| object.identity == identity)
}

/// Lists the children of every live parent that the configuration says something about.
async fn read_children(
    client: &Client,
    kinds: Kinds,
    desired: &Desired,
    observed: &mut Observed,
) -> Result<(), ApiError> {
    let mut wanted: BTreeSet<(&'static str, String)> = BTreeSet::new();
    let with_children: BTreeSet<(&str, &str)> = desired
        .resources
        .iter()
        .filter_map(|resource| {
            resource
                .parent
                .as_deref()
                .map(|parent| (parent, resource.kind.name))
        })
        .collect();
    for parent in desired
        .resources
        .iter()
        .filter(|resource| resource.kind.parent().is_none())
    {
        let Some(live) = find_root(observed, parent) else {
            continue;
        };
        for kind in kinds.children_of(parent.kind.name) {
            let named = with_children.contains(&(parent.reference.as_str(), kind.name));
            if named
                || desired
                    .scope
                    .children
                    .contains(&(parent.reference.clone(), kind.name))
            {
                wanted.insert((kind.name, live.id.clone()));
            }
        }
    }
    let lists: Vec<((&'static str, String), Vec<ObservedObject>)> = stream::iter(wanted)
        .map(|(name, parent_id)| async move {
            let Some(kind) = kinds.get(name) else {
                return Ok(((name, parent_id), Vec::new()));
            };
            let objects = list(client, kind, Some(&parent_id)).await?;
            Ok::<_, ApiError>(((name, parent_id), objects))
        })
        .buffer_unordered(client.concurrency().max(1))
        .try_collect()
        .await?;
    observed.children = lists.into_iter().collect();
    Ok(())
}

/// Counts what would go with each top-level object that will be deleted, so that nobody has to find out afterwards.
async fn read_cascades(
    client: &Client,
    kinds: Kinds,
    desired: &Desired,
    observed: &Observed,
    options: ObserveOptions,
) -> Result<BTreeMap<String, BTreeMap<&'static str, usize>>, ApiError> {
    let mut wanted: Vec<(&'static Kind, String)> = Vec::new();
    for kind in kinds.roots() {
        for object in doomed(desired, observed, kind, options) {
            wanted.extend(
                kinds
                    .children_of(kind.name)
                    .map(|child| (child, object.id.clone())),
            );
        }
    }
    let counts: Vec<(&'static Kind, String, usize)> = stream::iter(wanted)
        .map(|(kind, parent_id)| async move {
            let children = list(client, kind, Some(&parent_id)).await?;
            Ok::<_, ApiError>((kind, parent_id, children.len()))
        })
        .buffer_unordered(client.concurrency().max(1))
        .try_collect()
        .await?;
    let mut cascades: BTreeMap<String, BTreeMap<&'static str, usize>> = BTreeMap::new();
    for (kind, parent_id, count) in counts.into_iter().filter(|(.., count)| *count > 0) {
        cascades.entry(parent_id).or_default().insert(kind.name, count);
    }
    Ok(cascades)
}

/// The objects of a top-level kind that the plan will delete and that are not protected.
fn doomed<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
    kind: &Kind,
    options: ObserveOptions,
) -> Vec<&'a ObservedObject> {
    let mut objects = if options.described {
        described(desired, kind)
            .filter(|resource| resource.external.is_none())
            .filter_map(|resource| find_root(observed, resource))
            .collect()
    } else {
        undescribed(desired, observed, kind)
    };
    objects.retain(|object| !object.protected);
    objects
}

fn described<'a>(desired: &'a Desired, kind: &Kind) -> impl Iterator<Item = &'a DesiredResource> {
    desired
        .resources
        .iter()
        .filter(move |resource| resource.kind.name == kind.name && resource.parent.is_none())
}

/// What a `sync` deletes of a top-level kind: managed objects of the namespaces in play that nobody describes, if the
/// kind is in scope. Both the look at what goes with them and the planner ask here.
pub fn undescribed<'a>(desired: &'a Desired, observed: &'a Observed, kind: &Kind) -> Vec<&'a ObservedObject> {
    if !desired.scope.roots.contains(kind.name) {
        return Vec::new();
    }
    let live: BTreeSet<&str> = described(desired, kind)
        .filter_map(|resource| find_root(observed, resource))
        .map(|object| object.id.as_str())
        .collect();
    let in_play = |object: &&ObservedObject| {
        object
            .namespace
            .as_ref()
            .is_some_and(|owner| desired.namespaces.contains(owner))
    };
    observed
        .roots(kind.name)
        .iter()
        .filter(in_play)
        .filter(|object| !live.contains(object.id.as_str()))
        .collect()
}

/// One content to read: kind, parent id, place in the list, object id.
type Missing = (&'static Kind, String, usize, String);

/// Fills in the digests of what lists do not hold: from the cache where it knows this version and the digest is the one
/// wanted; by reading the object otherwise.
async fn read_contents(
    client: &Client,
    kinds: Kinds,
    desired: &Desired,
    options: ObserveOptions,
    observed: &mut Observed,
    cache: &mut DigestCache,
) -> Result<(), ApiError> {
    let wanted = wanted_digests(desired, observed);
    let mut missing: Vec<Missing> = Vec::new();
    for ((name, parent_id), objects) in &mut observed.children {
        let Some(kind) = kinds.get(name) else { continue };
        let Some(field) = kind.fields.iter().find(|field| !field.listed) else {
            continue;
        };
        for (index, object) in objects.iter_mut().enumerate() {
            let want = wanted.get(&(*name, parent_id.clone(), object.identity.clone()));
            let known = cache.get(&object.id, &object.version);
            let enough = match (want, &known) {
                (Some(Some(want)), Some(known)) => want == known,
                (Some(None), Some(_)) => true,
                (None, _) => !options.deletions,
                (Some(_), None) => false,
            };
            if let Some(known) = known {
                object.digests.insert(field.name, known);
            }
            if !enough {
                missing.push((kind, parent_id.clone(), index, object.id.clone()));
            }
        }
    }
    let read: Vec<(Missing, Option<ObservedObject>)> = stream::iter(missing)
        .map(|missing| async move {
            let object = read_one(client, missing.0, Some(&missing.1), &missing.3).await?;
            Ok::<_, ApiError>((missing, object))
        })
        .buffer_unordered(client.concurrency().max(1))
        .try_collect()
        .await?;
    for ((kind, parent_id, index, _), object) in read {
        take_in(kind, &parent_id, index, object, observed, cache, &wanted);
    }
    Ok(())
}

/// One object by id; `None` when it is gone.
///
/// # Errors
/// See [`ApiError`].
pub async fn read_one(
    client: &Client,
    kind: &'static Kind,
    parent_id: Option<&str>,
    id: &str,
) -> Result<Option<ObservedObject>, ApiError> {
    let path = kind.object_path(parent_id, id);
    match client.get(&path, &[]).await {
        Ok(value) => ObservedObject::read(kind, &value)
            .map(Some)
            .ok_or_else(|| ApiError::Malformed {
                request: format!("GET {path}"),
                problem: "an object without `id`".to_owned(),
            }),
        Err(error) if error.status() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts an object read by itself in the place of the listed one; its path is known only from the list.
fn take_in(
    kind: &'static Kind,
    parent_id: &str,
    index: usize,
    object: Option<ObservedObject>,
    observed: &mut Observed,
    cache: &mut DigestCache,
    wanted: &WantedDigests,
) {
    let Some(objects) = observed.children.get_mut(&(kind.name, parent_id.to_owned())) else {
        return;
    };
    let (Some(listed), Some(mut full)) = (objects.get_mut(index), object) else {
        return;
    };
    for digest in full.digests.values() {
        cache.put(&full.id, &full.version, digest);
    }
    full.identity.clone_from(&listed.identity);
    if let Some(Some(want)) = wanted.get(&(kind.name, parent_id.to_owned(), full.identity.clone())) {
        // A text that is as wanted is not needed any more: many large pages must not stay in memory.
        let as_wanted = |name: &&str| full.digests.get(*name) == Some(want);
        let names: Vec<&'static str> = full
            .digests
            .keys()
            .copied()
            .filter(|name| as_wanted(name))
            .collect();
        full.fields.retain(|name, _| !names.contains(name));
    }
    *listed = full;
}

/// The digests that the configuration asks for, by kind, parent id and identity; `None` inside where the object is
/// described without that field.
type WantedDigests = BTreeMap<(&'static str, String, String), Option<String>>;

fn wanted_digests(desired: &Desired, observed: &Observed) -> WantedDigests {
    let mut parents: BTreeMap<&str, String> = BTreeMap::new();
    for resource in desired
        .resources
        .iter()
        .filter(|resource| resource.kind.parent().is_none())
    {
        if let Some(live) = find_root(observed, resource) {
            parents.insert(resource.reference.as_str(), live.id.clone());
        }
    }
    let mut wanted = BTreeMap::new();
    for resource in &desired.resources {
        let Some(parent_id) = resource.parent.as_deref().and_then(|parent| parents.get(parent)) else {
            continue;
        };
        let Some(field) = resource.kind.fields.iter().find(|field| !field.listed) else {
            continue;
        };
        let digest = match resource.fields.get(field.name) {
            Some(FieldValue::Known(Value::String(text))) => {
                Some(enact_core::canonical::Digest::of(text.as_bytes()).to_string())
            }
            Some(FieldValue::Known(_) | FieldValue::Reference { .. }) | None => None,
        };
        wanted.insert(
            (resource.kind.name, parent_id.clone(), resource.identity.clone()),
            digest,
        );
    }
    wanted
}
