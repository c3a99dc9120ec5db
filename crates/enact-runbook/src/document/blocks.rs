//! Blocks about the whole: downtime, rollback, approvals, files, who must confirm.

use enact_core::change::{ChangeId, Milliseconds};
use enact_core::diagnostic::Diagnostic;
use enact_core::procedure::{RollbackMode, RollbackRule};
use enact_core::yaml::{Span, shown};

use crate::files::{FileFault, MAX_FILE_BYTES, join, normal_path};
use crate::reading::{Fields, Node, Reading, Slot, one_or_more};
use crate::spec::{ApprovalsAsked, Downtime, Estimate};
use enact_core::canonical::Digest;

/// How many people with which roles must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quorum {
    pub(crate) count: u32,
    pub(crate) roles: Vec<String>,
}

/// A step that a block names: its id and where that stands.
pub(crate) type Named = (String, Span);

impl Reading<'_> {
    pub(crate) fn quorum(&mut self, node: &Node) -> Option<Quorum> {
        let fields = self.fields(node, "`approvers`", &["count", "role", "roles"])?;
        Some(Quorum {
            count: fields
                .get("count")
                .and_then(|node| self.count(node, "`count`"))
                .unwrap_or(1),
            roles: self.roles(&fields),
        })
    }

    fn roles(&mut self, fields: &Fields<'_>) -> Vec<String> {
        let mut roles = Vec::new();
        for key in ["role", "roles"] {
            if let Some(node) = fields.get(key) {
                roles.extend(self.exact_list(node, &format!("`{key}`")));
            }
        }
        roles.sort();
        roles.dedup();
        roles
    }

    pub(crate) fn approvals(&mut self, fields: &Fields<'_>) -> ApprovalsAsked {
        let mut asked = ApprovalsAsked {
            count: 1,
            roles: Vec::new(),
            not_author: false,
            expires: None,
            max_runs: 1,
            not_before: None,
            not_after: None,
        };
        let keys = [
            "count",
            "role",
            "roles",
            "not_author",
            "expires",
            "max_runs",
            "window",
        ];
        let found = fields
            .get("approvals")
            .and_then(|node| self.fields(node, "`approvals`", &keys));
        let Some(fields) = found else {
            return asked;
        };
        asked.count = fields
            .get("count")
            .and_then(|node| self.count(node, "`count`"))
            .unwrap_or(1);
        asked.max_runs = fields
            .get("max_runs")
            .and_then(|node| self.count(node, "`max_runs`"))
            .unwrap_or(1);
        asked.roles = self.roles(&fields);
        asked.not_author = fields
            .get("not_author")
            .and_then(|node| self.boolean(node, "`not_author`"))
            .unwrap_or(false);
        asked.expires = fields
            .get("expires")
            .and_then(|node| self.time(node, "`expires`"));
        let window = fields.get("window");
        if let Some(window) =
            window.and_then(|node| self.fields(node, "`window`", &["not_before", "not_after"]))
        {
            asked.not_before = window
                .get("not_before")
                .and_then(|node| self.timestamp(node, "`not_before`"));
            asked.not_after = window
                .get("not_after")
                .and_then(|node| self.timestamp(node, "`not_after`"));
            if matches!((&asked.not_before, &asked.not_after), (Some(from), Some(to)) if !earlier(from, to)) {
                let fault = Diagnostic::error("`window` ends before it begins");
                self.fault(window.span, fault);
            }
        }
        asked
    }

    /// The downtime, with the places of the steps that it names.
    pub(crate) fn downtime(&mut self, fields: &Fields<'_>) -> Option<(Downtime, [Named; 2])> {
        let keys = ["from", "to", "limit", "estimate", "on_overrun"];
        let fields = self.fields(fields.get("downtime")?, "`downtime`", &keys)?;
        let from = self.named_step(&fields, "from");
        let to = self.named_step(&fields, "to");
        let limit = fields.get("limit").and_then(|node| self.time(node, "`limit`"));
        let estimate = fields
            .get("estimate")
            .and_then(|node| self.duration(node, "`estimate`"));
        let on_overrun = fields
            .get("on_overrun")
            .and_then(|node| self.choice(node, "`on_overrun`", &["escalate", "warn", "rollback"]))
            .unwrap_or("escalate");
        let (from, to) = (from?, to?);
        let downtime = Downtime {
            from: ChangeId(from.0.clone()),
            to: ChangeId(to.0.clone()),
            limit,
            estimate,
            on_overrun: on_overrun.to_owned(),
        };
        Some((downtime, [from, to]))
    }

    /// `downtime: {estimate: 15m}`: how long it is expected to be, and nothing about when it is.
    pub(crate) fn estimated_downtime(&mut self, fields: &Fields<'_>) -> Option<Milliseconds> {
        let node = fields.get("downtime")?;
        let enact_core::yaml::Body::Mapping(entries) = &node.body else {
            return None;
        };
        match entries.as_slice() {
            [only] if only.key == "estimate" => self.duration(&only.value, "`estimate`"),
            _ => None,
        }
    }

    fn named_step(&mut self, fields: &Fields<'_>, key: &'static str) -> Option<Named> {
        let node = self.require(fields, key)?;
        let id = self.plain(node, key)?;
        Some((id, node.span))
    }

    /// When what was done is taken back, with the place of the step that it names.
    pub(crate) fn rollback_rule(&mut self, fields: &Fields<'_>) -> (RollbackRule, Option<Named>) {
        let mut rule = RollbackRule::default();
        let keys = ["on", "mode", "point_of_no_return"];
        let found = fields
            .get("rollback")
            .and_then(|node| self.fields(node, "`rollback`", &keys));
        let Some(fields) = found else {
            return (rule, None);
        };
        let mode = match fields
            .get("mode")
            .map(|node| self.choice(node, "`mode`", &["ask", "auto", "never"]))
        {
            None => RollbackMode::Ask,
            Some(Some("auto")) => RollbackMode::Auto,
            Some(Some("never") | None) => RollbackMode::Never,
            Some(Some(_)) => RollbackMode::Ask,
        };
        let Some(list) = fields.get("on") else {
            rule.on_failure = mode;
            return (rule, self.point_of_no_return(&fields));
        };
        for item in one_or_more(list) {
            match self.choice(item, "`on`", &["failure", "cancel", "verify_failed"]) {
                Some("failure") => rule.on_failure = mode,
                Some("verify_failed") => rule.on_verify_failed = mode,
                Some(_) => {
                    let note =
                        Diagnostic::warning("after a cancellation nothing is taken back by the run itself");
                    let note = note.hint("use `enact rollback RUN` then");
                    self.finding(crate::lint::CANCEL, item.span, note);
                }
                None => {}
            }
        }
        (rule, self.point_of_no_return(&fields))
    }

    fn point_of_no_return(&mut self, fields: &Fields<'_>) -> Option<Named> {
        let node = fields.get("point_of_no_return")?;
        let id = self.plain(node, "`point_of_no_return`")?;
        Some((id, node.span))
    }

    pub(crate) fn estimate(&mut self, node: &Node) -> Option<Estimate> {
        if let enact_core::yaml::Body::Mapping(_) = node.body {
            let fields = self.fields(node, "`estimate`", &["low", "likely", "high"])?;
            let likely = self
                .require(&fields, "likely")
                .and_then(|node| self.duration(node, "`likely`"))?;
            let low = fields
                .get("low")
                .and_then(|node| self.duration(node, "`low`"))
                .unwrap_or(likely);
            let high = fields
                .get("high")
                .and_then(|node| self.duration(node, "`high`"))
                .unwrap_or(likely);
            if low > likely || likely > high {
                let fault = Diagnostic::error("`estimate`: expected `low` ≤ `likely` ≤ `high`");
                self.fault(node.span, fault);
                return None;
            }
            return Some(Estimate { low, likely, high });
        }
        let likely = self.duration(node, "`estimate`")?;
        Some(Estimate {
            low: likely,
            likely,
            high: likely,
        })
    }

    /// Reads and pins the files that the document lists.
    pub(crate) fn pin_files(&mut self, fields: &Fields<'_>) {
        let items = fields
            .get("files")
            .map_or(&[] as &[Node], |node| self.list(node, "`files`"));
        for item in items {
            let Some(path) = self.plain(item, "`files`") else {
                continue;
            };
            self.see(&path, item.span, Slot::Value);
            let path = match normal_path(&path) {
                Ok(path) => join(&self.base, &path),
                Err(fault) => {
                    self.fault(item.span, Diagnostic::error(format!("`files`: {fault}")));
                    continue;
                }
            };
            if !self.pins.contains_key(&path) {
                self.pin(path, item.span);
            }
        }
    }

    fn pin(&mut self, path: String, span: Span) {
        match self.files.read(&path, MAX_FILE_BYTES) {
            Ok(content) => {
                self.pins.insert(path, Digest::of(&content).as_str().to_owned());
            }
            Err(fault) => {
                let mut diagnostic = Diagnostic::error(format!("{} cannot be pinned: {fault}", shown(&path)));
                if fault == FileFault::Missing {
                    diagnostic = diagnostic.hint("paths start at the folder of the runbook");
                }
                self.fault(span, diagnostic);
                // Known all the same, so that nobody asks to list it.
                self.pins.insert(path, String::new());
            }
        }
    }
}

fn earlier(from: &str, to: &str) -> bool {
    let parse = |text: &str| text.parse::<jiff::Timestamp>().ok();
    matches!((parse(from), parse(to)), (Some(from), Some(to)) if from < to)
}
