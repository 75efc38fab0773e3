//! The API's answers, byte for byte, and the client's answer for each.

mod harness;

use harness::api::{self, DONE, HEAD, LAST, answer, chunk, stop, text};
use harness::{Daemon, KEY};

const PROMPT: &str = r#"{"prompt":"Hello"}"#;

fn done() -> String {
    DONE.to_owned()
}

#[test]
fn these_answers_are_complete() {
    let close = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n";
    let sized = text("a") + &stop();
    for (name, response, expected) in [
        ("done", answer(&[text("a"), text("b"), stop(), done()]), "ab"),
        ("finish alone", answer(&[text("a"), stop()]), "a"),
        ("done alone", answer(&[done()]), ""),
        ("closed", format!("{close}{}{}", text("a"), stop()), "a"),
        ("no blank line", answer(&[text("a"), stop().trim_end().to_owned()]), "a"),
        ("an event after done", answer(&[text("a"), done(), text("b")]), "a"),
        ("escapes", answer(&[text("\\u00e9\\n"), done()]), "\\u00e9\\n"),
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
                answer(&[text("a"), done()])
            ),
            "a",
        ),
        ("trailers", format!("{HEAD}{}0\r\nX-A: 1\r\n\r\n", chunk(&(text("a") + DONE))), "a"),
        (
            "a head of 16 KiB",
            answer(&[text("a"), done()]).replacen(
                "\r\n",
                &format!("\r\nSet-Cookie: {}\r\n", "x".repeat(16 << 10)),
                1,
            ),
            "a",
        ),
    ] {
        let daemon = Daemon::start(&api::fixed(response), &[]);
        let received = daemon.ask(PROMPT);
        assert!(received.status == 200 && received.done(), "{name}: {received:?}");
        assert_eq!(received.text(), expected, "{name}");
    }
}

#[test]
fn these_streams_have_failed() {
    for (name, response, expected, message) in [
        ("cut", format!("{HEAD}{}", chunk(&(text("a") + &stop()))), "a", "broke off"),
        ("no finish", answer(&[text("a")]), "a", "before it was finished"),
        ("bad chunk", format!("{HEAD}{}zz\r\n", chunk(&text("a"))), "a", "broke off"),
        ("not JSON", answer(&[text("a"), "data: oops\n\n".to_owned(), done()]), "a", "JSON"),
        (
            "error",
            answer(&[text("a"), "data: {\"error\":{\"message\":\"no\"}}\n\n".to_owned(), done()]),
            "a",
            "no",
        ),
        (
            "error event",
            answer(&[text("a"), "event: error\ndata: sorry\n\n".to_owned()]),
            "a",
            "sorry",
        ),
        ("an empty body", answer(&[]), "", "before it was finished"),
    ] {
        let daemon = Daemon::start(&api::fixed(response), &[]);
        let received = daemon.ask(PROMPT);
        assert!(
            received.status == 200 && !received.body.contains("[DONE]"),
            "{name}: {received:?}"
        );
        assert_eq!(received.text(), expected, "{name}");
        assert!(received.failure().contains(message), "{name}: {received:?}");
    }
}

/// An answer whose second event has these lines, before a finish and `[DONE]`.
fn in_dialect(lines: &str) -> String {
    answer(&[text("a"), format!("{lines}\n\n"), stop(), done()])
}

#[test]
fn an_error_in_any_form_fails_the_stream() {
    for (lines, message) in [
        (r#"data: {"choices":[],"error":{"message":"no"}}"#, "no"),
        (r#"data: {"choices":[{"delta":{"content":""}}],"error":"no"}"#, "no"),
        (r#"data: {"error":503}"#, "reported an error"),
        (r#"data: {"object":"error","message":"no","code":400}"#, "no"),
        (r#"error: {"code":500,"message":"no"}"#, "no"),
        ("error: no", "no"),
        ("event: error", "reported an error"),
        ("event: error\ndata:", "reported an error"),
    ] {
        for format in ["--format=simple", "--format=openai"] {
            let daemon = Daemon::start(&api::fixed(in_dialect(lines)), &[format]);
            let received = daemon.ask(PROMPT);
            assert!(!received.body.contains("[DONE]"), "{lines}: {received:?}");
            assert!(received.failure().contains(message), "{lines}: {received:?}");
        }
    }
}

#[test]
fn other_dialects_are_understood() {
    for (lines, expected) in [
        ("data:\n\ndata\n\nid: 7\n: beat\n\nevent: ping\ndata:", "a"),
        (
            r#"data: {"choices":[{"delta":{"role":"assistant","content":"b"},"finish_reason":""}]}"#,
            "ab",
        ),
        (
            r#"data: {"choices":[{"delta":{"content":[{"type":"text","text":"b"},{"text":"c"}]}}]}"#,
            "abc",
        ),
        (r#"data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"f"}}]}}]}"#, "a"),
    ] {
        let received = Daemon::start(&api::fixed(in_dialect(lines)), &[]).ask(PROMPT);
        assert!(received.done(), "{lines}: {received:?}");
        assert_eq!(received.text(), expected, "{lines}");
    }
}

#[test]
fn content_of_another_type_fails_the_simple_format_only() {
    let lines = r#"data: {"choices":[{"delta":{"content":5}}]}"#;
    let base = api::fixed(in_dialect(lines));
    let received = Daemon::start(&base, &[]).ask(PROMPT);
    assert!(received.failure().contains("content"), "{received:?}");
    let received = Daemon::start(&base, &["--format=openai"]).ask(PROMPT);
    assert!(received.done() && received.body.contains(lines), "{received:?}");
}

#[test]
fn an_empty_finish_reason_does_not_finish() {
    let last = r#"data: {"choices":[{"delta":{"content":"b"},"finish_reason":""}]}"#;
    let base = api::fixed(answer(&[text("a"), format!("{last}\n\n")]));
    let received = Daemon::start(&base, &[]).ask(PROMPT);
    assert!(received.failure().contains("before it was finished"), "{received:?}");
}

#[test]
fn these_responses_are_refused() {
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
        ("no head", "HTTP/1.1 200".to_owned(), 502, "could not reach"),
        ("unknown coding", coded, 502, "could not reach"),
        ("gzip", HEAD.replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n"), 502, "encoding"),
    ] {
        let daemon = Daemon::start(&api::fixed(response), &[]);
        let received = daemon.ask(PROMPT);
        assert_eq!(received.status, status, "{name}: {received:?}");
        assert!(received.failure().contains(message), "{name}: {received:?}");
        assert!(!received.body.contains(KEY) && received.head.contains("\r\nContent-Length: "));
        assert_eq!(
            received.head.contains("\r\nRetry-After: 7"),
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
