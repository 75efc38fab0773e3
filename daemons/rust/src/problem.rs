//! A failure in the words that the client is given: in an error response it is the body,
//! in a stream that has begun the last event.

use std::fmt::Write as _;

use http::StatusCode;
use serde_json::value::RawValue;

use crate::json::{self, Kind, Object};

/// Why there is no answer, or no more of it.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Of an error response.
    pub status: StatusCode,
    pub retry_after: Option<String>,
    pub message: String,
    /// One of the daemon's own kinds below, or the API's word.
    pub kind: String,
    /// A JSON string or number, if there is one.
    pub code: Option<String>,
}

pub const INVALID_REQUEST: &str = "invalid_request_error";
pub const UPSTREAM: &str = "upstream_error";
pub const TIMEOUT: &str = "timeout_error";
pub const OVERLOADED: &str = "overloaded_error";

impl Problem {
    pub fn new(status: StatusCode, kind: &str, code: &str, message: impl Into<String>) -> Self {
        let mut quoted = String::new();
        json::quote(&mut quoted, code);
        Self {
            status,
            retry_after: None,
            message: message.into(),
            kind: kind.to_owned(),
            code: Some(quoted),
        }
    }

    /// The handoff data is not what it should be.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, "invalid_handoff", message)
    }

    /// The API said something that it should not have said, or too little.
    pub fn broken(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, UPSTREAM, "upstream_broken", message)
    }

    /// The API was too late.
    pub fn late(message: &str) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, TIMEOUT, "upstream_timeout", message)
    }

    /// Finds the error in what the API sent in place of an answer: in its field `error`, an
    /// object or a text, or in the object itself.
    pub fn described(data: &str) -> Option<Self> {
        let outer = Object::parse(data)?;
        let named = outer.get("error");
        let inner = match named {
            Some(value) => Object::of(value),
            None => Some(outer),
        };
        let string = |name: &str| {
            let value = inner.as_ref()?.get(name)?;
            json::text(value).filter(|text| !text.is_empty())
        };
        let message = string("message").or_else(|| json::text(named?));
        let message = match message {
            Some(text) if !text.is_empty() => text.into_owned(),
            _ if named.is_some() => "the API reported an error".to_owned(),
            _ => return None,
        };
        let code = inner.as_ref().and_then(|object| object.get("code"));
        Some(Self {
            status: StatusCode::BAD_GATEWAY,
            retry_after: None,
            message,
            kind: string("type").map_or_else(|| UPSTREAM.to_owned(), Into::into),
            code: code.and_then(code_text),
        })
    }

    /// The problem as JSON, with all that is secret taken out.
    pub fn to_json(&self, key: &str) -> String {
        let redact = |text: &str| crate::log::redact(text, key).into_owned();
        let mut out = String::from(r#"{"error":{"message":"#);
        json::quote(&mut out, &redact(&self.message));
        out.push_str(r#","type":"#);
        json::quote(&mut out, &redact(&self.kind));
        let code = self.code.as_deref().unwrap_or("null");
        let _ = write!(out, r#","code":{}}}}}"#, redact(code));
        out
    }
}

/// A code is a text or a number; text is quoted anew, so that an escape hides nothing.
fn code_text(value: &RawValue) -> Option<String> {
    match json::kind(value) {
        Kind::Number => Some(value.get().to_owned()),
        Kind::String => {
            let mut quoted = String::new();
            json::quote(&mut quoted, &json::text(value)?);
            Some(quoted)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_found_in_all_their_shapes() {
        for (data, expected) in [
            (
                r#"{"error":{"message":"no\nway","type":"t","code":429}}"#,
                r#"{"error":{"message":"no\nway","type":"t","code":429}}"#,
            ),
            (
                r#"{"error":"overloaded","code":1}"#,
                r#"{"error":{"message":"overloaded","type":"upstream_error","code":null}}"#,
            ),
            (
                r#"{"message":"no","code":"c","type":5}"#,
                r#"{"error":{"message":"no","type":"upstream_error","code":"c"}}"#,
            ),
            (
                r#"{"error":{"code":{}}}"#,
                r#"{"error":{"message":"the API reported an error","type":"upstream_error","code":null}}"#,
            ),
        ] {
            assert_eq!(Problem::described(data).unwrap().to_json(""), expected);
        }
    }

    #[test]
    fn no_error_is_made_up() {
        for data in ["", "{}", "<html>", r#"{"error":null}"#, r#"{"choices":[]}"#, r#""error""#] {
            assert!(Problem::described(data).is_none(), "{data}");
        }
    }

    #[test]
    fn the_key_stays_here() {
        let data = r#"{"error":{"message":"key sk-1 is wrong","type":"sk-1","code":"s\u006b-1"}}"#;
        let json = Problem::described(data).unwrap().to_json("sk-1");
        assert!(!json.contains("sk-1") && json.contains("key [redacted] is wrong"), "{json}");
    }
}
