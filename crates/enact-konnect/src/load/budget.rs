//! How much one load may take: what protects against bombs and accidents.

pub(super) use enact_core::yaml::Budget;

/// The bounds of one load. The defaults suit production; tests tighten them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one input, and of one file that `!file` pulls in.
    pub file_bytes: u64,
    /// Bytes of everything together, a `!file` or `!ref` counted each time it is used.
    pub total_bytes: u64,
    /// YAML files of one load.
    pub files: usize,
    /// How deep `recursive` goes.
    pub directory_depth: usize,
    /// How deep lists and mappings nest, and how deep a tree of pages goes.
    pub nesting: usize,
    /// Nodes of all YAML trees together.
    pub nodes: usize,
    /// Nodes that aliases may add, long text counting for more.
    pub alias_nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 10 << 20,
            total_bytes: 256 << 20,
            files: 10_000,
            directory_depth: 32,
            nesting: 64,
            nodes: 2_000_000,
            alias_nodes: 100_000,
        }
    }
}

impl Limits {
    /// All of it, unspent.
    pub(super) fn budget(&self) -> Budget {
        Budget::new(self.total_bytes, self.nodes, self.alias_nodes)
    }
}
