//! Too many steps for little, and too little in a step.

use enact_core::change::Effect;
use enact_core::diagnostic::Diagnostic;

use super::{Findings, Subject};
use crate::compile::{FrozenStep, Written};
use crate::files::{join, normal_path};
use crate::kinds::summary;

/// So many in a row are over-planning.
const RUN: usize = 3;

/// Commands that do next to nothing by themselves.
const TRIVIAL: [&str; 13] = [
    "touch", "mkdir", "echo", "printf", "cat", "ls", "cp", "test", "[", "true", "pwd", "stat", "sync",
];

/// Commands that only look at a file.
const LOOKS: [&str; 9] = ["test", "[", "ls", "cat", "stat", "grep", "head", "file", "wc"];

/// How steps on one file are called when somebody splits writing it.
const FILE_VERBS: [&str; 14] = [
    "create", "open", "write", "add", "append", "save", "close", "check", "verify", "touch", "edit", "view",
    "confirm", "insert",
];

/// Titles that only say that something happens.
const GENERIC: [&str; 27] = [
    "do",
    "run",
    "fix",
    "deploy",
    "update",
    "upgrade",
    "test",
    "setup",
    "configure",
    "implement",
    "check",
    "verify",
    "install",
    "build",
    "finish",
    "cleanup",
    "execute",
    "process",
    "handle",
    "prepare",
    "change",
    "work",
    "start",
    "continue",
    "go",
    "migrate",
    "misc",
];

pub(super) fn run(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let steps: Vec<&FrozenStep> = subject.steps.iter().filter(|step| !step.always).collect();
    let targets = targets(&steps);
    let same = same_target(&steps, &targets, findings);
    trivial(&steps, &same, findings);
    tiny(subject, &steps, findings);
    echo(&steps, &targets, findings);
    for step in subject.steps {
        vague(step, findings);
    }
}

/// The command of a step: its words, and the file that its output goes to.
fn command(step: &FrozenStep) -> Option<(Vec<String>, Option<String>)> {
    match step.kind {
        "exec" => {
            let words = step.action.get("argv")?.as_array()?;
            let words: Option<Vec<String>> = words
                .iter()
                .map(|word| word.as_str().map(ToOwned::to_owned))
                .collect();
            words.map(|words| (words, None))
        }
        "run" => {
            let script = step.action.get("script")?.as_str()?.trim();
            let compound = ["|", "&", ";", "$(", "`", "\n", "<<"]
                .iter()
                .any(|mark| script.contains(mark));
            if compound {
                return None;
            }
            let (before, target) = match script.split_once('>') {
                Some((before, after)) => (before, Some(after.trim_start_matches('>').trim().to_owned())),
                None => (script, None),
            };
            let words = before
                .split_whitespace()
                .map(|word| word.trim_matches(['"', '\'']).to_owned());
            Some((words.collect(), target))
        }
        _ => None,
    }
}

fn is_bare(step: &FrozenStep) -> bool {
    !step.held && !step.verified && !step.has_outputs && step.rollback != Written::Given
}

fn is_trivial(step: &FrozenStep) -> bool {
    let Some((words, _)) = command(step).filter(|_| is_bare(step)) else {
        return false;
    };
    let Some(program) = words.first() else {
        return false;
    };
    let recursive = words
        .iter()
        .any(|word| word == "-r" || word == "-R" || word == "-a");
    TRIVIAL.contains(&program.as_str()) && !(program == "cp" && (recursive || words.len() > 3))
}

/// The file that each step is about; a step that says `save` without naming one is about the last one named.
fn targets(steps: &[&FrozenStep]) -> Vec<Option<String>> {
    let mut last: Option<String> = None;
    let mut found = Vec::with_capacity(steps.len());
    for step in steps {
        let target = match command(step) {
            Some((words, into)) => into
                .or_else(|| {
                    let program = words.first().map(String::as_str).unwrap_or_default();
                    let known = TRIVIAL.contains(&program)
                        || ["tee", "chmod", "sed", "grep", "vi", "mv"].contains(&program);
                    let path =
                        |word: &&String| !word.starts_with('-') && !["]", "!"].contains(&word.as_str());
                    words
                        .iter()
                        .skip(1)
                        .rfind(path)
                        .filter(|_| known && program != "echo" && program != "printf")
                        .cloned()
                })
                .map(Target::Path),
            None if step.kind == "manual" => prose_target(&step.title),
            None => None,
        };
        let target = match target {
            Some(Target::Path(path)) => Some(from_its_folder(step, path)),
            // "Create file" names none, and still what follows is about that one.
            Some(Target::LastOne { or_some }) => {
                let some = or_some.then(|| "the file".to_owned());
                last.take().or(some)
            }
            None => None,
        };
        last.clone_from(&target);
        found.push(target);
    }
    found
}

/// What a step is about.
enum Target {
    /// A file, from the folder that the step starts in.
    Path(String),
    /// What the step before it is about; where that is nothing known, some file.
    LastOne { or_some: bool },
}

