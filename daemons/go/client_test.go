package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The daemon ends the API's request when the client leaves, also while the API is silent.
func TestClientLeaves(t *testing.T) {
	for name, leave := range map[string]func(*net.TCPConn){
		"close":               func(c *net.TCPConn) { c.Close() },
		"reset":               func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
		"half-close":          func(c *net.TCPConn) { c.CloseWrite() },
		"close after writing": func(c *net.TCPConn) { io.WriteString(c, strings.Repeat("x", 50_000)); c.Close() },
	} {
		for _, sent := range []string{"", chunked + inChunk(hello)} {
			t.Run(name, func(t *testing.T) {
				closed := make(chan time.Time, 1)
				arrived := make(chan struct{}, 1)
				base := rawAPI(t, func(conn net.Conn, r *http.Request) {
					io.WriteString(conn, sent)
					arrived <- struct{}{}
					silence(conn, closed)
				})
				client := startDaemon(t, base, nil).handOff(`{"prompt":"hi"}`)
				await(t, "the request", arrived)
				left := time.Now()
				leave(client)
				if took := await(t, "the daemon closes the API's connection", closed).Sub(left); took > 2*time.Second {
					t.Errorf("the daemon closed the API's connection after %v", took)
				}
			})
		}
	}
}

// endless is an API that sends until the daemon stops reading. It reports the sent bytes.
func endless(t *testing.T, sent chan<- int) string {
	return rawAPI(t, func(conn net.Conn, r *http.Request) {
		piece := inChunk(strings.Repeat(bulk, 16))
		io.WriteString(conn, chunked)
		total := 0
		for {
			conn.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
			n, err := io.WriteString(conn, piece)
			if total += n; err != nil {
				conn.SetWriteDeadline(time.Time{})
				sent <- total
				io.WriteString(conn, piece[n:]+inChunk(finished+done)+"0\r\n\r\n")
				return
			}
		}
	})
}

// A stalled client pauses the API, and receives the whole answer when it reads again.
func TestBackpressure(t *testing.T) {
	sent := make(chan int, 1)
	client := startDaemon(t, endless(t, sent), nil).handOffNarrow(`{"prompt":"hi"}`, 64<<10)
	await(t, "the daemon stops reading from the API", sent)
	a := readAnswer(t, client)
	if !a.done() {
		t.Fatalf("the answer ended with %q", a.body[max(0, len(a.body)-200):])
	}
	if text := a.text(t); strings.Trim(text, "x") != "" || len(text) == 0 || len(text)%(16*bulkText) != 0 {
		t.Errorf("%d bytes of text, want as many as the API sent", len(text))
	}
}

// The daemon abandons a client that reads nothing, but not one that reads slowly.
func TestWriteTimeout(t *testing.T) {
	dropped := make(chan struct{}, 1)
	piece := inChunk(strings.Repeat(bulk, 16))
	base := rawAPI(t, func(conn net.Conn, r *http.Request) {
		io.WriteString(conn, chunked)
		endless := r.Header.Get("X-Test-Pattern") == "endless"
		for i := 0; i < 160 || endless; i++ {
			if _, err := io.WriteString(conn, piece); err != nil {
				dropped <- struct{}{}
				return
			}
		}
		io.WriteString(conn, inChunk(done)+"0\r\n\r\n")
	})
	const bound = 500 * time.Millisecond
	d := startDaemon(t, base, func(c *config) { c.writeTimeout = bound })
	d.handOffNarrow(`{"prompt":"hi","test_pattern":"endless"}`, 64<<10)
	slow := d.handOffNarrow(`{"prompt":"hi"}`, 64<<10)
	start := time.Now()
	a := readAnswer(t, sips{slow})
	if text := a.text(t); !a.done() || len(text) != 160*16*bulkText {
		t.Errorf("the slow client got %d bytes of text, ending with %q", len(text), a.body[max(0, len(a.body)-200):])
	}
	if took := time.Since(start); took < 2*bound {
		t.Errorf("the slow client took only %v", took)
	}
	await(t, "the daemon abandons the stalled client", dropped)
}

// A sips is a slow client's connection: it reads little at once, with pauses.
type sips struct{ *net.TCPConn }

func (s sips) Read(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return s.TCPConn.Read(p[:min(len(p), 2<<10)])
}
