//! `portal`: a developer portal (`/v3/portals`). Top-level; owned and protected by its labels.

use super::{Api, DefaultValue, FIELD, Field, Identity, Kind, Listing, Owner, Shape, TextRule};

const VISIBILITY: Shape = Shape::Choice(&["public", "private"]);

/// The kind.
pub static KIND: Kind = Kind {
    name: "portal",
    about: "a developer portal",
    collection: "portals",
    owner: Owner::Labels,
    identity: Identity::Name("name"),
    fields: &[
        Field {
            name: "name",
            shape: text(1, 255, false),
            default: DefaultValue::Ref,
            updatable: false,
            ..FIELD
        },
        Field {
            name: "display_name",
            shape: text(1, 255, false),
            ..FIELD
        },
        Field {
            name: "description",
            shape: text(0, 512, true),
            ..FIELD
        },
        Field {
            name: "authentication_enabled",
            ..FIELD
        },
        Field {
            name: "rbac_enabled",
            ..FIELD
        },
        Field {
            name: "sipr_enabled",
            ..FIELD
        },
        Field {
            name: "default_api_visibility",
            shape: VISIBILITY,
            ..FIELD
        },
        Field {
            name: "default_page_visibility",
            shape: VISIBILITY,
            ..FIELD
        },
        Field {
            name: "default_application_auth_strategy_id",
            shape: Shape::Id { nullable: true },
            ..FIELD
        },
        Field {
            name: "auto_approve_developers",
            ..FIELD
        },
        Field {
            name: "auto_approve_applications",
            ..FIELD
        },
        Field {
            name: "notifications_developer_pii_visibility_enabled",
            ..FIELD
        },
        Field {
            name: "labels",
            shape: Shape::Labels,
            ..FIELD
        },
    ],
    external: true,
    api: Api {
        collection: "/v3/portals",
        object: "/v3/portals/{id}",
        listing: Listing::Paged,
        delete_query: &[("force", "true")],
    },
};

const fn text(min: usize, max: usize, nullable: bool) -> Shape {
    Shape::Text {
        min,
        max,
        rule: TextRule::Any,
        nullable,
    }
}
