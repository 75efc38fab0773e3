package main

import (
	"bytes"
	"errors"
	"iter"
	"unicode/utf8"
)

// The API's stream is a sequence of server-sent events, and this is the WHATWG
// parser for it (HTML, section 9.2.6), without any I/O: bytes in, events out.
// Reads may cut the stream anywhere, inside a character or between CR and LF, so
// the parser keeps whatever is unfinished and judges nothing but the byte stream.
//
// A line ends in LF, CR or CRLF. A CR ends its line at once, because waiting to
// see whether an LF follows would hold the event back until the next read; the LF
// is skipped when it comes. Text is decoded last, when an event is complete, so
// a character can never be split.

// maxEvent bounds what one event or one line may hold. The contract asks for
// events of 1 MiB; twice that leaves room for JSON escapes and other fields, and
// is all that an endless line can cost.
const maxEvent = 2 << 20

var errEventTooLarge = errors.New("an event is larger than 2 MiB")

// An event is one dispatched server-sent event.
type event struct {
	kind string // the event field; empty for an ordinary message
	data []byte // valid UTF-8, and the consumer's to keep
}

// An eventParser turns the byte stream into events. The zero value is ready.
type eventParser struct {
	line    []byte // the unfinished line
	kind    []byte
	data    []byte // the data lines so far, each followed by LF
	began   bool   // the byte order mark, if any, has been dealt with
	afterCR bool   // an LF in the first place belongs to the line before
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// feed takes what one read returned and yields the events that it completed.
// An error ends the stream: nothing sensible can be parsed after it.
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
			if len(p.line)+len(p.data)+len(rest) > maxEvent {
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

// flush returns the event that a clean end of the stream left without its closing
// blank line. WHATWG would discard it; a last event must not be lost in silence,
// and one that was cut short shows itself by being no JSON.
func (p *eventParser) flush() (event, bool) {
	if len(p.line) > 0 {
		p.endLine(p.line)
	}
	return p.dispatch()
}

// endLine takes one line without its terminator.
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
	case "event":
		p.kind = append(p.kind[:0], value...)
	}
	// Comments have an empty name; id and retry are of no use here.
	return event{}, false
}

// dispatch ends an event. One without data is none.
func (p *eventParser) dispatch() (event, bool) {
	if len(p.data) == 0 {
		p.kind = p.kind[:0]
		return event{}, false
	}
	data := p.data[:len(p.data)-1]
	if utf8.Valid(data) {
		data = bytes.Clone(data)
	} else {
		data = bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	e := event{kind: string(p.kind), data: data}
	p.data, p.kind = p.data[:0], p.kind[:0]
	return e, true
}
