//! YAML to a tree in which every node knows its place, within bounds: depth, nodes, aliases, distinct keys.
//!
//! Domains read the tree with their own rules; what their local tags stand for is the tree's type parameter.

#![expect(
    clippy::result_large_err,
    reason = "a fault with its place is large, and rare"
)]

mod budget;
mod mapping;
mod parse;
pub mod scalar;
pub mod suggest;
mod text;
mod tree;

pub use budget::Budget;
pub use parse::{Fault, parse};
pub use text::{Span, excerpt, shown, split_lines};
pub use tree::{Body, Entry, Node, Plain, Size, Special};
