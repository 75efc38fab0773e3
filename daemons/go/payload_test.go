package main

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
)

// The API's request keeps each value of the handoff data, digit for digit.
func TestRequests(t *testing.T) {
	user := `"messages":[{"role":"user","content":"hi"}]`
	for _, test := range []struct{ name, handoff, want string }{
		{"a prompt", `{"prompt":"hi"}`, `{"model":"gpt-4o-mini",` + user + `,"stream":true}`},
		{"escapes are kept", `{"prompt":"\ud83d\u00e9\/"}`, `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"\ud83d\u00e9\/"}],"stream":true}`},
		{"a system prompt", `{"system":"be","prompt":"hi"}`, `{"model":"gpt-4o-mini","messages":[{"role":"system","content":"be"},{"role":"user","content":"hi"}],"stream":true}`},
		{"messages win", `{"prompt":"x","system":"y","messages":[{"role":"user","content":"hi"}]}`, `{"model":"gpt-4o-mini",` + user + `,"stream":true}`},
		{"parts", `{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}`, `{"model":"gpt-4o-mini","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"stream":true}`},
		{"fields", `{"prompt":"hi","model":"m","max_tokens":10,"temperature":0.70,"user_id":"u","Prompt":5,"other":{}}`,
			`{"model":"m",` + user + `,"max_tokens":10,"temperature":0.70,"user":"u","stream":true}`},
		{"a user with a number", `{"prompt":"hi","user_id":12345678901234567890}`, `{"model":"gpt-4o-mini",` + user + `,"user":12345678901234567890,"stream":true}`},
		{"nulls are absent", `{"prompt":"hi","model":null,"messages":null,"body":null}`, `{"model":"gpt-4o-mini",` + user + `,"stream":true}`},
		{"a body", `{"prompt":"hi","body":{"seed":9007199254740993,"x":1e400,"model":"n","stream":false,"tools":[{"a":{}}]}}`,
			`{"model":"n",` + user + `,"seed":9007199254740993,"x":1e400,"stream":true,"tools":[{"a":{}}]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			j, _, err := parseHandoff([]byte(test.handoff))
			if err != nil {
				t.Fatal(err)
			}
			if string(j.body) != test.want {
				t.Errorf("request %s\nwant    %s", j.body, test.want)
			}
		})
	}
}

func TestRefusedHandoffs(t *testing.T) {
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	for _, data := range []string{
		"", "\x00", " ", "null", "5", `"x"`, "[]", "[{}]", "{", `{"prompt":"hi"} x`, "\xef\xbb\xbf{}", `{"prompt":"` + "\xff" + `"}`,
		`{}`, `{"prompt":null}`, `{"messages":[]}`, `{"system":"x"}`, `{"prompt":"a","prompt":"b"}`, `{"prompt":"hi","x":` + deep + `}`,
		`{"prompt":5}`, `{"prompt":["x"]}`, `{"messages":"x"}`, `{"messages":{}}`, `{"messages":["x"]}`, `{"messages":[{}]}`,
		`{"messages":[{"role":1}]}`, `{"messages":[{"role":"user","content":5}]}`, `{"messages":[{"role":"user","content":["x"]}]}`,
		`{"prompt":"hi","model":5}`, `{"prompt":"hi","max_tokens":"5"}`, `{"prompt":"hi","max_tokens":1.5}`, `{"prompt":"hi","max_tokens":true}`,
		`{"prompt":"hi","temperature":"hot"}`, `{"prompt":"hi","user_id":{}}`, `{"prompt":"hi","system":[]}`, `{"prompt":"hi","body":[]}`,
		`{"prompt":"hi","test_pattern":5}`, `{"prompt":"hi","request_id":[]}`, `{"prompt":"hi","response_headers":[]}`,
		`{"prompt":"hi","test_pattern":"a\r\nX-Evil: 1"}`, `{"prompt":"hi","request_id":"a\u0000"}`,
	} {
		if j, _, err := parseHandoff([]byte(data)); err == nil {
			t.Errorf("parseHandoff(%.80q) = %s, want an error", data, j.body)
		}
	}
}

// The API receives the request with its headers, and without X- headers that the handoff
// data does not have.
func TestRequestOnTheWire(t *testing.T) {
	requests := make(chan *http.Request, 1)
	base := rawAPI(t, func(conn net.Conn, r *http.Request) {
		requests <- r
		conn.Write([]byte(closing + done))
		conn.Close()
	})
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	d := startDaemon(t, base, nil)
	if a := d.ask(`{"prompt":"hi","test_pattern":"unicode;t=1","request_id":"r1"}`); !a.done() {
		t.Fatalf("answer %q", a.body)
	}
	r := await(t, "the request", requests)
	for name, want := range map[string]string{
		"Authorization": "Bearer " + testKey, "X-Test-Pattern": "unicode;t=1", "X-Request-Id": "r1",
		"Content-Type": "application/json", "Accept-Encoding": "identity",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if r.Method != "POST" || r.URL.Path != "/v1/chat/completions" {
		t.Errorf("%s %s, want POST /v1/chat/completions", r.Method, r.URL.Path)
	}
	var body struct{ Stream bool }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || !body.Stream {
		t.Errorf("the body does not ask for a stream (%v)", err)
	}
	if a := d.ask(`{"prompt":"hi"}`); !a.done() {
		t.Fatalf("answer %q", a.body)
	}
	if r := await(t, "the request", requests); r.Header["X-Test-Pattern"] != nil || r.Header["X-Request-Id"] != nil {
		t.Errorf("expected no X-Test-Pattern and no X-Request-Id, found %v", r.Header)
	}
}

// parseHandoff refuses any data, or makes a JSON request that asks for a stream.
func FuzzParseHandoff(f *testing.F) {
	f.Add([]byte(`{"prompt":"hi","body":{"a":[1,{"b":null}]},"response_headers":{"X":"1"}}`))
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"type":"text"}]}],"user_id":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		j, headers, err := parseHandoff(data)
		for _, h := range headers {
			if strings.ContainsAny(h.name+h.value, "\r\n\x00") {
				t.Errorf("header %q", h)
			}
		}
		var body struct{ Stream bool }
		if err == nil && (json.Unmarshal(j.body, &body) != nil || !body.Stream) {
			t.Errorf("request %s", j.body)
		}
	})
}
