//! Where a portal page may stand: slugs, parents, cycles, depth, order among siblings; and the nested list.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::Value;

use super::portal_pages::PortalPage;
use super::problem::{InvalidParameter, Problem};

/// The slug of a home page, which only the top level has.
const HOME: &str = "/";

/// Levels of pages. The API states no bound; JSON readers that stop at 128 levels can still read this tree.
const MAX_DEPTH: usize = 50;

/// `^[\w-]+$`, or the home page's `/`; that a home page is at the top is up to [`Place::check`].
pub(super) fn is_slug(text: &str) -> bool {
    text == HOME
        || (!text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
}

/// A page at the place where it is about to be put; it need not be stored yet.
pub(super) struct Place<'a> {
    pub(super) portal_id: &'a str,
    pub(super) page: &'a PortalPage,
    pub(super) now_ms: i64,
}

impl Place<'_> {
    /// # Errors
    /// 400 for an unknown parent, a cycle, too many levels, or `/` below the top; 409 for a slug that a
    /// sibling has.
    pub(super) fn check(&self, transaction: &Transaction<'_>) -> Result<(), Problem> {
        if let Some(parent) = &self.page.parent_page_id {
            let depth = self.depth_below(transaction, parent)?;
            if self.page.slug == HOME {
                let reason = "only a top-level page may have the slug [/]; must match [^[\\w-]+$]";
                return Err(refusal("slug", "matches_regex", reason));
            }
            if depth + self.height(transaction)? > MAX_DEPTH {
                return Err(refusal("parent_page_id", "invalid", "would nest pages too deep"));
            }
        }
        let taken = transaction
            .prepare_cached(
                "SELECT 1 FROM portal_pages WHERE portal_id = ?1 AND ifnull(parent_page_id, '') = ifnull(?2, '') \
                 AND slug = ?3 AND id <> ?4",
            )?
            .exists(params![self.portal_id, self.page.parent_page_id, self.page.slug, self.page.id])?;
        if taken {
            let slug = &self.page.slug;
            return Err(Problem::conflict(format!(
                "A page with slug [{slug}] already exists at this level"
            )));
        }
        Ok(())
    }

    /// How many pages are above, walking up from `parent`.
    fn depth_below(&self, transaction: &Transaction<'_>, parent: &str) -> Result<usize, Problem> {
        let mut statement = transaction.prepare_cached(
            "SELECT parent_page_id FROM portal_pages WHERE id = ?1 AND portal_id = ?2 AND visible_at <= ?3",
        )?;
        let mut above = Some(parent.to_owned());
        let mut depth = 0;
        while let Some(id) = above {
            if id == self.page.id {
                return Err(refusal(
                    "parent_page_id",
                    "invalid",
                    "must not be the page itself or below it",
                ));
            }
            let next: Option<Option<String>> = statement
                .query_row(params![id, self.portal_id, self.now_ms], |row| row.get(0))
                .optional()?;
            above = match next {
                Some(next) => next,
                None if depth == 0 => {
                    let reason = format!("refers to page [{parent}], which this portal does not have");
                    return Err(refusal("parent_page_id", "missing_reference", &reason));
                }
                None => None,
            };
            depth += 1;
        }
        Ok(depth)
    }

    /// Levels of the page's own subtree, itself included.
    fn height(&self, transaction: &Transaction<'_>) -> Result<usize, Problem> {
        let levels: Option<u32> = transaction
            .prepare_cached(
                "WITH RECURSIVE below (id, level) AS (
                     SELECT id, 1 FROM portal_pages WHERE id = ?1
                     UNION ALL
                     SELECT child.id, level + 1 FROM below JOIN portal_pages AS child ON child.parent_page_id = below.id
                 ) SELECT max(level) FROM below",
            )?
            .query_row([&self.page.id], |row| row.get(0))?;
        Ok(levels.unwrap_or(1) as usize)
    }

    /// Where the page stands among its siblings now.
    pub(super) fn position(&self, transaction: &Transaction<'_>) -> Result<i64, Problem> {
        Ok(transaction
            .prepare_cached("SELECT position FROM portal_pages WHERE id = ?1")?
            .query_row([&self.page.id], |row| row.get(0))?)
    }

    /// The position after all pages of the portal, hence after all siblings.
    pub(super) fn last_position(&self, transaction: &Transaction<'_>) -> Result<i64, Problem> {
        Ok(transaction
            .prepare_cached("SELECT ifnull(max(position), -1) + 1 FROM portal_pages WHERE portal_id = ?1")?
            .query_row([self.portal_id], |row| row.get(0))?)
    }

    /// Renumbers the siblings with the page at `index`; says whether its parent or the order changed.
    pub(super) fn insert_at(&self, transaction: &Transaction<'_>, index: i64) -> Result<bool, Problem> {
        let mut statement = transaction.prepare_cached(
            "SELECT id FROM portal_pages WHERE portal_id = ?1 AND ifnull(parent_page_id, '') = ifnull(?2, '') \
             ORDER BY position, seq",
        )?;
        let rows = statement.query_map(params![self.portal_id, self.page.parent_page_id], |row| {
            row.get(0)
        })?;
        let before = rows.collect::<rusqlite::Result<Vec<String>>>()?;
        let mut after: Vec<String> = before.iter().filter(|id| **id != self.page.id).cloned().collect();
        let count = i64::try_from(after.len()).unwrap_or(i64::MAX);
        let index = if index < 0 {
            count.saturating_add(index).saturating_add(1)
        } else {
            index
        };
        let index = usize::try_from(index.clamp(0, count)).unwrap_or_default();
        after.insert(index, self.page.id.clone());
        if after == before {
            return Ok(false);
        }
        let mut update = transaction.prepare_cached("UPDATE portal_pages SET position = ?2 WHERE id = ?1")?;
        for (position, id) in (0_i64..).zip(&after) {
            update.execute(params![id, position])?;
        }
        Ok(true)
    }
}

