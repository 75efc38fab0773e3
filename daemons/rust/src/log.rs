//! One line on stderr for each event worth telling, and never the API's key.
//!
//! An API may echo the key in the text of an error, so it is taken out of everything that
//! is written. A stderr that nobody reads any more is no reason to end.

use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;
use std::sync::OnceLock;

static KEY: OnceLock<String> = OnceLock::new();

/// Says what must not be seen. To be called once, before anything is written.
pub fn conceal(key: &str) {
    let _ = KEY.set(key.to_owned());
}

pub fn info(what: fmt::Arguments) {
    line("info", what);
}

pub fn warn(what: fmt::Arguments) {
    line("warn", what);
}

fn line(level: &str, what: fmt::Arguments) {
    // What others said may hold line ends; a line here is one event.
    let what = what.to_string().replace(['\n', '\r'], " ");
    let what = redact(&what, KEY.get().map_or("", String::as_str));
    let _ = writeln!(std::io::stderr().lock(), "streaming-daemon: {level}: {what}");
}

/// The text without the key.
pub fn redact<'a>(text: &'a str, key: &str) -> Cow<'a, str> {
    if key.is_empty() || !text.contains(key) {
        return text.into();
    }
    text.replace(key, "[redacted]").into()
}
