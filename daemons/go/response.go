package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// This file renders everything that the daemon sends to a client: heads, events and
// errors. So only this file must prevent line ends inside of a header or an event.

// A problem is a failure as the client receives it. It is the body of an error
// response, or the last event of a stream that has begun.
type problem struct {
	status     int // the HTTP status of an error response
	retryAfter string
	Message    string `json:"message"`
	Type       string `json:"type"`
	Code       any    `json:"code"` // a string, a number, or null
}

// These are the daemon's own error types. The API's errors keep their types.
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
		panic(err) // cannot happen: a problem holds strings and numbers
	}
	return out.Bytes()
}

// event renders the problem as the last event of a stream.
func (p *problem) event() []byte {
	return append(append([]byte("data: "), p.json()...), '\n')
}

// response renders the problem as a complete HTTP response.
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

// streamHead renders the head of a streamed answer.
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

// A format is the form of the events that the client receives.
type format string

const (
	simple format = "simple" // only the text of choice 0
	openai format = "openai" // the API's whole chunk
)

// append renders a chunk. It copies the texts as JSON and does not rewrite their
// escapes. JSON strings contain no raw line end, so a text cannot start another event.
func (f format) append(out []byte, c *chunk) ([]byte, error) {
	if f == openai {
		data := c.data
		if bytes.ContainsAny(data, "\r\n") { // several data lines; JSON allows line ends as white space
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
