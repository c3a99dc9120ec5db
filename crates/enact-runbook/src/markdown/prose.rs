//! What stands in no section of a plan. It is for readers, and said: whoever wrote an instruction there must not take it for part
//! of the plan.

use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::suggest;

use super::blocks::{Block, Content, extent};
use super::sections::{Region, Section, TITLES, heading, is_phase};
use super::{NOTE, Translation};

const SECTIONS: &str = "sections are Requirements, Questions, Assumptions, Steps, Acceptance criteria, Rollback and Verification";

/// Stretches of an introduction of one kind are said once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stretch {
    Text,
    List,
    Quote,
    Code,
}

impl Stretch {
    fn of(block: &Block) -> Option<Self> {
        match &block.content {
            Content::Paragraph(_) => Some(Self::Text),
            Content::List(_) => Some(Self::List),
            Content::Quote(_) => Some(Self::Quote),
            Content::Fence(_) => Some(Self::Code),
            Content::Html | Content::Heading(..) | Content::Rule => None,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::List => "list",
            Self::Quote => "quote",
            Self::Code => "block of code",
        }
    }
}

impl Translation<'_> {
    /// Says what of a plan is read by nobody but people. `used` are the blocks that a dialect takes from its introduction.
    pub(super) fn prose(&mut self, regions: &[Region<'_>], used: fn(&Block) -> bool) {
        // A section below one that was said is part of it.
        let mut said: Option<usize> = None;
        for (index, region) in regions.iter().enumerate() {
            if region.section != Section::Prose || said.is_some_and(|level| region.level <= level) {
                said = None;
            }
            if region.section != Section::Prose || said.is_some() {
                continue;
            }
            let unused = |block: &&&Block| !used(block) && Stretch::of(block).is_some();
            let unread: Vec<&Block> = region.blocks.iter().filter(unused).copied().collect();
            match region.heading.and_then(heading) {
                Some((level, title)) if level > 1 && !is_phase(&title) && !leads(regions, index) => {
                    // A heading alone is above others, or nothing.
                    let next = regions.get(index + 1).map_or(0, |next| next.level);
                    if !unread.is_empty() || next <= level {
                        self.no_section(region, &title);
                        said = Some(level);
                    }
                }
                Some(_) | None => self.introduction_unread(region, &unread),
            }
        }
    }

    fn no_section(&mut self, region: &Region<'_>, title: &str) {
        let what = format!("`{title}` is no section of a plan: nothing below it is part of the plan");
        let known: Vec<String> = TITLES.iter().map(|(title, _)| first_capital(title)).collect();
        let near = suggest::nearest(&first_capital(title), known.iter().map(String::as_str));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => SECTIONS.to_owned(),
        };
        let span = self.lines.span(&region.start());
        self.say(NOTE, span, Diagnostic::warning(what).hint(hint));
    }

    /// Text in front of the sections is what the plan is about. A task below it is shown with what stands above the task.
    fn introduction_unread(&mut self, region: &Region<'_>, unread: &[&Block]) {
        let leads = region.level > 1
            && !region
                .heading
                .and_then(heading)
                .is_some_and(|(_, title)| is_phase(&title));
        let mut before = None;
        for block in unread {
            let kind = Stretch::of(block);
            match kind {
                Some(Stretch::Code) if kind != before => self.in_no_section(block, Stretch::Code),
                Some(Stretch::Code) | None => {}
                Some(_) if leads => {}
                Some(_) => self.about.push((
                    self.lines.slice(&block.range).trim().to_owned(),
                    block.range.clone(),
                )),
            }
            before = kind;
        }
    }

    fn in_no_section(&mut self, block: &Block, kind: Stretch) {
        let at = extent(block.paragraph().unwrap_or(&[]), &block.range);
        let what = format!(
            "this {} is not part of the plan: it stands in no section",
            kind.noun()
        );
        let hint = "what approvers are to read is the `description` of the front matter";
        let span = self.lines.span(&at);
        self.say(NOTE, span, Diagnostic::warning(what).hint(hint));
    }

    /// What the plan is about becomes its description. Front matter may have one, which counts alone.
    pub(super) fn describe(&mut self) {
        let mut about = std::mem::take(&mut self.about);
        about.sort_by_key(|(_, at)| at.start);
        let Some(first) = about.first().map(|(_, at)| at.clone()) else {
            return;
        };
        let texts: Vec<&str> = about.iter().map(|(text, _)| text.as_str()).collect();
        let node = self.text(&first, &texts.join("\n"));
        if self.add_missing("description", &first, node) {
            return;
        }
        for (_, at) in &about {
            self.note(
                at,
                "this text is not part of the plan: its description is the front matter's",
            );
        }
    }
}

/// Does a part begin a group of tasks, so that what stands below it is part of the plan: `Phase 2: Database`?
pub(super) fn leads(regions: &[Region<'_>], index: usize) -> bool {
    let level = regions.get(index).map_or(0, |region| region.level);
    let after = regions.iter().skip(index + 1);
    let mut within = after.take_while(|region| region.level > level);
    within.any(|region| region.section == Section::Task)
}

/// A heading as it is written in the middle of nowhere: `STEP` and `step` as `Step`.
fn first_capital(title: &str) -> String {
    let title = title.trim_matches(['*', ' ', ':', '#']);
    let lower = title.to_lowercase();
    let mut letters = lower.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}
