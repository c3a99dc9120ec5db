//! Each setting by the origin's names, from each place that can say it: built in, `enact.toml`, the runbook, an approval's
//! condition, a policy that pins it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Place, repository};

/// A setting, the phase that names it (flat where empty), and what holds where nobody says anything.
struct Setting {
    key: &'static str,
    phase: &'static str,
    built_in: Value,
    /// Two other values, or both of a switch: as `enact.toml` and as a runbook writes them, and as they are frozen.
    values: [(&'static str, &'static str, Value); 2],
}

fn switch(key: &'static str, phase: &'static str, built_in: bool) -> Setting {
    Setting {
        key,
        phase,
        built_in: json!(built_in),
        values: [("true", "true", json!(true)), ("false", "false", json!(false))],
    }
}

fn settings() -> Vec<Setting> {
    let planning = "planning_phase";
    let execution = "execution_phase";
    let verification = "verification_phase";
    vec![
        Setting {
            key: "max_plan_steps",
            phase: planning,
            built_in: json!(50),
            values: [("7", "7", json!(7)), ("400", "400", json!(400))],
        },
        switch("require_approval", planning, true),
        switch("show_estimated_time", planning, true),
        switch("stop_on_error", execution, true),
        switch("log_progress", execution, true),
        switch("allow_skip", execution, false),
        switch("run_tests", verification, true),
        switch("run_lint", verification, true),
        switch("run_typecheck", verification, true),
        switch("allow_plan_revision", "", false),
        switch("checkpoint_between_steps", "", false),
        Setting {
            key: "default_timeout",
            phase: "",
            built_in: json!(1_800_000),
            values: [
                ("60000", "1m", json!(60_000)),
                ("7200000", "2h", json!(7_200_000)),
            ],
        },
    ]
}

fn runbook(place: &Place, settings: &str) {
    place.write(
        "two.plan.yaml",
        format!(
            "version: enact/v1\nkind: Plan\nname: two\ntitle: Two\nsettings: {{ {settings} }}\n\
             requirements: [{{ id: R1, text: \"x\" }}]\nsteps:\n\
             \x20 - {{ id: a, title: One, exec: [\"true\"], rollback: none }}\n\
             \x20 - {{ id: b, title: Two, exec: [\"true\"], rollback: none }}\n\
             acceptance: [{{ id: C1, text: \"Yes\", check: {{ exec: [\"true\"] }} }}]\n"
        ),
    );
}

/// `[plan_execute_pattern…]` with one setting, by its phase or by its flat name.
fn configuration(place: &Place, phase: &str, key: &str, value: &str) {
    let table = if phase.is_empty() {
        "[plan_execute_pattern]".to_owned()
    } else {
        format!("[plan_execute_pattern.{phase}]")
    };
    place.write("enact.toml", format!("{table}\n{key} = {value}\n"));
}

/// What is frozen for each setting by its name.
fn frozen(place: &Place) -> serde_json::Map<String, Value> {
    place
        .run(&[
            "plan",
            "-f",
            "two.plan.yaml",
            "-o",
            "plan.json",
            "--policy",
            "free",
        ])
        .expect(0);
    let text = std::fs::read_to_string(place.work().join("plan.json")).unwrap();
    let plan: Value = serde_json::from_str(&text).unwrap();
    let mut found = plan["document"]["settings"].as_object().unwrap().clone();
    for verification in plan["document"]["verification"].as_array().unwrap() {
        let name = format!("run_{}", verification["name"].as_str().unwrap());
        found.insert(name, verification["wanted"].clone());
    }
    found
}

fn place() -> Place {
    let place = Place::new();
    place.write(
        "free/free.rego",
        "package enact.plan\n\nwarn contains \"none\" if false\n",
    );
    place
}

#[test]
fn every_setting_is_in_the_table() {
    let place = place();
    runbook(&place, "");
    let frozen: BTreeSet<String> = frozen(&place).keys().cloned().collect();
    let table: BTreeSet<String> = settings().iter().map(|setting| setting.key.to_owned()).collect();
    assert_eq!(frozen, table);
}

#[test]
fn each_setting_is_what_the_runbook_says_else_the_configuration_else_what_is_built_in() {
    let place = place();
    for setting in settings() {
        let key = setting.key;
        let is =
            |value: &Value, where_from: &str| assert_eq!(frozen(&place)[key], *value, "{key}: {where_from}");
        place.write("enact.toml", "");
        runbook(&place, "");
        is(&setting.built_in, "built in");
        let [one, other] = &setting.values;
        for (configured, said) in [(one, other), (other, one)] {
            configuration(&place, setting.phase, key, configured.0);
            runbook(&place, "");
            is(&configured.2, "configured");
            runbook(&place, &format!("{key}: {}", said.1));
            is(&said.2, "said by the runbook, against the configuration");
            if !setting.phase.is_empty() {
                runbook(&place, &format!("{}: {{ {key}: {} }}", setting.phase, said.1));
                is(&said.2, "said by the runbook in its phase");
            }
            place.write("enact.toml", "");
            runbook(&place, &format!("{key}: {}", said.1));
            is(&said.2, "said by the runbook alone");
        }
        println!("{key}: built in, configured and said, each value");
    }
}

#[test]
fn the_origins_other_name_and_flat_names_mean_the_same() {
    let place = place();
    for (phase, key) in [
        ("", "require_user_approval"),
        ("", "require_approval"),
        ("planning_phase", "require_user_approval"),
    ] {
        configuration(&place, phase, key, "false");
        runbook(&place, "");
        assert_eq!(frozen(&place)["require_approval"], json!(false), "{phase} {key}");
        runbook(&place, "require_user_approval: true");
        assert_eq!(frozen(&place)["require_approval"], json!(true), "{phase} {key}");
    }
    configuration(&place, "", "max_plan_steps", "9");
    runbook(&place, "");
    assert_eq!(frozen(&place)["max_plan_steps"], json!(9));
}

