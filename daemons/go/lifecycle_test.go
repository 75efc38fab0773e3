package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.sock")
	first, err := listen(path, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v; want 0640", info.Mode(), err)
	}
	if _, err := listen(path, 0o660); err == nil || !strings.Contains(err.Error(), "running daemon") {
		t.Errorf("over a live daemon: %v", err)
	}
	first.file.Close() // a killed daemon leaves the socket file like this
	second, err := listen(path, 0o660)
	if err != nil {
		t.Fatalf("over a stale socket: %v", err)
	}
	os.Remove(path)
	third, err := listen(path, 0o660)
	if err != nil {
		t.Fatal(err)
	}
	second.close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("a daemon removed its successor's socket: %v", err)
	}
	third.close()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the daemon did not remove its own socket: %v", err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(path, 0o660); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("over a file: %v", err)
	}
	os.Remove(path)
	stream, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if _, err := listen(path, 0o660); err == nil || !strings.Contains(err.Error(), "running daemon") {
		t.Errorf("over a live socket of another type: %v", err)
	}
}

func TestMaxConnections(t *testing.T) {
	release := make(chan struct{})
	arrived := make(chan struct{}, 3)
	base := rawAPI(t, func(conn net.Conn, r *http.Request) {
		io.WriteString(conn, chunked+inChunk(hello))
		arrived <- struct{}{}
		<-release
		io.WriteString(conn, inChunk(done)+"0\r\n\r\n")
	})
	d := startDaemon(t, base, func(c *config) { c.maxConnections = 2 })
	clients := []net.Conn{d.handOff(`{"prompt":"hi"}`), d.handOff(`{"prompt":"hi"}`)}
	await(t, "a request", arrived)
	await(t, "a request", arrived)
	a := d.ask(`{"prompt":"hi","response_headers":{"X-One":"1"}}`)
	if a.status != 503 || a.failure(t).Type != overloaded || a.header.Get("X-One") != "1" {
		t.Errorf("the third got %d %v %q, want 503", a.status, a.header, a.body)
	}
	close(release)
	for _, c := range clients {
		if a := readAnswer(t, c); !a.done() {
			t.Errorf("answer %q", a.body)
		}
		c.Close()
	}
	eventually(t, "there is room again", func() bool { return d.ask(`{"prompt":"hi"}`).done() })
}

// A stopping daemon finishes the running exchanges and serves the queued handoffs.
func TestStopDrains(t *testing.T) {
	release := make(chan struct{})
	arrived := make(chan struct{}, 20)
	base := rawAPI(t, func(conn net.Conn, r *http.Request) {
		arrived <- struct{}{}
		<-release
		io.WriteString(conn, chunked+inChunk(hello+done)+"0\r\n\r\n")
	})
	d := startDaemon(t, base, func(c *config) { c.shutdownTimeout = patience })
	clients := []net.Conn{d.handOff(`{"prompt":"hi"}`)}
	await(t, "the request", arrived)
	for range 10 {
		clients = append(clients, d.handOff(`{"prompt":"hi"}`))
	}
	d.stop()
	eventually(t, "the daemon has removed its socket", func() bool {
		_, err := os.Lstat(d.path)
		return os.IsNotExist(err)
	})
	close(release)
	for i, c := range clients {
		if a := readAnswer(t, c); !a.done() {
			t.Errorf("client %d: answer %q", i, a.body)
		}
		c.Close()
	}
	if err := d.wait(); err != nil {
		t.Error(err)
	}
}

// After the shutdown timeout the daemon ends the remaining exchanges: a stream with an
// error event, an unanswered client with an error response, a stalled client at once.
func TestStopEndsTheRest(t *testing.T) {
	arrived := make(chan struct{}, 3)
	base := rawAPI(t, func(conn net.Conn, r *http.Request) {
		arrived <- struct{}{}
		switch r.Header.Get("X-Test-Pattern") {
		case "begun":
			io.WriteString(conn, chunked+inChunk(hello))
		case "endless":
			io.WriteString(conn, chunked)
			for piece := inChunk(strings.Repeat(bulk, 16)); ; {
				if _, err := io.WriteString(conn, piece); err != nil {
					return
				}
			}
		}
		io.Copy(io.Discard, conn)
	})
	d := startDaemon(t, base, func(c *config) { c.shutdownTimeout = 200 * time.Millisecond })
	begun := d.handOff(`{"prompt":"hi","test_pattern":"begun"}`)
	silent := d.handOff(`{"prompt":"hi","test_pattern":"silent"}`)
	stalled := d.handOff(`{"prompt":"hi","test_pattern":"endless"}`)
	for range 3 {
		await(t, "a request", arrived)
	}
	start := time.Now()
	d.stop()
	if a := readAnswer(t, begun); a.status != 200 || a.failure(t).Code != "shutting_down" {
		t.Errorf("the running stream ended with %q", a.body)
	}
	if a := readAnswer(t, silent); a.status != 503 {
		t.Errorf("the unanswered client got %d, want 503", a.status)
	}
	if err := d.wait(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("the daemon took %v to end", took)
	}
	stalled.Close()
}
