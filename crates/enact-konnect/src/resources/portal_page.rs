//! `portal_page`: a page of a developer portal (`/v3/portals/{id}/pages`). A tree of slugs; owned by its portal.
//!
//! The list answers with the tree and without contents, so contents are read page by page and cached by digest. The API
//! publishes nothing by itself: kongctl's defaults (`published`, `public`) are sent.

use super::{
    Api, DefaultValue, FIELD, Field, Identity, Kind, Listing, Owner, ParentLink, Shape, TextRule, TreePath,
};

/// The kind.
pub static KIND: Kind = Kind {
    name: "portal_page",
    about: "a page of a developer portal",
    collection: "portal_pages",
    owner: Owner::Parent(ParentLink {
        kind: "portal",
        nested_key: "pages",
        field: "portal",
    }),
    identity: Identity::Path(TreePath {
        slug: "slug",
        children: "children",
        parent_ref: "parent_page_ref",
        parent_id: "parent_page_id",
    }),
    fields: &[
        Field {
            name: "slug",
            shape: Shape::Text {
                min: 1,
                max: 512,
                rule: TextRule::Slug,
                nullable: false,
            },
            required: true,
            updatable: false,
            ..FIELD
        },
        Field {
            name: "content",
            shape: text(0, 1_000_000),
            required: true,
            listed: false,
            front_matter: &["title", "description"],
            ..FIELD
        },
        Field {
            name: "title",
            shape: text(0, 512),
            default: DefaultValue::CopyOf("slug"),
            ..FIELD
        },
        Field {
            name: "visibility",
            shape: Shape::Choice(&["public", "private"]),
            default: DefaultValue::Word("public"),
            ..FIELD
        },
        Field {
            name: "status",
            shape: Shape::Choice(&["published", "unpublished"]),
            default: DefaultValue::Word("published"),
            ..FIELD
        },
        Field {
            name: "description",
            shape: text(0, 160),
            ..FIELD
        },
    ],
    external: false,
    api: Api {
        collection: "/v3/portals/{parent_id}/pages",
        object: "/v3/portals/{parent_id}/pages/{id}",
        listing: Listing::Tree,
        delete_query: &[],
    },
};

const fn text(min: usize, max: usize) -> Shape {
    Shape::Text {
        min,
        max,
        rule: TextRule::Any,
        nullable: false,
    }
}
