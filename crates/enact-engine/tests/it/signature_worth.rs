//! What records count for: the verifier's word against the record's own.

use std::path::Path;

use enact_core::approval::{Approval, ApprovalId, Decision, Method, Signature};
use enact_core::canonical::Digest;
use enact_core::plan::PlanId;
use enact_core::principal::{Principal, PrincipalKind};
use enact_core::verdict::Assurance;
use enact_engine::signature::sign::sign;
use enact_engine::signature::{AllowedSigners, Trust, Worthless, verified};
use enact_testkit::fixtures::{agent, person, start};
use jiff::tz::TimeZone;

/// A key in a directory, and a configuration that knows it as Dana's.
pub(crate) struct Dana {
    folder: tempfile::TempDir,
    pub(crate) trust: Trust,
}

pub(crate) fn dana() -> Dana {
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(folder.path().join("key"))
        .status()
        .unwrap();
    assert!(made.success());
    let public = std::fs::read_to_string(folder.path().join("key.pub")).unwrap();
    let trust = Trust {
        signers: AllowedSigners::parse(&format!("dana@example {public}"), &TimeZone::UTC),
        ..Trust::default()
    };
    Dana { folder, trust }
}

impl Dana {
    pub(crate) fn key(&self) -> std::path::PathBuf {
        self.folder.path().join("key")
    }

    pub(crate) fn key_id(&self) -> String {
        enact_engine::signature::check::fingerprint(&self.trust.signers.lines()[0].key)
    }
}

fn record(by: Principal, method: Method) -> Approval {
    Approval {
        decided_at: start(),
        ..Approval::yes(
            ApprovalId("a1".to_owned()),
            PlanId(Digest::of(b"plan")),
            by,
            method,
        )
    }
}

pub(crate) fn by_key() -> Principal {
    Principal {
        id: "ssh:dana@example".to_owned(),
        kind: PrincipalKind::Person,
    }
}

fn signed(mut record: Approval, key: &Path) -> Approval {
    record.method = Method::Signature;
    let sshsig = sign(key, &record.signed_bytes().unwrap(), "approval@enact").unwrap();
    record.signature = Some(Signature {
        key_id: "SHA256:whatever".to_owned(),
        sshsig,
    });
    record
}

fn worth(record: &Approval, trust: &Trust) -> Result<Approval, String> {
    let mut found = verified(vec![record.clone()], trust, start());
    match (found.approvals.pop(), found.worthless.pop()) {
        (Some(good), None) => Ok(good),
        (None, Some(Worthless { reason, .. })) => Err(reason),
        both => panic!("{both:?}"),
    }
}

#[test]
fn strength_and_roles_come_from_the_verifier_and_never_from_the_record() {
    let mut dana = dana();
    dana.trust
        .roles
        .insert("dba".to_owned(), ["ssh:dana@example".to_owned()].into());
    let mut record = signed(record(by_key(), Method::Signature), &dana.key());
    // Neither is signed; whatever is written there, the answer is the same.
    for (assurance, roles) in [
        (Assurance::Hardware, vec!["cto".to_owned()]),
        (Assurance::None, Vec::new()),
    ] {
        record.assurance = assurance;
        record.roles = roles;
        let judged = worth(&record, &dana.trust).unwrap();
        assert_eq!(judged.assurance, Assurance::Signed);
        assert_eq!(judged.roles, ["dba"]);
        assert_eq!(judged.signature.unwrap().key_id, dana.key_id());
    }
    // A plain key is not made hardware by the configuration; it has no touch to show.
    dana.trust.levels.insert(dana.key_id(), Assurance::Hardware);
    assert_eq!(worth(&record, &dana.trust).unwrap().assurance, Assurance::Signed);
}

#[test]
fn every_part_of_a_signed_record_is_signed() {
    let dana = dana();
    let good = signed(record(by_key(), Method::Signature), &dana.key());
    assert!(worth(&good, &dana.trust).is_ok());
    type Change = fn(&mut Approval);
    let changes: [(&str, Change); 13] = [
        ("approval_id", |record| {
            record.approval_id = ApprovalId("a2".to_owned());
        }),
        ("plan_id", |record| record.plan_id = PlanId(Digest::of(b"other"))),
        ("decision", |record| record.decision = Decision::Rejected),
        ("approver", |record| {
            record.approver.id = "ssh:eva@example".to_owned();
        }),
        ("kind", |record| record.approver.kind = PrincipalKind::Service),
        ("acknowledged", |record| {
            record
                .acknowledged
                .push(enact_core::change::ChangeId("x".to_owned()));
        }),
        ("policy_digest", |record| {
            record.policy_digest = Digest::of(b"other");
        }),
        ("decided_at", |record| {
            record.decided_at += std::time::Duration::from_secs(1);
        }),
        ("not_before", |record| record.not_before = Some(start())),
        ("expires_at", |record| {
            record.expires_at = Some(start() + std::time::Duration::from_secs(9));
        }),
        ("max_runs", |record| record.max_runs = 2),
        ("conditions", |record| {
            record
                .conditions
                .push(enact_core::condition::Condition::CheckpointBetweenSteps);
        }),
        ("said", |record| record.said = Some("yes".to_owned())),
    ];
    for (name, change) in changes {
        let mut changed = good.clone();
        change(&mut changed);
        assert!(worth(&changed, &dana.trust).is_err(), "{name} can be changed");
    }
}

#[test]
fn an_unsigned_record_is_worth_no_more_than_its_method() {
    let trust = Trust::default();
    for (method, expected) in [
        (Method::Prompt, Assurance::Low),
        (Method::Flag, Assurance::None),
        (Method::Waived, Assurance::None),
    ] {
        let mut claim = record(person("ben"), method);
        claim.assurance = Assurance::Hardware;
        claim.roles = vec!["dba".to_owned()];
        claim.signature = Some(Signature {
            key_id: "SHA256:x".to_owned(),
            sshsig: "x".to_owned(),
        });
        let judged = worth(&claim, &trust).unwrap();
        assert_eq!(
            (judged.assurance, judged.roles.len(), judged.signature),
            (expected, 0, None)
        );
        claim.approver.id = "ssh:dana@example".to_owned();
        assert!(worth(&claim, &trust).unwrap_err().contains("not signed"));
    }
    let mut claim = record(by_key(), Method::Signature);
    assert!(worth(&claim, &trust).unwrap_err().contains("has no signature"));
    claim.approver = person("ben");
    assert!(worth(&claim, &trust).unwrap_err().contains("not named by a key"));
}

#[test]
fn agents_are_agents_whatever_their_records_say() {
    let mut dana = dana();
    let good = signed(record(by_key(), Method::Signature), &dana.key());
    for name in [dana.key_id(), "ssh:dana@example".to_owned()] {
        dana.trust.agents = [name].into();
        assert!(!worth(&good, &dana.trust).unwrap().approver.may_decide());
    }
    dana.trust.agents = ["os:bot".to_owned()].into();
    assert!(
        !worth(&record(person("bot"), Method::Prompt), &dana.trust)
            .unwrap()
            .approver
            .may_decide()
    );
    assert!(worth(&good, &dana.trust).unwrap().approver.may_decide());
    // Nobody stops being one by not being listed.
    assert!(
        !worth(&record(agent("helper"), Method::Prompt), &dana.trust)
            .unwrap()
            .approver
            .may_decide()
    );
}
