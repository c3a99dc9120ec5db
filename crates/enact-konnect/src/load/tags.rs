//! Local tags: `!file` and `!env` are replaced by what they stand for, `!ref` is taken apart for later.

use std::rc::Rc;

use enact_core::diagnostic::Diagnostic;

use super::Environment;
use super::attachment::{self, Attachment};
use super::budget::Budget;
use super::text::{At, Faults, Span, shown};
use super::tree::{Body, FromEnvironment, Node, Special, Target};
use enact_core::yaml::suggest;

/// Tags that have a meaning in a configuration file.
const TAGS: &[&str] = &["ref", "file", "env"];
/// Tags of the format that no field of a managed kind can take.
const UNUSABLE: &[&str] = &["secret", "lookup", "external"];

/// Deals with the tags of one file.
pub(super) struct Tags<'a, 't> {
    /// Reads a file that `!file` names.
    pub(super) attach: &'a mut dyn FnMut(&str) -> Result<Rc<Attachment>, Diagnostic>,
    pub(super) environment: &'a dyn Environment,
    pub(super) budget: &'a mut Budget,
    pub(super) faults: &'a mut Faults<'t>,
    /// The file the tree came from.
    pub(super) file: usize,
    /// How deep a value from the environment may nest.
    pub(super) nesting: usize,
}

impl<'t> Tags<'_, 't> {
    /// Replaces every tagged node below and including `node`. Its depth was bounded when parsing.
    pub(super) fn resolve(&mut self, node: &mut Node<'t>) {
        if let Some(tag) = node.tag.take() {
            return self.tagged(&tag, node);
        }
        match &mut node.body {
            Body::Sequence(items) => items.iter_mut().for_each(|item| self.resolve(item)),
            Body::Mapping(entries) => {
                for entry in entries {
                    self.resolve(&mut entry.value);
                }
            }
            Body::Scalar { .. } | Body::Special(_) | Body::Faulty => {}
        }
    }

    fn tagged(&mut self, tag: &str, node: &mut Node<'t>) {
        let body = match tag {
            "ref" => reference(node).map(|target| Body::Special(Special::Reference(Box::new(target)))),
            "env" => self
                .environment(node)
                .map(|value| Body::Special(Special::Environment(Box::new(value)))),
            "file" => self.file(node).map(|found| found.body),
            _ => Err(unknown(tag)),
        };
        node.body = body.unwrap_or_else(|fault| {
            self.faults.push(self.at(node.span), fault);
            Body::Faulty
        });
    }

    fn file(&mut self, node: &Node<'t>) -> Result<Node<'static>, Diagnostic> {
        let argument = Argument::read("file", "path", node)?;
        let attachment = (self.attach)(&argument.name)?;
        let found = match &argument.extract {
            Some(path) if attachment.structured => attachment::extract(&attachment.node, path)?,
            Some(path) if is_text_file(&attachment) => {
                let fault = format!("nothing can be extracted from {}", shown(&argument.name));
                return Err(Diagnostic::error(fault)
                    .detail("expected a `.yaml`, `.yml` or `.json` file")
                    .hint(format!("leave {} away", shown(&format!("#{path}")))));
            }
            _ => &attachment.node,
        };
        if !self.budget.take_copy(found.size()) {
            let fault = "the files that `!file` pulls in are too large together";
            return Err(Diagnostic::error(fault).hint("split the set into several runs"));
        }
        Ok(found.clone().relocated(node.span))
    }

    fn environment(&mut self, node: &Node<'t>) -> Result<FromEnvironment, Diagnostic> {
        let argument = Argument::read("env", "var", node)?;
        from_environment(
            &argument.name,
            argument.extract.as_deref(),
            self.environment,
            self.nesting,
        )
    }

    fn at(&self, span: Span) -> At {
        At {
            file: self.file,
            span,
        }
    }
}

/// A value of the environment, or the part of it that a path names.
fn from_environment(
    name: &str,
    path: Option<&str>,
    environment: &dyn Environment,
    nesting: usize,
) -> Result<FromEnvironment, Diagnostic> {
    let Some(value) = environment.get(name) else {
        let fault = Diagnostic::error(format!("the environment variable {} is not set", shown(name)));
        return Err(fault.hint("set it (it may be empty), or write the value here"));
    };
    let Some(path) = path else {
        return Ok(FromEnvironment {
            variable: name.to_owned(),
            text: value,
        });
    };
    Ok(FromEnvironment {
        variable: format!("{name}#{path}"),
        text: extracted(name, &value, path, nesting)?,
    })
}

/// The digest of an environment value as it is now, by `VAR` or `VAR#path` as a plan names it; `None` when it is not
/// set or has no such part. The loader put the digest of the same text into the plan.
pub fn environment_digest(variable: &str, environment: &dyn Environment) -> Option<String> {
    let (name, path) = match variable.split_once('#') {
        Some((name, path)) => (name, Some(path)),
        None => (variable, None),
    };
    let nesting = super::Limits::default().nesting;
    let value = from_environment(name, path, environment, nesting).ok()?;
    Some(super::digest::of_text(&value.text))
}

