package main

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const whole = "0\r\n\r\n"

// The daemon reuses a connection to the API, unless bytes are left on it.
func TestReuse(t *testing.T) {
	for _, test := range []struct {
		name, response string
		connections    int32
	}{
		{"a complete response", chunked + inChunk(hello+done) + whole, 1},
		{"a response without an end", chunked + inChunk(hello+done), 2},
		{"bytes after the response", chunked + inChunk(hello+done) + whole + closing + "data: evil\n\n", 2},
		{"Connection: close", strings.TrimSuffix(chunked, "\r\n") + "Connection: close\r\n\r\n" + inChunk(hello+done) + whole, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			var connections atomic.Int32
			seen := make(map[net.Conn]bool)
			base := rawAPI(t, func(conn net.Conn, r *http.Request) {
				if !seen[conn] {
					seen[conn] = true
					connections.Add(1)
				}
				io.WriteString(conn, test.response)
			})
			d := startDaemon(t, base, nil)
			for range 2 {
				a := d.ask(`{"prompt":"hi"}`)
				if !a.done() || a.text(t) != "Hello" {
					t.Errorf("answer %q", a.body)
				}
				d.rest()
			}
			if got := connections.Load(); got != test.connections {
				t.Errorf("%d connections, want %d", got, test.connections)
			}
		})
	}
}

// The daemon retries once, and only a request on a reused connection that ended without
// a byte of response.
func TestRetry(t *testing.T) {
	for _, test := range []struct {
		name     string
		warm     bool   // an earlier request has used the connection
		sent     string // the API's bytes before it closes, for each attempt
		requests int32  // how many attempts the API sees
	}{
		{"new connection", false, "", 1},
		{"used connection", true, "", 2},
		{"used connection, half a head", true, "HTTP/1.1 200 OK\r\n", 1},
		{"used connection, one event", true, chunked + inChunk(hello), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var requests atomic.Int32
			base := rawAPI(t, func(conn net.Conn, r *http.Request) {
				if r.Header.Get("X-Test-Pattern") == "warm" {
					io.WriteString(conn, chunked+inChunk(hello+done)+whole)
					return
				}
				requests.Add(1)
				io.WriteString(conn, test.sent)
				conn.Close()
			})
			d := startDaemon(t, base, nil)
			if test.warm {
				d.ask(`{"prompt":"hi","test_pattern":"warm"}`)
				d.rest()
			}
			if a := d.ask(`{"prompt":"hi"}`); a.done() || a.failure(t).Message == "" {
				t.Errorf("answer %d %q, want a failure", a.status, a.body)
			}
			if got := requests.Load(); got != test.requests {
				t.Errorf("the API saw %d requests, want %d", got, test.requests)
			}
		})
	}
}

// A request on a connection that the API just closed succeeds on a new connection.
func TestStaleConnection(t *testing.T) {
	var broken atomic.Bool
	base := rawAPI(t, func(conn net.Conn, r *http.Request) {
		if r.Header.Get("X-Test-Pattern") == "stale" && broken.CompareAndSwap(false, true) {
			conn.Close()
			return
		}
		io.WriteString(conn, chunked+inChunk(hello+done)+whole)
	})
	d := startDaemon(t, base, nil)
	d.ask(`{"prompt":"hi"}`)
	d.rest()
	if a := d.ask(`{"prompt":"hi","test_pattern":"stale"}`); !a.done() || !broken.Load() {
		t.Errorf("answer %q", a.body)
	}
}

// The daemon reads the response of an API that answers and closes before it has read
// the whole request.
func TestEarlyResponse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.(*net.TCPConn).SetReadBuffer(4 << 10)
			bufio.NewReaderSize(conn, 16).ReadString('\n')
			io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			conn.Close()
		}
	}()
	d := startDaemon(t, "http://"+l.Addr().String(), nil)
	for range 20 {
		if a := d.ask(`{"prompt":"` + strings.Repeat("x", 250_000) + `"}`); a.status != 413 {
			t.Fatalf("status %d, want 413", a.status)
		}
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + l.Addr().String()
	l.Close()
	if a := startDaemon(t, base, nil).ask(`{"prompt":"hi"}`); a.status != 502 {
		t.Errorf("refused: status %d, want 502", a.status)
	}
	// With a silent TCP server, the TLS handshake times out.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, http2 := range []bool{true, false} {
		d := startDaemon(t, "https://"+silent.Addr().String(), func(c *config) {
			c.connectTimeout = 100 * time.Millisecond
			c.http2 = http2
		})
		if a := d.ask(`{"prompt":"hi"}`); a.status != 504 || a.failure(t).Type != timeoutError {
			t.Errorf("silent, HTTP/2 %v: status %d, want 504", http2, a.status)
		}
	}
}

// Under TLS, a body without framing is complete only after close_notify. Without it, the
// connection may have been cut.
func TestCloseNotify(t *testing.T) {
	certificate := testCertificate(t)
	for _, notify := range []bool{true, false} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}})
			http.ReadRequest(bufio.NewReader(secure))
			io.WriteString(secure, closing+hello+finished)
			if notify {
				secure.CloseWrite()
			}
			conn.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, conn)
			conn.Close()
		}()
		d := startDaemon(t, "https://"+l.Addr().String(), func(c *config) { c.insecureTLS = true })
		if a := d.ask(`{"prompt":"hi"}`); a.done() != notify {
			t.Errorf("close_notify %v: answer %q", notify, a.body)
		}
	}
}

// The daemon verifies the API's certificate, unless OPENAI_INSECURE_SSL is set.
func TestVerification(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, hello+done)
	}
	for _, http2 := range []bool{true, false} {
		base, trust := tlsAPI(t, http2, handler)
		if a := startDaemon(t, base, nil).ask(`{"prompt":"hi"}`); a.status != 502 {
			t.Errorf("an unknown authority: status %d, want 502", a.status)
		}
		if a := startDaemon(t, base, trust).ask(`{"prompt":"hi"}`); !a.done() {
			t.Errorf("a trusted one: answer %q", a.body)
		}
	}
}
