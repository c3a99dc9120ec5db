//! The kinds of Konnect resource enact manages, one file each, and what such a file declares.
//!
//! A kind is data: its fields with their rules, how it is identified, who owns it and where the API keeps it. Loader,
//! planner, provider, `dump`, `adopt` and `get` all work from that data, so a new kind is one file here and one line
//! in [`KINDS`]. Sources: kongctl's configuration format and the published Konnect OpenAPI document.

pub mod portal;
pub mod portal_page;

/// Every kind, parents before children. This is the one registration line per kind.
pub const KINDS: Kinds = Kinds(&[&portal::KIND, &portal_page::KIND]);

/// A set of kinds to work with: [`KINDS`] in production, a set of their own in tests.
#[derive(Clone, Copy)]
pub struct Kinds(pub &'static [&'static Kind]);

/// Everything enact knows about one kind of resource.
pub struct Kind {
    /// Name in plans and messages: `portal_page`.
    pub name: &'static str,
    /// One line for people: what it is.
    pub about: &'static str,
    /// Root key in YAML: `portal_pages`.
    pub collection: &'static str,
    /// Who owns an object of this kind.
    pub owner: Owner,
    /// How an object is recognised among its siblings.
    pub identity: Identity,
    /// Its fields; `ref`, `kongctl`, `_external` and the parent field are handled for every kind alike.
    pub fields: &'static [Field],
    /// May it be declared `_external` (referenced, never written)?
    pub external: bool,
    /// Where and how the API keeps it.
    pub api: Api,
}

/// Who owns an object: labels on itself, or the parent it belongs to.
pub enum Owner {
    /// A top-level kind: ownership and protection are labels on the object.
    Labels,
    /// A child: its parent owns and protects it.
    Parent(ParentLink),
}

/// How a child hangs under its parent.
pub struct ParentLink {
    /// The parent's kind name: `portal`.
    pub kind: &'static str,
    /// The key under the parent that holds nested children: `pages`.
    pub nested_key: &'static str,
    /// The field that names the parent when the child stands at the root: `portal`.
    pub field: &'static str,
}

/// How objects of a kind are told apart.
pub enum Identity {
    /// By one field, unique within the namespace (or the parent): `name`.
    Name(&'static str),
    /// By the path of slugs from the root of a tree: `guides/first-call`.
    Path(TreePath),
}

/// The fields that make a tree of one kind.
pub struct TreePath {
    /// The field with the object's own step of the path: `slug`. A leading `/` is ignored when matching.
    pub slug: &'static str,
    /// The key with nested children in YAML: `children`.
    pub children: &'static str,
    /// The field that names the tree parent by `ref` in YAML: `parent_page_ref`.
    pub parent_ref: &'static str,
    /// The API's field with the tree parent's id: `parent_page_id`.
    pub parent_id: &'static str,
}

/// One field of a kind.
pub struct Field {
    /// Its name, the same in YAML and in the API.
    pub name: &'static str,
    /// What values it takes.
    pub shape: Shape,
    /// Must the configuration set it?
    pub required: bool,
    /// What a CREATE sends when the configuration is silent.
    pub default: DefaultValue,
    /// Can a PATCH change it? If not, another value is another object.
    pub updatable: bool,
    /// Does the list answer hold it? If not it is read object by object and cached by digest.
    pub listed: bool,
    /// May a front-matter block at the head of this field's text fill other fields? Names those fields.
    pub front_matter: &'static [&'static str],
}

/// What values a field takes. Lengths count characters.
pub enum Shape {
    /// Text with bounds and an optional pattern.
    Text {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
        /// A rule on the characters, with its name in words.
        rule: TextRule,
        /// Is `null` a value (it clears the field)?
        nullable: bool,
    },
    /// `true` or `false`.
    Bool,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// User labels: text to text, merged with enact's own.
    Labels,
    /// The id of another object: a UUID or a `!ref`.
    Id {
        /// Is `null` a value?
        nullable: bool,
    },
}

/// A rule on the characters of a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TextRule {
    /// Anything.
    Any,
    /// `^[\w-]+$`, one path step; a root object may also be `/` or start with it.
    Slug,
}

