package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	eventStream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	closing     = eventStream + "Connection: close\r\n\r\n"
	chunked     = eventStream + "Transfer-Encoding: chunked\r\n\r\n"
)

// inChunk returns a text as one HTTP chunk.
func inChunk(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }

// withJSON returns a complete response with a JSON body.
func withJSON(status, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

// An apiAnswer is a response of the API, byte for byte, after which the API closes the
// connection; and the client's expected answer.
type apiAnswer struct {
	name     string
	response string
	text     string // the text of a successful answer
	status   int    // the status of a failed answer; 200: the stream ends with the error
	message  string // a part of the error's message
}

var answers = []apiAnswer{
	// These answers are finished (R4).
	{name: "[DONE], then the last chunk", response: chunked + inChunk(hello+done) + "0\r\n\r\n", text: "Hello"},
	{name: "[DONE], then nothing", response: chunked + inChunk(hello+done), text: "Hello"},
	{name: "[DONE] alone", response: closing + done},
	{name: "finish, then the last chunk", response: chunked + inChunk(hello+finished) + "0\r\n\r\n", text: "Hello"},
	{name: "finish, then a body of the promised length", text: "Hello",
		response: eventStream + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(hello+finished)) + hello + finished},
	{name: "finish, then FIN after a body without framing", response: closing + hello + finished, text: "Hello"},
	{name: "HTTP/1.0", response: strings.Replace(closing, "HTTP/1.1", "HTTP/1.0", 1) + hello + finished, text: "Hello"},
	{name: "finish without its blank line", response: closing + hello + strings.TrimSpace(finished), text: "Hello"},
	{name: "content in the finishing chunk", text: "Hello!",
		response: closing + hello + `data: {"choices":[{"delta":{"content":"!"},"finish_reason":"length"}]}` + "\n\n"},
	{name: "junk after [DONE]", response: closing + hello + done + "data: x\n\n" + hello + done, text: "Hello"},
	{name: "trailers and chunk extensions", response: chunked + "5;a=b\r\ndata:\r\n" + inChunk(hello[5:]+finished) + "0\r\nX-T: 1\r\n\r\n", text: "Hello"},
	{name: "chunked and a length", response: eventStream + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n" + inChunk(hello+done) + "0\r\n\r\n", text: "Hello"},
	{name: "informational responses", response: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + closing + hello + done, text: "Hello"},
	{name: "content type with a parameter", text: "Hello",
		response: "HTTP/1.1 200 OK\r\ncontent-type: Text/Event-Stream; charset=UTF-8\r\nConnection: close\r\n\r\n" + hello + done},

	// These answers fail after the first byte (R6, U4).
	{name: "clean end without finish", response: chunked + inChunk(hello) + "0\r\n\r\n", status: 200},
	{name: "finish, then no last chunk", response: chunked + inChunk(hello+finished), status: 200},
	{name: "finish, then a body shorter than its length", response: eventStream + "Content-Length: 9999\r\n\r\n" + hello + finished, status: 200},
	{name: "an empty body", response: closing, status: 200},
	{name: "comments only", response: closing + ": hi\n\n", status: 200},
	{name: "a chunk size that is not a number", response: chunked + inChunk(hello) + "xyz\r\n", status: 200},
	{name: "a chunk size beyond 64 bits", response: chunked + inChunk(hello) + "10000000000000000\r\n", status: 200},
	{name: "a chunk with a bare LF", response: chunked + inChunk(hello) + strings.ReplaceAll(inChunk(done), "\r\n", "\n"), status: 200},
	{name: "a chunk without its CRLF", response: chunked + fmt.Sprintf("%x\r\n%s", len(hello), hello) + "0\r\n\r\n", status: 200},
	{name: "one of two choices unfinished", status: 200,
		response: closing + hello + finished + `data: {"choices":[{"index":1,"delta":{"content":"x"}}]}` + "\n\n"},
	{name: "an error object", response: closing + hello + `data: {"error":{"message":"boom","type":"t","code":7}}` + "\n\n" + done, status: 200, message: "boom"},
	{name: "an error event", response: closing + hello + "event: error\ndata: boom\n\n" + done, status: 200, message: "boom"},
	{name: "an event that is not JSON", response: closing + hello + "data: error: boom\n\n" + finished + done, status: 200},
	{name: "an end inside a character", response: closing + hello + "data: {\"choices\":[{\"delta\":{\"content\":\"\xf0\x9f", status: 200},
	{name: "an event that is too large", response: closing + hello + "data: " + strings.Repeat("x", maxEvent+1), status: 200},

	// These answers fail before the first byte (R5).
	{name: "a head cut short", response: "HTTP/1.1 200 OK\r\nContent-Ty", status: 502},
	{name: "a protocol other than HTTP", response: "SSH-2.0-x\r\n\r\n", status: 502},
	{name: "an endless head", response: "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxHead), status: 502},
	{name: "HTML", response: "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>", status: 502},
	{name: "JSON", response: withJSON("200 OK", `{"error":{"message":"boom"}}`), status: 502, message: "boom"},
	{name: "gzip", response: eventStream + "Content-Encoding: gzip\r\nConnection: close\r\n\r\n\x1f\x8b", status: 502},
	{name: "a redirect", response: "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", status: 502},
	{name: "a server error", response: "HTTP/1.1 500 Oh\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", status: 502, message: "500"},
	{name: "unauthorized", response: withJSON("401 No", `{"error":{"message":"wrong: `+testKey+`"}}`), status: 502},
	{name: "not found", response: withJSON("404 No", `{"error":{"message":"no model"}}`), status: 404, message: "no model"},
	{name: "a refusal that contains the key", response: withJSON("400 No", `{"error":{"message":"hello, `+testKey+`"}}`), status: 400, message: "hello, [redacted]"},
	{name: "a refusal without a body", response: "HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n", status: 422, message: "422"},
}

func TestAnswers(t *testing.T) {
	for _, test := range answers {
		t.Run(test.name, test.check)
	}
}

// check starts a daemon with this API and compares the client's answer.
func (test apiAnswer) check(t *testing.T) {
	t.Parallel()
	base := rawAPI(t, func(conn net.Conn, r *http.Request) {
		conn.Write([]byte(test.response))
		conn.Close()
	})
	a := startDaemon(t, base, nil).ask(`{"prompt":"hi"}`)
	if strings.Contains(a.body, testKey) {
		t.Errorf("the answer contains the API's key: %q", a.body)
	}
	if test.status == 0 {
		if !a.done() || a.text(t) != test.text {
			t.Errorf("answer %d %q, want success with the text %q", a.status, a.body, test.text)
		}
		return
	}
	p := a.failure(t)
	if a.status != test.status || !strings.Contains(p.Message, test.message) || p.Type == "" {
		t.Errorf("answer %d with error %+v, want %d with %q", a.status, p, test.status, test.message)
	}
	if test.status == 200 && strings.Contains(test.response, hello[:30]) && !strings.Contains(a.body, "Hello") {
		t.Errorf("the text before the failure is missing: %q", a.body)
	}
}

// The openai format relays each chunk unchanged, also its numbers and escapes.
func TestOpenAIFormat(t *testing.T) {
	events := []string{
		`{"id":"x","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`,
		`{"id":"x","choices":[{"index":0,"delta":{"content":"\ud83d \u2028<&>"},"seed":9007199254740993}],"big":1e400}`,
		`{"choices":[],"usage":{"total_tokens":3}}`,
		`{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"a"}]},"finish_reason":""}]}`,
		`{"choices":[{"index":0,"delta":{"content":5}}],"error":null,"message":{}}`,
		`{"choices":[{"index":0,"delta":null,"finish_reason":"content_filter"}]}`,
	}
	stream := ": comment\nevent: ping\ndata: {}\n\ndata: " + strings.Join(events, "\n\ndata: ") + "\n\n" + done
	base := rawAPI(t, func(conn net.Conn, r *http.Request) {
		conn.Write([]byte(closing + stream))
		conn.Close()
	})
	a := startDaemon(t, base, func(c *config) { c.format = openai }).ask(`{"prompt":"hi"}`)
	if want := "data: " + strings.Join(events, "\n\ndata: ") + "\n\n" + done; a.body != want {
		t.Errorf("body %q\nwant %q", a.body, want)
	}
}

func TestHead(t *testing.T) {
	base := rawAPI(t, func(conn net.Conn, r *http.Request) { conn.Write([]byte(closing + done)); conn.Close() })
	d := startDaemon(t, base, nil)
	extra := `"response_headers":{"X-One":"1","X-Two":"é","Content-Type":"text/html","connection":"keep-alive",
		"X-Bad":"a\r\nX-Evil: 1","X Bad":"1","X-Number":1,"":"1","X-Nul":"a\u0000"}`
	a := d.ask(`{"prompt":"hi",` + extra + `}`)
	want := http.Header{
		"Content-Type": {"text/event-stream"}, "Cache-Control": {"no-cache"}, "X-Accel-Buffering": {"no"},
		"X-One": {"1"}, "X-Two": {"é"},
	}
	if fmt.Sprint(a.header) != fmt.Sprint(want) || !a.closes {
		t.Errorf("head %v\nwant %v", a.header, want)
	}
	a = d.ask(`{` + extra + `}`)
	if a.status != 400 || a.header.Get("X-One") != "1" || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("error response %d %v, want 400 with the response headers", a.status, a.header)
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]string{
		"30": "30", "Wed, 21 Oct 2015 07:28:00 GMT": "Wed, 21 Oct 2015 07:28:00 GMT", testKey: "",
	} {
		base := rawAPI(t, func(conn net.Conn, r *http.Request) {
			fmt.Fprintf(conn, "HTTP/1.1 429 Slow\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", value)
		})
		a := startDaemon(t, base, nil).ask(`{"prompt":"hi"}`)
		if a.status != 429 || a.header.Get("Retry-After") != want {
			t.Errorf("Retry-After %q became %d %q, want 429 %q", value, a.status, a.header.Get("Retry-After"), want)
		}
	}
}

// silence holds a connection open until the daemon closes it, and sends the time.
func silence(conn net.Conn, closed chan<- time.Time) {
	conn.SetReadDeadline(time.Now().Add(patience))
	var b [1]byte
	if _, err := conn.Read(b[:]); err == nil || strings.Contains(err.Error(), "timeout") {
		return
	}
	closed <- time.Now()
}

// A timeout limits each silence of the API, and the daemon then closes the connection.
func TestTimeBounds(t *testing.T) {
	const bound = 100 * time.Millisecond
	for _, test := range []struct {
		name   string
		sent   string
		status int
	}{
		{"no head", "", 504},
		{"half a head", eventStream, 504},
		{"silence in the stream", chunked + inChunk(hello), 200},
		{"silence after finish", chunked + inChunk(hello+finished), 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			closed := make(chan time.Time, 1)
			base := rawAPI(t, func(conn net.Conn, r *http.Request) {
				conn.Write([]byte(test.sent))
				silence(conn, closed)
			})
			d := startDaemon(t, base, func(c *config) { c.firstByteTimeout, c.idleTimeout = bound, bound })
			a := d.ask(`{"prompt":"hi"}`)
			if p := a.failure(t); a.status != test.status || p.Type != timeoutError {
				t.Errorf("answer %d with %+v, want %d and a timeout", a.status, p, test.status)
			}
			await(t, "the daemon closes the API's connection", closed)
		})
	}
}

