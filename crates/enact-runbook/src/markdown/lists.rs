//! Sections that are lists: requirements, questions, assumptions, acceptance criteria; and those that are rules: verification,
//! rollback.

use std::collections::BTreeMap;
use std::ops::Range;

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::{Body, Entry};

use super::blocks::{Block, Content, Fence, Item, extent, joined};
use super::info::Role;
use super::sections::{Region, Section};
use super::{NOTE, Pair, Translation, pair, word};
use crate::reading::Node;

/// A section whose items become entries.
#[derive(Debug, Clone, Copy)]
struct Kind {
    key: &'static str,
    letter: char,
    /// May a block of code below an item be its check?
    checked: bool,
    /// Only `- [ ]` items count.
    tasks_only: bool,
}

/// An entry on its way.
struct Draft {
    at: Range<usize>,
    entries: Vec<Pair>,
}

/// Keys that belong to a check, not to what it is a check of.
const OF_CHECK: [&str; 6] = ["for_each", "expect", "timeout", "retry", "env", "working_dir"];

fn kind(section: Section) -> Option<Kind> {
    let (key, letter, checked, tasks_only) = match section {
        Section::Requirements => ("requirements", 'R', false, false),
        Section::Questions => ("questions", 'Q', false, false),
        Section::Assumptions => ("assumptions", 'A', true, false),
        Section::Acceptance => ("acceptance", 'C', true, true),
        Section::Steps
        | Section::Rollback
        | Section::Verification
        | Section::Approval
        | Section::Transcript
        | Section::Verify
        | Section::Task
        | Section::Prose => return None,
    };
    Some(Kind {
        key,
        letter,
        checked,
        tasks_only,
    })
}

/// `R1: text` taken apart: an id is in capitals and has a digit or `_` in it, so that `Database: PostgreSQL` has none.
fn labelled(text: &str) -> Option<(&str, &str)> {
    let (id, rest) = text.split_once(':')?;
    let id = id.trim_matches('*');
    let capitals = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    let is_id = id.starts_with(|first: char| first.is_ascii_uppercase())
        && id.bytes().all(capitals)
        && id.bytes().any(|byte| byte.is_ascii_digit() || byte == b'_');
    let rest = rest.trim_start_matches('*').trim();
    (is_id && !rest.is_empty()).then_some((id, rest))
}

/// The id that a text seems to begin with although it is none: `R2 (limit): text` and `[R2] text` have one, `S3 is full` has none
/// among requirements.
fn seeming_id(text: &str, letter: char) -> Option<&str> {
    let first = text.split_whitespace().next()?;
    let id = first.trim_matches(|around: char| around.is_ascii_punctuation());
    let digits = id.strip_prefix(letter)?;
    let is_id = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then_some(id)
}

