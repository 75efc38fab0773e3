package main

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

// errorDialects are the forms in which APIs report an error. Each answer ends with a
// finish and [DONE], so an ignored error would become a success.
var errorDialects = []apiAnswer{
	{name: "an error object next to empty choices", status: 200, message: "boom", response: inDialect(`data: {"choices":[],"error":{"message":"boom","code":502}}`)},
	{name: "an error object next to a delta", status: 200, message: "boom", response: inDialect(`data: {"choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"message":"boom"}}`)},
	{name: "an error that is a text", status: 200, message: "boom", response: inDialect(`data: {"error":"boom","error_type":"generation"}`)},
	{name: "an error that is a number", status: 200, response: inDialect(`data: {"error":503}`)},
	{name: "an error that is a list", status: 200, response: inDialect(`data: {"error":[{"message":"boom"}]}`)},
	{name: "an error that is true", status: 200, response: inDialect(`data: {"error":true}`)},
	{name: "an error field of the event", status: 200, message: "boom", response: inDialect(`error: {"code":500,"message":"boom","type":"server_error"}`)},
	{name: "an error field with a text", status: 200, message: "boom", response: inDialect("error: boom")},
	{name: "an error event without data", status: 200, response: inDialect("event: error")},
	{name: "an error event with an empty data line", status: 200, response: inDialect("event: error\ndata:")},
	{name: "an error's fields without the key", status: 200, message: "boom", response: inDialect(`data: {"object":"error","message":"boom","type":"BadRequestError","param":null,"code":400}`)},
	{name: "an error's message alone", status: 200, message: "boom", response: inDialect(`data: {"message":"boom"}`)},
	{name: "a detail that is a text", status: 200, message: "boom", response: inDialect(`data: {"detail":"boom"}`)},
	{name: "a detail that is a list", status: 200, response: inDialect(`data: {"detail":[{"msg":"boom"}]}`)},
	{name: "an error's type alone", status: 200, response: inDialect(`data: {"type":"error"}`)},
}

// dialects are answers that differ from OpenAI's in other ways.
var dialects = []apiAnswer{
	{name: "an error that is null", text: "Hello", response: inDialect(`data: {"choices":[],"error":null}`)},

	// Only a finish_reason that is a non-empty string finishes a choice.
	{name: "empty finish_reasons", status: 200, response: closing + `data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":""}]}` + "\n\n"},
	{name: "a finish_reason that is a number", status: 200, response: closing + `data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":1}]}` + "\n\n"},

	// Content is a string or a list of text parts.
	{name: "a list of text parts", text: "Hello, wor\U0001F600ld", response: inDialect(
		`data: {"choices":[{"delta":{"content":[{"type":"text","text":", "},{"text":"wor\ud83d"},{"type":"text","text":"\ude00ld"}]}}]}`)},
	{name: "a list without parts", text: "Hello", response: inDialect(`data: {"choices":[{"delta":{"content":[]}}]}`)},
	{name: "a part that is not text", status: 200, response: inDialect(`data: {"choices":[{"delta":{"content":[{"type":"image_url","image_url":{}}]}}]}`)},
	{name: "parts that are strings", text: "Hello!", response: inDialect(`data: {"choices":[{"delta":{"content":["!",""]}}]}`)},
	{name: "a thinking part next to a text", text: "Hello!", response: inDialect(
		`data: {"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"x"}]},{"type":"text","text":"!"}]}}]}`)},
	{name: "a part that is a number", status: 200, response: inDialect(`data: {"choices":[{"delta":{"content":[5]}}]}`)},
	{name: "content that is a number", status: 200, response: inDialect(`data: {"choices":[{"delta":{"content":5}}]}`)},
	{name: "content that is an object", status: 200, response: inDialect(`data: {"choices":[{"delta":{"content":{"text":"x"}}}]}`)},
	{name: "content that is false", status: 200, response: inDialect(`data: {"choices":[{"delta":{"content":false}}]}`)},

	// Heartbeats and further fields do not matter.
	{name: "empty data and comments", text: "Hello", response: inDialect("data:\n\ndata\n\ndata: \n\nid: 7\n: beat\n\nevent: ping\ndata:")},
	{name: "a role in each delta", text: "Hello!", response: inDialect(`data: {"choices":[{"delta":{"role":"assistant","content":"!"},"finish_reason":""}]}`)},
	{name: "text next to reasoning and calls", text: "Hello!", response: inDialect(`data: {"choices":[{"delta":{"reasoning_content":"x","tool_calls":[{"id":"a"}],"content":"!"}}]}`)},
	{name: "calls, then stop", text: "Hello", response: inDialect(`data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}}]}`)},
	{name: "a head of 16 KiB", text: "Hello", response: strings.Replace(closing, "\r\n\r\n", "\r\nSet-Cookie: "+strings.Repeat("x", 16<<10)+"\r\n\r\n", 1) + hello + done},
}

// inDialect returns an answer whose second event is made of these lines.
func inDialect(lines string) string {
	return closing + hello + lines + "\n\n" + finished + done
}

func TestDialects(t *testing.T) {
	for _, test := range append(errorDialects, dialects...) {
		t.Run(test.name, test.check)
	}
}

// In the openai format an error fails the stream as in the simple format.
func TestErrorsInOpenAIFormat(t *testing.T) {
	for _, test := range errorDialects {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			base := rawAPI(t, func(conn net.Conn, r *http.Request) {
				conn.Write([]byte(test.response))
				conn.Close()
			})
			a := startDaemon(t, base, func(c *config) { c.format = openai }).ask(`{"prompt":"hi"}`)
			if p := a.failure(t); a.status != test.status || !strings.Contains(p.Message, test.message) {
				t.Errorf("answer %d with error %+v, want %d with %q", a.status, p, test.status, test.message)
			}
		})
	}
}
