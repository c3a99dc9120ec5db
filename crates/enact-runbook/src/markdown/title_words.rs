//! The words by which [`super::titles`] tells what is to run from what may not be. They decide only what is asked about: what no
//! word is found in is shown to whoever approves all the same.

/// What something begins with that takes something back.
pub(super) const UNDOS: [&str; 11] = [
    "rollback",
    "roll back",
    "rolling back",
    "undo",
    "undoing",
    "revert",
    "reverting",
    "recovery",
    "fallback",
    "backout",
    "back out",
];

/// How a condition begins.
pub(super) const CASES: [&str; 6] = ["if", "when", "on", "in case", "should", "unless"];

/// What a condition is about that speaks of trouble.
pub(super) const TROUBLE: [&str; 4] = ["fail", "wrong", "error", "trouble"];

/// How a heading begins below which nothing is run in any case.
pub(super) const ASIDES: [&str; 9] = [
    "if",
    "unless",
    "in case",
    "optional",
    "optionally",
    "alternatively",
    "never",
    "don't",
    "do not",
];

/// How a heading begins of what is left out for now or for good.
pub(super) const LEFT_OUT: [&str; 26] = [
    "out of scope",
    "out-of-scope",
    "not yet",
    "not now",
    "not needed",
    "not required",
    "not part of",
    "not in scope",
    "not to be",
    "no longer",
    "only if",
    "only when",
    "only in case",
    "only in an emergency",
    "skip this",
    "skip these",
    "for later",
    "won't do",
    "already done",
    "if needed",
    "if necessary",
    "only needed",
    "what we tried",
    "won't fix",
    "not wanted",
    "not checked",
];

/// What is no work of this plan where it is all that a heading says, or is said of a piece of one: `Example`, `Future work`.
pub(super) const OTHERS: [&str; 44] = [
    "alternative",
    "alternatives",
    "example",
    "examples",
    "sample",
    "expected",
    "output",
    "deprecated",
    "obsolete",
    "outdated",
    "superseded",
    "skipped",
    "skip",
    "later",
    "future",
    "deferred",
    "postponed",
    "parked",
    "cancelled",
    "canceled",
    "rejected",
    "abandoned",
    "discarded",
    "disabled",
    "backlog",
    "nice to have",
    "nice-to-have",
    "stretch",
    "non-goals",
    "not implemented",
    "contingency",
    "emergency",
    "troubleshooting",
    "disaster recovery",
    "wrong",
    "anti-pattern",
    "anti-patterns",
    "removed",
    "plan b",
    "old way",
    "draft",
    "wip",
    "blocked",
    "conditional",
];

/// Pieces of a plan: `Rollback procedure`.
pub(super) const PIECES: [&str; 34] = [
    "plan",
    "plans",
    "phase",
    "phases",
    "procedure",
    "procedures",
    "step",
    "steps",
    "task",
    "tasks",
    "work",
    "command",
    "commands",
    "approach",
    "approaches",
    "way",
    "ways",
    "path",
    "route",
    "strategy",
    "instructions",
    "usage",
    "run",
    "runs",
    "output",
    "outputs",
    "result",
    "results",
    "option",
    "options",
    "ideas",
    "goals",
    "improvements",
    "enhancements",
];

/// What an undo is about: `Roll back the release`, `Rollback after a failure`. `Rollback support` is something to be made.
pub(super) const OBJECTS: [&str; 12] = [
    "the",
    "this",
    "these",
    "it",
    "all",
    "everything",
    "if",
    "when",
    "in",
    "after",
    "on",
    "from",
];

/// How a title begins of what is to be made: `Add rollback command`.
pub(super) const MAKES: [&str; 6] = ["add", "implement", "write", "create", "build", "support"];

/// What may be optional in something that is to be made.
pub(super) const MADE: [&str; 14] = [
    "chaining",
    "field",
    "fields",
    "parameter",
    "parameters",
    "argument",
    "arguments",
    "type",
    "types",
    "value",
    "values",
    "dependencies",
    "filters",
    "authentication",
];

/// What one of several ways is called, with a letter or a number: `Option A`.
pub(super) const WAYS: [&str; 5] = ["option", "variant", "alternative", "choice", "approach"];

/// What is said behind the title of a step: `Tidy up (optional)`.
pub(super) const MARKS: [&str; 42] = [
    "manually",
    "manual",
    "optional",
    "skip",
    "skipped",
    "deprecated",
    "obsolete",
    "not yet",
    "not now",
    "do not run",
    "don't run",
    "do not run yet",
    "later",
    "out of scope",
    "example",
    "alternative",
    "rollback",
    "wip",
    "do not run this",
    "if needed",
    "if necessary",
    "only if needed",
    "only if necessary",
    "when needed",
    "already done",
    "done",
    "cancelled",
    "canceled",
    "removed",
    "deferred",
    "postponed",
    "blocked",
    "emergency only",
    "superseded",
    "conditional",
    "not needed",
    "not required",
    "no longer needed",
    "future",
    "draft",
    "disabled",
    "later phase",
];

/// How a mark begins that goes on: `(requires Dana's approval)`.
pub(super) const BEGINNINGS: [&str; 9] = [
    "only if",
    "only when",
    "only after",
    "superseded by",
    "only in",
    "skip on",
    "skip in",
    "requires approval",
    "pending",
];

/// Undos that a step of a row may be called by, alone.
pub(super) const ROW_UNDOS: [&str; 8] = [
    "rollback",
    "roll back",
    "undo",
    "revert",
    "reverting",
    "rolling back",
    "backout",
    "back out",
];

/// What a title forbids that is about the step and not about what it makes.
pub(super) const RUNNING: [&str; 12] = [
    "run", "execute", "do", "start", "use", "apply", "deploy", "perform", "touch", "begin", "drop", "delete",
];

/// What stands in front of the title of a step, set apart: `SKIP: Reindex`, `[SKIP] Reindex`.
pub(super) const LABELS: [&str; 12] = [
    "skip",
    "skipped",
    "obsolete",
    "example",
    "draft",
    "future",
    "wip",
    "todo",
    "later",
    "deprecated",
    "cancelled",
    "blocked",
];
