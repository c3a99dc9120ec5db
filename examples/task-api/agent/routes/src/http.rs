//! HTTP/1.1, as much as the API needs: one request per connection, bodies with a length.

use std::io::{BufRead, Read, Write};

const MAX_HEAD: u64 = 16 * 1024;
const MAX_BODY: usize = 64 * 1024;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Without the query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Response {
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub fn json(status: u16, body: &crate::json::Json) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", "application/json".into())],
            body: body.to_string(),
        }
    }

    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Reads one request. A request that is refused unread comes back as the status that says why.
pub fn read(stream: &mut impl BufRead) -> Result<Request, u16> {
    let mut head = stream.take(MAX_HEAD);
    let mut line = |required: bool| -> Result<String, u16> {
        let mut text = String::new();
        head.read_line(&mut text).map_err(|_| 400u16)?;
        if !text.ends_with('\n') {
            return Err(if required && text.len() as u64 >= MAX_HEAD {
                431
            } else {
                400
            });
        }
        Ok(text.trim_end_matches(['\r', '\n']).to_string())
    };
    let start = line(true)?;
    let mut parts = start.split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(400);
    };
    let path = target.split('?').next().unwrap_or_default();
    let mut request = Request {
        method: method.into(),
        path: path.into(),
        ..Request::default()
    };
    loop {
        let header = line(false)?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').ok_or(400u16)?;
        request.headers.push((name.to_string(), value.trim().to_string()));
    }
    if request.header("Transfer-Encoding").is_some() {
        return Err(411);
    }
    let length = request
        .header("Content-Length")
        .map_or(Ok(0), |value| value.parse::<usize>().map_err(|_| 400u16))?;
    if length > MAX_BODY {
        return Err(413);
    }
    request.body = vec![0; length];
    stream.read_exact(&mut request.body).map_err(|_| 400u16)?;
    Ok(request)
}

pub fn write(stream: &mut impl Write, response: &Response) -> std::io::Result<()> {
    let reason = match response.status {
        200..=299 => "OK",
        400..=499 => "Refused",
        _ => "Failed",
    };
    let mut head = format!("HTTP/1.1 {} {reason}\r\nConnection: close\r\n", response.status);
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", response.body.len()));
    stream.write_all(head.as_bytes())?;
    stream.write_all(response.body.as_bytes())?;
    stream.flush()
}
