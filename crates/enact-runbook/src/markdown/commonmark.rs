//! CommonMark to blocks: the parser's events, put together.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::blocks::{Block, Content, Definition, Document, Fence, Item, Line, Mark, Part};
use super::lines::{Fragment, Lines};

/// How deep lists and quotes nest.
const NESTING: usize = 32;

/// Reads the file from an offset on.
pub(super) fn read(lines: &Lines<'_>, from: usize, length: usize) -> Document {
    let text = lines.slice(&(from..length));
    let options = Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
    let parser = Parser::new_ext(text, options);
    let definitions = parser.reference_definitions().iter();
    let definitions = definitions.map(|(label, definition)| Definition {
        range: definition.span.start + from..definition.span.end + from,
        comment: definition.dest.as_ref() == "#" || label == "//",
    });
    let definitions = definitions.collect();
    let mut builder = Builder {
        lines,
        stack: vec![Open::new(Container::Root, from..length)],
        inline: None,
        fence: None,
        too_deep: None,
    };
    for (event, range) in parser.into_offset_iter() {
        builder.take(event, range.start + from..range.end + from);
        if builder.too_deep.is_some() {
            break;
        }
    }
    builder.close_inline();
    Document {
        too_deep: builder.too_deep,
        blocks: builder.stack.drain(..1).flat_map(|root| root.blocks).collect(),
        definitions,
    }
}

enum Container {
    Root,
    Quote,
    List,
    Item(Option<bool>),
}

struct Open {
    container: Container,
    range: Range<usize>,
    blocks: Vec<Block>,
    items: Vec<Item>,
}

impl Open {
    fn new(container: Container, range: Range<usize>) -> Self {
        Self {
            container,
            range,
            blocks: Vec::new(),
            items: Vec::new(),
        }
    }
}

/// Text that is being read.
struct Inline {
    heading: Option<usize>,
    range: Range<usize>,
    done: Vec<Line>,
    start: Option<usize>,
    end: usize,
    parts: Vec<Part>,
    /// Where text is struck through; it may go over several lines.
    struck: Vec<Range<usize>>,
    depth: usize,
}

struct Builder<'l, 't> {
    lines: &'l Lines<'t>,
    stack: Vec<Open>,
    inline: Option<Inline>,
    fence: Option<(Range<usize>, Fence)>,
    too_deep: Option<Range<usize>>,
}

