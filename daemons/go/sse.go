package main

import (
	"bytes"
	"errors"
	"iter"
	"unicode/utf8"
)

// The API's stream is a sequence of server-sent events. This is the WHATWG parser for
// it (HTML, section 9.2.6), without I/O: bytes in, events out. A read may cut the
// stream anywhere, also inside a character or between CR and LF. So the parser keeps
// the unfinished part until the next read.
//
// A line ends in LF, CR or CRLF. A CR ends its line at once: waiting for an LF would
// hold the event back until the next read. The parser skips that LF when it arrives.
// It decodes the text last, when the event is complete, and so never splits a character.
//
// The parser differs from WHATWG in one point. Some APIs report a failure in a field
// named `error` (llama.cpp), or in an `event: error` without data, and then send
// [DONE]. WHATWG ignores both. This parser dispatches both as error events, so that a
// failure does not become an empty success.

// maxEvent is the largest size of an event or a line. The contract requires events of
// 1 MiB. Twice that leaves room for JSON escapes and further fields, and bounds the
// memory that an endless line can take.
const maxEvent = 2 << 20

// errorEvent is the kind of an event that reports a failure.
const errorEvent = "error"

var errEventTooLarge = errors.New("expected events of at most 2 MiB, found a larger one in the API's stream")

// An event is one dispatched server-sent event.
type event struct {
	kind string // the event field; empty for an ordinary message
	data []byte // valid UTF-8; the caller owns it
}

// isMessage reports whether the event carries a part of the answer. Events of other
// types, and events whose data is empty, are heartbeats.
func (e event) isMessage() bool {
	return (e.kind == "" || e.kind == "message") && len(bytes.TrimSpace(e.data)) > 0
}

// An eventParser turns the byte stream into events. The zero value is ready to use.
type eventParser struct {
	line    []byte // the unfinished line
	kind    []byte
	data    []byte // the data lines so far, each followed by LF
	failure []byte // the error lines so far, each followed by LF
	began   bool   // the first line, where a byte order mark may be, is over
	afterCR bool   // the previous byte was a CR; an LF now belongs to its line
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// feed parses the bytes of one read and yields the events that they complete.
// An error ends the stream: the parser cannot find the next event after it.
func (p *eventParser) feed(chunk []byte) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		for len(chunk) > 0 {
			if p.afterCR {
				p.afterCR = false
				if chunk[0] == '\n' {
					chunk = chunk[1:]
					continue
				}
			}
			end := bytes.IndexAny(chunk, "\r\n")
			rest := chunk
			if end >= 0 {
				rest = chunk[:end]
			}
			if len(p.line)+len(p.data)+len(p.failure)+len(rest) > maxEvent {
				yield(event{}, errEventTooLarge)
				return
			}
			if end < 0 {
				p.line = append(p.line, chunk...)
				return
			}
			p.afterCR = chunk[end] == '\r'
			chunk = chunk[end+1:]
			line := rest
			if len(p.line) > 0 {
				line = append(p.line, rest...)
				p.line = line[:0]
			}
			if e, ok := p.endLine(line); ok && !yield(e, nil) {
				return
			}
		}
	}
}

// flush returns the last event when the stream ended cleanly without a blank line.
// WHATWG discards that event. A relay must not lose it; if the API cut it short, its
// JSON is invalid and the stream fails.
func (p *eventParser) flush() (event, bool) {
	if len(p.line) > 0 {
		p.endLine(p.line)
	}
	return p.dispatch()
}

// endLine parses one line, given without its terminator.
func (p *eventParser) endLine(line []byte) (event, bool) {
	if !p.began {
		p.began = true
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	if len(line) == 0 {
		return p.dispatch()
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "data":
		p.data = append(append(p.data, value...), '\n')
	case "error":
		p.failure = append(append(p.failure, value...), '\n')
	case "event":
		p.kind = append(p.kind[:0], value...)
	}
	// Comments have an empty name. A relay does not need id and retry.
	return event{}, false
}

// dispatch ends an event. It returns false for a block that is not an event: one
// without data that does not report an error.
func (p *eventParser) dispatch() (event, bool) {
	kind, lines := string(p.kind), p.data
	if len(p.failure) > 0 {
		kind, lines = errorEvent, p.failure
	}
	p.kind, p.data, p.failure = p.kind[:0], p.data[:0], p.failure[:0]
	if len(lines) == 0 && kind != errorEvent {
		return event{}, false
	}
	data := bytes.TrimSuffix(lines, []byte("\n"))
	if utf8.Valid(data) {
		data = bytes.Clone(data)
	} else {
		data = bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	return event{kind: kind, data: data}, true
}
