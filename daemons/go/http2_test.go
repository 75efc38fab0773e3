package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

func testCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	return server.TLS.Certificates[0]
}

// A frameAPI is an HTTP/2 server that writes frames one by one, and can violate the
// protocol.
type frameAPI struct {
	base     string
	requests atomic.Int32
	resets   chan http2.ErrCode
}

// A frameStream is one request to a frameAPI.
type frameStream struct {
	*http2.Framer
	id     uint32
	number int32 // the request's number, from 1
	conn   net.Conn
	write  *sync.Mutex // held while serve runs
}

func (s frameStream) head(endStream bool, fields ...string) {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	s.WriteHeaders(http2.HeadersFrameParam{StreamID: s.id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: endStream})
}

func (s frameStream) streamHead() {
	s.head(false, ":status", "200", "content-type", "text/event-stream")
}

func startFrameAPI(t *testing.T, settings []http2.Setting, serve func(frameStream)) *frameAPI {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{testCertificate(t)}, NextProtos: []string{"h2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	api := &frameAPI{base: "https://" + l.Addr().String(), resets: make(chan http2.ErrCode, 100)}
	connection := func(conn net.Conn) {
		defer conn.Close()
		if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		framer := http2.NewFramer(conn, conn)
		var write sync.Mutex
		framer.WriteSettings(settings...)
		for {
			frame, err := framer.ReadFrame()
			if err != nil {
				return
			}
			write.Lock()
			switch f := frame.(type) {
			case *http2.SettingsFrame:
				if !f.IsAck() {
					framer.WriteSettingsAck()
				}
			case *http2.PingFrame:
				if !f.IsAck() {
					framer.WritePing(true, f.Data)
				}
			case *http2.RSTStreamFrame:
				api.resets <- f.ErrCode
			case *http2.DataFrame:
				if f.StreamEnded() {
					serve(frameStream{framer, f.StreamID, api.requests.Add(1), conn, &write})
				}
			}
			write.Unlock()
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go connection(conn)
		}
	}()
	return api
}

func insecure(c *config) { c.insecureTLS = true }

func TestHTTP2(t *testing.T) {
	answerOn := func(s frameStream) {
		s.streamHead()
		s.WriteData(s.id, true, []byte(hello+done))
	}
	for _, test := range []struct {
		name     string
		requests int32
		status   int // 0: success
		serve    func(frameStream)
	}{
		{"in one frame", 1, 0, answerOn},
		{"byte by byte, padded", 1, 0, func(s frameStream) {
			s.streamHead()
			for _, b := range []byte(hello + finished) {
				s.WriteDataPadded(s.id, false, []byte{b}, make([]byte, 3))
			}
			s.WriteData(s.id, true, nil)
		}},
		{"reset without error after the end", 1, 0, func(s frameStream) {
			answerOn(s)
			s.WriteRSTStream(s.id, http2.ErrCodeNo)
		}},
		{"informational responses", 1, 0, func(s frameStream) {
			s.head(false, ":status", "103", "link", "x")
			answerOn(s)
		}},
		{"GOAWAY that covers the stream", 1, 0, func(s frameStream) {
			s.WriteGoAway(s.id, http2.ErrCodeNo, nil)
			answerOn(s)
		}},
		{"refused once", 2, 0, func(s frameStream) {
			if s.number == 1 {
				s.WriteRSTStream(s.id, http2.ErrCodeRefusedStream)
				return
			}
			answerOn(s)
		}},
		{"GOAWAY below the stream, once", 2, 0, func(s frameStream) {
			if s.number == 1 {
				s.WriteGoAway(0, http2.ErrCodeNo, nil)
				return
			}
			answerOn(s)
		}},
		{"refused each time", 2, 502, func(s frameStream) { s.WriteRSTStream(s.id, http2.ErrCodeRefusedStream) }},
		{"reset with PROTOCOL_ERROR", 1, 502, func(s frameStream) { s.WriteRSTStream(s.id, http2.ErrCodeProtocol) }},
		{"reset with INTERNAL_ERROR", 1, 502, func(s frameStream) { s.WriteRSTStream(s.id, http2.ErrCodeInternal) }},
		{"the connection breaks before the head", 1, 502, func(s frameStream) { s.conn.Close() }},
		{"GOAWAY that covers the stream, then a broken connection", 1, 502, func(s frameStream) {
			s.WriteGoAway(s.id, http2.ErrCodeNo, nil)
			s.conn.Close()
		}},
		{"no status", 1, 502, func(s frameStream) { s.head(true, "content-type", "text/event-stream") }},
		{"reset in the stream", 1, 200, func(s frameStream) {
			s.streamHead()
			s.WriteData(s.id, false, []byte(hello))
			s.WriteRSTStream(s.id, http2.ErrCodeInternal)
		}},
		{"reset without error in the stream", 1, 200, func(s frameStream) {
			s.streamHead()
			s.WriteData(s.id, false, []byte(hello+finished))
			s.WriteRSTStream(s.id, http2.ErrCodeNo)
		}},
		{"END_STREAM without finish", 1, 200, func(s frameStream) {
			s.streamHead()
			s.WriteData(s.id, true, []byte(hello))
		}},
		{"the connection breaks in the stream", 1, 200, func(s frameStream) {
			s.streamHead()
			s.WriteData(s.id, false, []byte(hello+finished))
			s.conn.Close()
		}},
		{"a body shorter than its length", 1, 200, func(s frameStream) {
			s.head(false, ":status", "200", "content-type", "text/event-stream", "content-length", "9999")
			s.WriteData(s.id, true, []byte(hello+finished))
		}},
		{"429", 1, 429, func(s frameStream) { s.head(true, ":status", "429", "retry-after", "30") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			api := startFrameAPI(t, nil, test.serve)
			a := startDaemon(t, api.base, insecure).ask(`{"prompt":"hi"}`)
			if test.status == 0 {
				if !a.done() || a.text(t) != "Hello" {
					t.Errorf("answer %d %q, want success", a.status, a.body)
				}
			} else if p := a.failure(t); a.status != test.status {
				t.Errorf("answer %d %+v, want %d", a.status, p, test.status)
			}
			if got := api.requests.Load(); got != test.requests {
				t.Errorf("the API saw %d requests, want %d", got, test.requests)
			}
		})
	}
}

// The daemon resets the stream of a client that left, and no other stream. After [DONE]
// it resets a stream that does not end.
func TestHTTP2Reset(t *testing.T) {
	streams := make(chan frameStream, 2)
	api := startFrameAPI(t, nil, func(s frameStream) {
		s.streamHead()
		s.WriteData(s.id, false, []byte(hello))
		streams <- s
	})
	d := startDaemon(t, api.base, insecure)
	leaver := d.handOff(`{"prompt":"hi"}`)
	await(t, "a stream", streams)
	stayer := d.handOff(`{"prompt":"hi"}`)
	second := await(t, "a stream", streams)
	leaver.Close()
	if code := await(t, "the reset", api.resets); code != http2.ErrCodeCancel {
		t.Errorf("reset with %v", code)
	}
	second.write.Lock()
	second.WriteData(second.id, false, []byte(done))
	second.write.Unlock()
	if a := readAnswer(t, stayer); !a.done() {
		t.Errorf("the other client's answer: %q", a.body)
	}
	await(t, "the reset of the stream that does not end", api.resets)
}

// With an API that allows one stream on each connection, the daemon opens a connection
// for each request.
func TestHTTP2MaxStreams(t *testing.T) {
	var refused atomic.Bool
	busy := make(map[net.Conn]bool)
	var mu sync.Mutex
	release := make(chan struct{})
	api := startFrameAPI(t, []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 1}}, func(s frameStream) {
		mu.Lock()
		defer mu.Unlock()
		if busy[s.conn] {
			refused.Store(true)
		}
		busy[s.conn] = true
		go func() {
			<-release
			s.write.Lock()
			defer s.write.Unlock()
			s.streamHead()
			s.WriteData(s.id, true, []byte(hello+done))
		}()
	})
	d := startDaemon(t, api.base, insecure)
	var clients []net.Conn
	for range 5 {
		clients = append(clients, d.handOff(`{"prompt":"hi"}`))
	}
	eventually(t, "all requests have arrived", func() bool { return api.requests.Load() == 5 })
	close(release)
	for _, c := range clients {
		if a := readAnswer(t, c); !a.done() {
			t.Errorf("answer %d %q", a.status, a.body)
		}
	}
	if refused.Load() {
		t.Error("the daemon opened a second stream on a connection")
	}
}

