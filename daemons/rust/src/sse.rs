//! The API's stream is a sequence of server-sent events. This is the WHATWG parser for it
//! (HTML, section 9.2.6), without I/O: bytes in, events out.
//!
//! A read may cut the stream anywhere, also inside a character or between CR and LF. So the
//! parser keeps the unfinished part until the next read. A line ends in LF, CR or CRLF. A CR ends
//! its line at once: waiting for an LF would hold the event back until the next read. The parser
//! skips that LF when it arrives. It decodes the text last, when the event is complete, and so
//! never splits a character.
//!
//! The parser differs from WHATWG in one point. Some APIs report a failure in a field named
//! `error` (llama.cpp), or in an `event: error` without data, and then send `[DONE]`. WHATWG
//! ignores both. This parser dispatches both as error events, so that a failure does not become
//! an empty success.

/// The largest size of an event or a line. The contract requires 1 MiB. Twice that leaves room
/// for escapes and further fields, and bounds the memory that an endless line can take.
const MAX_EVENT: usize = 2 << 20;

/// The kind of an event that reports a failure.
pub const ERROR: &str = "error";

/// One dispatched event.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; empty for an ordinary message.
    pub kind: String,
    pub data: String,
}

impl Event {
    /// Reports whether the event carries a part of the answer. Events of other types, and events
    /// whose data is empty, are heartbeats.
    pub fn is_message(&self) -> bool {
        matches!(&*self.kind, "" | "message") && !self.data.trim_ascii().is_empty()
    }
}

/// An event or a line is larger than [`MAX_EVENT`]. The parser cannot continue after it.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLarge;

/// A parser that turns the byte stream into events.
#[derive(Debug, Default)]
pub struct Parser {
    /// The unfinished line.
    line: Vec<u8>,
    kind: Vec<u8>,
    /// The data lines so far, each followed by LF.
    data: Vec<u8>,
    /// The error lines so far, each followed by LF.
    failure: Vec<u8>,
    /// The first line, where a byte order mark may be, is over.
    began: bool,
    /// The previous byte was a CR. An LF now belongs to its line.
    after_cr: bool,
}

impl Parser {
    /// Parses the front of `input` up to the end of the next event, or all of `input`.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Event>, TooLarge> {
        while !input.is_empty() {
            if std::mem::take(&mut self.after_cr) && input[0] == b'\n' {
                *input = &input[1..];
                continue;
            }
            let end = memchr::memchr2(b'\r', b'\n', input);
            let (text, rest) = input.split_at(end.unwrap_or(input.len()));
            let held = self.line.len() + self.data.len() + self.failure.len();
            if held + text.len() > MAX_EVENT {
                return Err(TooLarge);
            }
            let Some((&terminator, rest)) = rest.split_first() else {
                self.line.extend_from_slice(text);
                *input = rest;
                return Ok(None);
            };
            self.after_cr = terminator == b'\r';
            *input = rest;
            let event = if self.line.is_empty() {
                self.end_line(text)
            } else {
                self.line.extend_from_slice(text);
                let line = std::mem::take(&mut self.line);
                self.end_line(&line)
            };
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    /// Returns the last event when the stream ended cleanly without a blank line. WHATWG discards
    /// that event. A relay must not lose it; if the API cut it short, its JSON is invalid and the
    /// stream fails.
    pub fn finish(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.end_line(&line);
        }
        self.dispatch()
    }

    /// Parses one line, given without its terminator.
    fn end_line(&mut self, mut line: &[u8]) -> Option<Event> {
        if !std::mem::replace(&mut self.began, true) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch();
        }
        let (name, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" | b"error" => {
                let lines = if name == b"data" { &mut self.data } else { &mut self.failure };
                lines.extend_from_slice(value);
                lines.push(b'\n');
            }
            b"event" => self.kind = value.to_vec(),
            _ => {} // a comment has an empty name; a relay does not need id and retry
        }
        None
    }

    /// Ends an event. Returns `None` for a block that is not an event: one without data that does
    /// not report an error.
    fn dispatch(&mut self) -> Option<Event> {
        let mut kind = decode(std::mem::take(&mut self.kind));
        let mut lines = std::mem::take(&mut self.data);
        let failure = std::mem::take(&mut self.failure);
        if !failure.is_empty() {
            (kind, lines) = (ERROR.to_owned(), failure);
        }
        if lines.pop().is_none() && kind != ERROR {
            return None;
        }
        Some(Event { kind, data: decode(lines) })
    }
}

