//! A check with `for_each`: it holds when it holds for each item of its list. The first that does not ends it, and is named.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::checks::{Checked, Checks, not_evaluated};
use super::judge::shown_value;
use super::reply::Reply;
use super::values::Known;
use crate::each::MOST_ITEMS;
use crate::expression::{Values, json_value};
use crate::spec::CheckSpec;

impl Checks<'_> {
    /// Looks at one item after the other; each as often as the check says. With the reply of the last look.
    pub(super) async fn each(&self, check: &CheckSpec, list: &Value) -> (Checked, Option<Reply>) {
        let items = match items(list, self.known) {
            Ok(items) => items,
            Err(why) => return (not_evaluated(&why), None),
        };
        let mut last = (not_evaluated("its list is empty, so nothing was looked at"), None);
        // The last look begins when the time is over: it is to see every item too.
        let at_least = Instant::now() + Duration::from_millis(check.timeout.0);
        let until = self.until.map(|until| until.max(at_least));
        for (index, item) in items.iter().enumerate() {
            let which = format!("for {} ({} of {})", shown_value(item), index + 1, items.len());
            if index > 0 && until.is_some_and(|until| Instant::now() >= until) {
                return (
                    does_not_hold(format!("the time was over before it was looked at {which}")),
                    None,
                );
            }
            let known = Known {
                item: Some(item),
                ..*self.known
            };
            let (checked, reply) = self.with(&known).look(check).await;
            let seen = format!("{which}: {}", checked.seen);
            let stopped = checked.stopped;
            if !checked.holds {
                let not = does_not_hold(seen);
                return (Checked { stopped, ..not }, reply);
            }
            last = (Checked::answered(true, seen), reply);
        }
        last
    }

    fn with<'k>(&'k self, known: &'k Known<'k>) -> Checks<'k> {
        Checks {
            provider: self.provider,
            known,
            change: self.change,
            until: self.until,
        }
    }
}

fn does_not_hold(seen: String) -> Checked {
    Checked::answered(false, seen)
}

/// The list as it is now. Its items stand in messages, so none may be secret.
fn items(list: &Value, values: &dyn Values) -> Result<Vec<Value>, String> {
    let datum = json_value(list, values).map_err(|error| format!("its list: {error}"))?;
    let Some(list) = datum.open() else {
        return Err("its list holds a secret, and its items are shown".to_owned());
    };
    let Some(items) = list.as_array() else {
        return Err(format!(
            "it is for each of {}, which is no list",
            shown_value(list)
        ));
    };
    if items.len() > MOST_ITEMS {
        return Err(format!(
            "its list has {} items, and at most {MOST_ITEMS} are looked at",
            items.len()
        ));
    }
    Ok(items.clone())
}
