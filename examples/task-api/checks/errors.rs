//! Pinned by the plan: how the running service says no.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const GOOD: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbmEiLCJleHAiOjQxMDI0NDQ4MDB9.-KeYZ4PJNc8SV-Hl7U6Uh0LJlndjQdf-KjbJSICBCgg";

/// The service itself, as it will be run. It ends with the test.
struct Service {
    child: Child,
    address: String,
}

impl Service {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_task-api"))
            .env("TASK_API_SECRET", SECRET)
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .expect("it says where it listens")
            .to_string();
        Self { child, address }
    }

    fn send(&self, request: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(std::time::Duration::from_secs(10)))
            .unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status");
        (status, head.to_string(), body.to_string())
    }

    fn call(&self, method: &str, path: &str, body: &str) -> (u16, String, String) {
        let length = body.len();
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {GOOD}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn refused(answer: (u16, String, String), status: u16, code: &str) -> String {
    let (got, head, body) = answer;
    assert_eq!(got, status, "{body}");
    assert!(
        head.to_lowercase().contains("content-type: application/json"),
        "{head}"
    );
    let flat = body.replace(": ", ":");
    assert!(
        flat.starts_with(&format!(r#"{{"error":{{"code":"{code}","message":""#)),
        "{body}"
    );
    head
}

#[test]
fn every_refusal_has_one_shape() {
    let service = Service::start();
    refused(service.call("GET", "/api/tasks/999", ""), 404, "not_found");
    refused(service.call("GET", "/elsewhere", ""), 404, "not_found");
    refused(service.call("POST", "/api/tasks", "{title}"), 400, "bad_request");
    refused(
        service.call("POST", "/api/tasks", r#"{"title": ""}"#),
        422,
        "invalid_field",
    );
    refused(
        service.call(
            "POST",
            "/api/tasks",
            r#"{"title": "x", "due_date": "2026-02-30"}"#,
        ),
        422,
        "invalid_field",
    );
    let head = refused(service.call("PATCH", "/api/tasks", ""), 405, "method_not_allowed");
    assert!(head.contains("Allow: GET, POST"), "{head}");
    let head = refused(
        service.send("GET /api/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        401,
        "unauthorized",
    );
    assert!(head.contains("WWW-Authenticate: Bearer"), "{head}");
}

#[test]
fn what_is_too_large_is_refused_and_the_service_lives_on() {
    let service = Service::start();
    let large = format!(r#"{{"title": "x", "description": "{}"}}"#, "x".repeat(100_000));
    refused(service.call("POST", "/api/tasks", &large), 413, "too_large");
    let deep = "[".repeat(50_000);
    refused(service.call("POST", "/api/tasks", &deep), 400, "bad_request");
    assert_eq!(service.call("GET", "/api/tasks", "").0, 200);
}
