//! Connections to requests, requests to responses.

use std::io::{BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crate::routes::{Api, failure, handle};
use crate::{clock, http};

/// Answers until the process ends, each connection in a thread of its own.
pub fn serve(listener: &TcpListener, api: Arc<Api>) {
    for stream in listener.incoming().flatten() {
        let api = Arc::clone(&api);
        std::thread::spawn(move || answer(stream, &api));
    }
}

fn answer(mut stream: TcpStream, api: &Api) {
    let limit = Some(Duration::from_secs(10));
    if stream.set_read_timeout(limit).is_err() || stream.set_write_timeout(limit).is_err() {
        return;
    }
    let Ok(reading) = stream.try_clone() else { return };
    let mut reading = BufReader::new(reading);
    let response = match http::read(&mut reading) {
        Ok(request) => handle(&request, api, clock::now()),
        Err(status) => failure(status, "the request cannot be read"),
    };
    // A caller that is gone cannot be told anything.
    let _ = http::write(&mut stream, &response);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    // Takes what a refused body still sends: closing on unread input would cut off the answer.
    let _ = std::io::copy(&mut reading.take(1 << 20), &mut std::io::sink());
}
