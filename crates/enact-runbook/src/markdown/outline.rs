//! Which heading a task or step stands below: `Rollback` above it counts like `Rollback` within it.

use super::blocks::{Block, Content, Item, Line, joined};
use super::sections::{Region, Section};
use super::sentences;
use super::titles;
use crate::lint::LintFinding;

/// A heading below which nothing is run in any case.
#[derive(Debug, Clone)]
struct Open {
    level: usize,
    /// Tasks and steps of a deeper level than this stand below it.
    over: usize,
    title: String,
}

/// The headings that the place that is read stands below.
#[derive(Debug, Clone, Default)]
pub(super) struct Outline {
    open: Vec<Open>,
    /// Does the last heading have nothing below it so far?
    bare: bool,
}

impl Outline {
    /// One that begins below a heading already.
    pub(super) fn below(title: Option<&str>) -> Self {
        let open = title.map(|title| Open {
            level: 0,
            over: 0,
            title: title.to_owned(),
        });
        Self {
            open: open.into_iter().collect(),
            bare: false,
        }
    }

    /// A block that begins no task or step.
    pub(super) fn block(&mut self, block: &Block) {
        let Some((level, lines)) = block.heading() else {
            self.bare = false;
            return;
        };
        self.open.retain(|open| open.level < level);
        let title = joined(lines);
        let struck = lines.iter().any(|line| line.struck().is_some());
        self.bare = struck || titles::is_doubtful_section(&title);
        if self.bare {
            let title = titles::bare(&title).to_owned();
            self.push(level, title);
        }
    }

    fn push(&mut self, level: usize, title: String) {
        let over = level;
        self.open.push(Open { level, over, title });
    }

    /// A text between a heading and its first task: `Do not run these yet.`
    fn text(&mut self, level: usize, text: &str) {
        if sentences::forbidden(text).is_some() {
            let title = titles::bare(text).to_owned();
            self.push(level, title);
        }
    }

    /// A task or step of this level begins: the heading below which it may not be meant to be done.
    pub(super) fn begin(&mut self, level: usize) -> Option<String> {
        // A heading of the same level that has nothing else below it is about what follows it.
        if let Some(last) = self.open.last_mut().filter(|_| self.bare) {
            last.over = last.over.min(level.saturating_sub(1));
        }
        self.bare = false;
        self.open.retain(|open| open.over < level);
        self.open.first().map(|open| open.title.clone())
    }
}

/// A label right above a task: `Do not run these yet:`
fn label(block: &Block) -> Option<String> {
    let line = block.paragraph()?.last()?;
    let doubtful = titles::is_label(&line.text) && titles::is_doubtful_section(&line.text);
    doubtful.then(|| titles::bare(&line.text).to_owned())
}

/// Tells each part of a plan what it stands below.
pub(super) fn mark(regions: &mut [Region<'_>]) {
    let mut outline = Outline::default();
    let mut titled = false;
    let mut last: Option<&Block> = None;
    for region in regions {
        let begins = matches!(region.section, Section::Task | Section::Steps);
        if begins {
            region.below = outline.begin(region.level).or_else(|| last.and_then(label));
        } else if let Some(heading) = region.heading {
            // What the plan as a whole is about is no section of it.
            let is_title = region.level == 1 && !titled;
            titled = true;
            if !is_title {
                outline.block(heading);
            }
        }
        last = region.blocks.last().copied();
        let is_introduction = region.section == Section::Prose && region.level > 1;
        for block in &region.blocks {
            outline.block(block);
            if let (Content::Paragraph(lines), true) = (&block.content, is_introduction) {
                outline.text(region.level, &joined(lines));
            }
        }
    }
}

impl super::Translation<'_> {
    /// Says that it is not clear whether a task or step is to be carried out at all; true when it was said.
    pub(super) fn stands_below(
        &mut self,
        what: &str,
        at: &std::ops::Range<usize>,
        title: Option<&str>,
    ) -> bool {
        let Some(title) = title else {
            return false;
        };
        let hint = "move it out of the plan, or give it a heading that leaves no doubt; how a step is taken back stands at the step";
        self.ambiguous(
            at,
            format!("is this {what} to be carried out? It stands below `{title}`"),
            hint,
        );
        true
    }

    /// Says that a title, a heading or an item is struck through in part; true when it was said.
    pub(super) fn is_struck(&mut self, lines: &[Line]) -> bool {
        let struck = lines.iter().find_map(|line| line.struck());
        let Some(part) = struck else {
            return false;
        };
        let hint = "remove what is struck through, or the marks around it";
        let what = "is this to be carried out? It is struck through";
        let place = self.file.place(self.lines.span(&part.range));
        let said = |finding: &LintFinding| {
            finding.diagnostic.summary == what && finding.diagnostic.place.as_ref() == Some(&place)
        };
        // An item may be the title of a step too.
        if !self.findings.last().is_some_and(said) {
            self.ambiguous(&part.range.clone(), what, hint);
        }
        true
    }

    /// The same of an item of which all is struck through.
    pub(super) fn is_struck_item(&mut self, item: &Item) -> bool {
        let lines = item.lines();
        let whole = !lines.is_empty() && lines.iter().all(Line::is_struck);
        whole && self.is_struck(lines)
    }
}
