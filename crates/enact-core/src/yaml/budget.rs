//! How much reading may take: what protects against bombs and accidents.

use super::tree::Size;

/// What is left of the limits.
#[derive(Debug)]
pub struct Budget {
    bytes: u64,
    nodes: usize,
    alias_nodes: usize,
}

impl Budget {
    /// A budget of bytes, of nodes of all trees together, and of nodes that aliases may add (long text counts for more).
    pub fn new(bytes: u64, nodes: usize, alias_nodes: usize) -> Self {
        Self {
            bytes,
            nodes,
            alias_nodes,
        }
    }

    /// Takes bytes; `false` when there are not enough left.
    pub fn take_bytes(&mut self, bytes: usize) -> bool {
        take(&mut self.bytes, bytes as u64)
    }

    /// Takes one node.
    pub fn take_node(&mut self) -> bool {
        take(&mut self.nodes, 1)
    }

    /// Takes a copied subtree.
    pub fn take_copy(&mut self, size: Size) -> bool {
        take(&mut self.nodes, size.nodes) && self.take_bytes(size.bytes)
    }

    /// Takes what an alias expands to.
    pub fn take_alias(&mut self, size: Size) -> bool {
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
        let mut budget = Budget::new(10, 10, 10);
        assert!(budget.take_bytes(4));
        assert!(!budget.take_bytes(7));
        assert!(!budget.take_bytes(1));
    }
}
