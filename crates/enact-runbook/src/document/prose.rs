//! Blocks for people: labels, risk, requirements, questions.

use std::collections::BTreeMap;

use enact_core::diagnostic::{Diagnostic, Place};
use enact_core::yaml::{Span, shown};

use crate::reading::{Fields, Node, Reading, is_blank};
use crate::spec::{Question, Requirement, Risk};

/// Ids of one block with their places.
pub(crate) type Places = BTreeMap<String, Place>;

impl Reading<'_> {
    pub(crate) fn labels(&mut self, fields: &Fields<'_>) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::new();
        let found = fields
            .get("labels")
            .and_then(|node| self.any_fields(node, "`labels`"));
        for entry in found.iter().flat_map(Fields::entries) {
            if entry.key.starts_with("x-") {
                continue;
            }
            if let Some(value) = self.exact(&entry.value, "`labels`") {
                labels.insert(entry.key.to_string(), value);
            }
        }
        labels
    }

    pub(crate) fn risk(&mut self, fields: &Fields<'_>) -> Option<Risk> {
        let fields = self.fields(fields.get("risk")?, "`risk`", &["worst", "level"])?;
        let level = fields
            .get("level")
            .and_then(|node| self.choice(node, "`level`", &["low", "medium", "high", "critical"]));
        Some(Risk {
            worst: fields
                .get("worst")
                .and_then(|node| self.prose(node, "`worst`"))
                .unwrap_or_default(),
            level: level.map(ToOwned::to_owned),
        })
    }

    /// The id of an entry, unique within its block; its place is remembered under `block.id`.
    pub(crate) fn entry_id(
        &mut self,
        fields: &Fields<'_>,
        block: &str,
        places: &mut Places,
    ) -> Option<String> {
        let node = self.require(fields, "id")?;
        let id = self.label(node, "`id`")?;
        let place = self.place(node.span);
        if let Some(earlier) = places.insert(format!("{block}.{id}"), place) {
            self.twice(&id, node.span, &earlier);
            return None;
        }
        Some(id)
    }

    pub(crate) fn twice(&mut self, id: &str, span: Span, earlier: &Place) {
        let mut fault = Diagnostic::error(format!("the id {} is used twice", shown(id)));
        if let Some(position) = earlier.position {
            fault = fault.detail(format!(
                "it is first used at line {}, column {}",
                position.line, position.column
            ));
        }
        self.fault(span, fault.hint("give each its own id"));
    }

    fn entries<'n>(&mut self, fields: &Fields<'n>, block: &str) -> &'n [Node] {
        fields
            .get(block)
            .map_or(&[], |node| self.list(node, &format!("`{block}`")))
    }

    pub(crate) fn requirements(&mut self, fields: &Fields<'_>, places: &mut Places) -> Vec<Requirement> {
        let items = self.entries(fields, "requirements");
        items
            .iter()
            .filter_map(|item| self.requirement(item, places))
            .collect()
    }

    fn requirement(&mut self, node: &Node, places: &mut Places) -> Option<Requirement> {
        let fields = self.fields(node, "a requirement", &["id", "text", "kind", "limit", "expect"])?;
        let id = self.entry_id(&fields, "requirements", places);
        let text = self
            .require(&fields, "text")
            .and_then(|node| self.prose(node, "`text`"));
        let kinds = ["functional", "limit", "volume", "preserve"];
        let kind = fields
            .get("kind")
            .and_then(|node| self.choice(node, "`kind`", &kinds));
        let limit = fields
            .get("limit")
            .and_then(|node| self.fields(node, "`limit`", &["metric", "max"]));
        let metric = limit.as_ref().and_then(|limit| {
            let node = self.require(limit, "metric")?;
            self.choice(node, "`metric`", &["downtime", "duration"])
        });
        let max = limit.as_ref().and_then(|limit| {
            let node = self.require(limit, "max")?;
            self.time(node, "`max`")
        });
        let expect = fields
            .get("expect")
            .and_then(|node| self.fields(node, "`expect`", &["value", "tolerance"]));
        let expected = expect.as_ref().and_then(|expect| {
            let node = self.require(expect, "value")?;
            self.whole(node, "`value`", 0, (1 << 53) - 1)
        });
        let tolerance = expect.as_ref().and_then(|expect| expect.get("tolerance"));
        Some(Requirement {
            id: id?,
            text: text?,
            kind: kind.map(ToOwned::to_owned),
            metric: metric.map(ToOwned::to_owned),
            max,
            expected,
            tolerance_ppm: tolerance.and_then(|node| self.share(node, "`tolerance`")),
        })
    }

    /// Questions; answers of `author` are marked. Those of an included plan have its step before their id.
    pub(crate) fn questions(
        &mut self,
        fields: &Fields<'_>,
        author: &str,
        places: &mut Places,
    ) -> Vec<Question> {
        let items = self.entries(fields, "questions");
        let prefix = self.scope.prefix.clone();
        let read = items
            .iter()
            .filter_map(|item| self.question(item, author, places));
        read.map(|question| Question {
            id: format!("{prefix}{}", question.id),
            ..question
        })
        .collect()
    }

    fn question(&mut self, node: &Node, author: &str, places: &mut Places) -> Option<Question> {
        let keys = [
            "id",
            "text",
            "blocking",
            "answer",
            "default",
            "answered_by",
            "answered_at",
        ];
        let fields = self.fields(node, "a question", &keys)?;
        let block = format!("questions.{}", self.scope.prefix);
        let id = self.entry_id(&fields, block.trim_end_matches('.'), places);
        let text = self
            .require(&fields, "text")
            .and_then(|node| self.prose(node, "`text`"));
        let blocking = fields
            .get("blocking")
            .and_then(|node| self.boolean(node, "`blocking`"))
            .unwrap_or(true);
        let answer = self.said(&fields, "answer");
        let default = self.said(&fields, "default");
        let answered_by = fields
            .get("answered_by")
            .and_then(|node| self.exact(node, "`answered_by`"))
            .filter(|name| !is_blank(name));
        let answered_at = fields
            .get("answered_at")
            .and_then(|node| self.timestamp(node, "`answered_at`"));
        if answer.is_none() && !blocking && default.is_none() {
            let fault = Diagnostic::error("a question that does not block needs an answer or a `default`");
            self.fault(
                node.span,
                fault.hint("say what is assumed until somebody answers: `default: …`"),
            );
        }
        // `ana`, `os:ana` and `agent:os:ana` are one and the same author.
        let bare = |name: &str| name.rsplit(':').next().unwrap_or(name).to_owned();
        let own = answered_by.as_deref().is_some_and(|by| bare(by) == bare(author));
        Some(Question {
            id: id?,
            text: text?,
            blocking,
            self_answered: answer.is_some() && own,
            answer,
            default,
            answered_by,
            answered_at,
        })
    }
}
