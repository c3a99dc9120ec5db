//! Requests of runbooks: replies that are cut off or never end, and checks after a request that a stop interrupts.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::harness::Place;

/// Says these bytes to each request, then closes, or leaves it open for a while. With how many requests came.
fn server(answer: &'static str, stays_open: bool) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            seen.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || {
                let _request = stream.read(&mut [0; 4096]);
                let _sent = stream.write_all(answer.as_bytes());
                if stays_open {
                    std::thread::sleep(Duration::from_secs(20));
                }
            });
        }
    });
    (url, requests)
}

const CUT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello world";
const WHOLE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

/// A runbook with one step.
fn plan(place: &Place, step: &str) {
    let text = format!(
        "version: enact/v1\nkind: Plan\nname: ask\ntitle: Ask\nrequirements: [{{ id: R1, text: x }}]\nsteps:\n  - id: a\n    \
         title: Ask\n    rollback: none\n    satisfies: [R1]\n{step}\n\
         acceptance: [{{ id: C1, text: x, satisfies: [R1], check: {{ exec: [\"true\"] }} }}]\n"
    );
    place.write("ask.plan.yaml", text);
}

const RUN: [&str; 3] = ["run", "ask.plan.yaml", "--auto-approve"];

#[test]
fn a_reply_that_is_cut_off_is_an_answer_that_got_lost() {
    for (stays_open, why) in [(false, "cut off"), (true, "took longer than 1 s")] {
        let (url, requests) = server(CUT, stays_open);
        let place = Place::new();
        plan(
            &place,
            &format!("    timeout: 1s\n    repeat: never\n    http: {{ method: POST, url: \"{url}\" }}"),
        );
        let ran = place.run(&RUN);
        assert!(ran.code != 0, "{}", ran.all());
        let ran = ran.says(&["the reply with status 200 was not received whole", why]);
        assert!(!ran.all().contains("too long"), "{}", ran.all());
        assert_eq!(requests.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn a_check_whose_reply_is_cut_off_does_not_hold() {
    let (url, _) = server(CUT, false);
    let place = Place::new();
    plan(
        &place,
        &format!(
            "    run: 'true'\n    verify: [{{ http: {{ url: \"{url}\" }}, expect: {{ body: {{ empty: false }} }} }}]"
        ),
    );
    let ran = place.run(&RUN).expect(1);
    ran.says(&[
        "does not hold",
        "the reply with status 200 was not received whole",
    ]);
}

#[test]
fn a_request_is_not_sent_again_when_its_checks_were_let_go() {
    let (url, requests) = server(WHOLE, false);
    let place = Place::new();
    place.write(
        "twice",
        "E=$(cut -d' ' -f4 /proc/$PPID/stat)\n\
         if [ ! -e pressed ]; then touch pressed; kill -INT $E; sleep 0.3; kill -INT $E; sleep 20; fi\n",
    );
    plan(
        &place,
        &format!(
            "    repeat: never\n    http: {{ method: POST, url: \"{url}\" }}\n    \
             outputs: {{ said: {{ from: http.body }} }}\n    verify: [{{ run: '. ./twice' }}]\nfiles: [twice]"
        ),
    );
    place.run(&RUN).expect(130);
    place.run(&["resume"]).expect(0);
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

/// Sends the authorization and the body of each request back in one line, with status 500.
fn echo() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]);
            let told = |line: &&str| line.starts_with("authorization:") || line.starts_with('{');
            let back = request.lines().filter(told).collect::<Vec<_>>().join(" ");
            let head = format!(
                "HTTP/1.1 500 Oops\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                back.len()
            );
            let _sent = stream.write_all(format!("{head}{back}").as_bytes());
        }
    });
    url
}

#[test]
fn what_a_request_made_of_a_secret_output_is_not_shown_where_it_comes_back() {
    let url = echo();
    let place = Place::new();
    let text = format!(
        r#"version: enact/v1
kind: Plan
name: ask
title: Ask
requirements: [{{ id: R1, text: x }}]
steps:
  - {{ id: a, title: Make, run: "echo \"o=made-$(echo secret)-here\" >> $ENACT_OUTPUT", outputs: {{ o: {{ secret: true }} }}, rollback: none }}
  - id: b
    title: Ask
    rollback: none
    http:
      method: POST
      url: "{url}"
      headers: {{ Authorization: "Bearer ${{{{ steps.a.outputs.o }}}}" }}
      body: {{ json: {{ list: ["${{{{ upper(steps.a.outputs.o) }}}}"] }} }}
acceptance: [{{ id: C1, text: x, satisfies: [R1], check: {{ exec: ["true"] }} }}]
"#
    );
    place.write("ask.plan.yaml", text);
    let ran = place
        .run(&RUN)
        .says(&["status 500", "Bearer ***authorization***", "***body***"]);
    assert!(
        !ran.all().to_lowercase().contains("made-secret-here"),
        "{}",
        ran.all()
    );
}