fn extracted(name: &str, value: &str, path: &str, nesting: usize) -> Result<String, Diagnostic> {
    // No message here repeats any part of the value: it may be a secret in the wrong place.
    let parsed = attachment::yaml(value, nesting).map_err(|_| {
        Diagnostic::error(format!("the value of {} is neither JSON nor YAML", shown(name)))
            .hint("only such a value has parts to extract")
    })?;
    let nothing = || {
        let fault = format!(
            "the value of {} has no single value at {}",
            shown(name),
            shown(path)
        );
        Diagnostic::error(fault).hint("check the path behind `#`")
    };
    let found = attachment::extract(&parsed, path).map_err(|_| nothing())?;
    if let (Body::Scalar { text, .. }, false) = (&found.body, found.is_null()) {
        return Ok(text.to_string());
    }
    Err(nothing())
}

fn is_text_file(attachment: &Attachment) -> bool {
    // Extraction from an image is ignored, as the format says.
    attachment
        .node
        .text()
        .is_none_or(|text| !text.starts_with("data:"))
}

/// What follows `!file` and `!env`: `name`, `name#path`, or a mapping of the two.
struct Argument {
    name: String,
    extract: Option<String>,
}

impl Argument {
    fn read(tag: &str, key: &str, node: &Node<'_>) -> Result<Self, Diagnostic> {
        let argument = match &node.body {
            Body::Scalar { text, .. } => Self::short(text),
            Body::Mapping(entries) => {
                let mut argument = Self {
                    name: String::new(),
                    extract: None,
                };
                for entry in entries {
                    let value = simple(tag, &entry.value)?;
                    match &*entry.key {
                        word if word == key => argument.name = value,
                        "extract" => argument.extract = Some(value),
                        word => {
                            let fault = format!("`!{tag}` does not know {}", shown(word));
                            return Err(Diagnostic::error(fault).hint(suggest::hint(word, [key, "extract"])));
                        }
                    }
                }
                argument
            }
            Body::Sequence(_) | Body::Special(_) | Body::Faulty => {
                let fault = format!("`!{tag}` expects a {key}, found {}", node.describe());
                return Err(Diagnostic::error(fault).hint(format!("write `!{tag} {key}`")));
            }
        };
        if argument.name.is_empty() || argument.extract.as_deref() == Some("") {
            let fault = format!("`!{tag}` is not complete");
            let forms =
                format!("expected `!{tag} {key}`, `!{tag} {key}#a.b` or `!{tag} {{{key}: …, extract: a.b}}`");
            return Err(Diagnostic::error(fault).detail(forms));
        }
        Ok(argument)
    }

    fn short(text: &str) -> Self {
        match text.split_once('#') {
            None => Self {
                name: text.trim().to_owned(),
                extract: None,
            },
            Some((name, path)) => Self {
                name: name.trim().to_owned(),
                extract: Some(path.trim().to_owned()),
            },
        }
    }
}

fn simple(tag: &str, node: &Node<'_>) -> Result<String, Diagnostic> {
    if node.tag.is_some() {
        let fault = format!("no other tag may stand inside `!{tag}`");
        return Err(Diagnostic::error(fault).hint("write the value out"));
    }
    if let Body::Scalar { text, .. } = &node.body {
        return Ok(text.to_string());
    }
    let fault = format!("`!{tag}` expects text here, found {}", node.describe());
    Err(Diagnostic::error(fault).hint("write the value out"))
}

fn reference(node: &Node<'_>) -> Result<Target, Diagnostic> {
    let Body::Scalar { text, .. } = &node.body else {
        let fault = format!(
            "`!ref` expects the `ref` of a resource, found {}",
            node.describe()
        );
        return Err(Diagnostic::error(fault).hint("write `!ref other` or `!ref other#field`"));
    };
    let (reference, field) = text.split_once('#').unwrap_or((text, "id"));
    let sound_field = !field.is_empty() && field.split('.').all(|step| !step.is_empty());
    if reference.is_empty() || !sound_field {
        let fault = format!("`!ref {text}` is not complete");
        return Err(Diagnostic::error(fault).detail("expected `!ref other` or `!ref other#field`"));
    }
    Ok(Target {
        reference: reference.to_owned(),
        field: field.to_owned(),
    })
}

fn unknown(tag: &str) -> Diagnostic {
    if UNUSABLE.contains(&tag) {
        return Diagnostic::error(format!("`!{tag}` cannot be used on any field enact manages yet"))
            .detail("`!secret` is for write-only fields, `!lookup` and `!external` for relationships")
            .hint("use `!ref`, `!file` or `!env`, or write the value out");
    }
    let fault = Diagnostic::error(format!("unknown tag {}", shown(&format!("!{tag}"))));
    match suggest::nearest(tag, TAGS.iter().chain(UNUSABLE).copied()) {
        Some(near) => fault.hint(format!("did you mean `!{near}`?")),
        None => fault.hint("known tags: `!ref`, `!file`, `!env`"),
    }
}
