//! A kind that this crate has never heard of, declared here as data, goes the whole line: file, plan, request.

use enact_core::change::Action;
use enact_core::plan::{Mode, Target};
use enact_core::principal::{Principal, PrincipalKind};
use enact_core::reference::Outputs;
use enact_konnect::load::{Environment, LoadOptions, Source, load};
use enact_konnect::observed::{Observed, ObservedObject};
use enact_konnect::plan::{PlanOptions, plan};
use enact_konnect::request::request;
use enact_konnect::resources::{
    Api, DefaultValue, FIELD, Field, Identity, Kind, Kinds, Listing, Owner, ParentLink, Shape, TextRule,
    portal,
};
use serde_json::json;

/// A portal's snippet, as the API documents it.
static SNIPPET: Kind = Kind {
    name: "portal_snippet",
    about: "a snippet of a developer portal",
    collection: "portal_snippets",
    owner: Owner::Parent(ParentLink {
        kind: "portal",
        nested_key: "snippets",
        field: "portal",
    }),
    identity: Identity::Name("name"),
    fields: &[
        Field {
            name: "name",
            shape: text(512),
            required: true,
            updatable: false,
            ..FIELD
        },
        Field {
            name: "content",
            shape: text(1_000_000),
            required: true,
            listed: false,
            ..FIELD
        },
        Field {
            name: "title",
            shape: text(512),
            default: DefaultValue::CopyOf("name"),
            ..FIELD
        },
    ],
    external: false,
    api: Api {
        collection: "/v3/portals/{parent_id}/snippets",
        object: "/v3/portals/{parent_id}/snippets/{id}",
        listing: Listing::Paged,
        delete_query: &[],
    },
};

static SET: &[&Kind] = &[&portal::KIND, &SNIPPET];

const fn text(max: usize) -> Shape {
    Shape::Text {
        min: 1,
        max,
        rule: TextRule::Any,
        nullable: false,
    }
}

struct NoEnvironment;

impl Environment for NoEnvironment {
    fn get(&self, _name: &str) -> Option<String> {
        None
    }
}

#[test]
fn a_kind_declared_as_data_is_loaded_planned_and_sent() {
    let yaml = "portals:\n  - ref: dev\n    name: dev\n    snippets:\n      - { ref: new, name: new, content: hello }\n      - { ref: old, name: old, content: changed }\n";
    let options = LoadOptions {
        kinds: Kinds(SET),
        ..LoadOptions::default()
    };
    let desired = load(
        &[Source::Stdin(yaml.as_bytes().to_vec())],
        &options,
        &NoEnvironment,
    )
    .unwrap();
    let plan = plan(&desired, &observed(), Kinds(SET), &plan_options()).unwrap();
    let seen: Vec<(Action, &str)> = plan
        .changes()
        .iter()
        .map(|change| (change.action, change.resource_name.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (Action::Create, "new"),
            (Action::Update, "old"),
            (Action::Delete, "gone")
        ]
    );
    let sent: Vec<String> = plan
        .changes()
        .iter()
        .map(|change| {
            let request = request(Kinds(SET), change, &Outputs::new()).unwrap();
            format!(
                "{} {} {}",
                request.method,
                request.path,
                request.body.unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(
        sent,
        [
            r#"POST /v3/portals/portal-1/snippets {"content":"hello","name":"new","title":"new"}"#,
            r#"PATCH /v3/portals/portal-1/snippets/old-1 {"content":"changed"}"#,
            "DELETE /v3/portals/portal-1/snippets/gone-1 null",
        ]
    );
}

/// A portal with two snippets: one whose content differs, one that nobody describes.
fn observed() -> Observed {
    let mut observed = Observed::default();
    let portal = json!({"id": "portal-1", "name": "dev", "updated_at": "t", "labels": {"KONGCTL-namespace": "default"}});
    observed.roots.insert(
        "portal",
        vec![ObservedObject::read(&portal::KIND, &portal).unwrap()],
    );
    let snippet = |id: &str, name: &str| {
        let value = json!({"id": id, "name": name, "title": name, "content": "before", "updated_at": "t"});
        ObservedObject::read(&SNIPPET, &value).unwrap()
    };
    let snippets = vec![snippet("gone-1", "gone"), snippet("old-1", "old")];
    observed
        .children
        .insert(("portal_snippet", "portal-1".to_owned()), snippets);
    observed
}

fn plan_options() -> PlanOptions {
    PlanOptions {
        policy_digest: None,
        mode: Mode::Sync,
        generated_at: jiff::Timestamp::UNIX_EPOCH,
        author: Principal {
            id: "os:test".to_owned(),
            kind: PrincipalKind::Person,
        },
        target: Target {
            kind: "konnect".to_owned(),
            base_url: None,
            context: None,
            organization: None,
            region: None,
        },
    }
}
