//! Steps: a heading or a line in bold, a list of what it covers, a block of code that does it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use enact_core::yaml::Body;

use super::blocks::{Block, Content, Fence, Item, extent, joined};
use super::contents::content_named;
use super::doubts::Before;
use super::info::Role;
use super::outline::Outline;
use super::sections::{BOLD, Region, heading, opening};
use super::titles::is_doubtful_step;
use super::{Pair, Translation, pair, slug, word};
use crate::kinds::KINDS;
use crate::reading::Node;

/// A step on its way.
struct Draft {
    /// Where it begins.
    at: Range<usize>,
    level: Option<usize>,
    title: (String, Range<usize>),
    tasks: Vec<Node>,
    fields: Vec<Pair>,
    verify: Vec<Node>,
    /// Is something of it unreadable, which was said already?
    faulty: bool,
    /// What was said before the place that is read.
    before: Before,
    /// A block quote `Checkpoint`: its place, its text, and whether the action stands after it.
    checkpoint: Option<(Range<usize>, String, bool)>,
}

impl Draft {
    fn field(&self, key: &str) -> Option<&Pair> {
        self.fields.iter().find(|entry| entry.key == key)
    }

    fn has_action(&self) -> bool {
        let kinds = KINDS.iter().filter(|kind| kind.is_step());
        kinds
            .map(|kind| kind.name())
            .any(|name| self.field(name).is_some())
    }
}

/// How steps are read.
pub(super) struct Manner<'a> {
    /// Undos that steps name.
    pub(super) undos: &'a BTreeMap<String, Node>,
    /// Who does a step that has no action; `None`: a step must have one.
    pub(super) assignee: Option<&'a str>,
}

