//! People's words to a run: what a key's owner said counts, and nothing that anybody else wrote in their name.

use std::collections::BTreeSet;

use enact_core::approval::Signature;
use enact_core::change::ChangeId;
use enact_core::journal::{Entry, Fact, Proof, RunId, RunState};
use enact_core::principal::Principal;
use enact_core::procedure::{Hold, Moment};
use enact_engine::signature::Trust;
use enact_engine::signature::sign::sign;
use enact_engine::signature::words::{count_confirmations, worthless_words};
use enact_testkit::fixtures::{agent, person, start};
use jiff::Timestamp;

use crate::signature_worth::{Dana, by_key, dana};

fn step() -> ChangeId {
    ChangeId::from("migrate")
}

fn confirmed(by: Principal, reason: &str) -> Fact {
    Fact::Confirmed {
        change_id: step(),
        at: Moment::Before,
        by,
        roles: vec!["claimed".to_owned()],
        reason: reason.to_owned(),
        proof: None,
    }
}

fn signed(dana: &Dana, fact: &Fact, run: &str, said_at: Timestamp, namespace: &str) -> Fact {
    let bytes = fact.signed_bytes(&RunId(run.to_owned()), said_at).unwrap();
    fact.clone().with_proof(Proof {
        said_at,
        signature: Signature {
            key_id: dana.key_id(),
            sshsig: sign(&dana.key(), &bytes, namespace).unwrap(),
        },
    })
}

fn hold() -> Hold {
    Hold {
        roles: vec!["principal:ssh:dana@example".to_owned()],
        ..Hold::at(Moment::Before)
    }
}

/// The run asks, and this is written down. Is it enough, and what counts for nothing?
fn enough(fact: Fact, trust: &Trust) -> (bool, Vec<String>) {
    let held = Fact::Held {
        change_id: step(),
        hold: hold(),
        evidence: Default::default(),
    };
    let run_id = RunId("run".to_owned());
    let mut entries: Vec<Entry> = Vec::new();
    for fact in [held, fact] {
        let entry = Entry::chain(&run_id, entries.last(), start(), 1, fact).unwrap();
        entries.push(entry);
    }
    let mut state = RunState::replay(&entries).unwrap();
    let worthless = count_confirmations(&mut state, &entries, trust);
    assert_eq!(worthless_words(&entries, trust), worthless);
    let reasons = worthless.into_iter().map(|word| word.reason).collect();
    (state.changes[&step()].satisfies(&hold()), reasons)
}

#[test]
fn the_owner_of_a_key_confirms_with_it_and_nobody_does_so_for_them() {
    let mut dana = dana();
    let word = confirmed(by_key(), "looked");
    let honest = signed(&dana, &word, "run", start(), "confirm@enact");
    assert_eq!(enough(honest.clone(), &dana.trust), (true, Vec::new()));

    let late = start() + std::time::Duration::from_secs(600);
    let mut altered = honest.clone();
    if let Fact::Confirmed { reason, .. } = &mut altered {
        reason.push_str(" twice");
    }
    let mut elsewhere = honest.clone();
    if let Fact::Confirmed { at, .. } = &mut elsewhere {
        *at = Moment::After;
    }
    let mut by_user = honest.clone();
    if let Fact::Confirmed { by, .. } = &mut by_user {
        *by = person("dana");
    }
    for (what, forged) in [
        ("not signed", word.clone()),
        (
            "for another run",
            signed(&dana, &word, "other", start(), "confirm@enact"),
        ),
        (
            "at another time",
            signed(&dana, &word, "run", late, "confirm@enact"),
        ),
        (
            "an approval",
            signed(&dana, &word, "run", start(), "approval@enact"),
        ),
        ("altered", altered),
        ("another question", elsewhere),
        ("by a user", by_user),
    ] {
        let (holds, reasons) = enough(forged, &dana.trust);
        assert!(!holds && reasons.len() == 1, "{what}: {holds}, {reasons:?}");
    }

    // The same signature counts no more once the key is an agent's, or unknown.
    dana.trust.agents = BTreeSet::from([dana.key_id()]);
    assert!(!enough(honest.clone(), &dana.trust).0);
    assert!(!enough(honest, &Trust::default()).0);
}

#[test]
fn a_users_word_counts_as_theirs_with_the_roles_of_today() {
    let trust = Trust {
        roles: [("dba".to_owned(), BTreeSet::from(["os:ana".to_owned()]))].into(),
        ..Trust::default()
    };
    let held = Fact::Held {
        change_id: step(),
        hold: Hold::at(Moment::Before),
        evidence: Default::default(),
    };
    let run_id = RunId("run".to_owned());
    let mut entries: Vec<Entry> = Vec::new();
    for fact in [held, confirmed(person("ana"), ""), confirmed(agent("bot"), "")] {
        let entry = Entry::chain(&run_id, entries.last(), start(), 1, fact).unwrap();
        entries.push(entry);
    }
    let mut state = RunState::replay(&entries).unwrap();
    let worthless = count_confirmations(&mut state, &entries, &trust);
    assert_eq!(worthless.len(), 1);
    let given = &state.changes[&step()].confirmed;
    assert_eq!((given.len(), given[0].roles.clone()), (1, vec!["dba".to_owned()]));
}