/// A path from the runbook's folder: a command means it from the folder that it starts in.
fn from_its_folder(step: &FrozenStep, path: String) -> String {
    let folder = folder_of(step).unwrap_or_default();
    normal_path(&join(folder, &path)).unwrap_or(path)
}

fn folder_of(step: &FrozenStep) -> Option<&str> {
    step.spec.as_ref()?.working_dir.as_deref()
}

fn prose_target(title: &str) -> Option<Target> {
    let verb = title.split_whitespace().next()?.to_ascii_lowercase();
    if !FILE_VERBS.contains(&verb.as_str()) {
        return None;
    }
    let is_path = |word: &&str| {
        let inner = word.trim_matches('.');
        inner.contains('/')
            || inner
                .split_once('.')
                .is_some_and(|(name, ending)| !name.is_empty() && !ending.is_empty())
    };
    let trimmed = title
        .split_whitespace()
        .map(|word| word.trim_matches(|next: char| "`'\",:;()".contains(next)));
    let named = trimmed
        .clone()
        .find(is_path)
        .map(|word| word.trim_end_matches('.').to_owned());
    let mentions_file = trimmed
        .clone()
        .any(|word| word.eq_ignore_ascii_case("file") || word.eq_ignore_ascii_case("it"));
    let about_last = mentions_file || trimmed.count() <= 2;
    let last = Target::LastOne {
        or_some: mentions_file,
    };
    named.map(Target::Path).or_else(|| about_last.then_some(last))
}

/// Steps in a row that `alike` says belong together, as ranges.
fn runs(count: usize, alike: impl Fn(usize) -> bool) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for index in 1..=count {
        if index < count && alike(index) {
            continue;
        }
        if index - start >= RUN {
            found.push(start..index);
        }
        start = index;
    }
    found
}

fn same_target(
    steps: &[&FrozenStep],
    targets: &[Option<String>],
    findings: &mut Findings<'_>,
) -> Vec<std::ops::Range<usize>> {
    let target = |index: usize| targets.get(index).and_then(Option::as_deref);
    let found = runs(steps.len(), |index| {
        target(index).is_some() && target(index) == target(index - 1)
    });
    for range in &found {
        let group = steps.get(range.clone()).unwrap_or_default();
        let note = format!("{} all work on {}", named(group), quoted(target(range.start)));
        findings.advise(
            "W_OVERPLAN_SAME_TARGET",
            group,
            Diagnostic::warning(note).hint(merged(group)),
        );
    }
    found
}

fn quoted(target: Option<&str>) -> String {
    match target {
        Some("the file") | None => "one file".to_owned(),
        Some(path) => format!("`{path}`"),
    }
}

fn trivial(steps: &[&FrozenStep], same: &[std::ops::Range<usize>], findings: &mut Findings<'_>) {
    let is = |index: usize| steps.get(index).is_some_and(|step| is_trivial(step));
    for range in runs(steps.len(), |index| is(index) && is(index - 1)) {
        if same
            .iter()
            .any(|covered| covered.start <= range.start && range.end <= covered.end)
        {
            continue;
        }
        let group = steps.get(range).unwrap_or_default();
        let note = format!("{} are one trivial command each", named(group));
        findings.advise(
            "W_OVERPLAN_TRIVIAL",
            group,
            Diagnostic::warning(note).hint(merged(group)),
        );
    }
}