// Heartbeats prolong an unfinished stream, but not a finished one.
func TestHeartbeats(t *testing.T) {
	beat := func(conn net.Conn, times int) bool {
		for range times {
			time.Sleep(20 * time.Millisecond)
			if _, err := conn.Write([]byte(inChunk(": beat\n\n"))); err != nil {
				return false
			}
		}
		return true
	}
	ended := make(chan bool, 1)
	base := rawAPI(t, func(conn net.Conn, r *http.Request) {
		conn.Write([]byte(chunked + inChunk(hello)))
		beat(conn, 20) // longer than the bound
		conn.Write([]byte(inChunk(hello + finished)))
		ended <- !beat(conn, 500)
	})
	a := startDaemon(t, base, func(c *config) { c.idleTimeout = 200 * time.Millisecond }).ask(`{"prompt":"hi"}`)
	if p := a.failure(t); p.Type != timeoutError || strings.Count(a.body, "Hello") != 2 {
		t.Errorf("answer %q, want all of the text and then a timeout", a.body)
	}
	if !await(t, "the daemon closes the API's connection", ended) {
		t.Error("heartbeats prolonged a finished stream")
	}
}

// The daemon sends an event at once, whatever part of the next event has arrived.
func TestNothingIsHeldBack(t *testing.T) {
	for _, next := range []string{"", "5", "5\r\n", "5\r\nd", "5;x"} {
		received := make(chan struct{})
		base := rawAPI(t, func(conn net.Conn, r *http.Request) {
			coded := inChunk(hello)
			if next == "" {
				coded = strings.TrimSuffix(coded, "\r\n")
			}
			conn.Write([]byte(chunked + coded + next))
			<-received
			conn.Close()
		})
		client := startDaemon(t, base, nil).handOff(`{"prompt":"hi"}`)
		client.SetReadDeadline(time.Now().Add(patience))
		reader := bufio.NewReader(client)
		for line := ""; !strings.Contains(line, "Hello"); {
			var err error
			if line, err = reader.ReadString('\n'); err != nil {
				t.Errorf("with %q after it, the event did not arrive: %v", next, err)
				break
			}
		}
		close(received)
	}
}

// The client does not wait for an API that keeps the connection open after [DONE].
func TestAPILingers(t *testing.T) {
	closed := make(chan time.Time, 1)
	base := rawAPI(t, func(conn net.Conn, r *http.Request) {
		conn.Write([]byte(chunked + inChunk(hello+done)))
		silence(conn, closed)
	})
	a := startDaemon(t, base, nil).ask(`{"prompt":"hi"}`)
	if !a.done() {
		t.Errorf("answer %q, want success", a.body)
	}
	await(t, "the daemon closes the API's connection", closed)
}
