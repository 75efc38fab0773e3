//! The API's stream is a sequence of server-sent events, and this is the WHATWG parser
//! for it (HTML, section 9.2.6) without any I/O: bytes in, events out.
//!
//! Reads may cut the stream anywhere, inside a character or between CR and LF, so the
//! parser keeps whatever is unfinished and judges nothing but the byte stream. A line ends
//! in LF, CR or CRLF. A CR ends its line at once, because waiting to see whether an LF
//! follows would hold the event back until the next read; the LF is skipped when it comes.
//! Text is decoded last, when an event is complete, so no character is ever split.

/// What one event or one line may hold. The contract asks for 1 MiB; twice that leaves
/// room for escapes and other fields, and is all that an endless line can cost.
const MAX_EVENT: usize = 2 << 20;

/// One dispatched event.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; empty for an ordinary message.
    pub kind: String,
    pub data: String,
}

/// An event or a line is larger than [`MAX_EVENT`]; nothing sensible can be parsed after it.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLarge;

/// Turns the byte stream into events.
#[derive(Debug, Default)]
pub struct Parser {
    /// The line that has begun.
    line: Vec<u8>,
    kind: Vec<u8>,
    /// The data lines so far, each followed by LF.
    data: Vec<u8>,
    /// The byte order mark, if there is one, has been dealt with.
    began: bool,
    /// An LF in the first place belongs to the line before.
    after_cr: bool,
}

impl Parser {
    /// Takes from the front of `input` what completes the next event, or all of it.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Event>, TooLarge> {
        while !input.is_empty() {
            if std::mem::take(&mut self.after_cr) && input[0] == b'\n' {
                *input = &input[1..];
                continue;
            }
            let end = memchr::memchr2(b'\r', b'\n', input);
            let (text, rest) = input.split_at(end.unwrap_or(input.len()));
            if self.line.len() + self.data.len() + text.len() > MAX_EVENT {
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

    /// The event that a clean end of the stream left without its blank line. WHATWG would
    /// discard it; but a last event must not be lost in silence, and one that was cut short
    /// shows itself by being no JSON.
    pub fn finish(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.end_line(&line);
        }
        self.dispatch()
    }

    /// Takes one line without its terminator.
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
            b"data" => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            b"event" => self.kind = value.to_vec(),
            _ => {} // a comment has an empty name; id and retry are of no use here
        }
        None
    }

    /// Ends an event. One without data is none.
    fn dispatch(&mut self) -> Option<Event> {
        let kind = std::mem::take(&mut self.kind);
        let mut data = std::mem::take(&mut self.data);
        data.pop()?;
        Some(Event { kind: decode(kind), data: decode(data) })
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
            b"event: ping\ndata: a\n\nevent: lost\n\ndata: b\n\n",
            &[("ping", "a"), ("", "b")],
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
        ("nothing", b"", &[]),
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
    fn wherever_the_reads_cut_the_events_are_the_same() {
        for (name, bytes, expected) in STREAMS {
            for size in 1..=bytes.len().max(1) {
                let found = parse(bytes.chunks(size));
                let found: Vec<_> = found.iter().map(|(kind, data)| (&**kind, &**data)).collect();
                assert_eq!(&found, expected, "{name}, {size} bytes a read");
            }
        }
    }

    #[test]
    fn an_event_comes_with_the_byte_that_ends_it() {
        for bytes in [&b"data: a\n\n"[..], b"data: a\r\r", b"data: a\r\n\r"] {
            let mut parser = Parser::default();
            assert!(parser.next(&mut &bytes[..bytes.len() - 1]).unwrap().is_none());
            assert!(parser.next(&mut &bytes[bytes.len() - 1..]).unwrap().is_some());
        }
    }

    #[test]
    fn what_has_no_end_is_bounded() {
        let megabyte = vec![b'x'; 1 << 20];
        for between in [&b""[..], b"\n"] {
            let mut parser = Parser::default();
            let mut results = (0..4).map(|_| {
                let mut line = b"data: ".to_vec();
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
        let found = parse([format!("data: {text}\n\n")].iter());
        assert_eq!(found, [(String::new(), text)]);
    }
}
