//! What an execution asks for, resolved: action, target, parameters, time. Everything that can be said without looking at the cluster.

use std::sync::Arc;
use std::time::Duration;

use enact_core::secret::Secret;

use super::durations::{parse_duration, time_limit};
use super::known::{Known, Question};
use crate::api::{ActionCondition, FailureReason, KubernetesExecution, TargetResource};
use crate::catalog::{
    About, Asked, CatalogAction, MAX_VALUE, Runs, Shape, Target, Typed, VALUES, argv, is_subdomain,
    read_reference, typed,
};

/// The longest time for a condition before.
const MOST_BEFORE: Duration = Duration::from_secs(60);

/// The longest time for a condition after.
const MOST_AFTER: Duration = Duration::from_secs(600);

/// The time for a condition that asks for none.
pub(super) const USUAL_CONDITION: Duration = Duration::from_secs(30);

/// The longest source of a condition, in bytes.
const MOST_REGO: usize = 16 * 1024;

/// The most conditions of each sort.
const MOST_CONDITIONS: usize = 16;

/// Parameters that older requests name the target with. They count only where they say what the target says.
const TARGET_PARAMETERS: [&str; 5] = [
    "namespace",
    "deployment_name",
    "pod_name",
    "node_name",
    "configmap_name",
];

/// What is asked for.
#[derive(Clone)]
pub struct Resolved {
    /// The action.
    pub action: Arc<dyn CatalogAction>,
    /// What it is asked.
    pub asked: Asked,
    /// How long it may take.
    pub limit: Duration,
    /// The patch as it was read from where the request says that it stands.
    pub values: Option<Secret<String>>,
}

impl Resolved {
    /// The argv of an operator's program, parameters filled in; none where the Job runs this program.
    ///
    /// # Errors
    /// When a value cannot stand where its parameter stands.
    pub(super) fn argv(&self) -> Result<Option<Vec<String>>, String> {
        match &self.action.about().runs {
            Runs::Ourselves => Ok(None),
            Runs::Program(program) => argv(&program.argv, &self.asked).map(Some),
        }
    }
}

/// Why it cannot be resolved.
pub(super) type Refused = (FailureReason, String);

/// Checks action and parameters, which is all that an execution must have to be looked at further.
///
/// # Errors
/// Why it fails for good: reason and message.
pub(super) fn check_request(known: &Known<'_>) -> Result<Arc<dyn CatalogAction>, Refused> {
    let object = known.object;
    let action = known.catalog.get(&object.spec.action);
    let action = action.ok_or_else(|| {
        (
            FailureReason::UnknownAction,
            known.catalog.unknown(&object.spec.action),
        )
    })?;
    if let Some(cluster) = &object.spec.cluster {
        let cluster = short(cluster);
        let why = format!("spec.cluster names {cluster:?}, and this executor acts in its own cluster only");
        return Err(invalid(&why));
    }
    parameters(object, action.as_ref(), None).map_err(|faults| invalid(&faults.join("; ")))?;
    time_limit(object.spec.timeout.as_deref(), action.about().timeout).map_err(|why| invalid(&why))?;
    check_conditions(known).map_err(|why| invalid(&why))?;
    Ok(action.clone())
}

fn invalid(why: &str) -> Refused {
    (
        FailureReason::InvalidParameters,
        format!("parameter validation failed: {why}"),
    )
}

/// Resolves what an execution asks for.
///
/// # Errors
/// Why it fails for good: reason and message.
pub fn resolve(known: &Known<'_>) -> Result<Resolved, Refused> {
    let object = known.object;
    let action = check_request(known)?;
    let target = target(object, action.as_ref()).map_err(|why| invalid(&why))?;
    let parameters =
        parameters(object, action.as_ref(), Some(&target)).map_err(|faults| invalid(&faults.join("; ")))?;
    let limit =
        time_limit(object.spec.timeout.as_deref(), action.about().timeout).map_err(|why| invalid(&why))?;
    Ok(Resolved {
        asked: Asked {
            target,
            parameters,
            on_behalf_of: on_behalf_of(object),
            now: super::status::stamp(known.now),
        },
        action,
        limit,
        values: None,
    })
}

/// The same with what stands elsewhere, once it is known.
///
/// # Errors
/// That it is to be read first, or why there is no such thing.
pub(super) fn filled(known: &Known<'_>, resolved: &Resolved) -> Result<Resolved, Unfilled> {
    let Some(text) = resolved.asked.parameters.text(VALUES) else {
        return Ok(resolved.clone());
    };
    let refused = |why: &str| Unfilled::Refused(format!("{VALUES} {}: {why}", short(text)));
    let (name, key) = read_reference(text).map_err(|why| refused(&why))?;
    let values = match &known.facts.values {
        None => {
            return Err(Unfilled::Ask(Question::Values {
                namespace: resolved.asked.target.namespace.clone().unwrap_or_default(),
                name: name.to_owned(),
                key: key.to_owned(),
            }));
        }
        Some(Err(why)) => return Err(refused(why)),
        Some(Ok(values)) if values.expose().len() > MAX_VALUE => {
            return Err(refused(&format!("it is longer than {MAX_VALUE} bytes")));
        }
        Some(Ok(values)) => values,
    };
    let patch = Shape::Json.read(values.expose()).map_err(|why| refused(&why))?;
    let mut resolved = resolved.clone();
    resolved.asked.parameters.0.insert("patch".to_owned(), patch);
    resolved.values = Some(values.clone());
    Ok(resolved)
}

