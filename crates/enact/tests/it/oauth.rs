//! A login server for tests: answers from a script, remembers what it was asked.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// One answer: for requests whose path ends like this, in the order in which they come.
pub(crate) struct Answer {
    pub(crate) path: &'static str,
    pub(crate) status: u16,
    /// Further headers, each with its line break.
    pub(crate) headers: String,
    pub(crate) body: String,
}

/// An answer without further headers.
pub(crate) fn answer(path: &'static str, status: u16, body: &str) -> Answer {
    Answer {
        path,
        status,
        headers: String::new(),
        body: body.to_owned(),
    }
}

/// The server. What is not in its script is answered 599.
pub(crate) struct OAuth {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl OAuth {
    pub(crate) fn start(script: Vec<Answer>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        // It ends with the process; nobody waits for it.
        std::thread::spawn(move || {
            let mut script = script;
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read(&mut stream);
                let path = request.split_whitespace().nth(1).unwrap_or_default().to_owned();
                heard.lock().unwrap().push(request);
                let found = script.iter().position(|answer| path.ends_with(answer.path));
                let answer = match found {
                    Some(index) => script.remove(index),
                    None => answer("", 599, "not in the script"),
                };
                let reply = format!(
                    "HTTP/1.1 {} X\r\ncontent-length: {}\r\nconnection: close\r\n{}\r\n{}",
                    answer.status,
                    answer.body.len(),
                    answer.headers,
                    answer.body
                );
                stream.write_all(reply.as_bytes()).unwrap();
            }
        });
        Self { url, asked }
    }

    /// The requests so far, head and body.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Reads one request with a body of the length it names.
fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| {
                    line.to_lowercase()
                        .strip_prefix("content-length:")
                        .map(str::to_owned)
                })
                .find_map(|length| length.trim().parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
            _ => return text,
        }
    }
}
