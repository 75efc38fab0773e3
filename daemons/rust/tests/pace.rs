//! Who waits for whom, and for how long: the API's silences, the client's, and neither's events.

mod harness;

use std::io::{Read as _, Write as _};
use std::sync::mpsc;
use std::time::Duration;

use harness::api::{self, DONE, HEAD, LAST, Then, chunk, says};
use harness::{Daemon, eventually};

const PROMPT: &str = r#"{"prompt":"Hello"}"#;

#[test]
fn silence_is_bounded() {
    for (began, option, status) in [
        (String::new(), "--first-byte-timeout=0.2", 504),
        (format!("{HEAD}{}", chunk(&says("a"))), "--idle-timeout=0.2", 200),
    ] {
        let (closed, closings) = mpsc::channel();
        let base = api::serve(move |request| {
            request.write(&began);
            request.closed();
            closed.send(()).unwrap();
            Then::Close
        });
        let found = Daemon::start(&base, &[option]).ask(PROMPT);
        assert_eq!(found.status, status);
        assert!(!found.failure().is_empty() && !found.done(), "{found:?}");
        closings.recv_timeout(harness::PATIENCE).expect("the API is let go");
    }
}

#[test]
fn an_event_waits_for_nothing() {
    let base = api::serve(|request| {
        let event = says("a");
        // The size of the next chunk has come with it, and nothing of the chunk.
        request.write(&format!("{HEAD}{}20\r\n", chunk(&event)));
        request.closed();
        Then::Close
    });
    let daemon = Daemon::start(&base, &[]);
    let mut client = daemon.hand_off(PROMPT);
    let mut seen = String::new();
    let mut buffer = [0; 1024];
    while !seen.ends_with("{\"content\":\"a\"}\n\n") {
        let count = client.read(&mut buffer).expect("the event arrives");
        assert_ne!(count, 0, "{seen}");
        seen.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
}

#[test]
fn a_client_that_leaves_ends_the_request() {
    for began in [String::new(), format!("{HEAD}{}", chunk(&says("a")))] {
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
        eventually("everything is released", || daemon.descriptors().len() <= before);
    }
}

#[test]
fn a_client_that_stalls_pauses_the_api_and_gets_everything() {
    const EVENTS: usize = 8000;
    let text = "x".repeat(4096);
    let events = format!("{}{LAST}", chunk(&says(&text)).repeat(EVENTS) + &chunk(DONE));
    let (tell, paused) = mpsc::channel();
    let base = api::serve(move |request| {
        request.write(HEAD);
        // A write that cannot go on is how the API learns that it is paused.
        request.stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut rest = events.as_bytes();
        while !rest.is_empty() {
            match request.stream.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(_) => tell.send(rest.len()).unwrap(),
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
    let left = paused.recv_timeout(harness::PATIENCE).expect("the API is paused");
    assert!(left > 0);
    assert!(rss() < before + (4 << 10), "the daemon holds {} KiB", rss() - before);
    let found = harness::Answer::read(client);
    assert!(found.done());
    assert_eq!(found.text().len(), EVENTS * text.len());
}

#[test]
fn a_client_that_stalls_for_ever_is_dropped() {
    let event = chunk(&says(&"x".repeat(4096)));
    let (ended, ends) = mpsc::channel();
    let base = api::serve(move |request| {
        request.write(HEAD);
        while request.stream.write_all(event.as_bytes()).is_ok() {}
        ended.send(()).unwrap();
        Then::Close
    });
    let daemon = Daemon::start(&base, &["--write-timeout=0.2"]);
    let mut client = daemon.hand_off(PROMPT);
    ends.recv_timeout(harness::PATIENCE).expect("the API is let go");
    let error = client.read_to_end(&mut Vec::new());
    assert!(error.is_err(), "half an answer must not look like a whole one");
}
