//! A test API: it parses requests, and writes the test's response byte for byte.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A request, and the connection on which to answer it.
pub struct Request {
    pub head: String,
    pub body: String,
    /// The number of the connection, from 1.
    pub connection: usize,
    pub stream: TcpStream,
}

impl Request {
    pub fn write(&mut self, text: &str) {
        // The daemon may have closed the connection.
        let _ = self.stream.write_all(text.as_bytes());
    }

    /// Waits until the daemon closes the connection.
    pub fn closed(&mut self) {
        let _ = self.stream.read(&mut [0; 64]);
    }
}

/// The state of a connection after an answer.
pub enum Then {
    Close,
    Keep,
}

/// Starts an API that answers each request with a function. Returns its base URL.
pub fn serve(answer: impl Fn(&mut Request) -> Then + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    let connections = AtomicUsize::new(0);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = connections.fetch_add(1, Ordering::Relaxed) + 1;
            let (stream, answer) = (stream.unwrap(), Arc::clone(&answer));
            thread::spawn(move || {
                while let Some(mut request) = read(&stream, connection) {
                    if matches!(answer(&mut request), Then::Close) {
                        break;
                    }
                }
            });
        }
    });
    base
}

fn read(stream: &TcpStream, connection: usize) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_ascii_lowercase();
    let length = lower.split_once("content-length: ")?.1;
    let length = length.split_once("\r\n")?.0.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        head: lower,
        body: String::from_utf8(body).ok()?,
        connection,
        stream: stream.try_clone().ok()?,
    })
}

/// Starts an API that answers each request with the same bytes, and closes.
pub fn fixed(response: String) -> String {
    serve(move |request| {
        request.write(&response);
        Then::Close
    })
}

pub const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
pub const LAST: &str = "0\r\n\r\n";
pub const DONE: &str = "data: [DONE]\n\n";

/// Returns a text as one HTTP chunk.
pub fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// Returns an event with this text as content.
pub fn text(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

/// Returns an event that finishes the answer.
pub fn stop() -> String {
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n".to_owned()
}

/// Returns a complete response with these events.
pub fn answer(events: &[String]) -> String {
    let events: String = events.iter().map(|event| chunk(event)).collect();
    format!("{HEAD}{events}{LAST}")
}
