//! `enact dump`: what is there, as configuration.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use enact_core::exit::ExitCode;
use enact_konnect::dump::{Dumped, configuration};
use enact_konnect::listing::list;
use enact_konnect::observe::read_one;
use enact_konnect::observed::ObservedObject;
use enact_konnect::resources::{KINDS, Kind};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::Context;
use super::get::find_kind;
use super::plan::write_private;
use crate::connect::{Connection, KonnectFlags, connect};
use crate::error::{CommandError, CommandResult};
use crate::line::api_error;
use crate::views;

/// Write what is there as configuration
#[derive(Debug, Args)]
#[command(
    after_help = "The file describes the objects as they are: after `enact adopt` an apply of it changes nothing.

Examples:
  enact dump portals > portals.yaml
  enact dump portals portal_pages --name harbor-portal --default-namespace docs -o harbor.yaml"
)]
pub(crate) struct DumpArgs {
    /// The kinds; default: all
    #[arg(value_name = "KIND")]
    kinds: Vec<String>,
    /// Only top-level objects of this name; repeatable
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// Only objects of this namespace
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// The namespace to write for objects that nobody manages
    #[arg(long, value_name = "NAMESPACE", default_value = "default")]
    default_namespace: String,
    /// Write to this file instead of standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    #[command(flatten)]
    konnect: KonnectFlags,
}

pub(crate) async fn run(context: &Context, args: DumpArgs) -> CommandResult {
    let wanted: BTreeSet<&'static str> = if args.kinds.is_empty() {
        KINDS.0.iter().map(|kind| kind.name).collect()
    } else {
        args.kinds
            .iter()
            .map(|word| Ok(find_kind(word)?.name))
            .collect::<Result<_, CommandError>>()?
    };
    let connection = connect(&context.settings, &args.konnect).await?;
    let mut dumped = Vec::new();
    for kind in KINDS.roots() {
        let children: Vec<&'static Kind> = KINDS
            .children_of(kind.name)
            .filter(|child| wanted.contains(child.name))
            .collect();
        if !wanted.contains(kind.name) && children.is_empty() {
            continue;
        }
        let mut objects = list(&connection.client, kind, None)
            .await
            .map_err(|error| api_error(&error))?;
        objects.retain(|object| {
            (args.name.is_empty() || args.name.contains(&object.identity))
                && (args.namespace.is_none() || object.namespace == args.namespace)
        });
        for object in objects {
            dumped.push(with_children(&connection, kind, object, &children).await?);
        }
    }
    let text = views::yaml(&configuration(&dumped, &args.default_namespace))?;
    match &args.output_file {
        Some(path) => write_private(path, text.as_bytes())?,
        None => views::print(&text)?,
    }
    Ok(ExitCode::Ok)
}

async fn with_children(
    connection: &Connection,
    kind: &'static Kind,
    object: ObservedObject,
    kinds: &[&'static Kind],
) -> Result<Dumped, CommandError> {
    let client = &connection.client;
    let mut children = Vec::new();
    for child_kind in kinds {
        let listed = list(client, child_kind, Some(&object.id))
            .await
            .map_err(|error| api_error(&error))?;
        let complete = child_kind.fields.iter().all(|field| field.listed);
        let parent_id = object.id.as_str();
        let full: Vec<ObservedObject> = stream::iter(listed)
            .map(|listed| async move {
                if complete {
                    return Ok(listed);
                }
                let read = read_one(client, child_kind, Some(parent_id), &listed.id).await?;
                Ok(read.map_or(listed.clone(), |full| ObservedObject {
                    identity: listed.identity,
                    ..full
                }))
            })
            .buffered(client.concurrency())
            .try_collect()
            .await
            .map_err(|error| api_error(&error))?;
        children.push((*child_kind, full));
    }
    Ok(Dumped {
        kind,
        object,
        children,
    })
}
