//! What the API's response is worth: an event stream to relay, or a problem that says what to
//! answer the client instead.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::response::Parts;
use tokio::time::timeout;

use super::Stream;
use crate::log;
use crate::problem::{Problem, UPSTREAM};

/// How much of an error response is read to find its message, and for how long at most.
const ERROR_BODY_BYTES: usize = 64 << 10;
const ERROR_BODY_TIME: Duration = Duration::from_secs(2);

/// Sorts an event stream from everything else, which is a problem.
pub async fn accept(parts: &Parts, stream: Stream, idle: Duration) -> Result<Stream, Problem> {
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = header(CONTENT_TYPE).split(';').next().unwrap_or("").trim();
    let encoding = header(CONTENT_ENCODING);
    let bad = |code, message| Problem::new(StatusCode::BAD_GATEWAY, UPSTREAM, code, message);
    let problem = if !parts.status.is_success() {
        refusal(parts, stream, idle).await
    } else if !kind.eq_ignore_ascii_case("text/event-stream") {
        let plain = bad("unexpected_content_type", "the API did not answer with an event stream");
        described(stream, idle).await.map_or(plain.clone(), |problem| Problem {
            code: problem.code.or(plain.code),
            ..problem
        })
    } else if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        bad("unexpected_encoding", "the API's answer is encoded, unasked")
    } else {
        return Ok(stream);
    };
    log::warn(format_args!("the API refused with status {} and {kind:?}", parts.status.as_u16()));
    Err(problem)
}

/// A status other than 2xx. A 4xx is the client's to know, but for what the API says of our
/// key; its own failures are not.
async fn refusal(parts: &Parts, stream: Stream, idle: Duration) -> Problem {
    let status = parts.status;
    let code = format!("upstream_status_{}", status.as_u16());
    let message = format!("the API answered with status {}", status.as_u16());
    let mut problem = Problem::new(StatusCode::BAD_GATEWAY, UPSTREAM, &code, message);
    let ours = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
    if status.is_client_error() && !ours {
        problem = described(stream, idle).await.unwrap_or(problem);
        problem.status = status;
    }
    problem.retry_after = parts.headers.get(RETRY_AFTER).and_then(retry_after);
    problem
}

/// An error's words, or what has come of them in time.
async fn described(mut stream: Stream, idle: Duration) -> Option<Problem> {
    let mut body = Vec::new();
    let reading = async {
        while let Some(Ok(piece)) = stream.next().await {
            body.extend_from_slice(&piece);
            if body.len() > ERROR_BODY_BYTES {
                break;
            }
        }
    };
    let _ = timeout(idle.min(ERROR_BODY_TIME), reading).await;
    Problem::described(&String::from_utf8_lossy(&body))
}

/// The value, if it is one of the two that HTTP knows.
fn retry_after(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let seconds = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (seconds || httpdate::parse_http_date(text).is_ok_and(|date| date > SystemTime::UNIX_EPOCH))
        .then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_kept_if_it_is_one() {
        for (text, kept) in [
            ("30", true),
            ("Fri, 31 Dec 1999 23:59:59 GMT", true),
            ("", false),
            ("-1", false),
            ("soon", false),
        ] {
            assert_eq!(retry_after(&HeaderValue::from_static(text)).is_some(), kept, "{text}");
        }
    }
}
