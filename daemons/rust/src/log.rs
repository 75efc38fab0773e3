//! The log on stderr: one line for each event, without the API's key.
//!
//! An API may echo the key in the text of an error, so the log removes it from every line. The
//! daemon ignores errors in writing the log: a closed stderr must not end it.

use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;
use std::sync::OnceLock;

static KEY: OnceLock<String> = OnceLock::new();

/// Sets the key to remove. Call it once, before the first line.
pub fn conceal(key: &str) {
    let _ = KEY.set(key.to_owned());
}

pub fn info(message: fmt::Arguments) {
    line("info", message);
}

pub fn warn(message: fmt::Arguments) {
    line("warn", message);
}

fn line(level: &str, message: fmt::Arguments) {
    // A message may contain the API's text with its line ends. Keep it on one line.
    let message = message.to_string().replace(['\n', '\r'], " ");
    let message = redact(&message, KEY.get().map_or("", String::as_str));
    let _ = writeln!(std::io::stderr().lock(), "streaming-daemon: {level}: {message}");
}

/// Returns the text without the key.
pub fn redact<'a>(text: &'a str, key: &str) -> Cow<'a, str> {
    if key.is_empty() || !text.contains(key) {
        return text.into();
    }
    text.replace(key, "[redacted]").into()
}