// Many stalled clients on a connection pause their streams, but do not block another.
func TestHTTP2Starvation(t *testing.T) {
	var sent atomic.Int64
	base, trust := tlsAPI(t, true, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		if r.Header.Get("X-Test-Pattern") != "endless" {
			io.WriteString(w, strings.Repeat(bulk, 300)+done)
			return
		}
		for piece := strings.Repeat(bulk, 16); ; {
			n, err := io.WriteString(w, piece)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	d := startDaemon(t, base, trust)
	for range 40 {
		d.handOffNarrow(`{"prompt":"hi","test_pattern":"endless"}`, 8<<10)
	}
	eventually(t, "the API can send nothing more", func() bool {
		before := sent.Load()
		time.Sleep(200 * time.Millisecond)
		return before > 0 && sent.Load() == before
	})
	if a := d.ask(`{"prompt":"hi"}`); !a.done() || len(a.text(t)) != 300*bulkText {
		t.Errorf("answer %d, %d bytes", a.status, len(a.body))
	}
}

// A burst of first requests shares one connection.
func TestHTTP2Shares(t *testing.T) {
	var mu sync.Mutex
	connections := make(map[string]int)
	base, trust := tlsAPI(t, true, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		connections[fmt.Sprint(r.Proto, r.RemoteAddr)]++
		mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, hello+done)
	})
	d := startDaemon(t, base, trust)
	var clients []net.Conn
	for range 50 {
		clients = append(clients, d.handOff(`{"prompt":"hi"}`))
	}
	for _, c := range clients {
		if a := readAnswer(t, c); !a.done() {
			t.Errorf("answer %q", a.body)
		}
	}
	if len(connections) != 1 {
		t.Errorf("connections and their requests: %v, want one connection", connections)
	}
}
