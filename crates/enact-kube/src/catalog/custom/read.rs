//! The file that names custom actions, `format: enact.actions/v1`. All of it is read, and everything that is wrong is said at once; a file
//! with a fault names no action at all.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use enact_core::change::Effect;
use enact_core::diagnostic::Diagnostic;
use enact_core::yaml::{Budget, Plain, Span, parse};

use super::super::{About, MOST_TIME, Parameter, Runs, is_image_reference, is_subdomain};
use super::fields::{Faults, Fields, Node};
use super::template::{Argument, TARGET};
use super::{ACCOUNT_PREFIX, CustomAction, Program, parameters};
use crate::machine::parse_duration;

/// The longest file, in bytes.
const MOST_BYTES: usize = 256 * 1024;

/// The most custom actions.
pub const MOST_ACTIONS: usize = 64;

/// The most arguments.
const MOST_ARGUMENTS: usize = 64;

/// The longest argument as it is written, in bytes.
const MOST_ARGUMENT: usize = 1024;

/// The format of the file.
const FORMAT: &str = "enact.actions/v1";

/// The keys of an action.
const KEYS: [&str; 11] = [
    "name",
    "version",
    "about",
    "target",
    "account",
    "image",
    "argv",
    "timeout",
    "idempotent",
    "effect",
    "parameters",
];

/// What a custom action can be aimed at: what the controller may look at. Kind, API version, plural, and whether it is namespaced.
const KINDS: [(&str, &str, &str, bool); 4] = [
    ("ConfigMap", "v1", "configmaps", true),
    ("Deployment", "apps/v1", "deployments", true),
    ("Node", "v1", "nodes", false),
    ("Pod", "v1", "pods", true),
];

/// Programs that would read an argument as a script.
const SHELLS: [&str; 9] = [
    "ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "sh", "zsh",
];

/// Reads the custom actions of a file.
///
/// # Errors
/// Everything that is wrong with it, each with line and column and what was expected.
pub fn read(file: &str, text: &str) -> Result<Vec<CustomAction>, Vec<Diagnostic>> {
    let mut faults = Faults::new(file, text);
    if text.len() > MOST_BYTES {
        let fault = Diagnostic::error(format!("the file is longer than {MOST_BYTES} bytes"));
        faults.add(Span::default(), fault);
        return Err(faults.end());
    }
    let mut budget = Budget::new(MOST_BYTES as u64 * 2, 20_000, 2_000);
    let (root, wrong) = parse::<Plain>(text, 16, &mut budget);
    for (span, fault) in wrong {
        faults.add(span, fault);
    }
    let Some(root) = root else {
        if faults.count() == 0 {
            faults.add(
                Span::default(),
                Diagnostic::error("the file is empty").hint(hint()),
            );
        }
        return Err(faults.end());
    };
    let actions = actions(&root, &mut faults);
    let faults = faults.end();
    if faults.is_empty() {
        Ok(actions)
    } else {
        Err(faults)
    }
}

fn hint() -> String {
    format!("begin with `format: {FORMAT}` and `actions:`")
}

fn actions(root: &Node<'_>, faults: &mut Faults<'_>) -> Vec<CustomAction> {
    let Some(fields) = Fields::read(root, "the catalog", &["format", "actions"], faults) else {
        return Vec::new();
    };
    let _format = fields.text("format", FORMAT, |text| text == FORMAT, faults);
    let Some(list) = fields.require("actions", faults) else {
        return Vec::new();
    };
    let built_in = super::super::Catalog::built_in();
    let mut names = BTreeSet::new();
    let mut actions = Vec::new();
    for node in faults.list(list, "actions", MOST_ACTIONS) {
        let Some(action) = action(node, faults) else {
            continue;
        };
        let name = &action.about.name;
        if built_in.exists(name) {
            let fault = Diagnostic::error(format!("{name} is the name of a built-in action"));
            faults.add(node.span, fault.hint("give it another name"));
        } else if !names.insert(name.to_string()) {
            let fault = Diagnostic::error(format!("there is an action {name} already"));
            faults.add(node.span, fault.hint("keep one of them"));
        }
        actions.push(action);
    }
    actions
}

fn action(node: &Node<'_>, faults: &mut Faults<'_>) -> Option<CustomAction> {
    let before = faults.count();
    let fields = Fields::read(node, "an action", &KEYS, faults)?;
    let name = fields.text(
        "name",
        "a name like FlushCache, of up to 63 letters and digits",
        is_action_name,
        faults,
    );
    let about = fields.about(faults);
    let kind = kind(&fields, faults);
    let version = fields.integer("version", (1, 1_000_000), 1, faults);
    let timeout = timeout(&fields, faults);
    let effect = effect(&fields, faults);
    let idempotent = fields.boolean("idempotent", faults);
    let parameters = parameters::read(fields.get("parameters"), faults);
    let program = program(&fields, &parameters, kind.is_some_and(|kind| kind.3), faults);
    if faults.count() > before {
        return None;
    }
    let (kind, api_version, plural, namespaced) = kind?;
    Some(CustomAction {
        about: About {
            name: Cow::Owned(name?),
            version: u32::try_from(version).unwrap_or(1),
            kind,
            api_version,
            plural,
            namespaced,
            about: Cow::Owned(about?),
            timeout: timeout?,
            typical: timeout?,
            effect,
            idempotent,
            rights: &[],
            runs: Runs::Program(program?),
        },
        parameters,
    })
}

