//! Over a socket, as a caller does.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use task_api::jwt::{Claims, sign};
use task_api::routes::Api;
use task_api::{clock, server};

const SECRET: &str = "a secret of at least 32 bytes, for tests";

fn exchange(request: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || server::serve(&listener, Arc::new(Api::new(SECRET))));
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_task_is_created_over_a_socket() {
    let token = sign(
        &Claims {
            sub: "ana".into(),
            exp: clock::now() + 60,
        },
        SECRET.as_bytes(),
    );
    let body = r#"{"title": "Überprüfen"}"#;
    let answer = exchange(&format!(
        "POST /api/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(answer.contains("Überprüfen"), "{answer}");
}

#[test]
fn what_cannot_be_read_is_refused() {
    for (request, status) in [
        ("nonsense\r\n\r\n", 400),
        ("GET /api/tasks HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (
            "POST /api/tasks HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
            413,
        ),
        (
            "POST /api/tasks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            411,
        ),
        ("GET /api/tasks HTTP/1.1\r\n\r\n", 401),
    ] {
        let answer = exchange(request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request:?}: {answer}"
        );
    }
}
