//! Signed approvals: carried between machines, by several people, for roles and strengths, through the real ssh-keygen and agent.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::approvals_place::Approvals;

#[test]
fn a_plan_made_here_approved_there_runs_in_a_third_place() {
    let here = Approvals::new();
    here.people(&["dana"], "");
    here.approve_in("laptop", &["--sign-with", "dana", "--out", "approval.json"])
        .expect(0)
        .says(&["Approved by ssh:dana@example by signature (assurance signed"]);
    // The third place has never heard of either.
    here.at("ci", &["approvals", "verify", "approval.json"])
        .expect(0)
        .says(&["The file is readable: 1 records, 0 of them count for nothing"]);
    here.apply_in("ci", &[]).expect(5);
    here.apply_in("ci", &["--approval", "approval.json"])
        .expect(0)
        .says(&["Approved by ssh:dana@example by signature"]);
    assert_eq!(here.place.effects(), 3);
    // Bringing it again does not make it good again.
    here.apply_in("ci", &["--approval", "approval.json"]).expect(5);
    let listed = here.at("ci", &["approvals", "list"]).expect(0);
    assert_eq!(
        listed.stdout.matches("approved by").count(),
        1,
        "{}",
        listed.stdout
    );
}

#[test]
fn two_people_with_a_role_between_them_who_are_not_the_author() {
    let here = Approvals::new();
    here.people(&["dana", "eva"], "[approvals.roles]\ndba = [\"eva@example\"]");
    here.policy("\"approvals\": 2, \"roles\": [\"dba\"], \"not_author\": true");
    let policy = ["--policy", "policies"];
    here.approve(&policy)
        .expect(5)
        .says(&["wrote the plan, and somebody else is asked for"]);
    here.apply(&policy).expect(5).says(&[
        "policy asks for more than a yes at the prompt: 2 people",
        "enact approve",
    ]);
    here.apply(&[&policy[..], &["--auto-approve"]].concat()).expect(5);
    let dana = |more: &[&str]| here.approve(&[&policy[..], &["--sign-with", "dana"], more].concat());
    dana(&[]).expect(0);
    // The same person twice is one person.
    dana(&[]).expect(0);
    here.apply(&policy).expect(5);
    here.approve(&[&policy[..], &["--sign-with", "eva"]].concat())
        .expect(0);
    here.apply(&policy)
        .expect(0)
        .says(&["ssh:dana@example", "ssh:eva@example"]);
}

#[test]
fn one_key_under_two_names_is_one_person() {
    let here = Approvals::new();
    let key = here.key("dana");
    here.place
        .write("allowed_signers", format!("dana@example,ops@example {key}"));
    here.policy("\"approvals\": 2");
    for name in ["dana@example", "ops@example"] {
        here.settings(&format!("principal = \"{name}\""));
        here.approve(&["--policy", "policies", "--sign-with", "dana"])
            .expect(0)
            .says(&[&format!("Approved by ssh:{name}")]);
    }
    here.apply(&["--policy", "policies"])
        .expect(5)
        .says(&["2 people"]);
}

#[test]
fn two_names_that_the_settings_give_to_one_person_are_one_person() {
    let here = Approvals::new();
    let both = "[approvals.people]\ndana = [\"dana@example\", \"eva@example\"]";
    here.people(&["dana", "eva"], both);
    here.policy("\"approvals\": 2");
    for key in ["dana", "eva"] {
        here.approve(&["--policy", "policies", "--sign-with", key])
            .expect(0);
    }
    here.apply(&["--policy", "policies"]).expect(5);
    here.settings("");
    here.apply(&["--policy", "policies"]).expect(0);
}

#[test]
fn an_author_is_not_somebody_else_by_signing() {
    let here = Approvals::new();
    let listed = here.place.run(&["show", "plan.json", "--output", "json"]).json();
    let author = listed["metadata"]["author"]["id"]
        .as_str()
        .unwrap()
        .trim_start_matches("os:")
        .to_owned();
    here.people(&[&author, "eva"], "");
    here.policy("\"not_author\": true");
    let policy = ["--policy", "policies"];
    here.approve(&[&policy[..], &["--sign-with", &author]].concat())
        .expect(5)
        .says(&["wrote the plan"]);
    here.approve(&[&policy[..], &["--sign-with", "eva"]].concat())
        .expect(0);
    // A record from elsewhere by the author's key does not count either.
    here.apply(&policy).expect(0);
}

