//! Settings by the origin's names, from the configuration file and from the document.

use std::collections::BTreeMap;

use enact_core::change::Milliseconds;
use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::Span;
use serde::{Deserialize, Serialize};

use crate::reading::{Fields, Node, Reading, Slot, as_written};
use crate::spec::{STEP_TIMEOUT, Settings, Variable};

/// The flat names with the phases, as a document may give them.
pub(crate) const SETTINGS: [&str; 21] = [
    "enabled",
    "planning_phase",
    "execution_phase",
    "verification_phase",
    "max_plan_steps",
    "require_approval",
    "require_user_approval",
    "show_estimated_time",
    "allow_plan_revision",
    "checkpoint_between_steps",
    "stop_on_error",
    "log_progress",
    "allow_skip",
    "run_tests",
    "run_lint",
    "run_typecheck",
    "default_timeout",
    "working_dir",
    "shell",
    "env",
    "plan_execute_pattern",
];

/// A phase: its name, what it is called in messages, and its settings.
pub(crate) type Phase = (&'static str, &'static str, &'static [&'static str]);

/// The phases with the names of their settings.
pub(crate) const PHASES: [Phase; 3] = [
    (
        "planning_phase",
        "`planning_phase`",
        &[
            "max_plan_steps",
            "require_approval",
            "require_user_approval",
            "show_estimated_time",
        ],
    ),
    (
        "execution_phase",
        "`execution_phase`",
        &["stop_on_error", "log_progress", "allow_skip"],
    ),
    (
        "verification_phase",
        "`verification_phase`",
        &["run_tests", "run_lint", "run_typecheck"],
    ),
];

/// Whether something is verified, and by which command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum CommandSetting {
    /// Wanted or not.
    Wanted(bool),
    /// Wanted, by this program with its arguments.
    Command(Vec<String>),
}

/// Settings of planning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PlanningPhase {
    /// The most steps at the top level.
    pub max_plan_steps: Option<u32>,
    /// Does nothing run without approval?
    #[serde(alias = "require_user_approval")]
    pub require_approval: Option<bool>,
    /// Is the estimated time shown?
    pub show_estimated_time: Option<bool>,
}

/// Settings of execution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExecutionPhase {
    /// Does the first failure stop the run?
    pub stop_on_error: Option<bool>,
    /// Is every step's start and end printed?
    pub log_progress: Option<bool>,
    /// May an operator skip a step?
    pub allow_skip: Option<bool>,
}

/// Settings of verification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VerificationPhase {
    /// Tests.
    pub run_tests: Option<CommandSetting>,
    /// Lint.
    pub run_lint: Option<CommandSetting>,
    /// Type checks.
    pub run_typecheck: Option<CommandSetting>,
}

/// The block `plan_execute_pattern` of a configuration file; what it does not say is built in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SettingsDefaults {
    /// Are runbooks used at all?
    pub enabled: Option<bool>,
    /// Of planning.
    pub planning_phase: PlanningPhase,
    /// Of execution.
    pub execution_phase: ExecutionPhase,
    /// Of verification.
    pub verification_phase: VerificationPhase,
    /// Flat name of `planning_phase.max_plan_steps`; flat names win.
    pub max_plan_steps: Option<u32>,
    /// Flat name of `planning_phase.require_approval`.
    #[serde(alias = "require_user_approval")]
    pub require_approval: Option<bool>,
    /// May a run go on with a revision of its plan?
    pub allow_plan_revision: Option<bool>,
    /// Does every step but the first wait for a confirmation?
    pub checkpoint_between_steps: Option<bool>,
    /// Bound on one attempt at a step that names none: `10m`, or a number of milliseconds.
    #[serde(deserialize_with = "length")]
    #[schemars(with = "Option<Length>")]
    pub default_timeout: Option<Milliseconds>,
    /// The shell of `run` with its arguments; the script is its last one.
    pub shell: Option<Vec<String>>,
}

/// A length of time as a configuration file has it.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
enum Length {
    /// In milliseconds.
    Number(u64),
    /// `10m`, `1h30m`.
    Text(String),
}

