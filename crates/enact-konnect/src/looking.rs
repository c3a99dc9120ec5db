//! The reads behind preconditions: as few requests as will do for a whole plan, exact ones for a single change.

use std::collections::{BTreeMap, BTreeSet};

use enact_core::change::{Change, Precondition};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::client::ApiError;
use crate::listing::{find_by_name, list};
use crate::observe::read_one;
use crate::observed::ObservedObject;
use crate::precondition::Seen;
use crate::provider::KonnectProvider;
use crate::resources::Kind;

/// From how many objects of one collection on a list is read instead of the objects.
pub(crate) const LIST_FROM: usize = 4;

/// What a set of changes makes it necessary to look at.
#[derive(Debug, Default)]
struct Needs {
    /// Top-level objects by type.
    roots: BTreeMap<String, BTreeSet<String>>,
    /// Names that must be free, by type.
    names: BTreeMap<String, BTreeSet<String>>,
    /// Children by type, parent id and id.
    children: BTreeSet<(String, String, String)>,
    /// Trees whose paths must be free, by type and parent id.
    trees: BTreeSet<(String, String)>,
}

impl KonnectProvider<'_> {
    /// Everything the preconditions of these changes are about.
    pub(crate) async fn look_at_all(&self, changes: &[&Change]) -> Result<Seen, ApiError> {
        let mut needs = Needs::default();
        for change in changes {
            self.need(change, &mut needs, true);
        }
        self.look(needs).await
    }

    /// Everything one change's preconditions are about, right before its effect. Whether a top-level name is free is
    /// left to the server, which answers 409 in the same step.
    pub(crate) async fn look_at_one(&self, change: &Change) -> Result<Seen, ApiError> {
        let mut needs = Needs::default();
        self.need(change, &mut needs, false);
        self.look(needs).await
    }

    fn need(&self, change: &Change, needs: &mut Needs, names: bool) {
        let parent_id = change
            .parent
            .as_ref()
            .and_then(|parent| parent.resource_id.clone());
        let is_child = change.parent.is_some();
        for precondition in &change.preconditions {
            match precondition {
                Precondition::Absent { name } if !is_child && names => {
                    needs
                        .names
                        .entry(change.resource_type.clone())
                        .or_default()
                        .insert(name.clone());
                }
                Precondition::Absent { .. } => {
                    if let Some(parent_id) = parent_id.clone() {
                        needs.trees.insert((change.resource_type.clone(), parent_id));
                    }
                }
                Precondition::Unchanged { .. } => {
                    let (kind, id) = (
                        change.resource_type.clone(),
                        change.resource_id.clone().unwrap_or_default(),
                    );
                    match (is_child, parent_id.clone()) {
                        (true, Some(parent_id)) => {
                            needs.children.insert((kind, parent_id, id));
                        }
                        _ => {
                            needs.roots.entry(kind).or_default().insert(id);
                        }
                    }
                }
                Precondition::Exists {
                    resource_type,
                    resource_id,
                    ..
                }
                | Precondition::OwnedBy {
                    resource_type,
                    resource_id,
                    ..
                }
                | Precondition::Protection {
                    resource_type,
                    resource_id,
                    ..
                } => {
                    needs
                        .roots
                        .entry(resource_type.clone())
                        .or_default()
                        .insert(resource_id.clone());
                }
                Precondition::Environment { .. } | Precondition::Check { .. } => {}
            }
        }
    }

    async fn look(&self, needs: Needs) -> Result<Seen, ApiError> {
        let mut seen = Seen::default();
        let types: BTreeSet<String> = needs.roots.keys().chain(needs.names.keys()).cloned().collect();
        for name in types {
            let Some(kind) = self.kinds.get(&name) else {
                continue;
            };
            let ids = needs.roots.get(&name).cloned().unwrap_or_default();
            let names = needs.names.get(&name).cloned().unwrap_or_default();
            self.look_at_roots(kind, ids, names, &mut seen).await?;
        }
        self.look_at_trees(needs.trees, &mut seen).await?;
        self.look_at_children(needs.children, &mut seen).await?;
        Ok(seen)
    }

    async fn look_at_roots(
        &self,
        kind: &'static Kind,
        ids: BTreeSet<String>,
        names: BTreeSet<String>,
        seen: &mut Seen,
    ) -> Result<(), ApiError> {
        if ids.len() + names.len() >= LIST_FROM && kind.fields.iter().all(|field| field.listed) {
            let objects = list(self.client, kind, None).await?;
            let mut by_id: BTreeMap<String, ObservedObject> = BTreeMap::new();
            for object in objects {
                if names.contains(&object.identity) {
                    let key = (kind.name.to_owned(), object.identity.clone());
                    seen.named.entry(key).or_default().push(object.clone());
                }
                by_id.insert(object.id.clone(), object);
            }
            for id in ids {
                let object = by_id.remove(&id);
                seen.objects.insert((kind.name.to_owned(), id), object);
            }
            return Ok(());
        }
        let limit = self.client.concurrency().max(1);
        let objects: Vec<_> = stream::iter(ids)
            .map(|id| async move {
                let object = read_one(self.client, kind, None, &id).await?;
                Ok::<_, ApiError>(((kind.name.to_owned(), id), object))
            })
            .buffer_unordered(limit)
            .try_collect()
            .await?;
        seen.objects.extend(objects);
        let named: Vec<_> = stream::iter(names)
            .map(|name| async move {
                let objects = find_by_name(self.client, kind, &name).await?;
                Ok::<_, ApiError>(((kind.name.to_owned(), name), objects))
            })
            .buffer_unordered(limit)
            .try_collect()
            .await?;
        seen.named.extend(named);
        Ok(())
    }

    async fn look_at_trees(
        &self,
        trees: BTreeSet<(String, String)>,
        seen: &mut Seen,
    ) -> Result<(), ApiError> {
        let lists: Vec<_> = stream::iter(trees)
            .map(|(name, parent_id)| async move {
                let objects = match self.kinds.get(&name) {
                    Some(kind) => list_or_gone(self, kind, &parent_id).await?,
                    None => Vec::new(),
                };
                Ok::<_, ApiError>(((name, parent_id), objects))
            })
            .buffer_unordered(self.client.concurrency().max(1))
            .try_collect()
            .await?;
        seen.children.extend(lists);
        Ok(())
    }

    /// Children one by one: only the object itself holds its texts, and the cache does not count here.
    async fn look_at_children(
        &self,
        children: BTreeSet<(String, String, String)>,
        seen: &mut Seen,
    ) -> Result<(), ApiError> {
        let objects: Vec<_> = stream::iter(children)
            .map(|(name, parent_id, id)| async move {
                let object = match self.kinds.get(&name) {
                    Some(kind) => read_one(self.client, kind, Some(&parent_id), &id).await?,
                    None => None,
                };
                Ok::<_, ApiError>(((name, id), object))
            })
            .buffer_unordered(self.client.concurrency().max(1))
            .try_collect()
            .await?;
        seen.objects.extend(objects);
        Ok(())
    }
}

async fn list_or_gone(
    provider: &KonnectProvider<'_>,
    kind: &'static Kind,
    parent_id: &str,
) -> Result<Vec<ObservedObject>, ApiError> {
    match list(provider.client, kind, Some(parent_id)).await {
        // The parent is gone; its own precondition says so.
        Err(error) if error.status() == Some(404) => Ok(Vec::new()),
        other => other,
    }
}
