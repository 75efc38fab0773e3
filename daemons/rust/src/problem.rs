//! A problem is a failure as the client receives it: the body of an error response, or the last
//! event of a stream that has begun.

use std::fmt::Write as _;

use http::StatusCode;
use serde_json::value::RawValue;

use crate::json::{self, Kind, Object};

/// The reason why an answer has failed.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The HTTP status of an error response.
    pub status: StatusCode,
    pub retry_after: Option<String>,
    pub message: String,
    /// One of the daemon's own error types below, or the API's type.
    pub kind: String,
    /// A JSON string or number, as JSON text.
    pub code: Option<String>,
}

pub const INVALID_REQUEST: &str = "invalid_request_error";
pub const UPSTREAM: &str = "upstream_error";
pub const TIMEOUT: &str = "timeout_error";
pub const OVERLOADED: &str = "overloaded_error";

/// The message for an error without one.
const UNNAMED: &str = "the API reported an error";

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

    /// Makes a problem of invalid handoff data.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, "invalid_handoff", message)
    }

    /// Makes a problem of an invalid or incomplete answer of the API.
    pub fn broken(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, UPSTREAM, "upstream_broken", message)
    }

    /// Makes a problem of a timeout of the API.
    pub fn late(message: &str) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, TIMEOUT, "upstream_timeout", message)
    }

    /// Makes a problem of an event that reports an error. The message is the API's own where the
    /// data has one.
    pub fn reported(data: &str) -> Self {
        Self::described(data).unwrap_or_else(|| {
            let text = data.trim_ascii();
            let is_json = serde_json::from_str::<&RawValue>(text).is_ok();
            let plain = if text.is_empty() || is_json { UNNAMED } else { text };
            Self::broken(plain)
        })
    }

    /// Returns the error in JSON that the API sent instead of an answer. The error is the value
    /// of the field `error`, an object or a text, or the whole object.
    pub fn described(data: &str) -> Option<Self> {
        let outer = Object::parse(data)?;
        let keyed = outer.get("error");
        let inner = match keyed {
            Some(value) => Object::of(value),
            None => Some(outer),
        };
        let string = |name: &str| {
            let value = inner.as_ref()?.get(name)?;
            json::text(value).filter(|text| !text.is_empty())
        };
        let other = || if let Some(error) = keyed { json::text(error) } else { string("detail") };
        let message = string("message").or_else(other);
        let message = match message {
            Some(text) if !text.is_empty() => text.into_owned(),
            _ if keyed.is_some() => UNNAMED.to_owned(),
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

    /// Returns the problem as JSON, without the API's key.
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

/// Returns a code, a string or a number, as JSON. It quotes a string anew, so that escapes cannot
/// hide the key.
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
    fn errors_are_described_in_each_form() {
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
    fn data_without_an_error_has_no_description() {
        for data in ["", "{}", "<html>", r#"{"error":null}"#, r#"{"choices":[]}"#, r#""error""#] {
            assert!(Problem::described(data).is_none(), "{data}");
        }
    }

    #[test]
    fn a_reported_error_always_has_a_message() {
        for (data, expected) in [
            ("", UNNAMED),
            ("{}", UNNAMED),
            ("\"no\"", UNNAMED),
            (" sorry ", "sorry"),
            (r#"{"code":500,"message":"no"}"#, "no"),
            (r#"{"detail":"no"}"#, "no"),
            (r#"{"error":503}"#, UNNAMED),
        ] {
            assert_eq!(Problem::reported(data).message, expected, "{data}");
        }
    }

    #[test]
    fn the_key_is_removed() {
        let data = r#"{"error":{"message":"key sk-1 is wrong","type":"sk-1","code":"s\u006b-1"}}"#;
        let json = Problem::described(data).unwrap().to_json("sk-1");
        assert!(!json.contains("sk-1") && json.contains("key [redacted] is wrong"), "{json}");
    }
}
