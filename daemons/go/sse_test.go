package main

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func parse(t *testing.T, chunks ...string) []event {
	t.Helper()
	var p eventParser
	var events []event
	for _, chunk := range chunks {
		for e, err := range p.feed([]byte(chunk)) {
			if err != nil {
				t.Fatalf("feed(%q): %v", chunk, err)
			}
			events = append(events, e)
		}
	}
	if e, ok := p.flush(); ok {
		events = append(events, e)
	}
	return events
}

func messages(data ...string) []event {
	var events []event
	for _, d := range data {
		events = append(events, event{data: []byte(d)})
	}
	return events
}

var streams = []struct {
	name   string
	stream string
	want   []event
}{
	{"plain", "data: a\n\ndata: b\n\n", messages("a", "b")},
	{"carriage returns", "data: a\r\rdata: b\r\r", messages("a", "b")},
	{"both", "data: a\r\n\r\ndata: b\r\n\r\n", messages("a", "b")},
	{"mixed", "data: a\r\n\ndata: b\r\r\ndata: c\n\r", messages("a", "b", "c")},
	{"no space", "data:a\n\ndata:[DONE]\n\n", messages("a", "[DONE]")},
	{"one space is stripped", "data:  a \n\n", messages(" a ")},
	{"several data lines", "data: {\ndata: \"a\":1\ndata: }\n\n", messages("{\n\"a\":1\n}")},
	{"comments", ": hi\ndata: a\n:\n\n: ping\n\n", messages("a")},
	{"without data", "id: 1\n\nretry: 5\n\nevent: x\n\n\n\ndata: a\n\n", messages("a")},
	{"unknown fields", "foo: bar\ndatax: b\ndata: a\nbaz\n\n", messages("a")},
	{"data without a colon", "data\n\n", messages("")},
	{"named", "event: error\ndata: a\n\ndata: b\n\n", []event{{"error", []byte("a")}, {"", []byte("b")}}},
	{"a name without data does not name the next event", "event: x\n\ndata: a\n\n", messages("a")},
	{"an error event without data", "data: a\n\nevent: error\n\ndata: b\n\n", []event{{"", []byte("a")}, {"error", []byte{}}, {"", []byte("b")}}},
	{"an error field", "error: {\"code\":5}\n\ndata: a\n\n", []event{{"error", []byte(`{"code":5}`)}, {"", []byte("a")}}},
	{"an error field before data", "error: a\nevent: x\ndata: [DONE]\n\n", []event{{"error", []byte("a")}}},
	{"an empty error field", "error\n\n", []event{{"error", []byte{}}}},
	{"byte order mark", "\xef\xbb\xbfdata: a\n\n", messages("a")},
	{"only the first mark", "\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\ndata: c\n\n", messages("a", "c")},
	{"other separators are text", "data: a\u2028b\u2029c\u0085d\ve\ff\n\n", messages("a\u2028b\u2029c\u0085d\ve\ff")},
	{"characters", "data: é中😀\n\n", messages("é中😀")},
	{"invalid bytes", "data: a\xffb\n\n", messages("a\uFFFDb")},
	{"no blank line at the end", "data: a\n\ndata: b\n", messages("a", "b")},
	{"no line end at the end", "data: a\n\ndata: b", messages("a", "b")},
	{"empty", "", nil},
}

func TestEventParser(t *testing.T) {
	for _, test := range streams {
		t.Run(test.name, func(t *testing.T) {
			if got := parse(t, test.stream); !reflect.DeepEqual(got, test.want) {
				t.Errorf("parse(%q) = %q, want %q", test.stream, got, test.want)
			}
		})
	}
}

// The events are the same wherever the reads cut the stream, also after each byte.
func TestEventParserCutAnywhere(t *testing.T) {
	for _, test := range streams {
		for cut := range test.stream {
			if got := parse(t, test.stream[:cut], test.stream[cut:]); !reflect.DeepEqual(got, test.want) {
				t.Errorf("%s, cut at %d: %q, want %q", test.name, cut, got, test.want)
			}
		}
		if got := parse(t, strings.Split(test.stream, "")...); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s, byte by byte: %q, want %q", test.name, got, test.want)
		}
	}
}

// The parser yields an event at the byte that ends it. After a CR it does not wait.
func TestEventParserIsPrompt(t *testing.T) {
	for _, stream := range []string{"data: a\n\n", "data: a\r\r", "data: a\r\n\r"} {
		var p eventParser
		count := 0
		for range p.feed([]byte(stream)) {
			count++
		}
		if count != 1 {
			t.Errorf("feed(%q) yielded %d events, want 1", stream, count)
		}
	}
}

func TestEventParserBounds(t *testing.T) {
	fits := "data: " + strings.Repeat("x", 1<<20+1) + "\n\n"
	if got := parse(t, fits); len(got) != 1 || len(got[0].data) != 1<<20+1 {
		t.Errorf("the parser did not yield an event of 1 MiB + 1")
	}
	endless := map[string]string{
		"one line":   "x",
		"a comment":  ":x",
		"data lines": "data: x\n",
		"errors":     "error: x\n",
	}
	for name, piece := range endless {
		var p eventParser
		chunk := bytes.Repeat([]byte(piece), 32<<10)
		var failure error
		fed := 0
		for failure == nil && fed < 64<<20 {
			fed += len(chunk)
			for _, err := range p.feed(chunk) {
				failure = err
			}
		}
		if !errors.Is(failure, errEventTooLarge) {
			t.Errorf("%s without end: error %v after %d bytes, want %v", name, failure, fed, errEventTooLarge)
		}
	}
}

// A cut does not change the events.
func FuzzEventParser(f *testing.F) {
	for _, test := range streams {
		f.Add(test.stream, 3)
	}
	f.Fuzz(func(t *testing.T, stream string, cut int) {
		cut = min(max(cut, 0), len(stream))
		whole, parts := parse(t, stream), parse(t, stream[:cut], stream[cut:])
		if !reflect.DeepEqual(whole, parts) {
			t.Errorf("%q cut at %d: %q, want %q", stream, cut, parts, whole)
		}
	})
}
