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

/// Says that whoever started this process is an agent. It only ever lowers rights, so it goes to everything that is started:
/// what an agent may not say itself, no command of its plan says for it.
pub const PRINCIPAL_KIND: &str = "ENACT_PRINCIPAL_KIND";

/// What of `from` a command starts with.
pub fn base(from: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    allowed(from, &ALLOWED)
}

/// What of `from` this list lets through; a frozen plan has its own.
pub fn allowed<T: AsRef<str>>(from: &BTreeMap<String, String>, list: &[T]) -> BTreeMap<String, String> {
    let passes = |name: &String| {
        name == PRINCIPAL_KIND
            || list.iter().any(|entry| match entry.as_ref().strip_suffix('*') {
                Some(beginning) => name.starts_with(beginning),
                None => name == entry.as_ref(),
            })
    };
    from.iter()
        .filter(|(name, _)| passes(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
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
            PRINCIPAL_KIND,
        ]
        .map(|name| (name.to_owned(), "x".to_owned()));
        let passed = base(&BTreeMap::from(from));
        assert_eq!(
            passed.keys().collect::<Vec<_>>(),
            [PRINCIPAL_KIND, "LC_", "LC_ALL", "PATH"]
        );
    }
}
