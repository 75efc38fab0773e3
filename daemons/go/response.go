package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// What the daemon says to the client: a head, events, or an error. All of it is
// rendered here, so that nothing else needs to know where a line must not end.

// A problem is a failure in the words that the client is given. In an error
// response it is the body, in a stream that has begun the last event.
type problem struct {
	status     int // of an error response
	retryAfter string
	Message    string `json:"message"`
	Type       string `json:"type"`
	Code       any    `json:"code"` // a string, a number, or null
}

// The daemon's own types of error, beside those that the API names.
const (
	invalidRequest = "invalid_request_error"
	upstreamError  = "upstream_error"
	timeoutError   = "timeout_error"
	overloaded     = "overloaded_error"
)

func (p *problem) Error() string { return p.Message }

func (p *problem) json() []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out) // ends the document with a line feed
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(map[string]*problem{"error": p}); err != nil {
		panic(err) // a problem holds nothing but strings and numbers
	}
	return out.Bytes()
}

// event renders the problem as the last event of a stream.
func (p *problem) event() []byte {
	return append(append([]byte("data: "), p.json()...), '\n')
}

// response renders the problem as a whole HTTP response.
func (p *problem) response(extra []header) []byte {
	body := p.json()
	headers := []header{
		{"Content-Type", "application/json"},
		{"Cache-Control", "no-cache"},
		{"Connection", "close"},
		{"Content-Length", strconv.Itoa(len(body))},
	}
	if p.retryAfter != "" {
		headers = append(headers, header{"Retry-After", p.retryAfter})
	}
	return append(head(p.status, headers, extra), body...)
}

// streamHead renders the head of an answer that streams.
func streamHead(extra []header) []byte {
	return head(http.StatusOK, []header{
		{"Content-Type", "text/event-stream"},
		{"Cache-Control", "no-cache"},
		{"Connection", "close"},
		{"X-Accel-Buffering", "no"},
	}, extra)
}

func head(status int, own, extra []header) []byte {
	out := fmt.Appendf(nil, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	for _, headers := range [][]header{own, extra} {
		for _, h := range headers {
			out = fmt.Appendf(out, "%s: %s\r\n", h.name, h.value)
		}
	}
	return append(out, "\r\n"...)
}

var doneEvent = []byte("data: [DONE]\n\n")

// A format says how a chunk of the API's answer is passed on.
type format string

const (
	simple format = "simple" // the text alone
	openai format = "openai" // the API's chunk, whole
)

// append renders a chunk. Texts are copied as the JSON they are: no escape is
// rewritten, and a JSON text holds no raw line end that could start another event.
func (f format) append(out []byte, c *chunk) ([]byte, error) {
	if f == openai {
		data := c.data
		if bytes.ContainsAny(data, "\r\n") { // several data lines; in JSON they are white space
			var line bytes.Buffer
			if err := json.Compact(&line, data); err != nil {
				return out, err
			}
			data = line.Bytes()
		}
		return appendEvent(out, data), nil
	}
	texts, err := c.texts()
	for _, text := range texts {
		out = append(out, `data: {"content":`...)
		out = append(append(out, text...), "}\n\n"...)
	}
	return out, err
}

func appendEvent(out, data []byte) []byte {
	out = append(out, "data: "...)
	return append(append(out, data...), "\n\n"...)
}
