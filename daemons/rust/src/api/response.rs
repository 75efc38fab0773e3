//! The check of the API's response: an event stream to relay, or a problem for the client.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::response::Parts;
use tokio::time::timeout;

use super::Stream;
use crate::log;
use crate::problem::{Problem, UPSTREAM};

/// The limits for reading an error response, to find its message.
const ERROR_BODY_BYTES: usize = 64 << 10;
const ERROR_BODY_TIME: Duration = Duration::from_secs(2);

/// Returns the stream if the response is an event stream, and a problem otherwise.
pub async fn accept(parts: &Parts, stream: Stream, idle: Duration) -> Result<Stream, Problem> {
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = header(CONTENT_TYPE).split(';').next().unwrap_or("").trim();
    let encoding = header(CONTENT_ENCODING);
    let bad = |code, message| Problem::new(StatusCode::BAD_GATEWAY, UPSTREAM, code, message);
    let problem = if !parts.status.is_success() {
        refusal(parts, stream, idle).await
    } else if !kind.eq_ignore_ascii_case("text/event-stream") {
        let message = "expected an event stream from the API, found another content type";
        let plain = bad("unexpected_content_type", message);
        described(stream, idle).await.map_or(plain.clone(), |problem| Problem {
            code: problem.code.or(plain.code),
            ..problem
        })
    } else if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        bad("unexpected_encoding", "expected no content encoding from the API, found one")
    } else {
        return Ok(stream);
    };
    let status = parts.status.as_u16();
    log::warn(format_args!("the API refused a request with status {status} and {kind:?}"));
    Err(problem)
}

/// Converts a response with a status other than 2xx to a problem. The client gets the API's own
/// 4xx and its message, except 401 and 403, which are about the daemon's key. All other statuses
/// become a 502.
async fn refusal(parts: &Parts, stream: Stream, idle: Duration) -> Problem {
    let status = parts.status;
    let code = format!("upstream_status_{}", status.as_u16());
    let message = format!("expected status 200 from the API, found status {}", status.as_u16());
    let mut problem = Problem::new(StatusCode::BAD_GATEWAY, UPSTREAM, &code, message);
    let ours = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
    if status.is_client_error() && !ours {
        problem = described(stream, idle).await.unwrap_or(problem);
        problem.status = status;
    }
    problem.retry_after = parts.headers.get(RETRY_AFTER).and_then(retry_after);
    problem
}

/// Reads an error response and returns the problem in it. After the timeout it uses the part
/// that has arrived.
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

/// Returns the value if it has one of the two forms of HTTP: seconds or a date.
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
    fn only_a_valid_delay_is_kept() {
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