/// Why a request is not whole yet.
pub(super) enum Unfilled {
    /// This is to be found out first.
    Ask(Question),
    /// It cannot be had; in words, without what it holds.
    Refused(String),
}

/// `namespace/name/uid`.
pub(super) fn on_behalf_of(object: &KubernetesExecution) -> String {
    let metadata = &object.metadata;
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    format!(
        "{}/{}/{}",
        text(&metadata.namespace),
        text(&metadata.name),
        text(&metadata.uid)
    )
}

fn target(object: &KubernetesExecution, action: &dyn CatalogAction) -> Result<Target, String> {
    let written = object.spec.target_resource.clone().unwrap_or_default();
    read_target(written, object.metadata.namespace.as_deref(), action.about())
}

/// The target of an action, with the namespace of the request where it names none.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn read_target(
    written: TargetResource,
    own: Option<&str>,
    about: &About,
) -> Result<Target, String> {
    if let Some(kind) = &written.kind
        && kind != about.kind
    {
        return Err(format!(
            "{} is for a {}, not for a {}",
            about.name,
            about.kind,
            short(kind)
        ));
    }
    let name = written.name.unwrap_or_default();
    if name.is_empty() {
        return Err("targetResource.name is missing".to_owned());
    }
    if !is_subdomain(&name) {
        return Err(format!(
            "targetResource.name {:?} is not the name of an object",
            short(&name)
        ));
    }
    let given = written.namespace.filter(|namespace| !namespace.is_empty());
    let namespace = match (about.namespaced, given) {
        (false, Some(namespace)) => {
            return Err(format!(
                "a {} belongs to no namespace, not to {:?}",
                about.kind,
                short(&namespace)
            ));
        }
        (false, None) => None,
        (true, given) => given.or_else(|| own.map(ToOwned::to_owned)),
    };
    if let Some(namespace) = &namespace
        && (!is_subdomain(namespace) || namespace.contains('.'))
    {
        return Err(format!(
            "targetResource.namespace {:?} is not the name of a namespace",
            short(namespace)
        ));
    }
    Ok(Target {
        kind: about.kind.to_owned(),
        namespace,
        name,
    })
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

/// The parameters as what they are. Those that name the target again must say the same, once it is known.
fn parameters(
    object: &KubernetesExecution,
    action: &dyn CatalogAction,
    target: Option<&Target>,
) -> Result<Typed, Vec<String>> {
    let mut written = object.spec.parameters.clone();
    let mut faults = Vec::new();
    for key in TARGET_PARAMETERS {
        let Some(value) = written.remove(key) else {
            continue;
        };
        let same = |target: &Target| match key {
            "namespace" => target.namespace.as_deref() == Some(value.as_str()),
            _ => key == format!("{}_name", target.kind.to_lowercase()) && target.name == value,
        };
        if !target.is_none_or(same) {
            faults.push(format!(
                "parameter '{key}' names another target than targetResource"
            ));
        }
    }
    match typed(&action.parameters(), &written) {
        Ok(parameters) => {
            faults.extend(action.fits(&parameters).err());
            if faults.is_empty() {
                Ok(parameters)
            } else {
                Err(faults)
            }
        }
        Err(more) => Err(faults.into_iter().chain(more).collect()),
    }
}

fn check_conditions(known: &Known<'_>) -> Result<(), String> {
    let spec = &known.object.spec;
    let sorts = [
        ("preConditions", &spec.pre_conditions, MOST_BEFORE),
        ("postConditions", &spec.post_conditions, MOST_AFTER),
    ];
    for (name, conditions, most) in sorts {
        if conditions.len() > MOST_CONDITIONS {
            return Err(format!("more than {MOST_CONDITIONS} {name}"));
        }
        for condition in conditions {
            check_condition(condition, most, known.settings.allow_inline_conditions)
                .map_err(|why| format!("{name} {:?}: {why}", short(&condition.kind)))?;
        }
    }
    Ok(())
}

fn check_condition(condition: &ActionCondition, most: Duration, inline: bool) -> Result<(), String> {
    if condition.rego.len() > MOST_REGO {
        return Err(format!("its Rego is longer than {MOST_REGO} bytes"));
    }
    if !inline && !condition.rego.starts_with("configmap:") {
        return Err("its Rego stands in the request, and here only conditions of the operator (configmap:KEY) may be used".to_owned());
    }
    for text in [&condition.timeout, &condition.stable_for].into_iter().flatten() {
        if parse_duration(text)? > most {
            return Err(format!("{text} is longer than {} seconds", most.as_secs()));
        }
    }
    Ok(())
}

/// How long a condition may take to hold.
pub(super) fn condition_limit(condition: &ActionCondition) -> Duration {
    let written = condition.timeout.as_deref().map(parse_duration);
    written.and_then(Result::ok).unwrap_or(USUAL_CONDITION)
}

/// How long a condition must go on to hold.
pub(super) fn condition_stable(condition: &ActionCondition) -> Duration {
    let written = condition.stable_for.as_deref().map(parse_duration);
    written.and_then(Result::ok).unwrap_or(Duration::ZERO)
}
