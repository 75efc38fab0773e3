//! The renderer of everything that the daemon sends to a client: heads, events and errors. So
//! only this module must prevent line ends inside of a header or an event.

use std::fmt::Write as _;

use http::StatusCode;

use crate::chunk::Chunk;
use crate::problem::Problem;

/// A header of the client's response, with a valid name and value.
pub type Header = (String, String);

pub const DONE: &str = "data: [DONE]\n\n";

/// The form of the events that the client receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Only the text of choice 0.
    Simple,
    /// The API's whole chunk.
    Openai,
}

impl Format {
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "simple" => Some(Self::Simple),
            "openai" => Some(Self::Openai),
            _ => None,
        }
    }

    /// Appends the client's events for a chunk. It copies the texts as JSON and does not rewrite
    /// their escapes. JSON strings contain no raw line end.
    pub fn append(self, out: &mut Vec<u8>, chunk: &Chunk) -> Result<(), Problem> {
        match self {
            Self::Simple => {
                for text in chunk.texts() {
                    for part in ["data: {\"content\":", &*text?, "}\n\n"] {
                        out.extend_from_slice(part.as_bytes());
                    }
                }
            }
            Self::Openai => {
                out.extend_from_slice(b"data: ");
                // Between JSON tokens, a line end is equivalent to a space.
                out.extend(chunk.data.bytes().map(|byte| match byte {
                    b'\r' | b'\n' => b' ',
                    byte => byte,
                }));
                out.extend_from_slice(b"\n\n");
            }
        }
        Ok(())
    }
}

/// Renders the head of a streamed answer.
pub fn stream_head(extra: &[Header]) -> String {
    let own = [
        ("Content-Type", "text/event-stream"),
        ("Cache-Control", "no-cache"),
        ("Connection", "close"),
        ("X-Accel-Buffering", "no"),
    ];
    head(StatusCode::OK, &own, extra)
}

/// Renders a problem as a complete response.
pub fn response(problem: &Problem, key: &str, extra: &[Header]) -> String {
    let body = problem.to_json(key) + "\n";
    let length = body.len().to_string();
    let mut own = vec![
        ("Content-Type", "application/json"),
        ("Cache-Control", "no-cache"),
        ("Connection", "close"),
        ("Content-Length", &*length),
    ];
    if let Some(delay) = &problem.retry_after {
        own.push(("Retry-After", delay));
    }
    head(problem.status, &own, extra) + &body
}

/// Renders a problem as the last event of a stream.
pub fn event(problem: &Problem, key: &str) -> String {
    format!("data: {}\n\n", problem.to_json(key))
}

fn head(status: StatusCode, own: &[(&str, &str)], extra: &[Header]) -> String {
    let reason = status.canonical_reason().unwrap_or("Unknown");
    let mut out = format!("HTTP/1.1 {} {reason}\r\n", status.as_str());
    let extra = extra.iter().map(|(name, value)| (&**name, &**value));
    for (name, value) in own.iter().copied().chain(extra) {
        let _ = write!(out, "{name}: {value}\r\n");
    }
    out + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(format: Format, data: &str) -> String {
        let mut out = Vec::new();
        format.append(&mut out, &Chunk::parse(data).unwrap()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn simple_holds_the_text_and_openai_all() {
        let data = "{\"n\": 1.0,\n \"choices\":[{\"delta\":{\"content\":\"\\u00e9\\n\"}}]}";
        assert_eq!(rendered(Format::Simple, data), "data: {\"content\":\"\\u00e9\\n\"}\n\n");
        assert_eq!(
            rendered(Format::Openai, data),
            "data: {\"n\": 1.0,  \"choices\":[{\"delta\":{\"content\":\"\\u00e9\\n\"}}]}\n\n"
        );
    }

    #[test]
    fn a_stream_has_no_length() {
        let head = stream_head(&[("X-Request-Id".to_owned(), "7".to_owned())]);
        assert_eq!(
            head,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\
             Connection: close\r\nX-Accel-Buffering: no\r\nX-Request-Id: 7\r\n\r\n"
        );
    }

    #[test]
    fn an_error_has_its_length_and_delay() {
        let mut problem = Problem::late("too late");
        problem.retry_after = Some("30".to_owned());
        let text = response(&problem, "", &[]);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"));
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())));
        assert!(head.ends_with("\r\nRetry-After: 30"));
        assert!(event(&problem, "").starts_with("data: {\"error\":{\"message\":\"too late\""));
    }
}