/// Also the value of a label and, with its version, the action of a request.
fn is_action_name(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase());
    first && text.len() <= 63 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn kind(
    fields: &Fields<'_, '_>,
    faults: &mut Faults<'_>,
) -> Option<(&'static str, &'static str, &'static str, bool)> {
    let node = fields.require("target", faults)?;
    let found = node
        .text()
        .and_then(|text| KINDS.into_iter().find(|kind| kind.0 == text));
    if found.is_none() {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.0).collect();
        faults.expected(node, "target", &format!("one of {}", names.join(", ")));
    }
    found
}

fn timeout(fields: &Fields<'_, '_>, faults: &mut Faults<'_>) -> Option<Duration> {
    let is = |length: &Duration| (Duration::from_secs(1)..=MOST_TIME).contains(length);
    let length = |text: &str| parse_duration(text).ok().filter(is);
    let expected = format!("a duration like 90s, up to {} minutes", MOST_TIME.as_secs() / 60);
    let text = fields.text("timeout", &expected, |text| length(text).is_some(), faults)?;
    length(&text)
}

/// What nothing is said of may destroy.
fn effect(fields: &Fields<'_, '_>, faults: &mut Faults<'_>) -> Effect {
    let Some(node) = fields.get("effect") else {
        return Effect::Destroy;
    };
    match node.text() {
        Some("read") => Effect::Read,
        Some("write") => Effect::Write,
        Some("destroy") => Effect::Destroy,
        _ => {
            faults.expected(node, "effect", "read, write or destroy");
            Effect::Destroy
        }
    }
}

fn program(
    fields: &Fields<'_, '_>,
    parameters: &[Parameter],
    namespaced: bool,
    faults: &mut Faults<'_>,
) -> Option<Program> {
    let account = fields.text(
        "account",
        &format!("an account whose name begins with {ACCOUNT_PREFIX}"),
        is_account,
        faults,
    );
    let image = fields.text(
        "image",
        "an image by digest, registry.example/name@sha256:…",
        is_pinned,
        faults,
    );
    let list = fields.require("argv", faults)?;
    let mut argv = Vec::new();
    for (at, node) in faults.list(list, "argv", MOST_ARGUMENTS).iter().enumerate() {
        if let Some(argument) = argument(node, at, parameters, namespaced, faults) {
            argv.push(argument);
        }
    }
    if argv.is_empty() {
        faults.expected(list, "argv", "a program and its arguments");
    }
    Some(Program {
        account: account?,
        image: image?,
        argv,
    })
}

fn is_account(text: &str) -> bool {
    let own = text.strip_prefix(ACCOUNT_PREFIX);
    own.is_some_and(|own| !own.is_empty()) && text.len() <= 63 && is_subdomain(text) && !text.contains('.')
}

fn is_pinned(text: &str) -> bool {
    is_image_reference(text) && text.contains("@sha256:")
}

/// An argument, and that what stands in it will have a value.
fn argument(
    node: &Node<'_>,
    at: usize,
    parameters: &[Parameter],
    namespaced: bool,
    faults: &mut Faults<'_>,
) -> Option<Argument> {
    // A number that is meant as a text need not be quoted.
    let scalar = match node.scalar() {
        Some(serde_json::Value::String(text)) => Some(text),
        Some(other @ serde_json::Value::Number(_)) => Some(other.to_string()),
        _ => None,
    };
    let Some(text) = scalar.filter(|text| text.len() <= MOST_ARGUMENT) else {
        faults.expected(node, "argv", &format!("a text of up to {MOST_ARGUMENT} bytes"));
        return None;
    };
    match Argument::read(&text).and_then(|argument| sound(argument, at, parameters, namespaced)) {
        Ok(argument) => Some(argument),
        Err(expected) => {
            faults.expected(node, "argv", &expected);
            None
        }
    }
}

fn sound(
    argument: Argument,
    at: usize,
    parameters: &[Parameter],
    namespaced: bool,
) -> Result<Argument, String> {
    let program = argument.before.rsplit('/').next().unwrap_or_default();
    match argument.parameter() {
        Some(_) if at == 0 => Err("a program first, without parameters".to_owned()),
        None if at == 0 && (program.is_empty() || SHELLS.contains(&program)) => {
            Err("a program, and none that is a shell".to_owned())
        }
        None => Ok(argument),
        Some("target.namespace") if !namespaced => Err("no target.namespace: its target has none".to_owned()),
        Some(name) if TARGET.contains(&name) => Ok(argument),
        Some(name) => match parameters.iter().find(|parameter| parameter.name == name) {
            None => Err(format!("a parameter of this action, and {name} is none")),
            Some(parameter) if parameter.required || parameter.default.is_some() => Ok(argument),
            Some(_) => Err(format!(
                "a parameter that is required or has a default, and {name} is neither"
            )),
        },
    }
}
