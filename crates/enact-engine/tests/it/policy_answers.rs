//! What bundles answer, and how a bundle's shape must not change the answer.

use std::sync::Arc;

use enact_core::change::{Action, Change, ChangeId, Effect};
use enact_core::plan::{Mode, Plan, PlanDraft};
use enact_core::verdict::{Outcome, Verdict};
use enact_engine::policy::PolicyEngine as _;
use enact_engine::policy::asking::InProcess;
use enact_engine::policy::bundle::{Bundle, BundleFile};
use enact_engine::policy::rego::RegoPolicy;
use enact_testkit::fixtures;

fn plan(deletions: usize) -> Plan {
    let deletion = |index: usize| {
        let id = ChangeId(format!("delete:thing:{index}"));
        let mut change = Change::new(id, Action::Delete, "thing", "a", "a");
        change.effect = Effect::Destroy;
        change.resource_id = Some(index.to_string());
        change
    };
    PlanDraft {
        metadata: fixtures::metadata(Mode::Sync),
        document: None,
        changes: (0..deletions).map(deletion).collect(),
        warnings: Vec::new(),
    }
    .freeze()
    .unwrap()
}

fn bundle(files: &[(&str, &str)]) -> Bundle {
    let files = files.iter().map(|(path, text)| BundleFile {
        path: (*path).to_owned(),
        text: (*text).to_owned(),
    });
    Bundle::new("test", files.collect()).unwrap()
}

fn loaded(files: &[(&str, &str)]) -> Result<RegoPolicy, Vec<String>> {
    match InProcess::load(&bundle(files)) {
        Ok((asked, loaded)) => Ok(RegoPolicy::new(loaded, Arc::new(asked))),
        Err(faults) => Err(faults.into_iter().map(|fault| fault.summary).collect()),
    }
}

fn judged(files: &[(&str, &str)], plan: &Plan) -> Verdict {
    loaded(files).unwrap().judge(plan, &fixtures::occasion())
}

