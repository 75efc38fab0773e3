//! The payload parser builds the API's request from the handoff data. It checks the types of the
//! fields that the contract names. All values stay the JSON text that arrived.

use http::{HeaderName, HeaderValue};
use serde_json::value::RawValue;

use crate::json::{self, Kind, Object};
use crate::render::Header;

/// The model for handoff data without one.
const DEFAULT_MODEL: &str = r#""gpt-4o-mini""#;

/// The request that one handoff makes.
#[derive(Debug)]
pub struct Job {
    /// The body of the API's request, in JSON.
    pub body: String,
    /// For `X-Test-Pattern`.
    pub test_pattern: Option<HeaderValue>,
    /// For `X-Request-Id`.
    pub request_id: Option<HeaderValue>,
}

/// Parses the handoff data. Returns the job or an error text for the client, and the response
/// headers, which an error response has too.
pub fn parse(data: &[u8]) -> (Result<Job, String>, Vec<Header>) {
    match fields(data) {
        Err(wrong) => (Err(wrong), Vec::new()),
        Ok(handoff) => match response_headers(&handoff) {
            Err(wrong) => (Err(wrong), Vec::new()),
            Ok(headers) => (job(&handoff), headers),
        },
    }
}

/// Parses the outer object of the handoff data. It is stricter than a JSON parser. A duplicate
/// name is an error: the web server may have checked the other value.
fn fields(data: &[u8]) -> Result<Object<'_>, String> {
    let text = std::str::from_utf8(data).map_err(|_| "expected handoff data in UTF-8")?;
    let object = Object::parse(text).ok_or("expected a JSON object as handoff data")?;
    let mut names: Vec<_> = object.fields().map(|(name, _)| name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("expected each field once, found {:?} twice", pair[0])),
        None => Ok(object),
    }
}

fn job(handoff: &Object) -> Result<Job, String> {
    Ok(Job {
        test_pattern: header(handoff, "test_pattern")?,
        request_id: header(handoff, "request_id")?,
        body: request(handoff)?,
    })
}

fn request(handoff: &Object) -> Result<String, String> {
    let messages = conversation(handoff)?;
    let model = typed(handoff, "model", &[Kind::String], "a string")?;
    let mut fields = vec![
        ("model".to_owned(), model.map_or(DEFAULT_MODEL, RawValue::get)),
        ("messages".to_owned(), &*messages),
    ];
    let max_tokens = typed(handoff, "max_tokens", &[Kind::Number], "an integer")?;
    if max_tokens.is_some_and(|value| value.get().contains(['.', 'e', 'E'])) {
        return Err("max_tokens: expected an integer".to_owned());
    }
    // Many web applications number their users.
    let user = [Kind::String, Kind::Number];
    for (name, value) in [
        ("max_tokens", max_tokens),
        ("temperature", typed(handoff, "temperature", &[Kind::Number], "a number")?),
        ("user", typed(handoff, "user_id", &user, "a string or a number")?),
    ] {
        if let Some(value) = value {
            set(&mut fields, name, value.get());
        }
    }
    if let Some(body) = typed(handoff, "body", &[Kind::Object], "an object")? {
        let body = Object::of(body).ok_or("body: expected an object")?;
        for (name, value) in body.fields() {
            set(&mut fields, name, value.get());
        }
    }
    set(&mut fields, "stream", "true");
    Ok(encode(fields.iter().map(|(name, value)| (&**name, *value))))
}

/// Returns the messages, or builds them from system and prompt.
fn conversation(handoff: &Object) -> Result<String, String> {
    let messages = typed(handoff, "messages", &[Kind::Array], "a list")?;
    let prompt = typed(handoff, "prompt", &[Kind::String], "a string")?;
    let system = typed(handoff, "system", &[Kind::String], "a string")?;
    if let Some(messages) = messages {
        let list = json::elements(messages).ok_or("messages: expected a list")?;
        for (number, message) in list.iter().enumerate() {
            check_message(message).map_err(|wrong| format!("messages[{number}]: {wrong}"))?;
        }
        if !list.is_empty() {
            return Ok(messages.get().to_owned());
        }
    }
    let prompt = prompt.ok_or("expected prompt or messages, found neither")?;
    let roles = [("system", system), ("user", Some(prompt))];
    let built: Vec<_> = roles
        .into_iter()
        .filter_map(|(role, content)| {
            let role = format!("{role:?}");
            Some(encode([("role", &*role), ("content", content?.get())].into_iter()))
        })
        .collect();
    Ok(format!("[{}]", built.join(",")))
}