impl Translation<'_> {
    /// The steps of a section.
    pub(super) fn steps(&mut self, region: &Region<'_>, manner: &Manner<'_>) -> Vec<Node> {
        let mut drafts: Vec<Draft> = Vec::new();
        let mut before_steps: Vec<&Block> = Vec::new();
        let mut outline = Outline::below(region.below.as_deref());
        for block in &region.blocks {
            if let Some(draft) = self.step_start(block, drafts.len()) {
                let below = outline.begin(draft.level.unwrap_or(BOLD));
                self.stands_below("step", &draft.title.1, below.as_deref());
                drafts.push(draft);
                continue;
            }
            outline.block(block);
            if let Some(draft) = drafts.last_mut() {
                self.step_block(block, draft);
            } else if let Content::Fence(_) = block.content {
                let hint = "begin a step before it: `### Step 1: Title`";
                self.ambiguous(&block.range, "this block of code belongs to no step", hint);
            } else {
                before_steps.push(block);
            }
        }
        if let Some(first) = drafts.first_mut() {
            self.before_steps(&before_steps, first);
        }
        self.finished(drafts, manner)
    }

    /// What stands between the heading of the steps and the first one is shown with that.
    fn before_steps(&mut self, blocks: &[&Block], first: &mut Draft) {
        let own = std::mem::take(&mut first.tasks);
        for block in blocks {
            if matches!(block.content, Content::Html | Content::Rule) {
                continue;
            }
            let heading = block.heading().map(|(_, lines)| lines);
            let lines = heading.or(block.paragraph()).unwrap_or(&[]);
            self.told_with(&extent(lines, &block.range), first);
        }
        first.tasks.extend(own);
    }

    fn step_start(&mut self, block: &Block, before: usize) -> Option<Draft> {
        let (line, numbered) = opening(block, "step")?;
        self.is_struck(std::slice::from_ref(line));
        let at = line.range.clone();
        if numbered.number.is_some_and(|number| number != before + 1) {
            let what = format!(
                "this is step {} by its place, and is called {}",
                before + 1,
                line.text
            );
            self.ambiguous(&at, what, "number steps from 1 in their order; is one missing?");
        }
        if is_doubtful_step(numbered.title) {
            let what = "is this step to run? Its title leaves that open";
            let hint =
                "leave the step out, or take the mark off its title; `when` makes a step depend on something";
            self.ambiguous(&at, what, hint);
        }
        let start = at.start + numbered.offset;
        let title_at = start..start + numbered.title.len();
        let mark = at.start..(at.start + numbered.offset).max(at.start + 1);
        let behind = title_at.end..at.end;
        let mut draft = Draft {
            at: mark,
            level: heading(block).map(|(level, _)| level),
            title: (numbered.title.to_owned(), title_at),
            tasks: Vec::new(),
            fields: Vec::new(),
            verify: Vec::new(),
            faulty: false,
            before: Before::default(),
            checkpoint: None,
        };
        if numbered.behind {
            self.told_with(&behind, &mut draft);
        }
        if let Content::Paragraph(lines) = &block.content
            && let Some(second) = lines.get(1)
        {
            self.told_with(&(second.range.start..block.range.end), &mut draft);
        }
        Some(draft)
    }

    /// A text for people: it is shown with the step, and what it asks for is not enforced.
    fn told_with(&mut self, at: &Range<usize>, draft: &mut Draft) {
        let text = self.in_one_line(at);
        // What stands behind a title in bold begins with the end of its mark.
        let text = text.strip_prefix("** ").unwrap_or(&text);
        draft.tasks.push(self.text(at, text));
        self.note(
            at,
            "this text is shown with the step and changes nothing: what it does is its action",
        );
    }

    fn step_block(&mut self, block: &Block, draft: &mut Draft) {
        match &block.content {
            Content::List(items) => {
                for item in items {
                    self.task(item, draft);
                }
            }
            Content::Fence(fence) => {
                self.step_fence(fence, &block.range, draft);
                draft.before.forget();
            }
            Content::Quote(inner) => self.quote(block, inner, draft),
            Content::Paragraph(lines) => {
                draft.before.paragraph();
                for line in lines {
                    draft.before.come(&line.text);
                    draft.before.was_text(line.is_struck());
                }
                self.told_with(&extent(lines, &block.range), draft);
            }
            Content::Heading(level, lines) => {
                let at = extent(lines, &block.range);
                self.is_struck(lines);
                draft.before.heading(*level, &joined(lines));
                if draft.level.is_some_and(|own| *level <= own) {
                    self.ambiguous(
                        &at,
                        "is this a step?",
                        "call it `Step N: …`, or move it out of the steps",
                    );
                } else {
                    self.told_with(&at, draft);
                }
            }
            Content::Html | Content::Rule => {}
        }
    }

    fn task(&mut self, item: &Item, draft: &mut Draft) {
        let text = joined(item.lines());
        self.ticked(item);
        self.is_struck_item(item);
        draft.before.paragraph();
        draft.before.told(&text);
        if !text.is_empty() {
            let at = extent(item.lines(), &item.range);
            draft.tasks.push(self.text(&at, &text));
        }
        let doubtful = draft.before.item(&text);
        for block in item.below() {
            self.step_block(block, draft);
        }
        if doubtful {
            draft.before.leave();
        }
        draft.before.marked(&text);
    }

    fn quote(&mut self, block: &Block, inner: &[Block], draft: &mut Draft) {
        let Some(message) = checkpoint(inner) else {
            draft.before.quote(inner);
            self.told_with(&block.range, draft);
            return;
        };
        if draft.checkpoint.is_some() {
            self.ambiguous(
                &block.range,
                "a second checkpoint in this step",
                "keep one, or split the step",
            );
            return;
        }
        draft.checkpoint = Some((block.range.clone(), message, !draft.has_action()));
    }

    fn step_fence(&mut self, fence: &Fence, range: &Range<usize>, draft: &mut Draft) {
        if !self.is_clear(fence, range) {
            return;
        }
        let info = self.info(fence);
        match info.role() {
            Role::Fields => {
                self.no_attributes(&info, range);
                self.step_fields(fence, range, draft);
            }
            Role::Check => {
                let mut checks = self.checks(fence, range, &info);
                draft.verify.append(&mut checks);
            }
            Role::Undo => {
                let undo = self.checks(fence, range, &info);
                if let [undo] = undo.as_slice() {
                    let entry = pair("rollback", self.lines.span(range), undo.clone());
                    self.put(&mut draft.fields, entry);
                }
            }
            Role::Script | Role::Action(_) => {
                // What has keys of its own is an action.
                if info.attributes.is_empty() {
                    self.content_or_action(range, draft);
                }
                self.doubted_action(range, draft);
                self.step_action(fence, range, draft);
            }
            Role::Other => {
                let hint = "write a block of `bash`, the keys of the step in `yaml enact`, a check in `bash verify`, \
                            or put the text under `instructions`";
                self.ambiguous(range, "what is this block for?", hint);
            }
        }
    }

    fn step_fields(&mut self, fence: &Fence, range: &Range<usize>, draft: &mut Draft) {
        match self.yaml(&fence.code).map(|node| node.body) {
            Some(Body::Mapping(entries)) => {
                for entry in entries {
                    self.put(&mut draft.fields, entry);
                }
            }
            Some(_) => self.ambiguous(range, "this block is no mapping", "write `key: value` lines"),
            None => draft.faulty = true,
        }
    }

    fn content_or_action(&mut self, range: &Range<usize>, draft: &Draft) {
        if let Some(path) = content_named(&draft.before.line, self.lines.slice(range)) {
            let hint = "write another line above it; what a file is to hold is written by a command: `cat > FILE <<'END'`";
            let what = format!("is this what `{path}` is to hold, or a command to run?");
            self.ambiguous(range, what, hint);
        }
    }

    fn doubted_action(&mut self, range: &Range<usize>, draft: &Draft) {
        if let Some(doubt) = draft.before.doubt_of_block() {
            let what = format!("is this what the step does? {doubt}");
            let hint = "mark what it is: `bash rollback`, `bash verify`; or move what is not to run out of the steps";
            self.ambiguous(range, what, hint);
        }
    }

    fn step_action(&mut self, fence: &Fence, range: &Range<usize>, draft: &mut Draft) {
        if draft.has_action() {
            let hint = "make it a step of its own, or mark it: `bash verify`, `bash rollback`";
            self.ambiguous(range, "this step has an action already", hint);
            return;
        }
        let info = self.info(fence);
        let Some(action) = self.action(fence, range, &info) else {
            draft.faulty = true;
            return;
        };
        draft.fields.push(action);
        for attribute in info.attributes {
            self.put(&mut draft.fields, attribute);
        }
    }

    /// Steps with everything that follows from their order and their titles.
    fn finished(&mut self, mut drafts: Vec<Draft>, manner: &Manner<'_>) -> Vec<Node> {
        let given = drafts.iter();
        let given = given.filter_map(|draft| draft.field("id").and_then(|entry| entry.value.text()));
        let mut names = Names {
            taken: given.map(ToOwned::to_owned).collect(),
            next: BTreeMap::new(),
        };
        for draft in &mut drafts {
            if draft.field("id").is_none() {
                let name = names.unused(&slug(&draft.title.0, true));
                let node = self.text(&draft.at, &name);
                draft.fields.insert(0, pair("id", node.span, node));
            }
        }
        drafts.into_iter().map(|draft| self.step(draft, manner)).collect()
    }

    fn step(&mut self, mut draft: Draft, manner: &Manner<'_>) -> Node {
        let span = self.lines.span(&draft.at);
        if draft.faulty {
            return Node::new(span, Body::Faulty);
        }
        self.checkpoint(&mut draft);
        self.named_undo(&mut draft, manner.undos);
        let instructions = self.instructions(&draft);
        let mut entries: Vec<Pair> = Vec::new();
        if let Some(at) = draft.fields.iter().position(|entry| entry.key == "id") {
            entries.push(draft.fields.remove(at));
        }
        let title = self.text(&draft.title.1, &draft.title.0);
        entries.push(pair("title", title.span, title));
        if let Some(first) = draft.tasks.first().map(|task| task.span) {
            entries.push(pair(
                "tasks",
                first,
                Node::new(first, Body::Sequence(std::mem::take(&mut draft.tasks))),
            ));
        }
        if let Some(assignee) = manner.assignee.filter(|_| !draft.has_action()) {
            let manual = vec![
                pair("assignee", span, word(span, assignee)),
                pair("instructions", span, instructions),
            ];
            entries.push(pair("manual", span, Node::new(span, Body::Mapping(manual))));
        }
        if let Some(first) = draft.verify.first().map(|check| check.span) {
            let verify = pair(
                "verify",
                first,
                Node::new(first, Body::Sequence(std::mem::take(&mut draft.verify))),
            );
            self.put(&mut draft.fields, verify);
        }
        for field in draft.fields {
            self.put(&mut entries, field);
        }
        Node::new(span, Body::Mapping(entries))
    }

    /// What somebody is told who does a step that is only described.
    fn instructions(&self, draft: &Draft) -> Node {
        let tasks: Vec<&str> = draft.tasks.iter().filter_map(|task| task.text()).collect();
        let at = draft
            .tasks
            .first()
            .map_or_else(|| self.lines.span(&draft.title.1), |task| task.span);
        let text = if tasks.is_empty() {
            draft.title.0.clone()
        } else {
            tasks.join("\n")
        };
        Node::new(at, super::scalar(text))
    }

    /// A checkpoint is the action of a step without one, and otherwise a confirmation before or after it.
    fn checkpoint(&mut self, draft: &mut Draft) {
        let Some((at, message, before)) = draft.checkpoint.take() else {
            return;
        };
        let span = self.lines.span(&at);
        if !draft.has_action() {
            let message = pair("message", span, self.text(&at, &message));
            let node = Node::new(span, Body::Mapping(vec![message]));
            draft.fields.push(pair("checkpoint", span, node));
            return;
        }
        if !message.is_empty() {
            draft
                .tasks
                .push(self.text(&at, &format!("Checkpoint: {message}")));
        }
        let moment = if before { "before" } else { "after" };
        self.put(&mut draft.fields, pair("confirm", span, word(span, moment)));
    }

    /// `rollback=undo_migrate` names a block of the section `Rollback`.
    fn named_undo(&mut self, draft: &mut Draft, undos: &BTreeMap<String, Node>) {
        let Some(entry) = draft.fields.iter_mut().find(|entry| entry.key == "rollback") else {
            return;
        };
        let Some(name) = entry
            .value
            .text()
            .filter(|name| *name != "none")
            .map(ToOwned::to_owned)
        else {
            return;
        };
        match undos.get(&name) {
            Some(undo) => entry.value = undo.clone(),
            None => {
                let span = entry.value.span;
                let fault = enact_core::diagnostic::Diagnostic::error(format!("there is no undo `{name}`"))
                    .hint(format!(
                        "write a block `bash {{id={name}}}` under a heading `Rollback`, or `rollback=none`"
                    ));
                self.say(crate::reading::DOCUMENT, span, fault);
                entry.value.body = Body::Faulty;
            }
        }
    }
}

