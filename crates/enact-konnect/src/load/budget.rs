//! How much one load may take: what protects against bombs and accidents.

use super::tree::Size;

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

/// What is left of the limits.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: u64,
    nodes: usize,
    alias_nodes: usize,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            bytes: limits.total_bytes,
            nodes: limits.nodes,
            alias_nodes: limits.alias_nodes,
        }
    }

    /// Takes bytes; `false` when there are not enough left.
    pub(super) fn take_bytes(&mut self, bytes: usize) -> bool {
        take(&mut self.bytes, bytes as u64)
    }

    /// Takes one node.
    pub(super) fn take_node(&mut self) -> bool {
        take(&mut self.nodes, 1)
    }

    /// Takes a copied subtree.
    pub(super) fn take_copy(&mut self, size: Size) -> bool {
        take(&mut self.nodes, size.nodes) && self.take_bytes(size.bytes)
    }

    /// Takes what an alias expands to.
    pub(super) fn take_alias(&mut self, size: Size) -> bool {
        // A long text copied often is a bomb as well.
        let weight = size.nodes.saturating_add(size.bytes / 256);
        take(&mut self.alias_nodes, weight) && self.take_copy(size)
    }
}

fn take<T: Copy + PartialOrd + std::ops::SubAssign + Default>(left: &mut T, wanted: T) -> bool {
    if *left < wanted {
        // Used up for good: a smaller request later must not pass, or results would depend on luck.
        *left = T::default();
        return false;
    }
    *left -= wanted;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_once_overdrawn_stays_empty() {
        let limits = Limits {
            total_bytes: 10,
            ..Limits::default()
        };
        let mut budget = Budget::new(&limits);
        assert!(budget.take_bytes(4));
        assert!(!budget.take_bytes(7));
        assert!(!budget.take_bytes(1));
    }
}