impl Builder<'_, '_> {
    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(&tag, range),
            Event::End(tag) => self.end(tag, range),
            Event::Text(text) => match &mut self.fence {
                Some((_, fence)) => fence.code.push(&text, &range),
                None => self.text(range),
            },
            Event::Code(code) => self.part(Mark::Code, code.as_ref(), range),
            Event::InlineHtml(html) => self.part(Mark::Html, html.as_ref(), range),
            Event::SoftBreak | Event::HardBreak => self.break_line(),
            Event::Rule => self.add(range, Content::Rule),
            Event::TaskListMarker(ticked) => {
                if let Some(Open {
                    container: Container::Item(task),
                    ..
                }) = self.stack.last_mut()
                {
                    *task = Some(ticked);
                }
            }
            Event::Html(_) | Event::FootnoteReference(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all other tags are marks within a line"
    )]
    fn start(&mut self, tag: &Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Paragraph => self.open_inline(None, range),
            Tag::Heading { level, .. } => self.open_inline(Some(*level as usize), range),
            Tag::BlockQuote(_) => self.open(Container::Quote, range),
            Tag::List(_) => self.open(Container::List, range),
            Tag::Item => self.open(Container::Item(None), range),
            Tag::CodeBlock(kind) => {
                self.close_inline();
                let fenced = matches!(kind, CodeBlockKind::Fenced(_));
                let fence = self.fence(&range, fenced);
                self.fence = Some((range, fence));
            }
            Tag::HtmlBlock => self.add(range, Content::Html),
            Tag::Strong => self.open_part(Mark::Strong, range),
            Tag::Strikethrough => self.open_struck(range),
            _ => self.open_part(Mark::Other, range),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all other tags are marks within a line"
    )]
    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) => self.close_inline(),
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item => self.close(),
            TagEnd::CodeBlock => {
                if let Some((range, fence)) = self.fence.take() {
                    self.add(range, Content::Fence(fence));
                }
            }
            TagEnd::HtmlBlock => {}
            _ => {
                if let Some(inline) = &mut self.inline {
                    inline.depth = inline.depth.saturating_sub(1);
                    inline.end = inline.end.max(range.end);
                }
            }
        }
    }

    /// The opening line of a fence, and whether it is closed.
    fn fence(&self, range: &Range<usize>, fenced: bool) -> Fence {
        let mut fence = Fence {
            info: None,
            code: Fragment::default(),
            closed: true,
        };
        if !fenced {
            return fence;
        }
        let end = self.lines.end_of_line(range.start).min(range.end);
        let first = self.lines.slice(&(range.start..end));
        let mark = first.chars().next().unwrap_or('`');
        let length = first.chars().take_while(|next| *next == mark).count();
        let info = first.get(length..).unwrap_or("");
        let start = range.start + length + (info.len() - info.trim_start().len());
        fence.info = Some(start..start + info.trim().len());
        let body = self.lines.slice(&(end..range.end)).trim_end();
        let last = body.rsplit(['\n', '\r']).next().unwrap_or("");
        let last = last.trim_start_matches([' ', '\t', '>']);
        fence.closed = body.len() > last.len()
            && last.chars().count() >= length
            && last.chars().all(|next| next == mark);
        fence
    }

    fn open(&mut self, container: Container, range: Range<usize>) {
        self.close_inline();
        if self.stack.len() > NESTING {
            self.too_deep = Some(range);
            return;
        }
        self.stack.push(Open::new(container, range));
    }

    fn close(&mut self) {
        self.close_inline();
        if self.stack.len() < 2 {
            return;
        }
        let Some(open) = self.stack.pop() else {
            return;
        };
        match open.container {
            Container::Quote => self.add(open.range, Content::Quote(open.blocks)),
            Container::List => self.add(open.range, Content::List(open.items)),
            Container::Item(ticked) => {
                if let Some(list) = self.stack.last_mut() {
                    list.items.push(Item {
                        range: open.range,
                        ticked,
                        blocks: open.blocks,
                    });
                }
            }
            Container::Root => {}
        }
    }

    fn add(&mut self, range: Range<usize>, content: Content) {
        self.close_inline();
        if let Some(open) = self.stack.last_mut() {
            open.blocks.push(Block { range, content });
        }
    }

    fn open_inline(&mut self, heading: Option<usize>, range: Range<usize>) {
        self.close_inline();
        self.inline = Some(Inline {
            heading,
            range,
            done: Vec::new(),
            start: None,
            end: 0,
            parts: Vec::new(),
            struck: Vec::new(),
            depth: 0,
        });
    }

    /// The text that is being read; items of a tight list have one without saying so.
    fn inline(&mut self, range: &Range<usize>) -> Option<&mut Inline> {
        if self.inline.is_none() {
            self.open_inline(None, range.clone());
        }
        self.inline.as_mut()
    }

    fn text(&mut self, range: Range<usize>) {
        // The backslash of an escape belongs to the text as it is written.
        let escaped = range.start > 0 && self.lines.slice(&(range.start - 1..range.start)) == "\\";
        let start = range.start - usize::from(escaped);
        if let Some(inline) = self.inline(&range) {
            inline.start.get_or_insert(start);
            inline.end = inline.end.max(range.end);
        }
    }

    fn part(&mut self, mark: Mark, text: &str, range: Range<usize>) {
        let text = text.to_owned();
        if let Some(inline) = self.inline(&range) {
            inline.start.get_or_insert(range.start);
            inline.end = inline.end.max(range.end);
            if inline.depth == 0 || mark == Mark::Html {
                inline.parts.push(Part { mark, text, range });
            }
        }
    }

    fn open_part(&mut self, mark: Mark, range: Range<usize>) {
        let text = self.lines.slice(&range).to_owned();
        if let Some(inline) = self.inline(&range) {
            inline.start.get_or_insert(range.start);
            if inline.depth == 0 {
                inline.parts.push(Part { mark, text, range });
            }
            inline.depth += 1;
        }
    }

    /// What is struck through is no part that counts, whatever its marks are.
    fn open_struck(&mut self, range: Range<usize>) {
        if let Some(inline) = self.inline(&range) {
            inline.start.get_or_insert(range.start);
            inline.depth += 1;
            inline.struck.push(range);
        }
    }

    fn break_line(&mut self) {
        let lines = self.lines;
        if let Some(inline) = &mut self.inline {
            inline.finish_line(lines);
        }
    }

    fn close_inline(&mut self) {
        let Some(mut inline) = self.inline.take() else {
            return;
        };
        inline.finish_line(self.lines);
        let end = inline.done.last().map_or(inline.range.end, |line| line.range.end);
        let range = inline.range.start..inline.range.end.max(end);
        let content = match inline.heading {
            Some(level) => Content::Heading(level, inline.done),
            None => Content::Paragraph(inline.done),
        };
        if let Some(open) = self.stack.last_mut() {
            open.blocks.push(Block { range, content });
        }
    }
}

