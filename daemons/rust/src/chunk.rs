//! A chunk is one message of the API's stream, read as far as relaying needs: is it an
//! error, which text does it hold, which choices does it finish. Vendors differ in all the
//! rest, so a field of a surprising type is taken for absent.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::json::{self, Kind, Object};
use crate::problem::Problem;

/// One message of the stream.
#[derive(Debug)]
pub struct Chunk<'a> {
    /// As it arrived.
    pub data: &'a str,
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
    /// Reads the data of an event, which must be a JSON object.
    pub fn parse(data: &'a str) -> Result<Self, Problem> {
        let object = Object::parse(data)
            .ok_or_else(|| Problem::broken("an event of the API's stream is not a JSON object"))?;
        let failure = object.get("error").and_then(|_| Problem::described(data));
        let choices = object.get("choices").and_then(json::elements).unwrap_or_default();
        Ok(Self { data, failure, choices: choices.into_iter().filter_map(Choice::of).collect() })
    }

    /// The texts of choice 0, as JSON strings; empty ones are left out.
    pub fn texts(&self) -> impl Iterator<Item = Result<&'a str, Problem>> {
        self.choices
            .iter()
            .filter(|choice| choice.index == 0)
            .filter_map(|choice| choice.content)
            .filter(|content| content.get() != "\"\"")
            .map(|content| match json::kind(content) {
                Kind::String => Ok(content.get()),
                _ => Err(Problem::broken("a delta's content is not a string")),
            })
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

/// Which choices were seen, and whether each has finished.
#[derive(Debug, Default)]
pub struct Completion(BTreeMap<i64, bool>);

impl Completion {
    pub fn note(&mut self, chunk: &Chunk) {
        for choice in &chunk.choices {
            *self.0.entry(choice.index).or_default() |= choice.finished;
        }
    }

    /// Whether the answer is whole: there were choices, and all are done.
    pub fn finished(&self) -> bool {
        !self.0.is_empty() && self.0.values().all(|done| *done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(data: &str) -> Vec<String> {
        let chunk = Chunk::parse(data).unwrap();
        chunk.texts().map(|text| text.unwrap().to_owned()).collect()
    }

    #[test]
    fn texts_are_those_of_the_first_choice() {
        let data = r#"{"choices":[{"index":0,"delta":{"content":"\u0041 "}},
            {"index":1,"delta":{"content":"b"}},{"delta":{"content":""}},
            {"delta":{"content":"c"}}]}"#;
        assert_eq!(texts(data), [r#""\u0041 ""#, r#""c""#]);
    }

    #[test]
    fn surprising_types_are_absent() {
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
    fn content_of_another_type_is_a_failure() {
        let chunk = Chunk::parse(r#"{"choices":[{"delta":{"content":["a"]}}]}"#).unwrap();
        assert!(chunk.texts().next().unwrap().is_err());
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
        ] {
            completion.note(&Chunk::parse(data).unwrap());
            assert_eq!(completion.finished(), finished, "{data}");
        }
    }

    #[test]
    fn errors_are_told_from_answers() {
        assert!(Chunk::parse(r#"{"error":{"message":"no"}}"#).unwrap().failure.is_some());
        assert!(Chunk::parse(r#"{"error":null,"choices":[]}"#).unwrap().failure.is_none());
        assert!(Chunk::parse("[DONE").is_err() && Chunk::parse("[]").is_err());
    }
}