/// A rule in one file that uses what others hold. Asked for as a whole, regorus takes the package for evaluated after its
/// first file, and the denial is lost.
const FIRST: &str = "package enact.plan\n";
const DENYING: &str = "package enact.plan
deny contains sprintf(\"%s is bad\", [key]) if {
  some key in [\"max\", \"least\"]
  not is_limit(object.get(section(\"deletions\"), key, null))
}
";
const SETTINGS: &str = "package enact.plan
settings := data.settings if { is_object(data.settings) } else := {}
section(name) := found if { found := settings[name] } else := {}
is_limit(value) if { value == null }
";

#[test]
fn a_package_that_is_spread_over_files_answers_as_one() {
    let data = "{\"settings\": {\"deletions\": {\"max\": \"x\"}}}";
    let one = format!("{FIRST}{}{}", &DENYING[FIRST.len()..], &SETTINGS[FIRST.len()..]);
    let together = judged(&[("a.rego", &one), ("data.json", data)], &plan(1));
    let spread = judged(
        &[
            ("a.rego", FIRST),
            ("b.rego", DENYING),
            ("c.rego", SETTINGS),
            ("data.json", data),
        ],
        &plan(1),
    );
    for verdict in [&together, &spread] {
        assert_eq!(verdict.outcome, Outcome::Deny, "{verdict:?}");
        assert_eq!(verdict.findings[0].message, "max is bad");
    }
    assert_eq!(spread.findings[0].location.as_deref(), Some("b.rego:2"));
}

#[test]
fn a_package_that_is_spread_over_files_can_be_used_through_an_import() {
    let lib = |text: &str| {
        text.replace("package enact.plan", "package lib")
            .replace("deny", "bad")
    };
    let using = "package enact.plan\nimport data.lib as l\ndeny contains x if { some x in l.bad }\n";
    let data = "{\"settings\": {\"deletions\": {\"max\": \"x\"}}}";
    let verdict = judged(
        &[
            ("a.rego", &lib(FIRST)),
            ("b.rego", &lib(DENYING)),
            ("c.rego", &lib(SETTINGS)),
            ("d.rego", using),
            ("data.json", data),
        ],
        &plan(1),
    );
    assert_eq!(verdict.outcome, Outcome::Deny, "{verdict:?}");
}

#[test]
fn a_package_that_is_spread_over_files_cannot_be_used_as_a_whole() {
    let other = "package lib\nbad contains 1\n";
    for using in [
        "deny contains \"x\" if { some name; data.lib[name] }",
        "deny contains \"x\" if { x := data.lib; x.bad }",
        "deny contains \"x\" if { l == {} }",
    ] {
        let text = format!("package enact.plan\nimport data.lib as l\n{using}\n");
        let spread = loaded(&[
            ("a.rego", other),
            ("b.rego", "package lib\nworse := 2\n"),
            ("c.rego", &text),
        ]);
        let faults = spread.unwrap_err();
        assert!(
            faults[0].contains("is spread over several files"),
            "{using}: {faults:?}"
        );
        assert!(loaded(&[("a.rego", other), ("c.rego", &text)]).is_ok(), "{using}");
    }
}

/// OPA lets a local name hide an import; this engine refuses it, so that no reference can mean something else than it says.
#[test]
fn a_local_name_cannot_hide_an_import() {
    let lib = "package lib\nlimit := 5\n";
    let text = "package enact.plan
import data.lib as l
deny contains text if {
  some l in [{\"limit\": 7}]
  text := sprintf(\"%d\", [l.limit])
}
";
    let faults = loaded(&[("lib.rego", lib), ("a.rego", text)]).unwrap_err();
    assert_eq!(faults, ["var `l` used before definition below"]);
}

#[test]
fn the_name_of_the_package_that_asks_is_reserved() {
    let faults = loaded(&[("a.rego", "package enact_question\nplan[\"deny\"] := set()\n")]).unwrap_err();
    assert!(faults[0].contains("reserved"), "{faults:?}");
}

#[test]
fn the_built_in_bundle_caps_deletions_and_nothing_else() {
    let policy = RegoPolicy::built_in();
    assert!(
        policy.loaded().warnings.is_empty(),
        "{:?}",
        policy.loaded().warnings
    );
    let few = policy.judge(&plan(9), &fixtures::occasion());
    assert_eq!((few.outcome, few.findings.len()), (Outcome::Allow, 0), "{few:?}");
    let many = policy.judge(&plan(51), &fixtures::occasion());
    assert_eq!(many.outcome, Outcome::Deny);
    assert_eq!(many.findings[0].rule, "deletions.too_many");
    assert!(
        many.findings[0]
            .location
            .as_ref()
            .unwrap()
            .starts_with("plan/deletions.rego:")
    );
    enact_engine::policy::canaries::actions(&policy).unwrap();
}

#[test]
fn the_built_in_bundle_holds_every_file_of_the_directory() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    // Tests of the values as shipped are no help to somebody who changes them.
    let on_disk = Bundle::read(&folder).unwrap();
    let files = on_disk
        .files()
        .iter()
        .filter(|file| file.path != "plan/shipped_test.rego");
    let on_disk = Bundle::new("policies", files.cloned().collect()).unwrap();
    assert_eq!(on_disk.digest(), enact_engine::policy::default::bundle().digest());
}

/// What depends on a bundle's data alone is checked once, when it is loaded.
#[test]
fn a_bundle_that_finds_fault_with_itself_does_not_load() {
    let rule = "package enact.plan\ndeny contains \"many\" if count(input.plan.changes) > data.limit\n";
    let check = "package enact.bundle
faults contains {\"msg\": \"data.limit must be a number\", \"code\": \"limit.malformed\"} if {
  not is_number(data.limit)
}
";
    let files = |data| [("a.rego", rule), ("check.rego", check), ("data.json", data)];
    assert_eq!(judged(&files("{\"limit\": 1}"), &plan(2)).outcome, Outcome::Deny);
    assert_eq!(judged(&files("{\"limit\": 1}"), &plan(1)).outcome, Outcome::Allow);
    let faults = loaded(&files("{\"limit\": \"1\"}")).unwrap_err();
    assert_eq!(faults, ["data.limit must be a number"]);
    for (wrong, said) in [
        ("faults := 3", "is not a set"),
        ("faults contains 3", "is a number"),
        ("faults contains {\"code\": \"x\"}", "is not usable"),
        ("faults := 1 if false", "nothing answers"),
        (
            "faults contains x if { x := to_number(\"x\") }",
            "cannot check itself",
        ),
    ] {
        let text = format!("package enact.bundle\n{wrong}\n");
        let faults = loaded(&[
            ("a.rego", rule),
            ("check.rego", &text),
            ("data.json", "{\"limit\": 1}"),
        ]);
        let faults = faults.unwrap_err();
        assert!(faults[0].contains(said), "{wrong}: {faults:?}");
    }
}
