//! Ways around an approval that an agent or a thief might try, and what becomes of each.

use serde_json::{Value, json};

use crate::approvals_place::Approvals;

const AGENT: &[(&str, &str)] = &[("ENACT_PRINCIPAL_KIND", "agent")];

#[test]
fn an_agent_is_refused_before_anything_else() {
    let here = Approvals::new();
    here.people(&["dana"], "");
    let digits = here.digits().to_owned();
    let tries: [&[&str]; 7] = [
        &["approve", "plan.json", "--digits", &digits],
        &["approve", "plan.json", "--digits", &digits, "--sign-with", "dana"],
        &["approve", "no such file"],
        &["reject", "plan.json"],
        &["approvals", "withdraw", "00"],
        &["apply", "--plan", "plan.json"],
        &["apply", "--plan", "plan.json", "--auto-approve"],
    ];
    for arguments in tries {
        here.with("state", AGENT, arguments)
            .expect(5)
            .says(&["an agent never does"]);
    }
    let listed = here
        .at("state", &["approvals", "list", "--output", "json"])
        .expect(0);
    assert_eq!(listed.json(), json!([]));
    assert_eq!(here.place.effects(), 0);
}

#[test]
fn a_mistyped_kind_of_principal_makes_nobody_a_person() {
    let here = Approvals::new();
    let digits = here.digits().to_owned();
    let approve = ["approve", "plan.json", "--digits", &digits];
    for kind in ["Agent", "AGENT", " agent", "robot", "1", "Person"] {
        here.with("state", &[("ENACT_PRINCIPAL_KIND", kind)], &approve)
            .expect(3)
            .says(&["is no kind of principal", "known are `agent`"]);
    }
    use std::os::unix::ffi::OsStrExt as _;
    let mut odd = here.command("state", &[], &approve);
    odd.env("ENACT_PRINCIPAL_KIND", std::ffi::OsStr::from_bytes(b"agent\xff"));
    assert_eq!(odd.output().unwrap().status.code(), Some(3));
    for kind in ["", "person"] {
        here.with("state", &[("ENACT_PRINCIPAL_KIND", kind)], &approve)
            .expect(0);
    }
}

#[test]
fn a_user_or_a_key_that_is_listed_as_an_agent_never_approves() {
    let here = Approvals::new();
    here.people(&["dana", "bot"], "agents = [\"bot@example\"]");
    here.approve(&["--sign-with", "bot"])
        .expect(5)
        .says(&["ssh:bot@example (agent) may not approve"]);
    // Signed on a machine that does not know; refused where it is known.
    here.settings("");
    here.approve_in("bots", &["--sign-with", "bot", "--out", "approval.json"])
        .expect(0);
    here.settings("agents = [\"bot@example\"]");
    here.apply_in("ci", &["--approval", "approval.json"]).expect(5);
    let record: Value = serde_json::from_str(&here.read("approval.json")).unwrap();
    let key_id = record["signature"]["key_id"].as_str().unwrap();
    here.settings(&format!("agents = [\"{key_id}\"]"));
    here.apply_in("ci", &["--approval", "approval.json"]).expect(5);
    // The operating system's user, by the settings.
    let listed = here.place.run(&["show", "plan.json", "--output", "json"]).json();
    let user = listed["metadata"]["author"]["id"]
        .as_str()
        .unwrap()
        .trim_start_matches("os:")
        .to_owned();
    here.place.write("enact.toml", format!("agents = [\"{user}\"]\n"));
    here.approve(&[]).expect(5).says(&["an agent never does"]);
    here.apply(&["--auto-approve"]).expect(5);
    assert_eq!(here.place.effects(), 0);
}