fn length<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<Milliseconds>, D::Error> {
    use serde::de::Error as _;
    let wrong = "`default_timeout` is a length of time such as `90s`, `10m` or `1h30m`";
    let found = match Length::deserialize(reader).map_err(|_other| D::Error::custom(wrong))? {
        Length::Number(number) => Some(Milliseconds(number)),
        Length::Text(text) => crate::reading::duration(&text),
    };
    let found = found.filter(|length| length.0 > 0);
    found.map(Some).ok_or_else(|| D::Error::custom(wrong))
}

impl SettingsDefaults {
    /// What of a configuration file can never work: a command without a program.
    pub fn fault(&self) -> Option<String> {
        let verification = &self.verification_phase;
        let commands = [
            ("run_tests", &verification.run_tests),
            ("run_lint", &verification.run_lint),
            ("run_typecheck", &verification.run_typecheck),
        ];
        let is_empty = |command: &Option<CommandSetting>| match command {
            Some(CommandSetting::Command(words)) => words.first().is_none_or(String::is_empty),
            Some(CommandSetting::Wanted(_)) | None => false,
        };
        if let Some((name, _)) = commands.into_iter().find(|(_, command)| is_empty(command)) {
            return Some(format!(
                "[plan_execute_pattern.verification_phase] {name} names no program; write one with its arguments, or false"
            ));
        }
        let no_shell = self
            .shell
            .as_ref()
            .is_some_and(|words| words.first().is_none_or(String::is_empty));
        no_shell.then(|| "[plan_execute_pattern] shell names no program".to_owned())
    }
}

/// Settings in force, with what is not part of the frozen ones.
#[derive(Debug, Clone)]
pub(crate) struct Effective {
    pub(crate) settings: Settings,
    pub(crate) enabled: bool,
    /// Tests, lint, type checks.
    pub(crate) commands: [CommandSetting; 3],
    /// Which of them the document itself has declined.
    pub(crate) declined: [bool; 3],
    pub(crate) env: BTreeMap<String, Variable>,
    pub(crate) shell: Vec<String>,
    pub(crate) working_dir: Option<String>,
}

impl Effective {
    /// Built-in defaults with those of the configuration file over them.
    pub(crate) fn new(defaults: &SettingsDefaults) -> Self {
        let planning = &defaults.planning_phase;
        let execution = &defaults.execution_phase;
        let verification = &defaults.verification_phase;
        let wanted =
            |setting: &Option<CommandSetting>| setting.clone().unwrap_or(CommandSetting::Wanted(true));
        let shell = || crate::kinds::DEFAULT_SHELL.map(ToOwned::to_owned).to_vec();
        Self {
            settings: Settings {
                max_plan_steps: defaults.max_plan_steps.or(planning.max_plan_steps).unwrap_or(50),
                require_approval: defaults
                    .require_approval
                    .or(planning.require_approval)
                    .unwrap_or(true),
                show_estimated_time: planning.show_estimated_time.unwrap_or(true),
                allow_plan_revision: defaults.allow_plan_revision.unwrap_or(false),
                checkpoint_between_steps: defaults.checkpoint_between_steps.unwrap_or(false),
                stop_on_error: execution.stop_on_error.unwrap_or(true),
                log_progress: execution.log_progress.unwrap_or(true),
                allow_skip: execution.allow_skip.unwrap_or(false),
                default_timeout: defaults.default_timeout.unwrap_or(STEP_TIMEOUT),
            },
            enabled: defaults.enabled.unwrap_or(true),
            commands: [
                wanted(&verification.run_tests),
                wanted(&verification.run_lint),
                wanted(&verification.run_typecheck),
            ],
            declined: [false; 3],
            env: BTreeMap::new(),
            shell: defaults.shell.clone().unwrap_or_else(shell),
            working_dir: None,
        }
    }
}

