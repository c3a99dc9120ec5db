//! Requests of a runbook whose answer gets lost: how often they are sent, and what is said of it.

use std::io::Read as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::{Place, Ran};

/// A server that hangs up on everybody, and how many have asked.
fn deaf() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let read = stream.read(&mut [0; 4096]).unwrap_or(0);
            count.fetch_add(usize::from(read > 0), Ordering::SeqCst);
        }
    });
    (port, asked)
}

/// Runs one request, with these keys of its step; also how often it was sent.
fn asks(method: &str, keys: &str) -> (Ran, usize) {
    let (port, asked) = deaf();
    let place = Place::new();
    place.write(
        "ask.plan.yaml",
        format!(
            "version: enact/v1
kind: Plan
name: ask
title: Ask
requirements: [{{ id: R1, text: An answer }}]
steps:
  - id: ask
    title: Ask
    http: {{ method: {method}, url: \"http://127.0.0.1:{port}/x\" }}
    {keys}
    rollback: none
    satisfies: [R1]
acceptance: [{{ id: C1, text: Asked, check: {{ exec: [\"true\"] }} }}]
"
        ),
    );
    let ran = place.run(&["run", "ask.plan.yaml", "--auto-approve"]);
    (ran, asked.load(Ordering::SeqCst))
}

#[test]
fn a_request_is_sent_as_often_as_the_plan_says() {
    let (ran, sent) = asks("GET", "effect: read");
    ran.expect(1).says(&["nobody saw how it ended"]);
    assert_eq!(sent, 1);
    let (ran, sent) = asks("POST", "repeat: keyed");
    ran.expect(1).says(&["nobody saw how it ended"]);
    assert_eq!(sent, 1);
    let (ran, sent) = asks("POST", "repeat: keyed\n    retry: { attempts: 2, delay: 10ms }");
    ran.expect(1).says(&["(after 2 attempts)"]);
    assert_eq!(sent, 2);
}

#[test]
fn what_became_of_a_request_that_may_not_be_repeated_is_not_known_for_the_reason_there_was() {
    let (ran, sent) = asks("POST", "repeat: never");
    let ran = ran.expect(8).says(&[
        "nobody saw how it ended",
        "the step is not repeatable and has no probe",
    ]);
    assert!(!ran.all().contains("the process ended"), "{}", ran.all());
    assert_eq!(sent, 1);
}
