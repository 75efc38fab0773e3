//! A JSON parser that keeps each value as text.
//!
//! The daemon passes JSON on unchanged: numbers keep their digits, strings keep their escapes.
//! So an object here is a list of fields in order, and a value is its text. `serde_json`
//! validates the whole text, at any depth: it skips values without recursion.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON object: its fields in order, with duplicates.
#[derive(Debug)]
pub struct Object<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// Parses a whole text, which must be one object.
    pub fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Parses a value, which must be an object.
    pub fn of(value: &'a RawValue) -> Option<Self> {
        Self::parse(value.get())
    }

    /// Returns the last field with this name. A null field counts as absent.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().rev().find(|(known, _)| known.0 == name)?;
        (kind(value) != Kind::Null).then_some(*value)
    }

    pub fn fields(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (&*name.0, *value))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Vec<(Text<'de>, &'de RawValue)>;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Fields).map(Self)
    }
}

/// The text of a JSON string. A lone surrogate, which a Rust string cannot hold, becomes U+FFFD.
#[derive(Debug)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl<'de> Visitor<'de> for Bytes {
            type Value = Cow<'de, str>;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(String::from_utf8_lossy(bytes))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(String::from_utf8_lossy(bytes).into_owned().into())
            }
        }

        // A lone surrogate is an error when deserialized as a string, but not as bytes.
        deserializer.deserialize_bytes(Bytes).map(Self)
    }
}

/// The type of a value. Its first byte identifies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

pub fn kind(value: &RawValue) -> Kind {
    match value.get().as_bytes()[0] {
        b'n' => Kind::Null,
        b't' | b'f' => Kind::Boolean,
        b'"' => Kind::String,
        b'[' => Kind::Array,
        b'{' => Kind::Object,
        _ => Kind::Number,
    }
}

/// Returns the elements of an array.
pub fn elements(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

/// Returns the text of a string.
pub fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let text: Text = serde_json::from_str(value.get()).ok()?;
    Some(text.0)
}

/// Appends a text as a JSON string.
pub fn quote(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_text() {
        let object = Object::parse(
            r#" {"n": 9007199254740993.10, "t":"\u00e9\ud800", "o": {"a" : [1 ,2]}} "#,
        )
        .unwrap();
        let texts: Vec<_> = object.fields().map(|(name, value)| (name, value.get())).collect();
        assert_eq!(
            texts,
            [("n", "9007199254740993.10"), ("t", r#""\u00e9\ud800""#), ("o", r#"{"a" : [1 ,2]}"#),]
        );
    }

    #[test]
    fn a_lone_surrogate_is_replaced() {
        let object = Object::parse(r#"{"a\ud83d":"x\udc00y","b":"\ud83d\ude00"}"#).unwrap();
        assert!(object.fields().next().unwrap().0.starts_with("a\u{fffd}"));
        assert_eq!(text(object.get("b").unwrap()).unwrap(), "😀");
        let lone = text(object.fields().next().unwrap().1).unwrap();
        assert!(lone.starts_with("x\u{fffd}") && lone.ends_with('y'));
    }

    #[test]
    fn the_last_of_a_name_counts_and_null_is_absent() {
        let object = Object::parse(r#"{"a":1,"a":2,"b":3,"b":null}"#).unwrap();
        assert_eq!(object.get("a").unwrap().get(), "2");
        assert!(object.get("b").is_none() && object.get("c").is_none());
    }

    #[test]
    fn other_values_and_invalid_texts_are_refused() {
        for text in ["", "1", "[]", "{", "{}{}", r#"{"a":01}"#, "{\"a\":\"\n\"}", r#"{"a":1,}"#] {
            assert!(Object::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(500_000), "]".repeat(500_000));
        assert!(Object::parse(&deep).is_some());
    }
}