fn refusal(field: &str, rule: &'static str, reason: &str) -> Problem {
    Problem::invalid(vec![InvalidParameter::body(field, rule, reason)])
}

/// Nests pages under their parents, keeping their order. A page whose parent a filter left out is a root.
pub(super) fn nest(pages: Vec<PortalPage>) -> Vec<Value> {
    let known: HashSet<String> = pages.iter().map(|page| page.id.clone()).collect();
    let mut children: HashMap<Option<String>, Vec<PortalPage>> = HashMap::new();
    for page in pages {
        let parent = page
            .parent_page_id
            .clone()
            .filter(|parent| known.contains(parent));
        children.entry(parent).or_default().push(page);
    }
    branch(None, &mut children)
}

// Recursion is as deep as the tree, which `Place::check` bounds.
fn branch(parent: Option<String>, children: &mut HashMap<Option<String>, Vec<PortalPage>>) -> Vec<Value> {
    let pages = children.remove(&parent).unwrap_or_default();
    let nested = pages.into_iter().map(|page| {
        let mut object = page.to_json();
        object.insert(
            "children".to_owned(),
            Value::Array(branch(Some(page.id), children)),
        );
        Value::Object(object)
    });
    nested.collect()
}

/// What the front matter of a page's content sets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FrontMatter {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
}

/// Reads `title` and `description` from the YAML block between two `---` lines at the start. Plain and quoted
/// scalars on one line are read; values that a page could not have (too long) are left alone.
pub(super) fn front_matter(content: &str) -> FrontMatter {
    let mut found = FrontMatter::default();
    let mut lines = content.lines();
    if lines.next().map(str::trim_end) != Some("---") {
        return found;
    }
    let mut block = Vec::new();
    for line in lines {
        if line.trim_end() == "---" {
            for line in block {
                read_entry(line, &mut found);
            }
            break;
        }
        block.push(line);
    }
    found
}

fn read_entry(line: &str, found: &mut FrontMatter) {
    let Some((key, value)) = line.split_once(": ") else {
        return;
    };
    let value = value.trim();
    let unquoted = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let value = unquoted.unwrap_or(value);
    let (into, max) = match key {
        "title" => (&mut found.title, 512),
        "description" => (&mut found.description, 160),
        _ => return,
    };
    if !value.is_empty() && value.chars().count() <= max {
        *into = Some(value.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_follow_the_pattern() {
        for slug in ["a", "my-page_2", "/"] {
            assert!(is_slug(slug), "{slug}");
        }
        for slug in ["", "/a", "a/b", "a b", "é", "//"] {
            assert!(!is_slug(slug), "{slug}");
        }
    }

    #[test]
    fn front_matter_is_read_only_when_closed() {
        let found = front_matter("---\ntitle: \"My page\"\ndescription: short\nother: x\n---\n# text");
        assert_eq!(found.title.as_deref(), Some("My page"));
        assert_eq!(found.description.as_deref(), Some("short"));
        assert_eq!(front_matter("---\ntitle: x\n# text"), FrontMatter::default());
        assert_eq!(front_matter("title: x"), FrontMatter::default());
    }
}