#[test]
fn a_policy_can_ask_for_hardware_and_a_plain_key_is_none() {
    let here = Approvals::new();
    here.people(&["dana"], "");
    here.policy("\"assurance\": \"hardware\"");
    here.approve(&["--policy", "policies"])
        .expect(5)
        .says(&["without a signature would count for nothing"]);
    here.approve(&[
        "--policy",
        "policies",
        "--sign-with",
        "dana",
        "--out",
        "approval.json",
    ])
    .expect(0);
    let refused = here.apply(&["--policy", "policies"]).expect(5);
    let refused = refused.says(&["assurance of at least hardware", "is not strong enough"]);
    drop(refused);
    // The record's own word is not asked, and neither is a configuration that calls a plain key hardware.
    here.edit("approval.json", |record| record["assurance"] = "hardware".into());
    let key = here.read("approval.json");
    let key: Value = serde_json::from_str(&key).unwrap();
    let key = key["signature"]["key_id"].as_str().unwrap();
    here.settings(&format!("[approvals.assurance]\n\"{key}\" = \"hardware\""));
    here.apply_in("ci", &["--policy", "policies", "--approval", "approval.json"])
        .expect(5);
    assert_eq!(here.place.effects(), 0);
}

#[test]
fn what_is_kept_here_is_what_ssh_keygen_verifies() {
    let here = Approvals::new();
    here.people(&["dana"], "");
    here.approve(&[
        "--sign-with",
        "dana",
        "--out",
        "approval.json",
        "--say",
        "proceed, step by step",
    ])
    .expect(0);
    let record: enact_core::approval::Approval = serde_json::from_str(&here.read("approval.json")).unwrap();
    here.place.write("message", record.signed_bytes().unwrap());
    here.place.write("message.sig", record.signature.unwrap().sshsig);
    let verified = Command::new("ssh-keygen")
        .args([
            "-Y",
            "verify",
            "-f",
            "allowed_signers",
            "-I",
            "dana@example",
            "-n",
            "approval@enact",
            "-s",
            "message.sig",
        ])
        .current_dir(here.place.work())
        .stdin(std::fs::File::open(here.place.work().join("message")).unwrap())
        .output()
        .unwrap();
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stderr)
    );
}

#[test]
fn a_key_that_only_the_agent_holds_signs() {
    let here = Approvals::new();
    here.people(&["dana"], "");
    let socket = here.place.work().join("agent");
    let mut agent = Command::new("ssh-agent")
        .args(["-D", "-a"])
        .arg(&socket)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !socket.exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let socket = socket.to_str().unwrap();
    let added = Command::new("ssh-add")
        .args(["-q", "dana"])
        .env("SSH_AUTH_SOCK", socket)
        .current_dir(here.place.work())
        .status()
        .unwrap();
    assert!(added.success());
    std::fs::remove_file(here.place.work().join("dana")).unwrap();
    let approve = |environment: &[(&str, &str)]| {
        let arguments = [
            "approve",
            "plan.json",
            "--digits",
            here.digits(),
            "--sign-with",
            "dana.pub",
        ];
        here.with("state", environment, &arguments)
    };
    approve(&[])
        .expect(1)
        .says(&["ssh-keygen made no signature with dana.pub"]);
    approve(&[("SSH_AUTH_SOCK", socket)])
        .expect(0)
        .says(&["Approved by ssh:dana@example by signature"]);
    agent.kill().unwrap();
    agent.wait().unwrap();
    here.apply(&[]).expect(0);
}

#[test]
fn the_key_comes_from_flag_environment_or_settings() {
    let here = Approvals::new();
    here.people(&["dana", "eva", "fay"], "key = \"fay\"");
    here.approve(&[]).expect(0).says(&["Approved by ssh:fay@example"]);
    let arguments = ["approve", "plan.json", "--digits", here.digits()];
    here.with("state", &[("ENACT_APPROVAL_KEY", "eva")], &arguments)
        .expect(0)
        .says(&["Approved by ssh:eva@example"]);
    here.approve(&["--sign-with", "dana"])
        .expect(0)
        .says(&["Approved by ssh:dana@example"]);
    here.approve(&["--sign-with", "nothing"])
        .expect(1)
        .says(&["holds no SSH key"]);
}

#[test]
fn without_ssh_keygen_the_message_says_so() {
    let here = Approvals::new();
    here.people(&["dana"], "");
    let arguments = [
        "approve",
        "plan.json",
        "--digits",
        here.digits(),
        "--sign-with",
        "dana",
    ];
    here.with("state", &[("PATH", "/nowhere")], &arguments)
        .expect(1)
        .says(&["ssh-keygen was not found", "openssh-client"]);
}

#[test]
fn a_key_that_nobody_is_known_by_needs_a_name() {
    let here = Approvals::new();
    here.people(&["dana"], "");
    here.key("eva");
    here.approve(&["--sign-with", "eva"])
        .expect(3)
        .says(&["nothing says whose key"]);
    here.settings("principal = \"eva@example\"");
    here.approve(&["--sign-with", "eva", "--out", "approval.json"])
        .expect(0)
        .says(&["note: the signature does not count on this machine"]);
    here.at("ci", &["approvals", "verify", "approval.json"]).expect(5);
    here.apply(&[])
        .expect(5)
        .says(&["counts for nothing", "no line of allowed_signers has it"]);
    let allowed = format!(
        "{}\neva@example {}",
        here.read("allowed_signers"),
        here.read("eva.pub")
    );
    here.place.write("allowed_signers", allowed);
    here.apply(&[]).expect(0);
}
