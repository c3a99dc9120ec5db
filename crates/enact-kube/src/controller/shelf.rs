//! The catalog in force: the built-in actions, and those of ConfigMap `kubernetes-executor-catalog` where the operator switched them on. It
//! is looked at again and again. A file with a fault changes nothing: what was good last stays.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use enact_core::canonical::Digest;
use enact_core::diagnostic::Diagnostic;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Api, Resource as _};

use super::{CATALOG, Context, Trouble};
use crate::catalog::{Catalog, CustomAction, read_custom};

/// The key of the ConfigMap.
pub const CATALOG_KEY: &str = "catalog.yaml";

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// The longest message about a fault, in bytes.
const MOST_MESSAGE: usize = 900;

/// The catalog in force. Whoever works with it takes it once ([`Shelf::now`]) and keeps to that.
#[derive(Debug)]
pub struct Shelf {
    enabled: Vec<String>,
    custom: bool,
    now: RwLock<Arc<Catalog>>,
    seen: Mutex<Seen>,
}

/// What was looked at last.
#[derive(Debug, Default)]
struct Seen {
    /// The digest of the text; of nothing where there is no ConfigMap.
    digest: Option<Digest>,
    /// Was there ever a good one?
    known: bool,
}

/// What came of a look.
#[derive(Debug, Clone, PartialEq)]
pub enum Shelved {
    /// It is what it was.
    Same,
    /// These many custom actions are in force now.
    Replaced(usize),
    /// What is there is faulty, and changes nothing.
    Refused(Vec<Diagnostic>),
}

impl Shelf {
    /// These actions, and never others.
    pub fn fixed(catalog: Catalog) -> Self {
        Self {
            enabled: Vec::new(),
            custom: false,
            now: RwLock::new(Arc::new(catalog)),
            seen: Mutex::default(),
        }
    }

    /// The built-in actions and an operator's; of all these the enabled ones, where any are named.
    pub fn with_custom(enabled: Vec<String>) -> Self {
        let shelf = Self {
            enabled,
            custom: true,
            ..Self::fixed(Catalog::default())
        };
        shelf.put(shelf.merged(Vec::new()));
        shelf
    }

    /// The catalog in force.
    pub fn now(&self) -> Arc<Catalog> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Is it known which custom actions there are? Until it is, an action that is not built in may be one of them.
    pub fn is_known(&self) -> bool {
        !self.custom || self.seen.lock().unwrap_or_else(PoisonError::into_inner).known
    }

    /// Takes the text of a catalog; none: there is no ConfigMap, and so no custom action.
    pub fn take(&self, text: Option<&str>) -> Shelved {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = Digest::of(text.unwrap_or_default().as_bytes());
        if seen.digest.as_ref() == Some(&digest) {
            return Shelved::Same;
        }
        let file = format!("{CATALOG}/{CATALOG_KEY}");
        let read = text.map_or(Ok(Vec::new()), |text| read_custom(&file, text));
        seen.digest = Some(digest);
        match read {
            Ok(actions) => {
                seen.known = true;
                let count = actions.len();
                self.put(self.merged(actions));
                Shelved::Replaced(count)
            }
            Err(faults) => Shelved::Refused(faults),
        }
    }

    fn merged(&self, custom: Vec<CustomAction>) -> Catalog {
        let mut catalog = Catalog::built_in();
        for action in custom {
            // Names were held against each other and the built-in ones when the file was read.
            let _registered = catalog.register(Arc::new(action));
        }
        if self.enabled.is_empty() {
            return catalog;
        }
        catalog.only(&self.enabled)
    }

    fn put(&self, catalog: Catalog) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalog);
    }
}

/// Looks at the ConfigMap again and again; never ends. Where there are no custom actions nothing is looked at.
pub(super) async fn keep(context: &Context) {
    if !context.catalog.custom {
        std::future::pending::<()>().await;
    }
    loop {
        if let Err(trouble) = look(context).await {
            tracing::warn!(%trouble, "ConfigMap {CATALOG} cannot be read; the actions in force stay");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// One look at the ConfigMap. What is new is said in the log, in the metrics, and as an event on the ConfigMap.
///
/// # Errors
/// When it cannot be read. Nothing changes then.
pub async fn look(context: &Context) -> Result<Shelved, Trouble> {
    let maps: Api<ConfigMap> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    let map = maps.get_opt(CATALOG).await?;
    let text = map.as_ref().map(|map| text_of(map).unwrap_or_default());
    let shelved = context.catalog.take(text);
    match &shelved {
        Shelved::Same => {}
        Shelved::Replaced(count) => {
            context.metrics.catalog_taken(*count);
            tracing::info!(actions = count, "the custom actions of {CATALOG} are in force");
            let note = format!("{count} custom actions are in force");
            tell(map.as_ref(), false, note, context).await;
        }
        Shelved::Refused(faults) => {
            context.metrics.catalog_refused();
            for fault in faults.iter().take(16) {
                let fault = told(fault);
                tracing::error!(fault, "the catalog was refused; the actions in force stay");
            }
            tell(map.as_ref(), true, refusal(faults), context).await;
        }
    }
    Ok(shelved)
}

fn text_of(map: &ConfigMap) -> Option<&str> {
    Some(map.data.as_ref()?.get(CATALOG_KEY)?.as_str())
}

/// A fault in one line: `kubernetes-executor-catalog/catalog.yaml:3:5: expected …`.
fn told(fault: &Diagnostic) -> String {
    let position = fault
        .place
        .as_ref()
        .and_then(|place| Some((place, place.position?)));
    let mut text = position.map_or_else(String::new, |(place, position)| {
        format!("{}:{}:{}: ", place.file, position.line, position.column)
    });
    text.push_str(&fault.summary);
    for more in [&fault.detail, &fault.hint].into_iter().flatten() {
        text.push_str("; ");
        text.push_str(more);
    }
    crate::machine::text_cut(&text, MOST_MESSAGE)
}

fn refusal(faults: &[Diagnostic]) -> String {
    let first = faults.first().map(told).unwrap_or_default();
    let more = match faults.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more faults)", count - 1),
    };
    format!("the catalog was refused, the actions in force stay: {first}{more}")
}

/// Tells people, where the ConfigMap is. An event that cannot be written changes nothing.
async fn tell(map: Option<&ConfigMap>, warning: bool, note: String, context: &Context) {
    let Some(map) = map else {
        return;
    };
    let (type_, reason) = if warning {
        (EventType::Warning, "CatalogRefused")
    } else {
        (EventType::Normal, "CatalogTaken")
    };
    let reporter = Reporter {
        controller: "kubernetes-executor".to_owned(),
        instance: Some(context.identity.clone()),
    };
    let event = Event {
        type_,
        reason: reason.to_owned(),
        note: Some(note),
        action: "Look".to_owned(),
        secondary: None,
    };
    let recorder = Recorder::new(context.client.clone(), reporter);
    if let Err(error) = recorder.publish(&event, &map.object_ref(&())).await {
        tracing::warn!(reason, error = %crate::catalog::describe(&error), "an event was not written");
    }
}