/// Why nothing is planned, and where that is said.
pub(crate) fn switched_off(fields: &Fields<'_>, by_configuration: bool) -> (Span, Diagnostic) {
    if by_configuration {
        let fault = Diagnostic::error(
            "runbooks are switched off by this one itself: `enabled` is false under `settings`",
        );
        return (
            fields.key_span("settings"),
            fault.hint("remove that when it is to be planned"),
        );
    }
    let fault = Diagnostic::error("runbooks are switched off: `plan_execute_pattern.enabled` is false");
    (
        fields.span,
        fault.hint("switch them on in the configuration file"),
    )
}

impl Reading<'_> {
    /// The document's settings over those that are in force.
    pub(crate) fn settings(&mut self, node: &Node, effective: &mut Effective) {
        let Some(fields) = self.fields(node, "`settings`", &SETTINGS) else {
            return;
        };
        if let Some(node) = fields.get("plan_execute_pattern") {
            self.settings(node, effective);
        }
        for (phase, what, keys) in PHASES {
            if let Some(node) = fields.get(phase) {
                self.phase(node, what, keys, effective);
            }
        }
        self.flat(&fields, effective);
        if let Some(node) = fields.get("working_dir") {
            effective.working_dir = self.folder(node);
        }
        if let Some(shell) = fields.get("shell").map(|node| self.shell_words(node)) {
            effective.shell = shell;
        }
    }

    fn phase(&mut self, node: &Node, what: &'static str, keys: &[&'static str], effective: &mut Effective) {
        if let Some(fields) = self.fields(node, what, keys) {
            self.flat(&fields, effective);
        }
    }

    fn flat(&mut self, fields: &Fields<'_>, effective: &mut Effective) {
        let settings = &mut effective.settings;
        if let Some(node) = fields.get("max_plan_steps")
            && let Some(count) = self.whole(node, "`max_plan_steps`", 1, 10_000)
        {
            settings.max_plan_steps = u32::try_from(count).unwrap_or(settings.max_plan_steps);
        }
        for (key, setting) in [
            ("enabled", &mut effective.enabled),
            ("require_approval", &mut settings.require_approval),
            ("show_estimated_time", &mut settings.show_estimated_time),
            ("allow_plan_revision", &mut settings.allow_plan_revision),
            ("checkpoint_between_steps", &mut settings.checkpoint_between_steps),
            ("stop_on_error", &mut settings.stop_on_error),
            ("log_progress", &mut settings.log_progress),
            ("allow_skip", &mut settings.allow_skip),
        ] {
            let found = match key {
                "require_approval" => fields.get_any(&["require_approval", "require_user_approval"]),
                _ => fields.get(key).map(|node| (key, node)),
            };
            if let Some((key, node)) = found {
                *setting = self.boolean(node, &format!("`{key}`")).unwrap_or(*setting);
            }
        }
        let names = ["run_tests", "run_lint", "run_typecheck"];
        let commands = effective.commands.iter_mut().zip(&mut effective.declined);
        for (key, (command, declined)) in names.into_iter().zip(commands) {
            if let Some(wanted) = fields
                .get(key)
                .and_then(|node| self.boolean(node, &format!("`{key}`")))
            {
                *declined = !wanted;
                *command = match command {
                    CommandSetting::Command(known) if wanted => CommandSetting::Command(known.clone()),
                    CommandSetting::Command(_) | CommandSetting::Wanted(_) => CommandSetting::Wanted(wanted),
                };
            }
        }
        if let Some(node) = fields.get("default_timeout") {
            settings.default_timeout = self
                .time(node, "`default_timeout`")
                .unwrap_or(settings.default_timeout);
        }
    }

    /// `bash -eu` or `[bash, -eu]`; what tells the shell that a script follows is added.
    fn shell_words(&mut self, node: &Node) -> Vec<String> {
        let mut words: Vec<String> = match as_written(node) {
            Some(text) => text.split_whitespace().map(ToOwned::to_owned).collect(),
            None => self.plain_list(node, "`shell`"),
        };
        if words.is_empty() {
            self.expected(node, "`shell`", "a program, with its arguments");
        }
        self.see(&words.join(" "), node.span, Slot::Script);
        if words.last().is_none_or(|last| last != "-c") {
            words.push("-c".to_owned());
        }
        words
    }
}
