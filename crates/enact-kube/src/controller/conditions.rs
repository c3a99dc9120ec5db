//! Conditions in Rego: each is compiled alone, asked with the request and what was read for it, and can only make an answer stricter.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use enact_core::canonical::Digest;
use enact_core::diagnostic::Diagnostic;
use enact_engine::policy::bundle::{Bundle, BundleFile};
use enact_engine::policy::input::{ActionInput, ConditionInput};
use enact_engine::policy::rego::RegoPolicy;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use super::{CONDITIONS, Context, Trouble, facts};
use crate::api::{ActionCondition, ConditionResult, KubernetesExecution};
use crate::machine::{ConditionFact, Which, stamp, text_cut};

/// Turns the source of a condition into something that can be asked. Blocks.
pub type LoadCondition = dyn Fn(&Bundle) -> Result<RegoPolicy, Vec<Diagnostic>> + Send + Sync;

/// The most compiled conditions that are kept. Each keeps a process.
const MOST_KEPT: usize = 16;

/// The longest message of a result, in bytes.
const MOST_MESSAGE: usize = 512;

/// The compiled conditions, by their source.
pub struct Conditions {
    load: Arc<LoadCondition>,
    kept: Mutex<BTreeMap<Digest, RegoPolicy>>,
}

impl Conditions {
    /// Conditions that are loaded so.
    pub fn new(load: Arc<LoadCondition>) -> Self {
        Self {
            load,
            kept: Mutex::default(),
        }
    }

    fn kept(&self, digest: &Digest) -> Option<RegoPolicy> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(digest).cloned()
    }

    fn keep(&self, digest: Digest, policy: RegoPolicy) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(digest, policy);
    }
}

/// How these conditions stand, in order. All of them, whatever the first says.
pub(super) async fn evaluate(
    object: &KubernetesExecution,
    which: Which,
    indices: &[usize],
    input: &ActionInput,
    context: &Context,
) -> Result<Vec<ConditionFact>, Trouble> {
    let all = match which {
        Which::Before => &object.spec.pre_conditions,
        Which::After => &object.spec.post_conditions,
    };
    let state = facts::read(input, context).await;
    let operators = operators(context).await?;
    let mut found = Vec::new();
    for index in indices {
        let Some(condition) = all.get(*index) else {
            continue;
        };
        let result = match (&state, source(condition, &operators)) {
            (Ok(state), Ok(source)) => ask(condition, source, input, state, context).await,
            (Err(why), _) => unknown(
                condition,
                &format!("what it asks about could not be read: {why}"),
                context,
            ),
            (_, Err(why)) => unknown(condition, &why, context),
        };
        found.push(ConditionFact {
            index: *index,
            result,
        });
    }
    Ok(found)
}

async fn operators(context: &Context) -> Result<BTreeMap<String, String>, Trouble> {
    let maps: Api<ConfigMap> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    Ok(maps
        .get_opt(CONDITIONS)
        .await?
        .and_then(|map| map.data)
        .unwrap_or_default())
}

fn source(condition: &ActionCondition, operators: &BTreeMap<String, String>) -> Result<String, String> {
    match condition.rego.strip_prefix("configmap:") {
        None => Ok(condition.rego.clone()),
        Some(key) => operators
            .get(key)
            .cloned()
            .ok_or_else(|| format!("ConfigMap {CONDITIONS} has no key {:?}", text_cut(key, 64))),
    }
}

/// Asks one condition. Only `true` passes.
async fn ask(
    condition: &ActionCondition,
    source: String,
    input: &ActionInput,
    state: &BTreeMap<String, serde_json::Value>,
    context: &Context,
) -> ConditionResult {
    let digest = Digest::of(source.as_bytes());
    let policy = match context.conditions.kept(&digest) {
        Some(policy) => policy,
        None => match compile(condition, source, context).await {
            Ok(policy) => {
                context.conditions.keep(digest, policy.clone());
                policy
            }
            Err(why) => return unknown(condition, &why, context),
        },
    };
    let question = ConditionInput {
        action: input.clone(),
        state: state.clone(),
    };
    let asked = tokio::task::spawn_blocking(move || policy.judge_condition(&question)).await;
    match asked {
        Ok(decision) => ConditionResult {
            condition_type: condition.kind.clone(),
            evaluated: decision.evaluated,
            passed: decision.passed,
            error_message: decision.error.map(|why| text_cut(&why, MOST_MESSAGE)),
            evaluation_time: stamp(context.clock.now()),
            attempts: Some(1),
        },
        Err(_) => unknown(condition, "the policy engine failed inside", context),
    }
}

async fn compile(
    condition: &ActionCondition,
    source: String,
    context: &Context,
) -> Result<RegoPolicy, String> {
    let file = BundleFile {
        path: "condition.rego".to_owned(),
        text: source,
    };
    let bundle =
        Bundle::new(format!("condition {}", condition.kind), vec![file]).map_err(|fault| fault.summary)?;
    let load = context.conditions.load.clone();
    let loaded = tokio::task::spawn_blocking(move || load(&bundle)).await;
    let policy = match loaded {
        Ok(Ok(policy)) => policy,
        Ok(Err(faults)) => {
            let first = faults
                .first()
                .map_or("it is not a policy", |fault| fault.summary.as_str());
            return Err(format!("it does not compile: {first}"));
        }
        Err(_) => return Err("the policy engine failed inside".to_owned()),
    };
    if !policy.loaded().declares("condition", "allow") {
        return Err("it must be `package condition` and declare `allow`".to_owned());
    }
    Ok(policy)
}

/// One that could not be found out: it does not pass.
fn unknown(condition: &ActionCondition, why: &str, context: &Context) -> ConditionResult {
    ConditionResult {
        condition_type: condition.kind.clone(),
        evaluated: false,
        passed: false,
        error_message: Some(text_cut(why, MOST_MESSAGE)),
        evaluation_time: stamp(context.clock.now()),
        attempts: Some(1),
    }
}
