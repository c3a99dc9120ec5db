//! Checkpoints that are not written as one. A safeguard does not vanish: a heading, a label or an item that begins like one is asked about.

use super::Translation;
use super::blocks::{Block, Content, Line};
use super::steps::checkpoint;
use super::titles::lower;

impl Translation<'_> {
    /// Asks about everything in these blocks that begins like a checkpoint and is none.
    pub(super) fn stray_checkpoints(&mut self, blocks: &[Block]) {
        for block in blocks {
            match &block.content {
                Content::Heading(_, lines) | Content::Paragraph(lines) => self.stray_lines(lines),
                Content::List(items) => {
                    for item in items {
                        self.stray_checkpoints(&item.blocks);
                    }
                }
                Content::Quote(inner) if checkpoint(inner).is_none() => self.stray_checkpoints(inner),
                Content::Quote(_) | Content::Fence(_) | Content::Html | Content::Rule => {}
            }
        }
    }

    fn stray_lines(&mut self, lines: &[Line]) {
        for line in lines.iter().filter(|line| begins_like_one(&line.text)) {
            let what = "as it stands nobody would be asked at this checkpoint";
            let hint = "write it as a quote in the step: `> Checkpoint: what to confirm`";
            self.ambiguous(&line.range, what, hint);
        }
    }
}

/// `Checkpoint`, `**Checkpoint:** Dana confirms`, `Human checkpoint - look at it`; not `Checkpoint files are kept`.
fn begins_like_one(text: &str) -> bool {
    let text = lower(text);
    let whose = ["human ", "manual ", "approval "];
    let text = whose
        .iter()
        .find_map(|word| text.strip_prefix(word))
        .unwrap_or(&text);
    let Some(rest) = text.strip_prefix("checkpoint") else {
        return false;
    };
    let rest = rest.trim_matches(['*', '_', ' ']);
    rest.is_empty() || rest.starts_with([':', '-', '–', '—', '('])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_told_from_what_is_called_so() {
        for text in [
            "Checkpoint",
            "## Checkpoint: Dana looks",
            "**Checkpoint:** Dana confirms before this task.",
            "⏸️ CHECKPOINT",
            "Human checkpoint: look",
            "Checkpoint — look",
        ] {
            assert!(begins_like_one(text), "{text}");
        }
        for text in [
            "Checkpoint files are kept",
            "Checkpoints",
            "Write the checkpoint: x",
            "",
        ] {
            assert!(!begins_like_one(text), "{text}");
        }
    }
}
