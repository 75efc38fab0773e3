//! Connections to the API are used again, never with anything left on them, and what the API
//! certainly did not process is asked for again, once.

mod harness;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use harness::Daemon;
use harness::api::{self, DONE, HEAD, LAST, Then, answer, chunk, says};

const PROMPT: &str = r#"{"prompt":"Hello"}"#;

/// Answers the first request with these bytes, and every request with the number of its
/// connection; returns the text of the second answer.
fn second_after(first: &str) -> String {
    let first = first.to_owned();
    let requests = AtomicUsize::new(0);
    let base = api::serve(move |request| {
        if requests.fetch_add(1, Ordering::Relaxed) == 0 {
            request.write(&first);
        } else {
            request.write(&answer(&[says(&request.connection.to_string()), DONE.to_owned()]));
        }
        Then::Keep
    });
    let daemon = Daemon::start(&base, &[]);
    let before = daemon.descriptors().len();
    daemon.ask(PROMPT);
    harness::eventually("the first exchange is over", || daemon.descriptors().len() <= before + 1);
    let second = daemon.ask(PROMPT);
    assert!(second.done(), "{second:?}");
    second.text()
}

#[test]
fn what_was_read_to_its_end_is_used_again() {
    assert_eq!(second_after(&answer(&[says("a"), DONE.to_owned()])), "1");
}

#[test]
fn what_was_not_is_closed() {
    let whole = answer(&[says("a"), DONE.to_owned()]);
    for first in [
        format!("{whole}HTTP/1.1 200 OK\r\n"),
        format!("{HEAD}{}", chunk(DONE)),
        format!("{HEAD}{}zz\r\n{LAST}", chunk(&says("a"))),
        whole.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
        whole.replace("HTTP/1.1", "HTTP/1.0"),
    ] {
        assert_eq!(second_after(&first), "2", "{first}");
    }
}

/// An API that answers its first request, and does something else to all others; returns the
/// second answer's status, and how many requests there were.
fn broken_second(warm: bool, says: &'static str) -> (u16, usize) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let base = api::serve(move |request| {
        if counter.fetch_add(1, Ordering::Relaxed) == 0 && warm {
            request.write(&answer(&[DONE.to_owned()]));
            return Then::Keep;
        }
        request.write(says);
        // A lingering copy would keep the connection open.
        request.stream.shutdown(std::net::Shutdown::Both).unwrap();
        Then::Close
    });
    let daemon = Daemon::start(&base, &[]);
    let before = daemon.descriptors().len();
    if warm {
        assert!(daemon.ask(PROMPT).done());
        harness::eventually("the connection is back", || daemon.descriptors().len() == before + 1);
    }
    let status = daemon.ask(PROMPT).status;
    (status, count.load(Ordering::Relaxed) - usize::from(warm))
}

#[test]
fn a_request_is_sent_again_once_and_only_if_it_was_not_processed() {
    assert_eq!(broken_second(true, ""), (502, 2), "a used connection, without a byte of response");
    assert_eq!(broken_second(true, "HTTP/1.1"), (502, 1), "a used connection, with one");
    assert_eq!(broken_second(false, ""), (502, 1), "a new connection");
}

#[test]
fn an_early_answer_is_the_answer() {
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
fn an_api_that_lingers_after_done_keeps_nobody_waiting() {
    let base = api::serve(|request| {
        request.write(&format!("{HEAD}{}", chunk(&(says("a") + DONE))));
        request.closed();
        Then::Close
    });
    let daemon = Daemon::start(&base, &[]);
    let before = daemon.descriptors().len();
    let began = std::time::Instant::now();
    assert!(daemon.ask(PROMPT).done());
    assert!(began.elapsed() < Duration::from_secs(10));
    harness::eventually("the API is let go", || daemon.descriptors().len() <= before);
}
