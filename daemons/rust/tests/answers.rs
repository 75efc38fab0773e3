//! What the API sends, byte for byte, and what the client is told of it.

mod harness;

use harness::api::{self, DONE, HEAD, LAST, answer, chunk, says, stop};
use harness::{Daemon, KEY};

const PROMPT: &str = r#"{"prompt":"Hello"}"#;

fn done() -> String {
    DONE.to_owned()
}

#[test]
fn these_answers_are_whole() {
    let close = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n";
    let sized = says("a") + &stop();
    for (name, response, text) in [
        ("done", answer(&[says("a"), says("b"), stop(), done()]), "ab"),
        ("finish alone", answer(&[says("a"), stop()]), "a"),
        ("done alone", answer(&[done()]), ""),
        ("closed", format!("{close}{}{}", says("a"), stop()), "a"),
        ("no blank line", answer(&[says("a"), stop().trim_end().to_owned()]), "a"),
        ("nothing after done", answer(&[says("a"), done(), says("b")]), "a"),
        ("escapes", answer(&[says("\\u00e9\\n"), done()]), "\\u00e9\\n"),
        (
            "length",
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {}\r\n\r\n{sized}",
                sized.len()
            ),
            "a",
        ),
        (
            "informational",
            format!(
                "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{}",
                answer(&[says("a"), done()])
            ),
            "a",
        ),
        ("trailers", format!("{HEAD}{}0\r\nX-A: 1\r\n\r\n", chunk(&(says("a") + DONE))), "a"),
    ] {
        let daemon = Daemon::start(&api::canned(response), &[]);
        let found = daemon.ask(PROMPT);
        assert!(found.status == 200 && found.done(), "{name}: {found:?}");
        assert_eq!(found.text(), text, "{name}");
    }
}

#[test]
fn these_streams_have_failed() {
    for (name, response, text, message) in [
        ("cut", format!("{HEAD}{}", chunk(&(says("a") + &stop()))), "a", "broke off"),
        ("no finish", answer(&[says("a")]), "a", "before it was finished"),
        ("bad chunk", format!("{HEAD}{}zz\r\n", chunk(&says("a"))), "a", "broke off"),
        ("no JSON", answer(&[says("a"), "data: oops\n\n".to_owned(), done()]), "a", "JSON"),
        (
            "error",
            answer(&[says("a"), "data: {\"error\":{\"message\":\"no\"}}\n\n".to_owned(), done()]),
            "a",
            "no",
        ),
        (
            "error event",
            answer(&[says("a"), "event: error\ndata: sorry\n\n".to_owned()]),
            "a",
            "sorry",
        ),
        ("nothing", answer(&[]), "", "before it was finished"),
    ] {
        let daemon = Daemon::start(&api::canned(response), &[]);
        let found = daemon.ask(PROMPT);
        assert!(found.status == 200 && !found.body.contains("[DONE]"), "{name}: {found:?}");
        assert_eq!(found.text(), text, "{name}");
        assert!(found.failure().contains(message), "{name}: {found:?}");
    }
}

#[test]
fn these_never_began() {
    let json = |status: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nRetry-After: 7\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let error = r#"{"error":{"message":"too long"}}"#;
    let coded = format!("{}{LAST}", HEAD.replace("chunked", "gzip, chunked"));
    for (name, response, status, message) in [
        ("413", json("413 Payload Too Large", error), 413, "too long"),
        ("429", json("429 Too Many Requests", error), 429, "too long"),
        ("401", json("401 Unauthorized", &error.replace("too long", KEY)), 502, "status 401"),
        ("500", json("500 Internal Server Error", error), 502, "status 500"),
        ("307", json("307 Temporary Redirect", ""), 502, "status 307"),
        ("200 with JSON", json("200 OK", "{}"), 502, "event stream"),
        ("200 with an error", json("200 OK", error), 502, "too long"),
        ("no head", "HTTP/1.1 200".to_owned(), 502, "could not be reached"),
        ("unknown coding", coded, 502, "could not be reached"),
        ("gzip", HEAD.replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n"), 502, "encoded"),
    ] {
        let daemon = Daemon::start(&api::canned(response), &[]);
        let found = daemon.ask(PROMPT);
        assert_eq!(found.status, status, "{name}: {found:?}");
        assert!(found.failure().contains(message), "{name}: {found:?}");
        assert!(!found.body.contains(KEY) && found.head.contains("\r\nContent-Length: "));
        assert_eq!(
            found.head.contains("\r\nRetry-After: 7"),
            status / 100 == 4 || message.contains("status")
        );
    }
}

#[test]
fn an_api_that_refuses_is_a_502() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(Daemon::start(&base, &[]).ask(PROMPT).status, 502);
}