impl Translation<'_> {
    /// The sections that every dialect may have.
    pub(super) fn common_sections(&mut self, regions: &[Region<'_>]) {
        for region in regions {
            if let Some(kind) = kind(region.section) {
                self.entry_section(region, kind);
            } else if region.section == Section::Verification {
                self.verification(region);
            }
        }
    }

    fn entry_section(&mut self, region: &Region<'_>, kind: Kind) {
        let mut drafts: Vec<Draft> = Vec::new();
        let mut whole: Vec<Node> = Vec::new();
        for block in &region.blocks {
            match &block.content {
                Content::List(items) => {
                    for item in items {
                        self.item(item, kind, &mut drafts, &mut whole);
                    }
                }
                Content::Fence(fence) => self.below(fence, &block.range, kind, &mut drafts, &mut whole),
                Content::Paragraph(lines) => self.note(
                    &extent(lines, &block.range),
                    format!(
                        "this text is not part of the plan: `{}` come from the list",
                        kind.key
                    ),
                ),
                Content::Quote(_) => self.note(&block.range, "this quote is not part of the plan"),
                Content::Heading(..) => self.heading_within(block, kind.key),
                Content::Html | Content::Rule => {}
            }
        }
        let mut nodes: Vec<Node> = drafts
            .into_iter()
            .map(|draft| Node::new(self.lines.span(&draft.at), Body::Mapping(draft.entries)))
            .collect();
        nodes.append(&mut whole);
        if nodes.is_empty() {
            return;
        }
        let start = region.start();
        let span = self.lines.span(&start);
        self.add(kind.key, &start, Node::new(span, Body::Sequence(nodes)));
    }

    fn item(&mut self, item: &Item, kind: Kind, drafts: &mut Vec<Draft>, whole: &mut Vec<Node>) {
        let at = extent(item.lines(), &item.range);
        if kind.tasks_only && item.ticked.is_none() {
            self.ambiguous(&at, "is this a criterion?", "write criteria as `- [ ] C1: text`");
            return;
        }
        if kind.tasks_only && item.ticked == Some(true) {
            self.note(
                &at,
                "this criterion is ticked already; ticks count for nothing, the run decides",
            );
        } else {
            self.ticked(item);
        }
        self.struck_entry(item);
        let text = joined(item.lines());
        let own = labelled(&text);
        let id = own.map_or_else(
            || format!("{}{}", kind.letter, drafts.len() + 1),
            |(id, _)| id.to_owned(),
        );
        if let (None, Some(seems)) = (own, seeming_id(&text, kind.letter)) {
            let what = format!("`{seems}` is read as text, not as the id of this item, which is {id}");
            let hint = format!("write `{seems}: text`, and other keys in a block `yaml enact` below it");
            let span = self.lines.span(&at);
            self.say(NOTE, span, Diagnostic::warning(what).hint(hint));
        }
        let said = own.map_or(text.as_str(), |(_, rest)| rest);
        let text_at = at.end.saturating_sub(said.len()).max(at.start)..at.end;
        let entries = vec![
            pair("id", self.lines.span(&at), self.text(&at, &id)),
            pair("text", self.lines.span(&text_at), self.text(&text_at, said)),
        ];
        drafts.push(Draft { at, entries });
        if kind.checked {
            self.doubted_item(item, said);
        }
        for block in item.below() {
            match &block.content {
                Content::Fence(fence) => self.below(fence, &block.range, kind, drafts, whole),
                Content::List(items) if kind.key == "questions" => {
                    for item in items {
                        self.answer(item, drafts);
                    }
                }
                Content::List(_) | Content::Paragraph(_) | Content::Quote(_) => {
                    self.note(&block.range, "this text below an item is not part of the plan");
                }
                Content::Heading(..) | Content::Html | Content::Rule => {}
            }
        }
    }

    /// `- Answer: …` below a question.
    fn answer(&mut self, item: &Item, drafts: &mut [Draft]) {
        const KEYS: [&str; 5] = ["answer", "default", "blocking", "answered_by", "answered_at"];
        let at = extent(item.lines(), &item.range);
        let text = joined(item.lines());
        let named = text.split_once(':').map(|(key, value)| {
            let key = key
                .trim_matches(['*', ' '])
                .to_ascii_lowercase()
                .replace(' ', "_");
            (key, value.trim_start_matches('*').trim())
        });
        let found = named.and_then(|(key, value)| Some((*KEYS.iter().find(|known| **known == key)?, value)));
        let (Some((key, value)), Some(draft)) = (found, drafts.last_mut()) else {
            self.note(&at, "this text below a question is not part of the plan");
            return;
        };
        let value_at = at.end.saturating_sub(value.len()).max(at.start)..at.end;
        let node = if key == "blocking" {
            word(self.lines.span(&value_at), value)
        } else {
            self.text(&value_at, value)
        };
        let entry = pair(key, self.lines.span(&at), node);
        self.put(&mut draft.entries, entry);
    }

    /// A block of code below an item: more keys of it, its check, or more items.
    fn below(
        &mut self,
        fence: &Fence,
        range: &Range<usize>,
        kind: Kind,
        drafts: &mut [Draft],
        whole: &mut Vec<Node>,
    ) {
        if !self.is_clear(fence, range) {
            return;
        }
        let mut info = self.info(fence);
        match info.role() {
            Role::Fields => {
                self.no_attributes(&info, range);
                self.more_keys(fence, range, drafts, whole);
            }
            Role::Script | Role::Action(_) | Role::Check if kind.checked => {
                let of_check = |entry: &Pair| OF_CHECK.contains(&entry.key.as_ref());
                let (own, others) = info.attributes.drain(..).partition(of_check);
                info.attributes = own;
                let checks = self.checks(fence, range, &info);
                let (Some(draft), [check]) = (drafts.last_mut(), checks.as_slice()) else {
                    let hint = "put one block below each item that it checks";
                    self.ambiguous(range, "what is this a check of?", hint);
                    return;
                };
                let entry = pair("check", self.lines.span(range), check.clone());
                self.put(&mut draft.entries, entry);
                self.merge(draft, others);
            }
            Role::Script | Role::Action(_) | Role::Check | Role::Undo | Role::Other => {
                self.ambiguous(
                    range,
                    format!("a block of code means nothing under `{}`", kind.key),
                    "move it to a step, or write keys in a block `yaml enact`",
                );
            }
        }
    }

    /// More keys for an entry; its id may be given anew.
    fn merge(&mut self, draft: &mut Draft, entries: Vec<Pair>) {
        for entry in entries {
            match draft
                .entries
                .iter_mut()
                .find(|own| own.key == "id" && entry.key == "id")
            {
                Some(own) => *own = entry,
                None => self.put(&mut draft.entries, entry),
            }
        }
    }

    fn more_keys(
        &mut self,
        fence: &Fence,
        range: &Range<usize>,
        drafts: &mut [Draft],
        whole: &mut Vec<Node>,
    ) {
        match self.yaml(&fence.code).map(|node| node.body) {
            Some(Body::Sequence(mut items)) => whole.append(&mut items),
            Some(Body::Mapping(entries)) => {
                let Some(draft) = drafts.last_mut() else {
                    self.ambiguous(
                        range,
                        "which item are these keys of?",
                        "put them below it, or write a list",
                    );
                    return;
                };
                self.merge(draft, entries);
            }
            Some(_) => self.ambiguous(
                range,
                "this block is neither keys nor a list",
                "write `key: value` lines",
            ),
            None => {}
        }
    }

    /// `- tests: `cargo test``, or the keys in a block `yaml enact`.
    fn verification(&mut self, region: &Region<'_>) {
        let mut entries: Vec<Pair> = Vec::new();
        for block in &region.blocks {
            match &block.content {
                Content::List(items) => {
                    for item in items {
                        self.verification_item(item, &mut entries);
                    }
                }
                Content::Fence(fence) => {
                    for entry in self.mapping(fence, &block.range) {
                        self.put(&mut entries, entry);
                    }
                }
                Content::Paragraph(_) => self.note(&block.range, "this text is not part of the plan"),
                Content::Heading(..) | Content::Quote(_) | Content::Html | Content::Rule => {}
            }
        }
        if !entries.is_empty() {
            let start = region.start();
            let span = self.lines.span(&start);
            self.add("verification", &start, Node::new(span, Body::Mapping(entries)));
        }
    }

    fn verification_item(&mut self, item: &Item, entries: &mut Vec<Pair>) {
        let at = extent(item.lines(), &item.range);
        self.ticked(item);
        let span = self.lines.span(&at);
        let text = joined(item.lines());
        let (name, said) = text.split_once(':').unwrap_or(("", ""));
        let name = name.trim_matches(['*', ' ']).to_ascii_lowercase();
        let key = match name.strip_prefix("run_").unwrap_or(&name) {
            "tests" => "run_tests",
            "lint" => "run_lint",
            "typecheck" | "type check" => "run_typecheck",
            _ => {
                let hint =
                    "write `- tests: ` and a command in backticks; the names are tests, lint, typecheck";
                self.ambiguous(&at, "what does this verify?", hint);
                return;
            }
        };
        let code = item.lines().first().and_then(|line| line.code());
        let node = match code {
            Some(code) => {
                let run = pair("run", span, self.text(&code.range, &code.text));
                Node::new(span, Body::Mapping(vec![run]))
            }
            None if matches!(said.trim(), "true" | "false") => word(span, said.trim()),
            None => {
                self.ambiguous(
                    &at,
                    "there is no command here",
                    "put the command in backticks, or write `false`",
                );
                return;
            }
        };
        let entry = pair(key, span, node);
        self.put(entries, entry);
    }

    /// The keys of a block `yaml enact`; anything else is not clear.
    fn mapping(&mut self, fence: &Fence, range: &Range<usize>) -> Vec<Pair> {
        if !self.is_clear(fence, range) {
            return Vec::new();
        }
        let info = self.info(fence);
        self.no_attributes(&info, range);
        if info.role() != Role::Fields {
            self.ambiguous(
                range,
                "what is this block for?",
                "write keys in a block `yaml enact`",
            );
            return Vec::new();
        }
        match self.yaml(&fence.code).map(|node| node.body) {
            Some(Body::Mapping(entries)) => entries,
            Some(_) => {
                self.ambiguous(range, "this block is no mapping", "write `key: value` lines");
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// The section `Rollback`: the rule in a block `yaml enact`, and undos that steps name.
    pub(super) fn rollback_sections(&mut self, regions: &[Region<'_>]) -> BTreeMap<String, Node> {
        let mut undos = BTreeMap::new();
        let mut rule: Vec<Pair> = Vec::new();
        let mut start = None;
        for region in regions
            .iter()
            .filter(|region| region.section == Section::Rollback)
        {
            for block in &region.blocks {
                match &block.content {
                    Content::Fence(fence) => {
                        start.get_or_insert(region.start());
                        self.rollback_block(fence, block, &mut rule, &mut undos);
                    }
                    Content::Paragraph(_) | Content::List(_) => self.note(
                        &block.range,
                        "this text is not part of the plan: how a step is taken back stands at the step",
                    ),
                    Content::Heading(..) | Content::Quote(_) | Content::Html | Content::Rule => {}
                }
            }
        }
        if let Some(start) = start.filter(|_| !rule.is_empty()) {
            let span = self.lines.span(&start);
            self.add("rollback", &start, Node::new(span, Body::Mapping(rule)));
        }
        undos
    }

    fn rollback_block(
        &mut self,
        fence: &Fence,
        block: &Block,
        rule: &mut Vec<Pair>,
        undos: &mut BTreeMap<String, Node>,
    ) {
        if !self.is_clear(fence, &block.range) {
            return;
        }
        let mut info = self.info(fence);
        if info.role() == Role::Fields {
            for entry in self.mapping(fence, &block.range) {
                self.put(rule, entry);
            }
            return;
        }
        let at = info.attributes.iter().position(|entry| entry.key == "id");
        let id = at.map(|at| info.attributes.remove(at));
        let Some(Entry { value, .. }) = id else {
            let hint = "give it a name, {id=NAME}, and let the step say `rollback=NAME`";
            self.ambiguous(&block.range, "which step does this take back?", hint);
            return;
        };
        let checks = self.checks(fence, &block.range, &info);
        if let ([undo], Some(id)) = (checks.as_slice(), value.text())
            && undos.insert(id.to_owned(), undo.clone()).is_some()
        {
            self.ambiguous(&block.range, "two undos have this name", "give each its own");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_headwords() {
        assert_eq!(labelled("R1: All rows"), Some(("R1", "All rows")));
        assert_eq!(labelled("**A_TOOLS:** here"), Some(("A_TOOLS", "here")));
        assert_eq!(labelled("A_TOOLS: here"), Some(("A_TOOLS", "here")));
        for text in [
            "Database: PostgreSQL",
            "JWT: needed",
            "R1:",
            "no label",
            "1: x",
            "https://x",
        ] {
            assert_eq!(labelled(text), None, "{text}");
        }
    }
}