#[test]
fn switched_off_is_switched_off_in_every_place_that_can_say_it() {
    let place = place();
    let refused = |place: &Place| {
        for command in [
            vec!["plan", "-f", "two.plan.yaml"],
            vec!["run", "two.plan.yaml", "--auto-approve"],
            vec!["check", "two.plan.yaml"],
        ] {
            let ran = place.run(&command).expect(3);
            assert!(ran.all().contains("runbooks are switched off"), "{}", ran.all());
        }
    };
    configuration(&place, "", "enabled", "false");
    runbook(&place, "");
    refused(&place);
    place.write("enact.toml", "");
    runbook(&place, "enabled: false");
    refused(&place);
    runbook(&place, "enabled: true");
    frozen(&place);
}

/// A copy of the shipped policies in which each of these settings is pinned.
fn pinned(place: &Place, pins: &[(&str, &str)]) {
    let from = repository().join("policies");
    for folder in ["", "plan", "settings", "lib"] {
        let Ok(entries) = std::fs::read_dir(from.join(folder)) else {
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_file() && !name.ends_with("_test.rego") {
                let to = format!("pinned/{folder}/{name}");
                place.write(&to, std::fs::read(&path).unwrap());
            }
        }
    }
    let data = std::fs::read_to_string(from.join("data.yaml")).unwrap();
    let (before, block) = data.split_once("    runbook_settings:\n").unwrap();
    let mut block = block.to_owned();
    for (key, value) in pins {
        let old = ["null", "true"].map(|shipped| format!("\n      {key}: {shipped}\n"));
        let old = old.iter().find(|old| block.contains(*old)).unwrap();
        block = block.replacen(old, &format!("\n      {key}: {value}\n"), 1);
    }
    place.write(
        "pinned/data.yaml",
        format!("{before}    runbook_settings:\n{block}"),
    );
}

#[test]
fn a_setting_that_policy_pins_is_loosened_nowhere() {
    let place = place();
    // The pin as policy writes it; what is as strict; what is looser.
    let pins = [
        ("max_plan_steps", "30", "30", "31"),
        ("require_approval", "true", "true", "false"),
        ("show_estimated_time", "true", "true", "false"),
        ("stop_on_error", "true", "true", "false"),
        ("log_progress", "true", "true", "false"),
        ("allow_skip", "false", "false", "true"),
        ("run_tests", "true", "true", "false"),
        ("run_lint", "true", "true", "false"),
        ("run_typecheck", "true", "true", "false"),
        ("allow_plan_revision", "false", "false", "true"),
        ("checkpoint_between_steps", "true", "true", "false"),
        ("longest_timeout", "\"1h\"", "1h", "61m"),
    ];
    let key_of = |pin: &'static str| {
        if pin == "longest_timeout" {
            "default_timeout"
        } else {
            pin
        }
    };
    let table: BTreeSet<&str> = settings().iter().map(|setting| setting.key).collect();
    assert_eq!(
        pins.map(|(pin, ..)| key_of(pin))
            .into_iter()
            .collect::<BTreeSet<_>>(),
        table
    );
    pinned(&place, &pins.map(|(pin, value, ..)| (pin, value)));
    let said = |looser: Option<&str>| -> String {
        let one = pins.map(|(pin, _, strict, loose)| {
            let value = if looser == Some(pin) { loose } else { strict };
            format!("{}: {value}", key_of(pin))
        });
        one.join(", ")
    };
    let plan = ["plan", "-f", "two.plan.yaml", "--policy", "pinned"];
    runbook(&place, &said(None));
    place.run(&plan).expect(0);
    for (pin, ..) in pins {
        runbook(&place, &said(Some(pin)));
        let denied = place.run(&plan).expect(4);
        let names = format!("data.enact.settings.runbook_settings.{pin}");
        assert!(denied.all().contains(&names), "{pin}: {}", denied.all());
        println!("{pin}: pinned");
    }
    // What the configuration says, where the runbook says nothing, is judged the same.
    runbook(&place, &said(None).replace("stop_on_error: true, ", ""));
    configuration(&place, "execution_phase", "stop_on_error", "false");
    let denied = place.run(&plan).expect(4);
    assert!(
        denied.all().contains("runbook_settings.stop_on_error"),
        "{}",
        denied.all()
    );
}

#[test]
fn a_condition_tightens_what_runbook_and_configuration_leave_loose_and_loosens_nothing() {
    let place = place();
    let run = |condition: &[&str]| {
        let made = ["plan", "-f", "two.plan.yaml", "-o", "plan.json"];
        place.run(&made).expect(0);
        let shown = place
            .run(&["show", "plan.json", "--output", "json"])
            .expect(0)
            .json();
        let digits = shown["plan_id"].as_str().unwrap()["sha256:".len()..][..6].to_owned();
        let approve = [&["approve", "plan.json", "--digits", &digits], condition].concat();
        place.run(&approve).expect(0);
        place.run(&["run", "plan.json"]).code
    };
    configuration(&place, "", "checkpoint_between_steps", "false");
    runbook(&place, "checkpoint_between_steps: false");
    assert_eq!(run(&[]), 0);
    assert_eq!(run(&["--condition", "checkpoint_between_steps"]), 9);
    // There is no condition that takes a checkpoint away.
    runbook(&place, "checkpoint_between_steps: true");
    assert_eq!(run(&[]), 9);
    let loosening = place.run(&[
        "approve",
        "plan.json",
        "--condition",
        "checkpoint_between_steps=false",
    ]);
    assert_ne!(loosening.code, 0, "{}", loosening.all());
}