#[test]
fn an_agent_may_run_what_a_person_signed_and_nothing_that_is_not_signed() {
    let here = Approvals::new();
    here.people(&["dana"], "");
    here.approve_in("laptop", &["--out", "plain.json"]).expect(0);
    let apply = |file: &str| here.with("ci", AGENT, &["apply", "--plan", "plan.json", "--approval", file]);
    apply("plain.json")
        .expect(5)
        .says(&["is not signed", "an agent never approves"]);
    assert_eq!(here.place.effects(), 0);
    here.approve_in("laptop", &["--sign-with", "dana", "--out", "signed.json"])
        .expect(0);
    apply("signed.json").expect(0);
}

#[test]
fn a_record_with_somebody_elses_name_or_key_pasted_in_counts_for_nothing() {
    let here = Approvals::new();
    here.people(&["dana"], "");
    here.key("mallory");
    // Signed by a key of one's own under Dana's name.
    here.place.write(
        "mallory_signers",
        format!("dana@example {}", here.read("mallory.pub")),
    );
    here.place.write(
        "enact.toml",
        "[approvals]\nallowed-signers = \"mallory_signers\"\n",
    );
    here.approve_in("evil", &["--sign-with", "mallory", "--out", "own.json"])
        .expect(0);
    here.settings("");
    here.at("ci", &["approvals", "verify", "own.json"]).expect(5);
    here.apply_in("ci", &["--approval", "own.json"]).expect(5).says(&[
        "own.json: approval",
        "counts for nothing",
        "is not known to be dana@example's",
    ]);
    // Dana's key id pasted over it changes nothing: it is the signature that is looked at.
    here.approve_in("laptop", &["--sign-with", "dana", "--out", "danas.json"])
        .expect(0);
    let danas: Value = serde_json::from_str(&here.read("danas.json")).unwrap();
    here.edit("own.json", |record| {
        record["signature"]["key_id"] = danas["signature"]["key_id"].clone();
    });
    here.apply_in("ci", &["--approval", "own.json"])
        .expect(5)
        .says(&["counts for nothing"]);
    // Dana's signature pasted under other words does not hold.
    here.edit("own.json", |record| {
        record["signature"] = danas["signature"].clone();
    });
    here.apply_in("ci", &["--approval", "own.json"])
        .expect(5)
        .says(&["it does not hold"]);
    // An unsigned record that claims to be Dana's.
    here.edit("own.json", |record| {
        record["method"] = "prompt".into();
        record.as_object_mut().unwrap().remove("signature");
    });
    here.apply_in("ci", &["--approval", "own.json"])
        .expect(5)
        .says(&["it is not signed"]);
    assert_eq!(here.place.effects(), 0);
}

#[test]
fn every_word_of_a_carried_record_is_held_to_its_signature() {
    let here = Approvals::new();
    here.people(&["dana"], "");
    here.approve_in(
        "laptop",
        &[
            "--sign-with",
            "dana",
            "--out",
            "good.json",
            "--say",
            "stop after step 1",
        ],
    )
    .expect(0);
    type Edit = fn(&mut Value);
    let edits: [(&str, Edit); 5] = [
        ("conditions", |record| record["conditions"] = json!([])),
        ("max_runs", |record| record["max_runs"] = json!(99)),
        ("expires_at", |record| {
            record["expires_at"] = json!("2099-01-01T00:00:00Z");
        }),
        ("approval_id", |record| record["approval_id"] = json!("anew")),
        ("decision", |record| record["decision"] = json!("rejected")),
    ];
    for (name, change) in edits {
        here.place.write("bad.json", here.read("good.json"));
        here.edit("bad.json", change);
        here.apply_in("ci", &["--approval", "bad.json"])
            .expect(5)
            .says(&["it does not hold"]);
        assert_eq!(here.place.effects(), 0, "{name}");
    }
    here.place.write("bad.json", "{\"approval_id\": \"x\"}");
    here.apply_in("ci", &["--approval", "bad.json"])
        .expect(3)
        .says(&["cannot be read"]);
    here.apply_in("ci", &["--approval", "nowhere.json"]).expect(3);
}

