//! A chunk is one JSON message of the API's stream. The daemon parses what a relay needs: an
//! error, the text, and which choices finish. Vendors differ in all other fields, so a field of
//! an unexpected type counts as absent.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::json::{self, Kind, Object};
use crate::problem::Problem;

/// One message of the stream.
#[derive(Debug)]
pub struct Chunk<'a> {
    /// The JSON text that the API sent.
    pub data: &'a str,
    /// The error that the chunk reports.
    pub failure: Option<Problem>,
    choices: Vec<Choice<'a>>,
}

#[derive(Debug)]
struct Choice<'a> {
    index: i64,
    content: Option<&'a RawValue>,
    finished: bool,
}

impl<'a> Chunk<'a> {
    /// Parses the data of an event, which must be a JSON object.
    pub fn parse(data: &'a str) -> Result<Self, Problem> {
        let object = Object::parse(data).ok_or_else(|| {
            Problem::broken("expected a JSON object in each event of the API's stream")
        })?;
        let choices = object.get("choices").and_then(json::elements).unwrap_or_default();
        let failed = object.get("error").is_some() || choices.is_empty() && is_error(&object);
        let failure = failed.then(|| Problem::reported(data));
        Ok(Self { data, failure, choices: choices.into_iter().filter_map(Choice::of).collect() })
    }

    /// Returns the texts of choice 0 as JSON strings, without the empty ones.
    pub fn texts(&self) -> impl Iterator<Item = Result<Cow<'a, str>, Problem>> {
        self.choices
            .iter()
            .filter(|choice| choice.index == 0)
            .filter_map(|choice| choice.content)
            .map(|content| {
                content_text(content).ok_or_else(|| {
                    Problem::broken("expected a delta's content as a string or a list of texts")
                })
            })
            .filter(|text| text.as_ref().map_or(true, |text| text != "\"\""))
    }
}

/// Reports whether an object without choices is itself an error: it has the error's own fields,
/// without the key `error` around them. `FastAPI` servers send a `detail`, a text or a list.
fn is_error(object: &Object) -> bool {
    let field = |name| object.get(name).and_then(json::text).unwrap_or_default();
    let detailed = object.get("detail").is_some_and(|detail| {
        matches!(json::kind(detail), Kind::String | Kind::Array) && detail.get().len() > 2
    });
    let named = !field("message").is_empty() || field("object") == "error";
    named || detailed || field("type") == "error"
}

/// Returns a delta's content as one JSON string. Content is a string, or a list of text parts
/// (Mistral, GLM), whose texts it joins. The texts keep their escapes.
fn content_text(content: &RawValue) -> Option<Cow<'_, str>> {
    if json::kind(content) == Kind::String {
        return Some(content.get().into());
    }
    let mut joined = String::from("\"");
    for part in json::elements(content)? {
        let text = part_text(part)?;
        joined.push_str(&text[1..text.len() - 1]);
    }
    Some((joined + "\"").into())
}

/// Returns the text of a part as a JSON string. A part is a string, or an object of the type
/// `text`. A part of the type `thinking` (Mistral) has no text for the client: other APIs send it
/// as `reasoning_content`, next to the content.
fn part_text(part: &RawValue) -> Option<&str> {
    if json::kind(part) == Kind::String {
        return Some(part.get());
    }
    let part = Object::of(part)?;
    match part.get("type").map_or("\"text\"", RawValue::get) {
        "\"thinking\"" => Some("\"\""),
        "\"text\"" => Some(part.get("text").filter(|text| json::kind(text) == Kind::String)?.get()),
        _ => None,
    }
}

impl<'a> Choice<'a> {
    fn of(value: &'a RawValue) -> Option<Self> {
        let choice = Object::of(value)?;
        let reason = choice.get("finish_reason").filter(|value| json::kind(value) == Kind::String);
        Some(Self {
            index: choice.get("index").and_then(|value| value.get().parse().ok()).unwrap_or(0),
            content: choice
                .get("delta")
                .and_then(Object::of)
                .and_then(|delta| delta.get("content")),
            finished: reason.is_some_and(|reason| reason.get() != "\"\""),
        })
    }
}

/// The choices of an answer, and whether each has finished. A `finish_reason` finishes its
/// choice if it is a string that is not empty: Ollama and `SGLang` send an empty one with each
/// delta.
#[derive(Debug, Default)]
pub struct Completion(BTreeMap<i64, bool>);

impl Completion {
    pub fn note(&mut self, chunk: &Chunk) {
        for choice in &chunk.choices {
            *self.0.entry(choice.index).or_default() |= choice.finished;
        }
    }

