//! One file: its top-level keys, `_defaults`, and the blocks that every resource may carry.

use std::collections::{BTreeMap, BTreeSet};

use enact_core::diagnostic::Diagnostic;

use super::draft::{Draft, Link, Namespace};
use super::shape;
use super::text::{At, Faults, Span, shown};
use super::tree::{Body, Entry, Node};
use crate::desired::External;
use crate::resources::Kinds;
use enact_core::yaml::suggest;

/// What all files together say, flattened.
#[derive(Default)]
pub(super) struct Documents {
    pub(super) drafts: Vec<Draft>,
    /// Top-level kinds whose key stands in some file, and declares managed objects or none at all.
    pub(super) roots: BTreeSet<&'static str>,
    /// Namespaces that `_defaults` names.
    pub(super) default_namespaces: Vec<Namespace>,
}

/// Flattens one file into the documents.
pub(super) struct Document<'a, 't> {
    pub(super) kinds: Kinds,
    pub(super) file: usize,
    pub(super) defaults: Ownership,
    pub(super) documents: &'a mut Documents,
    pub(super) faults: &'a mut Faults<'t>,
}

/// A `kongctl` block, on a resource or in `_defaults`.
#[derive(Debug, Clone, Default)]
pub(super) struct Ownership {
    pub(super) namespace: Option<Namespace>,
    pub(super) protected: Option<bool>,
}

/// Top-level keys of the format that enact does not manage yet.
const UNMANAGED: &[&str] = &[
    "portals",
    "apis",
    "application_auth_strategies",
    "dcr_providers",
    "control_planes",
    "gateway_services",
    "catalog_services",
    "event_gateways",
    "ai_gateways",
    "organization",
    "analytics",
    "audit-logs",
    "api_versions",
    "api_publications",
    "api_implementations",
    "api_documents",
    "portal_customizations",
    "portal_auth_settings",
    "portal_ip_allow_lists",
    "portal_integrations",
    "portal_identity_providers",
    "portal_team_group_mappings",
    "portal_custom_domains",
    "portal_pages",
    "portal_snippets",
    "portal_teams",
    "portal_team_roles",
    "portal_asset_logos",
    "portal_asset_favicons",
    "portal_email_configs",
    "portal_email_templates",
    "portal_audit_log_webhooks",
    "control_plane_data_plane_certificates",
    "ai_gateway_model_providers",
    "ai_gateway_identity_providers",
    "ai_gateway_policies",
    "ai_gateway_agents",
    "ai_gateway_consumers",
    "ai_gateway_consumer_credentials",
    "ai_gateway_consumer_groups",
    "ai_gateway_models",
    "ai_gateway_mcp_servers",
    "ai_gateway_config_stores",
    "ai_gateway_vaults",
    "ai_gateway_data_plane_certificates",
    "event_gateway_backend_clusters",
    "event_gateway_virtual_clusters",
    "event_gateway_listeners",
    "event_gateway_listener_policies",
    "event_gateway_virtual_cluster_cluster_policies",
    "event_gateway_virtual_cluster_produce_policies",
    "event_gateway_virtual_cluster_consume_policies",
    "event_gateway_data_plane_certificates",
    "event_gateway_schema_registries",
    "event_gateway_static_keys",
    "event_gateway_tls_trust_bundles",
    "organization_team_roles",
    "organization_user_team_memberships",
    "organization_user_roles",
    "organization_system_account_team_memberships",
    "organization_system_account_roles",
];

