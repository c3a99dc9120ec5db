//! `enact get`: what is there, managed or not.

use clap::Args;
use enact_core::exit::ExitCode;
use enact_konnect::listing::list;
use enact_konnect::observed::ObservedObject;
use enact_konnect::resources::{KINDS, Kind};
use serde_json::{Value, json};

use super::Context;
use crate::cli::Output;
use crate::connect::{Connection, KonnectFlags, connect};
use crate::error::{CommandError, CommandResult};
use crate::line::api_error;
use crate::views;

/// List what is there, managed or not
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  enact get portals
  enact get portal_pages --parent harbor-portal --output json")]
pub(crate) struct GetArgs {
    /// The kind: `portals` or `portal`, `portal_pages` or `portal_page`
    kind: String,
    /// Only the one of this name
    name: Option<String>,
    /// For children: the name or id of the parent
    #[arg(long, value_name = "NAME|ID")]
    parent: Option<String>,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    konnect: KonnectFlags,
}

pub(crate) async fn run(context: &Context, args: GetArgs) -> CommandResult {
    let kind = find_kind(&args.kind)?;
    let connection = connect(&context.settings, &args.konnect).await?;
    let parent = match (kind.parent(), &args.parent) {
        (Some(link), Some(parent)) => {
            let parent_kind = find_kind(link.kind)?;
            Some(find_one(&connection, parent_kind, None, parent).await?.id)
        }
        (Some(link), None) => {
            return Err(
                CommandError::invalid(format!("a {} belongs to a {}", kind.name, link.kind))
                    .hint(format!("name the {} with --parent", link.kind)),
            );
        }
        (None, _) => None,
    };
    let mut objects = list(&connection.client, kind, parent.as_deref())
        .await
        .map_err(|error| api_error(&error))?;
    if let Some(name) = &args.name {
        objects.retain(|object| object.identity == *name || object.id == *name);
    }
    match args.output {
        Output::Text => views::print_text(&table(&objects))?,
        Output::Json | Output::Yaml => {
            let documents: Vec<Value> = objects.iter().map(|object| document(kind, object)).collect();
            views::print_document(&documents, args.output)?;
        }
    }
    if args.name.is_some() && objects.is_empty() {
        return Err(CommandError::failed("there is no such object"));
    }
    Ok(ExitCode::Ok)
}

/// A kind by its name or its collection's.
pub(crate) fn find_kind(word: &str) -> Result<&'static Kind, CommandError> {
    let word = word.replace('-', "_");
    KINDS
        .get(&word)
        .or_else(|| KINDS.by_collection(&word))
        .ok_or_else(|| {
            let known: Vec<&str> = KINDS.0.iter().map(|kind| kind.collection).collect();
            CommandError::invalid(format!("{word:?} is not a kind that enact manages"))
                .hint(format!("kinds: {}", known.join(", ")))
        })
}

/// The one object with this name or id.
pub(crate) async fn find_one(
    connection: &Connection,
    kind: &'static Kind,
    parent_id: Option<&str>,
    word: &str,
) -> Result<ObservedObject, CommandError> {
    let objects = list(&connection.client, kind, parent_id)
        .await
        .map_err(|error| api_error(&error))?;
    let mut found: Vec<ObservedObject> = objects
        .into_iter()
        .filter(|object| object.identity == word || object.id == word)
        .collect();
    match (found.pop(), found.len()) {
        (Some(object), 0) => Ok(object),
        (Some(_), more) => {
            Err(
                CommandError::invalid(format!("{} {}s are called {word:?}", more + 1, kind.name))
                    .hint("name it by its id"),
            )
        }
        (None, _) => Err(
            CommandError::invalid(format!("there is no {} called {word:?}", kind.name))
                .hint(format!("enact get {} lists them", kind.collection)),
        ),
    }
}

fn table(objects: &[ObservedObject]) -> String {
    let width = objects
        .iter()
        .map(|object| object.identity.chars().count())
        .max()
        .unwrap_or(0)
        .max(4);
    let mut text = format!(
        "{:<width$}  {:<20}  {:<9}  ID\n",
        "NAME", "NAMESPACE", "PROTECTED"
    );
    for object in objects {
        let namespace = object.namespace.as_deref().unwrap_or("-");
        let protected = if object.protected { "yes" } else { "no" };
        text.push_str(&format!(
            "{:<width$}  {namespace:<20}  {protected:<9}  {}\n",
            object.identity, object.id
        ));
    }
    text
}

fn document(kind: &Kind, object: &ObservedObject) -> Value {
    json!({
        "kind": kind.name,
        "id": object.id,
        "name": object.identity,
        "namespace": object.namespace,
        "protected": object.protected,
        "updated_at": object.version,
        "fields": object.snapshot(kind),
    })
}