    /// Reports whether the answer is complete: it has choices, and all are finished.
    pub fn finished(&self) -> bool {
        !self.0.is_empty() && self.0.values().all(|done| *done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(data: &str) -> Vec<String> {
        let chunk = Chunk::parse(data).unwrap();
        chunk.texts().map(|text| text.unwrap().into_owned()).collect()
    }

    #[test]
    fn texts_are_those_of_the_first_choice() {
        let data = r#"{"choices":[{"index":0,"delta":{"content":"\u0041 "}},
            {"index":1,"delta":{"content":"b"}},{"delta":{"content":""}},
            {"delta":{"content":"c"}}]}"#;
        assert_eq!(texts(data), [r#""\u0041 ""#, r#""c""#]);
    }

    #[test]
    fn fields_of_unexpected_types_are_absent() {
        for data in [
            "{}",
            r#"{"choices":null}"#,
            r#"{"choices":{}}"#,
            r#"{"choices":[null,1,{"delta":null},{"delta":[]},{"delta":{"content":null}}]}"#,
        ] {
            assert!(texts(data).is_empty(), "{data}");
        }
    }

    #[test]
    fn the_texts_of_a_list_of_parts_are_joined() {
        let content = r#"[{"type":"text","text":"a\u00e9"},{"text":"\ud83d"},{"text":"\ude00"}]"#;
        let data = format!(r#"{{"choices":[{{"delta":{{"content":{content}}}}}]}}"#);
        assert_eq!(texts(&data), [r#""a\u00e9\ud83d\ude00""#]);
        let content = r#"["a",{"type":"thinking","thinking":[]},{"type":"text","text":"b"}]"#;
        let data = format!(r#"{{"choices":[{{"delta":{{"content":{content}}}}}]}}"#);
        assert_eq!(texts(&data), [r#""ab""#]);
        assert!(texts(r#"{"choices":[{"delta":{"content":[]}}]}"#).is_empty());
    }

    #[test]
    fn content_of_another_type_is_a_failure() {
        let image = r#"[{"type":"image_url","text":"a"}]"#;
        for content in ["5", "false", "{}", "[5]", "[{}]", r#"[{"text":5}]"#, image] {
            let data = format!(r#"{{"choices":[{{"delta":{{"content":{content}}}}}]}}"#);
            let chunk = Chunk::parse(&data).unwrap();
            assert!(chunk.texts().next().unwrap().is_err(), "{content}");
        }
    }

    #[test]
    fn text_next_to_other_fields_is_kept() {
        let data = r#"{"choices":[{"delta":{"role":"assistant","reasoning_content":"b",
            "tool_calls":[{"id":"c"}],"content":"a"},"finish_reason":""}]}"#;
        assert_eq!(texts(data), [r#""a""#]);
    }

    #[test]
    fn an_answer_is_finished_when_each_choice_is() {
        let mut completion = Completion::default();
        for (data, finished) in [
            (r#"{"choices":[]}"#, false),
            (r#"{"choices":[{"index":0,"delta":{}}]}"#, false),
            (r#"{"choices":[{"index":1,"finish_reason":"stop"}]}"#, false),
            (r#"{"choices":[{"index":0,"finish_reason":"length"}]}"#, true),
            (r#"{"choices":[{"index":0,"finish_reason":null}]}"#, true),
            (r#"{"choices":[{"index":2,"finish_reason":""}]}"#, false),
            (r#"{"choices":[{"index":2,"finish_reason":1}]}"#, false),
        ] {
            completion.note(&Chunk::parse(data).unwrap());
            assert_eq!(completion.finished(), finished, "{data}");
        }
    }

    #[test]
    fn errors_of_any_form_are_failures() {
        for data in [
            r#"{"error":{"message":"no"}}"#,
            r#"{"choices":[],"error":{"message":"no"}}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"error":{"message":"no"}}"#,
            r#"{"error":"no"}"#,
            r#"{"error":503}"#,
            r#"{"error":[]}"#,
            r#"{"error":true}"#,
            r#"{"object":"error","message":"no","type":"BadRequestError","code":400}"#,
            r#"{"message":"no"}"#,
            r#"{"type":"error"}"#,
            r#"{"detail":"no"}"#,
            r#"{"detail":[{"msg":"no"}]}"#,
        ] {
            assert!(Chunk::parse(data).unwrap().failure.is_some(), "{data}");
        }
        for data in [
            r#"{"error":null,"choices":[]}"#,
            r#"{"choices":[{"delta":{}}],"message":"no"}"#,
            r#"{"message":{"content":"a"}}"#,
            r#"{"detail":"","x":1}"#,
            r#"{"detail":[]}"#,
            r#"{"message":"","object":"chat.completion.chunk"}"#,
        ] {
            assert!(Chunk::parse(data).unwrap().failure.is_none(), "{data}");
        }
        assert!(Chunk::parse("[DONE").is_err() && Chunk::parse("[]").is_err());
    }
}
