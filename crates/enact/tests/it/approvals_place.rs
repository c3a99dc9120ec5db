//! What tests of approvals share: a plan, keys, a configuration that knows them, machines that do not know each other.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Place, Ran, ended};

/// A place with a plan that makes three portals, in `plan.json`.
pub(crate) struct Approvals {
    pub(crate) place: Place,
    pub(crate) plan_id: String,
}

pub(crate) const PLAN: &str =
    "portals:\n  - { ref: a, name: a }\n  - { ref: b, name: b }\n  - { ref: c, name: c }\n";

impl Approvals {
    pub(crate) fn new() -> Self {
        let place = Place::new();
        place.write("portals.yaml", PLAN);
        place
            .run(&["plan", "-f", "portals.yaml", "-o", "plan.json"])
            .expect(0);
        let plan: Value =
            serde_json::from_slice(&std::fs::read(place.work().join("plan.json")).unwrap()).unwrap();
        let plan_id = plan["plan_id"].as_str().unwrap().to_owned();
        Self { place, plan_id }
    }

    /// The digits that an approver types.
    pub(crate) fn digits(&self) -> &str {
        &self.plan_id["sha256:".len()..][..6]
    }

    /// `enact approve plan.json --digits …` with more arguments.
    pub(crate) fn approve(&self, arguments: &[&str]) -> Ran {
        self.approve_in("state", arguments)
    }

    /// The same with another state directory: another machine.
    pub(crate) fn approve_in(&self, state: &str, arguments: &[&str]) -> Ran {
        let mut all = vec!["approve", "plan.json", "--digits", self.digits()];
        all.extend(arguments);
        self.at(state, &all)
    }

    /// `enact apply --plan plan.json` with more arguments.
    pub(crate) fn apply(&self, arguments: &[&str]) -> Ran {
        self.apply_in("state", arguments)
    }

    pub(crate) fn apply_in(&self, state: &str, arguments: &[&str]) -> Ran {
        let mut all = vec!["apply", "--plan", "plan.json"];
        all.extend(arguments);
        self.at(state, &all)
    }

    /// A command on the machine with this state directory.
    pub(crate) fn at(&self, state: &str, arguments: &[&str]) -> Ran {
        self.with(state, &[], arguments)
    }

    pub(crate) fn with(&self, state: &str, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
        ended(self.command(state, environment, arguments))
    }

    pub(crate) fn command(&self, state: &str, environment: &[(&str, &str)], arguments: &[&str]) -> Command {
        let mut command = self.place.command(arguments);
        command
            .env("ENACT_STATE_DIR", self.folder(state))
            .envs(environment.iter().copied());
        command
    }

    pub(crate) fn folder(&self, state: &str) -> PathBuf {
        self.place.state().with_file_name(state)
    }

    /// Makes a key `name` and gives back its public line.
    pub(crate) fn key(&self, name: &str) -> String {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", name])
            .current_dir(self.place.work())
            .status()
            .unwrap();
        assert!(made.success());
        self.read(&format!("{name}.pub")).trim().to_owned()
    }

    /// A key for each of these people, known under their names, and more of `[approvals]`.
    pub(crate) fn people(&self, names: &[&str], more: &str) {
        let lines: Vec<String> = names
            .iter()
            .map(|name| format!("{name}@example namespaces=\"approval@enact\" {}", self.key(name)))
            .collect();
        self.place.write("allowed_signers", lines.join("\n"));
        self.settings(more);
    }

    pub(crate) fn settings(&self, more: &str) {
        self.place.write(
            "enact.toml",
            format!("[approvals]\nallowed-signers = \"allowed_signers\"\n{more}\n"),
        );
    }

    /// A policy that asks for this: `"approvals": 2, "not_author": true`.
    pub(crate) fn policy(&self, demand: &str) {
        let rule = format!(
            "package enact.plan\n\nrequire_approval contains {{\"msg\": \"look at it\", \"code\": \"look\", {demand}}} if {{\n  \
             input.plan.summary.total_changes > 0\n}}\n"
        );
        self.place.write("policies/look.rego", rule);
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.place.work().join(name)).unwrap()
    }

    /// A record in a file, changed.
    pub(crate) fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut record: Value = serde_json::from_str(&self.read(name)).unwrap();
        change(&mut record);
        self.place.write(name, record.to_string());
    }

    /// Runs SQL on the ledger of this machine.
    pub(crate) fn sql(&self, state: &str, sql: &str) {
        let database = rusqlite::Connection::open(self.folder(state).join("state.db")).unwrap();
        database.execute_batch(sql).unwrap();
    }

    /// Writes the whole ledger of a machine anew, as somebody would who knows how its chain is made.
    pub(crate) fn rewrite(&self, state: &str, change: impl Fn(&mut Value)) {
        use enact_core::canonical::Digest;
        let database = rusqlite::Connection::open(self.folder(state).join("state.db")).unwrap();
        let mut statement = database
            .prepare("SELECT seq, body FROM approvals ORDER BY seq")
            .unwrap();
        let rows: Vec<(i64, String)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let mut prev = String::new();
        for (seq, body) in rows {
            let mut record: Value = serde_json::from_str(&body).unwrap();
            change(&mut record);
            let (body, plan) = (record.to_string(), record["plan_id"].as_str().unwrap().to_owned());
            let digest = Digest::of(format!("{prev}\n{body}").as_bytes()).to_string();
            database
                .execute(
                    "UPDATE approvals SET plan_id = ?2, prev = ?3, digest = ?4, body = ?5 WHERE seq = ?1",
                    rusqlite::params![seq, plan, prev, digest, body],
                )
                .unwrap();
            prev = digest;
        }
        // Whoever does it well leaves no seal broken and no witness.
        database
            .execute("UPDATE seals SET digest = ?1 WHERE name = 'approvals'", [prev])
            .unwrap();
        std::fs::remove_file(self.folder(state).join("state.db-mark")).unwrap();
    }
}