/// Checks the types of a message's role and content. Content may be absent or null: an assistant
/// message with tool calls does not need any.
fn check_message(message: &RawValue) -> Result<(), String> {
    let message = Object::of(message).ok_or("expected an object with role and content")?;
    typed(&message, "role", &[Kind::String], "a string")?.ok_or("expected a role, found none")?;
    let kinds = [Kind::String, Kind::Array];
    let content = typed(&message, "content", &kinds, "a string or a list of parts")?;
    let parts = content.and_then(json::elements).unwrap_or_default();
    if parts.iter().any(|part| json::kind(part) != Kind::Object) {
        return Err("content: expected a list of objects".to_owned());
    }
    Ok(())
}

/// The response headers that the handoff data cannot set.
const RESERVED: [HeaderName; 6] = [
    http::header::CONTENT_TYPE,
    http::header::CACHE_CONTROL,
    http::header::CONNECTION,
    http::header::TRANSFER_ENCODING,
    http::header::CONTENT_LENGTH,
    http::header::CONTENT_ENCODING,
];

/// Returns the valid response headers in order, and discards the others.
fn response_headers(handoff: &Object) -> Result<Vec<Header>, String> {
    let Some(value) = typed(handoff, "response_headers", &[Kind::Object], "an object of strings")?
    else {
        return Ok(Vec::new());
    };
    let object = Object::of(value).ok_or("response_headers: expected an object")?;
    let valid = object.fields().filter_map(|(name, value)| {
        let token = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let text = json::text(value)?;
        let allowed = !RESERVED.contains(&token)
            && token != "x-accel-buffering"
            && !text.contains(|char: char| char.is_ascii_control());
        allowed.then(|| (name.to_owned(), text.into_owned()))
    });
    Ok(valid.collect())
}

/// Returns a field that the daemon sends to the API as a header. Control characters are an error:
/// without them, the value would mean something else.
fn header(handoff: &Object, name: &str) -> Result<Option<HeaderValue>, String> {
    let Some(value) = typed(handoff, name, &[Kind::String], "a string")? else {
        return Ok(None);
    };
    let text =
        json::text(value).filter(|text| !text.contains(|char: char| char.is_ascii_control()));
    let value = text.and_then(|text| HeaderValue::from_bytes(text.as_bytes()).ok());
    match value {
        Some(value) => Ok((!value.is_empty()).then_some(value)),
        None => Err(format!("{name}: expected a string without control characters")),
    }
}

/// Returns a field's value, or `None` for an absent or null field. A value of another type is an
/// error.
fn typed<'a>(
    object: &Object<'a>,
    name: &str,
    kinds: &[Kind],
    expected: &str,
) -> Result<Option<&'a RawValue>, String> {
    match object.get(name) {
        Some(value) if !kinds.contains(&json::kind(value)) => {
            Err(format!("{name}: expected {expected}"))
        }
        value => Ok(value),
    }
}

/// Replaces the field with this name, or adds it.
fn set<'a>(fields: &mut Vec<(String, &'a str)>, name: &str, value: &'a str) {
    match fields.iter_mut().find(|(known, _)| known == name) {
        Some(field) => field.1 = value,
        None => fields.push((name.to_owned(), value)),
    }
}

fn encode<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::from("{");
    for (name, value) in fields {
        if out.len() > 1 {
            out.push(',');
        }
        json::quote(&mut out, name);
        out.push(':');
        out.push_str(value);
    }
    out + "}"
}

#[cfg(test)]
mod tests;