/// What a block quote says behind `Checkpoint`; `None`: it is another one.
pub(super) fn checkpoint(quote: &[Block]) -> Option<String> {
    const WORD: &str = "checkpoint";
    let texts = quote.iter().filter_map(Block::paragraph).map(joined);
    let text = texts.collect::<Vec<_>>().join(" ");
    let trimmed = text.trim_start_matches(|next: char| !next.is_alphanumeric());
    let head = trimmed.get(..WORD.len())?;
    let message = trimmed.get(WORD.len()..)?;
    let message = message.trim_start_matches([':', '*', '.', '-', '–', '—', ' ']);
    head.eq_ignore_ascii_case(WORD).then(|| message.to_owned())
}

/// Names that are taken.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
    /// The next number to try behind a name.
    next: BTreeMap<String, usize>,
}

impl Names {
    /// The name, or with a number behind it when it is taken.
    pub(super) fn unused(&mut self, name: &str) -> String {
        let mut found = name.to_owned();
        while !self.taken.insert(found.clone()) {
            let number = self.next.entry(name.to_owned()).or_insert(2);
            let ending = format!("_{number}");
            *number += 1;
            let room = 63_usize.saturating_sub(ending.len());
            found = format!("{}{ending}", name.chars().take(room).collect::<String>());
        }
        found
    }
}
