//! Digests of contents that lists do not hold, by object id and version: what makes a warm plan need lists only.
//!
//! A hint for planning, never for a precondition. One line an entry (`id version digest`); a line that cannot be read is
//! as good as absent. Only what the last plan saw is kept, so the file does not grow.

use std::collections::HashMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

/// The largest cache file that is read, in bytes.
const MAX_FILE: u64 = 256 * 1024 * 1024;

/// The cache of one target.
#[derive(Debug, Default)]
pub struct DigestCache {
    path: Option<PathBuf>,
    organizations: HashMap<String, String>,
    known: HashMap<String, (String, String)>,
    seen: HashMap<String, (String, String)>,
    changed: bool,
}

impl DigestCache {
    /// A cache that forgets.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// Reads the cache at a path; an unreadable one is empty.
    pub fn open(path: PathBuf) -> Self {
        let mut cache = Self {
            path: Some(path.clone()),
            ..Self::default()
        };
        let readable = std::fs::metadata(&path).is_ok_and(|file| file.len() <= MAX_FILE);
        let text = if readable {
            std::fs::read_to_string(&path).unwrap_or_default()
        } else {
            String::new()
        };
        for line in text.lines() {
            let mut parts = line.split(' ');
            match (parts.next(), parts.next(), parts.next(), parts.next()) {
                (Some("org"), Some(token), Some(organization), None) => {
                    cache
                        .organizations
                        .insert(token.to_owned(), organization.to_owned());
                }
                (Some(id), Some(version), Some(digest), None) => {
                    cache
                        .known
                        .insert(id.to_owned(), (version.to_owned(), digest.to_owned()));
                }
                _ => {}
            }
        }
        cache
    }

    /// The digest of an object's content at this version.
    pub fn get(&mut self, id: &str, version: &str) -> Option<String> {
        let entry = self.known.get(id).filter(|(at, _)| at == version)?.clone();
        let digest = entry.1.clone();
        self.seen.insert(id.to_owned(), entry);
        Some(digest)
    }

    /// Remembers a digest.
    pub fn put(&mut self, id: &str, version: &str, digest: &str) {
        let plain = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
        if plain(id) && plain(version) && plain(digest) {
            self.changed = true;
            self.seen
                .insert(id.to_owned(), (version.to_owned(), digest.to_owned()));
        }
    }

    /// The organisation a token belongs to, by the token's digest: a token never changes its organisation.
    pub fn organization(&self, token_digest: &str) -> Option<String> {
        self.organizations.get(token_digest).cloned()
    }

    /// Remembers a token's organisation.
    pub fn put_organization(&mut self, token_digest: &str, organization: &str) {
        if !organization.is_empty() && !organization.contains(char::is_whitespace) {
            self.changed = true;
            self.organizations.clear();
            self.organizations
                .insert(token_digest.to_owned(), organization.to_owned());
        }
    }

    /// Writes what was seen, if anything is new. Losing it costs requests, nothing else, so a failure is only logged.
    pub fn save(&self) {
        let Some(path) = &self.path else { return };
        if !self.changed && self.seen.len() == self.known.len() {
            return;
        }
        if let Err(error) = self.write(path) {
            tracing::debug!(%error, path = %path.display(), "the cache was not written");
        }
    }

    fn write(&self, path: &std::path::Path) -> std::io::Result<()> {
        let temporary = path.with_extension(format!("{}.new", std::process::id()));
        let mut lines: Vec<String> = self
            .seen
            .iter()
            .map(|(id, (version, digest))| format!("{id} {version} {digest}\n"))
            .collect();
        lines.extend(
            self.organizations
                .iter()
                .map(|(token, organization)| format!("org {token} {organization}\n")),
        );
        lines.sort();
        // It holds the digest of a token.
        let mut options = std::fs::OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        let mut file = std::io::BufWriter::new(file);
        for line in lines {
            file.write_all(line.as_bytes())?;
        }
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        std::fs::rename(&temporary, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_found_at_its_version_only_and_survives_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let mut cache = DigestCache::open(path.clone());
        cache.put("p1", "2026-01-01T00:00:00.000Z", "sha256:aa");
        cache.put_organization("sha256:t", "org-1");
        cache.save();
        std::fs::write(
            &path,
            format!("{}garbage\n", std::fs::read_to_string(&path).unwrap()),
        )
        .unwrap();
        let mut again = DigestCache::open(path);
        assert_eq!(
            again.get("p1", "2026-01-01T00:00:00.000Z").as_deref(),
            Some("sha256:aa")
        );
        assert_eq!(again.get("p1", "2026-01-02T00:00:00.000Z"), None);
        assert_eq!(again.organization("sha256:t").as_deref(), Some("org-1"));
    }
}