impl Inline {
    fn finish_line(&mut self, lines: &Lines<'_>) {
        let Some(start) = self.start.take() else {
            return;
        };
        let range = start..self.end.max(start);
        let stretch = lines.slice(&range);
        let text = if stretch.contains(['\n', '\r']) {
            stretch.split_whitespace().collect::<Vec<_>>().join(" ")
        } else {
            stretch.trim().to_owned()
        };
        let mut parts = std::mem::take(&mut self.parts);
        parts.extend(self.struck_of(&range, lines));
        self.done.push(Line { range, text, parts });
        self.end = 0;
    }

    /// What of a line is struck through.
    fn struck_of(&self, line: &Range<usize>, lines: &Lines<'_>) -> Vec<Part> {
        let within = |struck: &Range<usize>| struck.start.max(line.start)..struck.end.min(line.end);
        let within = self.struck.iter().map(within);
        let parts = within.filter(|range| !range.is_empty()).map(|range| Part {
            mark: Mark::Struck,
            text: lines.slice(&range).to_owned(),
            range,
        });
        parts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::blocks::joined;
    use super::*;

    fn blocks(text: &str) -> Vec<Block> {
        read(&Lines::new(text), 0, text.len()).blocks
    }

    #[test]
    fn a_tight_list_after_bold_text_is_a_list() {
        let found = blocks("**Step 1: A b**\n- one `x`\n  goes on\n- [x] two\n");
        let [step, list] = found.as_slice() else {
            panic!("{found:?}")
        };
        let Content::Paragraph(lines) = &step.content else {
            panic!("{step:?}")
        };
        assert_eq!(lines[0].bold_start().unwrap().0, "Step 1: A b");
        let Content::List(items) = &list.content else {
            panic!("{list:?}")
        };
        assert_eq!(joined(items[0].lines()), "one `x` goes on");
        assert_eq!(items[0].lines()[0].code().unwrap().text, "x");
        assert_eq!(
            (joined(items[1].lines()).as_str(), items[1].ticked),
            ("two", Some(true))
        );
    }

    #[test]
    fn fences_know_their_info_and_whether_they_end() {
        let found = blocks("1. a\n   ```bash {id=x}\n   ls\n\n   pwd\n   ```\n");
        let Content::List(items) = &found[0].content else {
            panic!("{found:?}")
        };
        let Content::Fence(fence) = &items[0].below()[0].content else {
            panic!("{items:?}")
        };
        assert_eq!(fence.code.text, "ls\n\npwd\n");
        assert!(fence.closed);
        for open in ["```sh\nls\n", "```", "````\nls\n```\n"] {
            let found = blocks(open);
            let Content::Fence(fence) = &found[0].content else {
                panic!("{found:?}")
            };
            assert!(!fence.closed, "{open}");
        }
    }

    #[test]
    fn what_is_struck_through_is_no_command_and_known_on_each_line() {
        let found = blocks("**~~a~~ b** `c`\n~~`d`\n*e*~~, `f`\n");
        let lines = found[0].paragraph().unwrap();
        let of = |at: usize| (lines[at].struck().unwrap().text.as_str(), lines[at].is_struck());
        assert_eq!(of(0), ("~~a~~", false));
        assert_eq!(of(1), ("~~`d`", true));
        assert_eq!(of(2), ("*e*~~", false));
        let codes: Vec<_> = lines
            .iter()
            .map(|line| line.code().map(|code| code.text.as_str()))
            .collect();
        assert_eq!(codes, [Some("c"), None, Some("f")]);
    }

    #[test]
    fn deep_nesting_is_noticed_and_not_followed() {
        let text = "> ".repeat(5_000) + "x";
        assert!(read(&Lines::new(&text), 0, text.len()).too_deep.is_some());
    }

    #[test]
    fn escapes_and_marks_are_kept_as_they_are_written() {
        let found = blocks("\\*a\\* &amp; <id> *b*\n");
        let Content::Paragraph(lines) = &found[0].content else {
            panic!("{found:?}")
        };
        assert_eq!(lines[0].text, "\\*a\\* &amp; <id> *b*");
    }
}