fn named(steps: &[&FrozenStep]) -> String {
    let names: Vec<String> = steps.iter().map(|step| format!("`{}`", step.id)).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("steps {} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// The plan that a step comes from, by the steps that include it; a step itself has no dot in its id.
fn origin(step: &FrozenStep) -> &str {
    step.id.rsplit_once('.').map_or("", |(plan, _)| plan)
}

/// The one step that should stand there instead.
fn merged(steps: &[&FrozenStep]) -> String {
    let Some(first) = steps.first() else {
        return String::new();
    };
    if steps.iter().any(|step| origin(step) != origin(first)) {
        return "they come from plans that are included apart; where they belong together, write them as one step of one of these plans"
            .to_owned();
    }
    if steps.iter().any(|step| folder_of(step) != folder_of(first)) {
        return "make it one meaningful step, with one `working_dir`".to_owned();
    }
    if steps.iter().any(|step| has_ways_of_its_own(step)) {
        return "make it one meaningful step, with what is wanted of each of them; or leave them apart, where each is confirmed, \
                checked, left out or taken back by itself"
            .to_owned();
    }
    let id = first.id.rsplit('.').next().unwrap_or(&first.id);
    let titles: Vec<&str> = steps.iter().map(|step| step.title.as_str()).collect();
    let commands: Vec<String> = steps
        .iter()
        .filter(|step| command(step).is_some())
        .map(|step| line_of(step))
        .collect();
    let action = if commands.len() == steps.len() {
        let lines: String = commands.iter().map(|line| format!("\n    {line}")).collect();
        format!("  run: |{lines}")
    } else {
        let tasks: String = titles.iter().map(|title| format!("\n    - {title}")).collect();
        format!("  tasks:{tasks}")
    };
    let checks = if steps.iter().any(|step| step.verified) {
        ", with what verifies them"
    } else {
        ""
    };
    format!(
        "make it one meaningful step{checks}:\n- id: {id}\n  title: {}\n{action}",
        first.title
    )
}

/// Would something of a step be lost where only its command is kept?
fn has_ways_of_its_own(step: &FrozenStep) -> bool {
    let is_left_out = step.spec.as_ref().is_some_and(|spec| spec.when.is_some());
    step.held
        || step.has_outputs
        || step.retries
        || is_left_out
        || step.effect == Effect::Destroy
        || step.rollback == Written::Given
}

fn line_of(step: &FrozenStep) -> String {
    match step.action.get("script").and_then(serde_json::Value::as_str) {
        Some(script) => script.trim().to_owned(),
        None => summary(step.kind, &step.action),
    }
}

fn tiny(subject: &Subject<'_>, steps: &[&FrozenStep], findings: &mut Findings<'_>) {
    let mut estimates: Vec<u64> = steps
        .iter()
        .filter_map(|step| step.estimate)
        .map(|estimate| estimate.likely.0)
        .collect();
    if steps.len() <= 5 || estimates.len() * 2 < steps.len() {
        return;
    }
    estimates.sort_unstable();
    let median = estimates.get(estimates.len() / 2).copied().unwrap_or(u64::MAX);
    if median < 30_000 {
        let note = format!(
            "{} steps, and half of them take less than {} s",
            steps.len(),
            median / 1000 + 1
        );
        let place = steps
            .first()
            .map_or_else(|| subject.root.clone(), |step| step.place.clone());
        let note = Diagnostic::warning(note).hint("merge steps that belong together");
        findings.advise_at("W_OVERPLAN_TINY", place, note);
    }
}

/// A step that does nothing but look whether the one before it did its work.
fn echo(steps: &[&FrozenStep], targets: &[Option<String>], findings: &mut Findings<'_>) {
    for (index, pair) in steps.windows(2).enumerate() {
        let [previous, step] = pair else {
            continue;
        };
        let looks = command(step).is_some_and(|(words, into)| {
            into.is_none()
                && words
                    .first()
                    .is_some_and(|program| LOOKS.contains(&program.as_str()))
        });
        let said = step.title.split_whitespace().next().is_some_and(|verb| {
            ["check", "verify", "confirm", "ensure", "validate"].contains(&verb.to_ascii_lowercase().as_str())
        });
        let (before, target) = (
            targets.get(index).and_then(Option::as_ref),
            targets.get(index + 1).and_then(Option::as_ref),
        );
        let same = target.is_some() && before == target;
        let only_looks = step.effect == Effect::Read || looks;
        // What a plan does that is included can only be checked behind it.
        let same_plan = origin(step) == origin(previous);
        let candidate =
            same_plan && is_bare(step) && only_looks && matches!(step.kind, "exec" | "run" | "http");
        let wrote = previous.effect != Effect::Read && !previous.verified && previous.kind != "konnect";
        if candidate && wrote && ((looks && same) || (said && (looks || step.effect == Effect::Read))) {
            let note = format!("step `{}` only checks what `{}` did", step.id, previous.id);
            let action = line_of(step).replace('\n', " ");
            let hint = format!(
                "make it that step's check: `verify: [{{ {}: … }}]` with `{action}`",
                step.kind
            );
            findings.advise(
                "W_OVERPLAN_ECHO",
                &[step, previous],
                Diagnostic::warning(note).hint(hint),
            );
        }
    }
}

fn vague(step: &FrozenStep, findings: &mut Findings<'_>) {
    let mut words = step.title.split_whitespace();
    let first = words.next().unwrap_or_default().to_ascii_lowercase();
    let generic =
        words.next().is_none() && GENERIC.contains(&first.trim_matches(|next: char| !next.is_alphanumeric()));
    let says_nothing = step.kind == "manual" && step.tasks == 0 && {
        let told = step
            .action
            .get("instructions")
            .and_then(serde_json::Value::as_str)
            .unwrap_or("-");
        told.trim().is_empty() || told.trim().eq_ignore_ascii_case(step.title.trim())
    };
    if generic {
        let note = format!(
            "the title of step `{}` does not say what happens: {:?}",
            step.id, step.title
        );
        let note = Diagnostic::warning(note).hint("name the thing: what is changed, and to what");
        findings.advise("W_UNDERPLAN_VAGUE", &[step], note);
    } else if says_nothing {
        let note = Diagnostic::warning(format!("step `{}` does not say how it is done", step.id))
            .hint("list the sub-tasks under `tasks`, or write `instructions`");
        findings.advise("W_UNDERPLAN_VAGUE", &[step], note);
    }
}