/// What a CREATE sends when the configuration is silent about a field.
#[derive(Clone, Copy)]
pub enum DefaultValue {
    /// Nothing: the server decides.
    Unset,
    /// The resource's `ref`.
    Ref,
    /// The value of another field.
    CopyOf(&'static str),
    /// This word.
    Word(&'static str),
}

/// Where and how the API keeps a kind. Paths may hold `{parent_id}` and `{id}`.
pub struct Api {
    /// List and create: `/v3/portals/{parent_id}/pages`.
    pub collection: &'static str,
    /// Read, update, delete: `/v3/portals/{parent_id}/pages/{id}`.
    pub object: &'static str,
    /// How a list answers.
    pub listing: Listing,
    /// Query sent with DELETE: `force=true` cascades.
    pub delete_query: &'static [(&'static str, &'static str)],
}

/// How a list answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// Numbered pages of `data` with `meta.page.total`.
    Paged,
    /// The whole tree in one answer, `children` nested.
    Tree,
}

/// The pattern that most fields follow: optional, updatable, listed, no default.
pub const FIELD: Field = Field {
    name: "",
    shape: Shape::Bool,
    required: false,
    default: DefaultValue::Unset,
    updatable: true,
    listed: true,
    front_matter: &[],
};

impl Kinds {
    /// The kind of that name.
    pub fn get(self, name: &str) -> Option<&'static Kind> {
        self.0.iter().copied().find(|kind| kind.name == name)
    }

    /// The kind with that root key.
    pub fn by_collection(self, key: &str) -> Option<&'static Kind> {
        self.0.iter().copied().find(|kind| kind.collection == key)
    }

    /// The kinds that are owned by their own labels.
    pub fn roots(self) -> impl Iterator<Item = &'static Kind> {
        self.0.iter().copied().filter(|kind| kind.parent().is_none())
    }

    /// The kinds that hang under `parent`.
    pub fn children_of(self, parent: &str) -> impl Iterator<Item = &'static Kind> {
        self.0
            .iter()
            .copied()
            .filter(move |kind| kind.parent().is_some_and(|link| link.kind == parent))
    }

    /// Where a kind stands in the registration order; parents come before children.
    pub fn rank(self, name: &str) -> usize {
        self.0
            .iter()
            .position(|kind| kind.name == name)
            .unwrap_or(usize::MAX)
    }
}

impl Kind {
    /// How it hangs under a parent; `None` for a top-level kind.
    pub fn parent(&self) -> Option<&ParentLink> {
        match &self.owner {
            Owner::Labels => None,
            Owner::Parent(link) => Some(link),
        }
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&'static Field>
    where
        Self: 'static,
    {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The tree rules, for kinds that form one.
    pub fn tree(&self) -> Option<&TreePath> {
        match &self.identity {
            Identity::Name(_) => None,
            Identity::Path(path) => Some(path),
        }
    }

    /// The field that carries the identity: `name` or `slug`.
    pub fn identity_field(&self) -> &'static str {
        match &self.identity {
            Identity::Name(field) => field,
            Identity::Path(path) => path.slug,
        }
    }

    /// Does it carry user labels?
    pub fn has_labels(&self) -> bool {
        self.fields
            .iter()
            .any(|field| matches!(field.shape, Shape::Labels))
    }

    /// The path of the collection under a parent.
    pub fn collection_path(&self, parent_id: Option<&str>) -> String {
        self.api
            .collection
            .replace("{parent_id}", &segment(parent_id.unwrap_or_default()))
    }

    /// The path of one object.
    pub fn object_path(&self, parent_id: Option<&str>, id: &str) -> String {
        self.api
            .object
            .replace("{parent_id}", &segment(parent_id.unwrap_or_default()))
            .replace("{id}", &segment(id))
    }
}

/// An id as one step of a path, whatever it holds: a plan file's id must not lead to another object.
fn segment(id: &str) -> String {
    // Clients and proxies take `..` and `%2E%2E` for a step up; encoded twice it is the name of nothing.
    if id.chars().all(|character| character == '.') {
        return id.replace('.', "%252E");
    }
    let mut step = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            step.push(char::from(byte));
        } else {
            step.push_str(&format!("%{byte:02X}"));
        }
    }
    step
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Kind({})", self.name)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Kind {}

/// A slug as a step of a path: a leading `/` does not count, but the root object `/` keeps its name.
pub fn path_step(slug: &str) -> &str {
    if slug == "/" {
        slug
    } else {
        slug.strip_prefix('/').unwrap_or(slug)
    }
}
