//! How people write an action and its parameters: as the catalog names them, or as kubectl does.

use std::collections::BTreeMap;

use crate::catalog::{Parameter, Shape};
use crate::machine::parse_duration;

/// kubectl's words, with the kind that they are meant for where a word means several actions.
const ACTIONS: [(&str, &str, &str); 14] = [
    ("cordon", "", "CordonNode"),
    ("delete", "Pod", "DeletePod"),
    ("delete pod", "", "DeletePod"),
    ("drain", "", "DrainNode"),
    ("patch", "ConfigMap", "PatchConfigMap"),
    ("patch", "Secret", "PatchSecret"),
    ("patch configmap", "", "PatchConfigMap"),
    ("patch secret", "", "PatchSecret"),
    ("restart", "", "RestartDeployment"),
    ("rollout restart", "", "RestartDeployment"),
    ("rollout status", "", "RolloutStatus"),
    ("scale", "", "ScaleDeployment"),
    ("set image", "", "UpdateImage"),
    ("uncordon", "", "UncordonNode"),
];

/// kubectl's names of parameters that are not only written differently.
const PARAMETERS: [(&str, &str); 3] = [
    ("grace", "gracePeriodSeconds"),
    ("graceperiod", "gracePeriodSeconds"),
    ("skipwaitfordeletetimeout", "skipWaitForDeleteTimeoutSeconds"),
];

/// The parameter that says the opposite of `disableEviction`.
const RESPECT: &str = "respectdisruptionbudgets";

/// The catalog's name of an action. A name that is no word of kubectl's stays as it is.
pub(super) fn action(word: &str, kind: Option<&str>) -> String {
    let plain = word.replace(['-', '_'], " ");
    let found = ACTIONS
        .iter()
        .find(|(written, of, _)| *written == plain && (of.is_empty() || kind.is_none_or(|kind| kind == *of)));
    found.map_or_else(|| word.to_owned(), |(_, _, name)| (*name).to_owned())
}

/// The parameters under the catalog's names, with durations as the seconds that it counts in. What is not understood is left as it
/// is, and refused by whoever reads it.
///
/// # Errors
/// When two spellings of one parameter stand side by side.
pub(super) fn parameters(
    takes: &[Parameter],
    written: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    for (key, value) in written {
        let (name, value) = parameter(takes, key, value);
        if found.insert(name.clone(), value).is_some() {
            return Err(format!("parameter given twice: '{name}'"));
        }
    }
    Ok(found)
}

fn parameter(takes: &[Parameter], key: &str, value: &str) -> (String, String) {
    let plain = plain(key);
    let opposite = match value {
        "true" => Some("false"),
        "false" => Some("true"),
        _ => None,
    };
    if let (RESPECT, Some(opposite)) = (plain.as_str(), opposite) {
        return ("disableEviction".to_owned(), opposite.to_owned());
    }
    let word = PARAMETERS.iter().find(|(word, _)| *word == plain);
    let named = word.map_or(plain.clone(), |(_, name)| self::plain(name));
    let known = takes
        .iter()
        .find(|parameter| parameter.name == key || self::plain(&parameter.name) == named);
    match known {
        Some(parameter) => (parameter.name.clone(), seconds(&parameter.shape, value)),
        None => (key.to_owned(), value.to_owned()),
    }
}

/// `ignore_daemonsets`, `ignore-daemonsets` and `ignoreDaemonsets` are one word.
fn plain(name: &str) -> String {
    name.replace(['-', '_'], "").to_ascii_lowercase()
}

/// `5m` where the catalog counts seconds.
fn seconds(shape: &Shape, value: &str) -> String {
    if matches!(shape, Shape::Integer { .. })
        && value.parse::<i64>().is_err()
        && let Ok(duration) = parse_duration(value)
        && duration.subsec_nanos() == 0
    {
        return duration.as_secs().to_string();
    }
    value.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn every_word_means_an_action_of_the_catalog() {
        let catalog = Catalog::built_in();
        for (word, kind, name) in ACTIONS {
            assert!(catalog.exists(name), "{name}");
            assert_eq!(action(word, Some(kind).filter(|kind| !kind.is_empty())), name);
        }
        assert_eq!(action("rollout_restart", None), "RestartDeployment");
        assert_eq!(action("DrainNode", None), "DrainNode");
        assert_eq!(action("explode", None), "explode");
    }

    #[test]
    fn kubectls_parameters_are_read_as_the_catalogs() {
        let takes = Catalog::built_in().get("DrainNode").unwrap().parameters();
        let written = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            parameters(&takes, &pairs.collect())
        };
        let found = written(&[
            ("respect_disruption_budgets", "true"),
            ("ignore_daemonsets", "true"),
            ("delete-emptydir-data", "false"),
            ("grace", "60s"),
            ("timeout", "5m"),
            ("pod_selector", "app=web"),
        ]);
        let expected = [
            ("deleteEmptyDirData", "false"),
            ("disableEviction", "false"),
            ("gracePeriodSeconds", "60"),
            ("ignoreDaemonsets", "true"),
            ("podSelector", "app=web"),
            ("timeout", "300"),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(found, Ok(expected.into()));
        let twice = written(&[("grace", "1s"), ("gracePeriodSeconds", "1")]);
        assert_eq!(
            twice,
            Err("parameter given twice: 'gracePeriodSeconds'".to_owned())
        );
        let unknown = written(&[("wuff", "1")]).unwrap();
        assert_eq!(unknown.get("wuff").map(String::as_str), Some("1"));
    }
}