fn decode(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name, a stream, and the kind and data of its events.
    type Stream = (&'static str, &'static [u8], &'static [(&'static str, &'static str)]);

    const STREAMS: &[Stream] = &[
        ("plain", b"data: a\n\ndata: b\n\n", &[("", "a"), ("", "b")]),
        (
            "line ends",
            b"data: a\r\ndata: b\rdata: c\n\r\ndata:d\r\r",
            &[("", "a\nb\nc"), ("", "d")],
        ),
        ("one space", b"data:  a \n\ndata:b\n\n", &[("", " a "), ("", "b")]),
        ("no colon", b"data\n\ndata\ndata\n\n", &[("", ""), ("", "\n")]),
        ("comments", b": x\n\n:\ndata: a\n:y\n\n", &[("", "a")]),
        (
            "kinds",
            b"event: ping\ndata: a\n\nevent: unused\n\ndata: b\n\n",
            &[("ping", "a"), ("", "b")],
        ),
        (
            "errors without data",
            b"data: a\n\nevent: error\n\nevent: error\ndata:\n\ndata: b\n\n",
            &[("", "a"), ("error", ""), ("error", ""), ("", "b")],
        ),
        (
            "error fields",
            b"error: a\n\nerror: b\nevent: x\ndata: [DONE]\n\nerror\n\n",
            &[("error", "a"), ("error", "b"), ("error", "")],
        ),
        ("other fields", b"id: 1\nretry: 2\nDATA: x\ndata : y\n\ndata: a\n\n", &[("", "a")]),
        ("one mark", b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", &[("", "a")]),
        (
            "not line ends",
            "data: a\u{2028}b\u{85}c\u{b}d\n\n".as_bytes(),
            &[("", "a\u{2028}b\u{85}c\u{b}d")],
        ),
        ("characters", "data: é中😀\n\n".as_bytes(), &[("", "é中😀")]),
        ("not UTF-8", b"data: a\xffb\n\n", &[("", "a\u{fffd}b")]),
        ("no blank line", b"data: a\n\ndata: b\n", &[("", "a"), ("", "b")]),
        ("no line end", b"data: a\n\ndata: b", &[("", "a"), ("", "b")]),
        ("an empty stream", b"", &[]),
    ];

    fn parse(pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> Vec<(String, String)> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for piece in pieces {
            let mut input = piece.as_ref();
            while let Some(event) = parser.next(&mut input).unwrap() {
                events.push(event);
            }
            assert!(input.is_empty());
        }
        events.extend(parser.finish());
        events.into_iter().map(|event| (event.kind, event.data)).collect()
    }

    #[test]
    fn the_events_do_not_depend_on_the_reads() {
        for (name, bytes, expected) in STREAMS {
            for size in 1..=bytes.len().max(1) {
                let events = parse(bytes.chunks(size));
                let events: Vec<_> = events.iter().map(|(kind, data)| (&**kind, &**data)).collect();
                assert_eq!(&events, expected, "{name}, {size} bytes a read");
            }
        }
    }

    #[test]
    fn the_byte_that_ends_an_event_yields_it() {
        for bytes in [&b"data: a\n\n"[..], b"data: a\r\r", b"data: a\r\n\r"] {
            let mut parser = Parser::default();
            assert!(parser.next(&mut &bytes[..bytes.len() - 1]).unwrap().is_none());
            assert!(parser.next(&mut &bytes[bytes.len() - 1..]).unwrap().is_some());
        }
    }

    #[test]
    fn endless_lines_and_events_are_errors() {
        let megabyte = vec![b'x'; 1 << 20];
        for (field, between) in [("data", &b""[..]), ("data", b"\n"), ("error", b"\n")] {
            let mut parser = Parser::default();
            let mut results = (0..4).map(|_| {
                let mut line = format!("{field}: ").into_bytes();
                line.extend_from_slice(&megabyte);
                line.extend_from_slice(between);
                parser.next(&mut &*line)
            });
            assert_eq!(results.next(), Some(Ok(None)));
            assert!(results.any(|result| result == Err(TooLarge)));
        }
    }

    #[test]
    fn events_of_a_megabyte_pass() {
        let text = "x".repeat(1 << 20);
        let events = parse([format!("data: {text}\n\n")].iter());
        assert_eq!(events, [(String::new(), text)]);
    }
}
