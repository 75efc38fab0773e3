//! The handoff data becomes a request to the API. What is checked is what the contract
//! names: the types of its fields. Everything else passes as the JSON text it is.

use http::{HeaderName, HeaderValue};
use serde_json::value::RawValue;

use crate::json::{self, Kind, Object};
use crate::render::Header;

/// Asked for when the handoff data names none.
const DEFAULT_MODEL: &str = r#""gpt-4o-mini""#;

/// What one handoff asks for.
#[derive(Debug)]
pub struct Job {
    /// The API's request, in JSON.
    pub body: String,
    /// For `X-Test-Pattern`.
    pub test_pattern: Option<HeaderValue>,
    /// For `X-Request-Id`.
    pub request_id: Option<HeaderValue>,
}

/// Reads the handoff data: the job, or the problem in words for the client; and the response
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

/// The data itself is held to more than a parser asks for: a name given twice is an error,
/// since whoever checked the request may have read the other one.
fn fields(data: &[u8]) -> Result<Object<'_>, String> {
    let text = std::str::from_utf8(data).map_err(|_| "the handoff data is not UTF-8")?;
    let object = Object::parse(text).ok_or("the handoff data is not a JSON object")?;
    let mut names: Vec<_> = object.fields().map(|(name, _)| name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("the handoff data holds {:?} twice", pair[0])),
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
    // Web applications count their users as often as they name them.
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

/// The messages, or what system and prompt make of them.
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
    let prompt = prompt.ok_or("there is neither prompt nor messages")?;
    let turns = [("system", system), ("user", Some(prompt))];
    let turns: Vec<_> = turns
        .into_iter()
        .filter_map(|(role, content)| {
            let role = format!("{role:?}");
            Some(encode([("role", &*role), ("content", content?.get())].into_iter()))
        })
        .collect();
    Ok(format!("[{}]", turns.join(",")))
}

/// Holds a message against `{role, content}`. Content may be missing: that of an assistant's
/// message with tool calls is null.
fn check_message(message: &RawValue) -> Result<(), String> {
    let message = Object::of(message).ok_or("expected an object with role and content")?;
    typed(&message, "role", &[Kind::String], "a string")?.ok_or("role is missing")?;
    let kinds = [Kind::String, Kind::Array];
    let content = typed(&message, "content", &kinds, "a string or a list of parts")?;
    let parts = content.and_then(json::elements).unwrap_or_default();
    if parts.iter().any(|part| json::kind(part) != Kind::Object) {
        return Err("content: expected a list of objects".to_owned());
    }
    Ok(())
}

/// The response headers that the daemon alone decides on.
const RESERVED: [HeaderName; 6] = [
    http::header::CONTENT_TYPE,
    http::header::CACHE_CONTROL,
    http::header::CONNECTION,
    http::header::TRANSFER_ENCODING,
    http::header::CONTENT_LENGTH,
    http::header::CONTENT_ENCODING,
];

/// The valid ones in order; the others are dropped in silence.
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

/// A field that goes to the API as a header. Control characters are an error: to drop them
/// would be to ask for something else.
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

/// A field's value, or none when it is absent or null.
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

/// Replaces the field of this name, or adds it.
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
