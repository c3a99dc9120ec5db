//! Every rule with the message a person gets to see, as `line:column+length: summary — detail (hint)`.

mod children;
mod defaults_and_kongctl;
mod externals;
mod fields;
mod frontmatter;
mod labels;
mod references;
mod refs_and_names;
mod tags;
mod top_level_keys;
mod trees;
