//! The `enact` binary.

fn main() {}
