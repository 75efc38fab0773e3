//! The reuse of connections to the API, unless bytes are left on them. And the one retry of a
//! request that the API certainly did not process.

mod harness;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use harness::Daemon;
use harness::api::{self, DONE, HEAD, LAST, Then, answer, chunk, text};

const PROMPT: &str = r#"{"prompt":"Hello"}"#;

/// Runs an API that answers the first request with these bytes, and any other with the number of
/// its connection. Returns the text of the second answer.
fn second_after(first: &str) -> String {
    let first = first.to_owned();
    let requests = AtomicUsize::new(0);
    let base = api::serve(move |request| {
        if requests.fetch_add(1, Ordering::Relaxed) == 0 {
            request.write(&first);
        } else {
            request.write(&answer(&[text(&request.connection.to_string()), DONE.to_owned()]));
        }
        Then::Keep
    });
    let daemon = Daemon::start(&base, &[]);
    let before = daemon.descriptors().len();
    daemon.ask(PROMPT);
    harness::eventually("the first exchange ends", || daemon.descriptors().len() <= before + 1);
    let second = daemon.ask(PROMPT);
    assert!(second.done(), "{second:?}");
    second.text()
}

#[test]
fn a_connection_is_reused_after_a_complete_response() {
    assert_eq!(second_after(&answer(&[text("a"), DONE.to_owned()])), "1");
}

#[test]
fn a_connection_is_closed_after_any_other_response() {
    let whole = answer(&[text("a"), DONE.to_owned()]);
    for first in [
        format!("{whole}HTTP/1.1 200 OK\r\n"),
        format!("{HEAD}{}", chunk(DONE)),
        format!("{HEAD}{}zz\r\n{LAST}", chunk(&text("a"))),
        whole.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
        whole.replace("HTTP/1.1", "HTTP/1.0"),
    ] {
        assert_eq!(second_after(&first), "2", "{first}");
    }
}

/// Runs an API that sends these bytes and closes. With `warm` it first answers one request.
/// Returns the status of the broken answer, and the number of its requests.
fn broken_second(warm: bool, bytes: &'static str) -> (u16, usize) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let base = api::serve(move |request| {
        if counter.fetch_add(1, Ordering::Relaxed) == 0 && warm {
            request.write(&answer(&[DONE.to_owned()]));
            return Then::Keep;
        }
        request.write(bytes);
        // Another copy of the stream would keep the connection open.
        request.stream.shutdown(std::net::Shutdown::Both).unwrap();
        Then::Close
    });
    let daemon = Daemon::start(&base, &[]);
    let before = daemon.descriptors().len();
    if warm {
        assert!(daemon.ask(PROMPT).done());
        harness::eventually("the pool has it", || daemon.descriptors().len() == before + 1);
    }
    let status = daemon.ask(PROMPT).status;
    (status, count.load(Ordering::Relaxed) - usize::from(warm))
}

#[test]
fn only_an_unprocessed_request_is_retried_once() {
    assert_eq!(broken_second(true, ""), (502, 2), "a reused connection, without a response byte");
    assert_eq!(broken_second(true, "HTTP/1.1"), (502, 1), "a reused connection, half a response");
    assert_eq!(broken_second(false, ""), (502, 1), "a new connection");
}

#[test]
fn an_early_response_is_relayed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    rustix::net::sockopt::set_socket_recv_buffer_size(listener.as_fd(), 4096).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            stream.read_exact(&mut [0; 16]).unwrap();
            let body = r#"{"error":{"message":"too long"}}"#;
            let head = "HTTP/1.1 413 Payload Too Large\r\nContent-Type: application/json\r\n";
            let length = body.len();
            let response = format!("{head}Content-Length: {length}\r\n\r\n{body}");
            stream.write_all(response.as_bytes()).unwrap();
            // Closing with the request unread resets the connection.
        }
    });
    let daemon = Daemon::start(&base, &[]);
    let data = format!(r#"{{"prompt":"{}"}}"#, "x".repeat(150_000));
    for _ in 0..20 {
        let answer = daemon.ask(&data);
        assert_eq!((answer.status, answer.failure()), (413, "too long"), "{answer:?}");
    }
}

#[test]
fn a_client_does_not_wait_for_an_api_that_lingers_after_done() {
    let base = api::serve(|request| {
        request.write(&format!("{HEAD}{}", chunk(&(text("a") + DONE))));
        request.closed();
        Then::Close
    });
    let daemon = Daemon::start(&base, &[]);
    let before = daemon.descriptors().len();
    let began = std::time::Instant::now();
    assert!(daemon.ask(PROMPT).done());
    assert!(began.elapsed() < Duration::from_secs(10));
    harness::eventually("the connection closes", || daemon.descriptors().len() <= before);
}