impl<'t> Document<'_, 't> {
    /// Flattens the file's tree.
    pub(super) fn read(&mut self, root: Node<'t>) {
        if root.is_null() || root.is_faulty() {
            return;
        }
        let found = root.describe();
        let Body::Mapping(mut entries) = root.body else {
            let fault = format!("a configuration file holds a mapping, found {found}");
            let fault = Diagnostic::error(fault).hint("begin with a key such as `portals:`");
            return self.fault(root.span, fault);
        };
        // `_defaults` hold for the whole file, wherever they stand in it.
        if let Some(index) = entries.iter().position(|entry| entry.key == "_defaults") {
            let defaults = entries.remove(index);
            self.read_defaults(defaults);
        }
        for entry in entries {
            self.collection(entry);
        }
    }

    fn read_defaults(&mut self, entry: Entry<'t>) {
        for (key, span, value) in self.mapping("_defaults", entry.span, entry.value) {
            if key != "kongctl" {
                let fault = Diagnostic::error(format!("`_defaults` does not know {}", shown(&key)));
                self.fault(span, fault.hint(suggest::hint(&key, ["kongctl"])));
                continue;
            }
            self.defaults = self.ownership(span, value);
            let named = self.defaults.namespace.clone();
            self.documents.default_namespaces.extend(named);
        }
    }

    fn collection(&mut self, entry: Entry<'t>) {
        let Some(kind) = self.kinds.by_collection(&entry.key) else {
            let fault = self.unknown_key(&entry.key);
            return self.fault(entry.span, fault);
        };
        let Some(items) = self.list(&entry.key, entry.span, entry.value) else {
            return;
        };
        if kind.parent().is_some() && items.is_empty() {
            let fault = format!("`{}` is an empty list at the root", kind.collection);
            let hint = "an empty list says \"none\" under a parent only; write it there, or remove the key";
            return self.fault(entry.span, Diagnostic::error(fault).hint(hint));
        }
        let first = self.documents.drafts.len();
        let none = items.is_empty();
        for item in items {
            self.resource(kind, item, Link::None, Link::None);
        }
        // A list of externals only refers; it does not claim to name everything that may exist.
        let added = self.documents.drafts.iter().skip(first);
        let mut managed = added.filter(|draft| draft.kind == kind && !draft.is_external);
        if kind.parent().is_none() && (none || managed.next().is_some()) {
            self.documents.roots.insert(kind.name);
        }
    }

    fn unknown_key(&self, key: &str) -> Diagnostic {
        if UNMANAGED.contains(&key) {
            return Diagnostic::error(format!("kind `{key}` is not managed by enact yet"))
                .hint("keep it in a file of its own for the tool that manages it");
        }
        let known = self.kinds.0.iter().map(|kind| kind.collection);
        Diagnostic::error(format!("unknown key {}", shown(key)))
            .detail("expected a kind of resource or `_defaults`")
            .hint(suggest::hint(key, known.chain(["_defaults"])))
    }

    /// A `kongctl` block.
    pub(super) fn ownership(&mut self, key: Span, node: Node<'t>) -> Ownership {
        let mut ownership = Ownership::default();
        for (word, span, value) in self.mapping("kongctl", key, node) {
            match &*word {
                "namespace" => ownership.namespace = self.namespace(span, &value),
                "protected" => ownership.protected = self.protected(span, &value),
                word => {
                    let fault = Diagnostic::error(format!("`kongctl` does not know {}", shown(word)));
                    self.fault(span, fault.hint(suggest::hint(word, ["namespace", "protected"])));
                }
            }
        }
        ownership
    }

    fn namespace(&mut self, key: Span, node: &Node<'t>) -> Option<Namespace> {
        let name = self.text("namespace", key, node)?;
        let span = node.span;
        if !shape::is_namespace(&name) {
            let fault = Diagnostic::error(format!("{} is not a namespace", shown(&name)))
                .detail("expected 1 to 63 of `a-z`, digits and `-`, with a letter or digit at both ends")
                .hint("choose another name, or remove the key");
            self.fault(span, fault);
            return None;
        }
        Some(Namespace {
            name,
            at: self.at(span),
        })
    }

    fn protected(&mut self, key: Span, node: &Node<'t>) -> Option<bool> {
        let value = node.scalar().and_then(|value| value.as_bool());
        if value.is_none() && !node.is_faulty() {
            let found = node.describe();
            let fault = format!("`protected`: expected `true` or `false`, found {found}");
            self.fault_value(
                key,
                node,
                Diagnostic::error(fault).hint("write `true` or `false` without quotes"),
            );
        }
        value
    }

    /// An `_external` block.
    pub(super) fn external(&mut self, key: Span, node: Node<'t>) -> Option<External> {
        let faulty = node.is_faulty();
        let mut id = None;
        let mut selector = None;
        for (word, span, value) in self.mapping("_external", key, node) {
            match &*word {
                "id" => id = Some(self.external_id(span, &value)),
                "selector" => selector = Some(self.selector(span, value)),
                word => {
                    let fault = Diagnostic::error(format!("`_external` does not know {}", shown(word)));
                    self.fault(span, fault.hint(suggest::hint(word, ["id", "selector"])));
                }
            }
        }
        match (id, selector) {
            (Some(id), None) => id.map(External::Id),
            (None, Some(selector)) => selector.map(External::Fields),
            (id, _) => {
                let count = if id.is_some() {
                    "both `id` and `selector`"
                } else {
                    "neither `id` nor `selector`"
                };
                let fault = Diagnostic::error(format!("`_external` has {count}"))
                    .detail("expected exactly one of them");
                if !faulty {
                    self.fault(key, fault.hint("find it by `id`, or by `selector.matchFields`"));
                }
                None
            }
        }
    }

    fn external_id(&mut self, key: Span, node: &Node<'t>) -> Option<String> {
        let id = self.text("id", key, node)?;
        if !shape::is_uuid(&id) {
            let fault = Diagnostic::error(format!("{} is not an id", shown(&id))).detail("expected a UUID");
            self.fault(
                node.span,
                fault.hint("find it by name with `selector.matchFields`"),
            );
            return None;
        }
        Some(id)
    }

    fn selector(&mut self, key: Span, node: Node<'t>) -> Option<BTreeMap<String, String>> {
        let faulty = node.is_faulty();
        let mut fields = BTreeMap::new();
        for (word, span, value) in self.mapping("selector", key, node) {
            if word != "matchFields" {
                let fault = Diagnostic::error(format!("`selector` does not know {}", shown(&word)));
                self.fault(span, fault.hint(suggest::hint(&word, ["matchFields"])));
                continue;
            }
            for (name, span, value) in self.mapping("matchFields", span, value) {
                if let Some(text) = self.text(&name, span, &value) {
                    fields.insert(name.into_owned(), text);
                }
            }
        }
        if fields.is_empty() {
            if !faulty {
                let fault = Diagnostic::error("the selector matches no field");
                self.fault(key, fault.hint("write `matchFields: {name: …}`"));
            }
            return None;
        }
        Some(fields)
    }

    pub(super) fn at(&self, span: Span) -> At {
        At {
            file: self.file,
            span,
        }
    }

    pub(super) fn fault(&mut self, span: Span, fault: Diagnostic) {
        self.faults.push(self.at(span), fault);
    }

    /// A fault of a value; shown at its key when the value was left away.
    pub(super) fn fault_value(&mut self, key: Span, node: &Node<'t>, fault: Diagnostic) {
        self.fault(if node.is_absent() { key } else { node.span }, fault);
    }
}
