//! References to images, as the distribution specification writes them: `[registry[:port]/]path[:tag][@digest]`.

/// The longest reference.
const MAX: usize = 512;

/// Is it a reference?
pub fn is_image_reference(text: &str) -> bool {
    if text.is_empty() || text.len() > MAX {
        return false;
    }
    let (named, digest) = match text.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (text, None),
    };
    let (path, tag) = split_tag(named);
    digest.is_none_or(is_digest) && tag.is_none_or(is_tag) && is_path(path)
}

/// The part after the last colon is a tag unless a slash follows, which makes it a port.
fn split_tag(named: &str) -> (&str, Option<&str>) {
    match named.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (named, None),
    }
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return false;
    };
    let length = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == length && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_tag(tag: &str) -> bool {
    let mut bytes = tag.bytes();
    let first = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    first
        && tag.len() <= 128
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

fn is_path(path: &str) -> bool {
    let (registry, rest) = match path.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), rest),
        _ => (None, path),
    };
    registry.is_none_or(is_registry) && !rest.is_empty() && rest.split('/').all(is_component)
}

fn is_registry(registry: &str) -> bool {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (registry, None),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(is_label)
        && port.is_none_or(|port| {
            !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit())
        })
}

/// Lower case letters and digits, with `.`, `_`, `__` or any number of `-` between them.
fn is_component(component: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut separator = String::new();
    let mut seen = false;
    for byte in component.bytes() {
        if is_word(byte) {
            let between = matches!(separator.as_str(), "" | "." | "_" | "__")
                || separator.bytes().all(|byte| byte == b'-');
            if !between || (!seen && !separator.is_empty()) {
                return false;
            }
            separator.clear();
            seen = true;
        } else if matches!(byte, b'.' | b'_' | b'-') {
            separator.push(char::from(byte));
        } else {
            return false;
        }
    }
    seen && separator.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_from_what_only_looks_like_one() {
        let digest = "a".repeat(64);
        let good = [
            "nginx".to_owned(),
            "nginx:1.27".to_owned(),
            "library/nginx:1.27-alpine".to_owned(),
            "registry.example:5000/team/app:v1".to_owned(),
            "localhost/app".to_owned(),
            "a__b/c-d/e.f".to_owned(),
            format!("nginx@sha256:{digest}"),
            format!("registry.example/nginx:1@sha256:{digest}"),
        ];
        for reference in good {
            assert!(is_image_reference(&reference), "{reference}");
        }
        let bad = [
            "",
            "Nginx",
            "nginx:",
            "nginx:-1",
            "nginx tag",
            "nginx;rm",
            "/nginx",
            "nginx/",
            "a//b",
            "a___b",
            "-a",
            "a-",
            "nginx@sha256:abc",
            "nginx@md5:abc",
            "registry.example:port/app",
        ];
        for reference in bad {
            assert!(!is_image_reference(reference), "{reference}");
        }
    }
}
