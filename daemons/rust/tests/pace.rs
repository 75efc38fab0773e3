//! Timeouts, backpressure, and the delivery of each event without delay.

mod harness;

use std::io::{Read as _, Write as _};
use std::sync::mpsc;
use std::time::Duration;

use harness::api::{self, DONE, HEAD, LAST, Then, chunk, text};
use harness::{Daemon, eventually};

const PROMPT: &str = r#"{"prompt":"Hello"}"#;

#[test]
fn a_silent_api_times_out() {
    for (began, option, status) in [
        (String::new(), "--first-byte-timeout=0.2", 504),
        (format!("{HEAD}{}", chunk(&text("a"))), "--idle-timeout=0.2", 200),
    ] {
        let (closed, closings) = mpsc::channel();
        let base = api::serve(move |request| {
            request.write(&began);
            request.closed();
            closed.send(()).unwrap();
            Then::Close
        });
        let received = Daemon::start(&base, &[option]).ask(PROMPT);
        assert_eq!(received.status, status);
        assert!(!received.failure().is_empty() && !received.done(), "{received:?}");
        closings.recv_timeout(harness::PATIENCE).expect("the daemon closes the connection");
    }
}

#[test]
fn an_event_does_not_wait_for_the_next_one() {
    let base = api::serve(|request| {
        let event = text("a");
        // The size of the next chunk follows, without the chunk.
        request.write(&format!("{HEAD}{}20\r\n", chunk(&event)));
        request.closed();
        Then::Close
    });
    let daemon = Daemon::start(&base, &[]);
    let mut client = daemon.hand_off(PROMPT);
    let mut received = String::new();
    let mut buffer = [0; 1024];
    while !received.ends_with("{\"content\":\"a\"}\n\n") {
        let count = client.read(&mut buffer).expect("the event arrives");
        assert_ne!(count, 0, "{received}");
        received.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
}

#[test]
fn a_client_that_leaves_ends_the_request() {
    for began in [String::new(), format!("{HEAD}{}", chunk(&text("a")))] {
        let (event, events) = mpsc::channel();
        let base = api::serve(move |request| {
            request.write(&began);
            event.send("asked").unwrap();
            request.closed();
            event.send("closed").unwrap();
            Then::Close
        });
        let daemon = Daemon::start(&base, &[]);
        let before = daemon.descriptors().len();
        let client = daemon.hand_off(PROMPT);
        assert_eq!(events.recv_timeout(harness::PATIENCE), Ok("asked"));
        drop(client);
        assert_eq!(events.recv_timeout(harness::PATIENCE), Ok("closed"));
        eventually("the daemon closes both sockets", || daemon.descriptors().len() <= before);
    }
}

#[test]
fn a_stalled_client_pauses_the_api_and_receives_the_whole_answer() {
    const EVENTS: usize = 8000;
    let content = "x".repeat(4096);
    let events = format!("{}{LAST}", chunk(&text(&content)).repeat(EVENTS) + &chunk(DONE));
    let (pause, paused) = mpsc::channel();
    let base = api::serve(move |request| {
        request.write(HEAD);
        // A write that times out means that the daemon does not read.
        request.stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut rest = events.as_bytes();
        while !rest.is_empty() {
            match request.stream.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(_) => pause.send(rest.len()).unwrap(),
            }
        }
        Then::Close
    });
    let daemon = Daemon::start(&base, &["--write-timeout=600"]);
    let rss = || {
        let status = format!("/proc/{}/status", daemon.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap()
    };
    let before = rss();
    let client = daemon.hand_off(PROMPT);
    let left = paused.recv_timeout(harness::PATIENCE).expect("the daemon stops reading");
    assert!(left > 0);
    assert!(rss() < before + (4 << 10), "the daemon holds {} KiB", rss() - before);
    let received = harness::Answer::read(client);
    assert!(received.done());
    assert_eq!(received.text().len(), EVENTS * content.len());
}

#[test]
fn a_client_that_does_not_read_is_reset() {
    let event = chunk(&text(&"x".repeat(4096)));
    let (ended, ends) = mpsc::channel();
    let base = api::serve(move |request| {
        request.write(HEAD);
        while request.stream.write_all(event.as_bytes()).is_ok() {}
        ended.send(()).unwrap();
        Then::Close
    });
    let daemon = Daemon::start(&base, &["--write-timeout=0.2"]);
    let mut client = daemon.hand_off(PROMPT);
    ends.recv_timeout(harness::PATIENCE).expect("the daemon closes the API's connection");
    let error = client.read_to_end(&mut Vec::new());
    assert!(error.is_err(), "half an answer must not look like a complete one");
}
