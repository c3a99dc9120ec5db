//! What of the caller's environment a command gets: a short list, so that a plan means the same from any shell.

use std::collections::BTreeMap;

/// The variables that are passed on. A name that ends in `*` stands for all that begin with what is before it.
pub const ALLOWED: [&str; 9] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_*",
    "TZ",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "KUBECONFIG",
];

/// What of `from` a command starts with.
pub fn base(from: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    from.iter()
        .filter(|(name, _)| is_allowed(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn is_allowed(name: &str) -> bool {
    ALLOWED.iter().any(|allowed| match allowed.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == *allowed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_list_is_passed_on() {
        let from = [
            "PATH",
            "LC_ALL",
            "LC_",
            "PATHS",
            "LD_PRELOAD",
            "AWS_SECRET_ACCESS_KEY",
            "path",
        ]
        .map(|name| (name.to_owned(), "x".to_owned()));
        let passed = base(&BTreeMap::from(from));
        assert_eq!(passed.keys().collect::<Vec<_>>(), ["LC_", "LC_ALL", "PATH"]);
    }
}