#[test]
fn a_ledger_that_is_edited_line_by_line_is_refused() {
    let here = Approvals::new();
    here.approve(&["--say", "stop after step 1"]).expect(0);
    here.approve(&["--say", "stop after step 1"]).expect(0);
    for (sql, why) in [
        (
            "UPDATE approvals SET body = replace(body, 'stop_after', 'checkpoint_after') WHERE seq = 1",
            "was changed",
        ),
        ("DELETE FROM approvals WHERE seq = 1", "does not follow"),
    ] {
        here.sql("state", sql);
        let refused = here.apply(&[]).expect(1);
        assert!(
            refused.stderr.contains("the chain of approvals does not hold"),
            "{}",
            refused.stderr
        );
        here.at("state", &["approvals", "verify"]).expect(1).says(&[why]);
        here.at("state", &["approvals", "list"]).expect(1);
        here.approve(&[]).expect(1);
    }
    assert_eq!(here.place.effects(), 0);
}

#[test]
fn a_ledger_that_is_rewritten_as_a_whole_is_worth_no_more_than_a_prompt() {
    let here = Approvals::new();
    here.people(&["dana"], "");
    here.policy("\"assurance\": \"signed\"");
    let policy = ["--policy", "policies"];
    here.approve(&[]).expect(0);
    // Everything that a record can claim, in a chain that holds.
    let claims: [fn(&mut Value); 3] = [
        |record| {
            record["assurance"] = json!("hardware");
            record["method"] = json!("prompt");
            record["roles"] = json!(["dba"]);
        },
        |record| record["method"] = json!("signature"),
        |record| record["approver"]["id"] = json!("ssh:dana@example"),
    ];
    for claim in claims {
        here.rewrite("state", claim);
        here.apply(&policy).expect(5);
    }
    here.at("state", &["approvals", "verify"])
        .expect(5)
        .says(&["1 records, 1 of them count for nothing"]);
    // A signed one, with its conditions taken out.
    here.approve_in(
        "second",
        &[
            &policy[..],
            &["--sign-with", "dana", "--say", "stop after step 1"],
        ]
        .concat(),
    )
    .expect(0);
    here.rewrite("second", |record| record["conditions"] = json!([]));
    here.apply_in("second", &policy)
        .expect(5)
        .says(&["counts for nothing", "it does not hold"]);
    assert_eq!(here.place.effects(), 0);
}

#[test]
fn a_signed_no_cannot_be_taken_back_by_somebody_else() {
    let here = Approvals::new();
    here.people(&["dana", "eva"], "");
    here.at("state", &["reject", "plan.json", "--sign-with", "dana"])
        .expect(0);
    let listed = here
        .at("state", &["approvals", "list", "--output", "json"])
        .json();
    let id = listed[0]["record"]["approval_id"].as_str().unwrap().to_owned();
    here.at("state", &["approvals", "withdraw", &id])
        .expect(5)
        .says(&["ssh:dana@example's, and you are os:"]);
    here.at("state", &["approvals", "withdraw", &id, "--sign-with", "eva"])
        .expect(5);
    here.apply(&["--auto-approve"])
        .expect(5)
        .says(&["ssh:dana@example (person) rejected the plan"]);
    here.at("state", &["approvals", "withdraw", &id, "--sign-with", "dana"])
        .expect(0);
    here.apply(&["--auto-approve"]).expect(0);
}

#[test]
fn keys_are_read_anew_for_every_question() {
    let here = Approvals::new();
    here.people(&["dana"], "");
    here.approve(&["--sign-with", "dana"]).expect(0);
    let known = here.read("allowed_signers");
    // Dana's key is taken out; her approval counts no more.
    here.place.write("allowed_signers", "");
    here.apply(&[])
        .expect(5)
        .says(&["no line of allowed_signers has it"]);
    std::fs::remove_file(here.place.work().join("allowed_signers")).unwrap();
    here.apply(&[])
        .expect(3)
        .says(&["the file of known keys", "cannot be read"]);
    assert_eq!(here.place.effects(), 0);
    here.place.write("allowed_signers", known);
    here.apply(&[]).expect(0);
}
