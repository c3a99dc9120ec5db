//! Pinned by the plan: the five routes, asked of the running service.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const GOOD: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbmEiLCJleHAiOjQxMDI0NDQ4MDB9.-KeYZ4PJNc8SV-Hl7U6Uh0LJlndjQdf-KjbJSICBCgg";
const TAMPERED: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJyb290IiwiZXhwIjo0MTAyNDQ0ODAwfQ.-KeYZ4PJNc8SV-Hl7U6Uh0LJlndjQdf-KjbJSICBCgg";

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

/// Spaces do not matter in JSON.
fn holds(body: &str, member: &str) -> bool {
    body.replace(": ", ":").replace(", ", ",").contains(member)
}

#[test]
fn a_task_lives_through_all_five_routes() {
    let service = Service::start();
    assert_eq!(service.call("GET", "/api/tasks", "").0, 200);

    let (status, head, body) = service.call(
        "POST",
        "/api/tasks",
        r#"{"title": "Été", "due_date": "2026-12-24"}"#,
    );
    assert_eq!(status, 201, "{body}");
    let place = head
        .lines()
        .find_map(|line| line.strip_prefix("Location: "))
        .expect("a Location")
        .trim()
        .to_string();
    for member in [
        r#""title":"Été""#,
        r#""status":"todo""#,
        r#""due_date":"2026-12-24""#,
        r#""created_at":"2"#,
        r#""id":"#,
    ] {
        assert!(holds(&body, member), "{member} in {body}");
    }

    assert_eq!(service.call("GET", &place, "").2, body);
    assert!(service.call("GET", "/api/tasks", "").2.contains(&body));

    let (status, _, _) = service.call("PUT", &place, r#"{"title": "Summer", "status": "done"}"#);
    assert_eq!(status, 200);
    let (_, _, body) = service.call("GET", &place, "");
    assert!(
        holds(&body, r#""title":"Summer""#) && holds(&body, r#""status":"done""#),
        "{body}"
    );

    assert_eq!(service.call("DELETE", &place, "").0, 204);
    assert_eq!(service.call("GET", &place, "").0, 404);
    assert_eq!(service.call("DELETE", &place, "").0, 404);
    assert_eq!(service.call("PUT", &place, r#"{"title": "x"}"#).0, 404);
}

#[test]
fn every_route_is_behind_the_token() {
    let service = Service::start();
    let (_, head, _) = service.call("POST", "/api/tasks", r#"{"title": "x"}"#);
    let place = head
        .lines()
        .find_map(|line| line.strip_prefix("Location: "))
        .expect("a Location")
        .trim()
        .to_string();
    for method_and_path in [
        "GET /api/tasks",
        "POST /api/tasks",
        &format!("GET {place}"),
        &format!("PUT {place}"),
        &format!("DELETE {place}"),
    ] {
        for authorization in [
            "",
            "Authorization: Bearer x\r\n",
            &format!("Authorization: Bearer {TAMPERED}\r\n"),
        ] {
            let (status, _, body) = service.send(&format!(
                "{method_and_path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Length: 0\r\n\r\n"
            ));
            assert_eq!(status, 401, "{method_and_path} {authorization} {body}");
        }
    }
    assert_eq!(service.call("GET", &place, "").0, 200);
}
