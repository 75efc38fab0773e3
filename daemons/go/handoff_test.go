package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// promptAPI is an API that answers each request at once.
func promptAPI(t *testing.T) string {
	return rawAPI(t, func(conn net.Conn, r *http.Request) {
		io.WriteString(conn, chunked+inChunk(hello+done)+"0\r\n\r\n")
	})
}

// expectClosed fails the test unless the connection ends without a byte.
func expectClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(patience))
	if got, err := io.ReadAll(conn); len(got) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the client got %q, %v; want an end without a byte", got, err)
	}
}

func TestPayloadSizes(t *testing.T) {
	d := startDaemon(t, promptAPI(t), nil)
	for size, status := range map[int]int{131_072: 200, 212_960: 200, maxPayload: 200, maxPayload + 1: 413, 400_000: 413} {
		data := `{"prompt":"` + strings.Repeat("x", size-len(`{"prompt":""}`)) + `"}`
		if a := d.ask(data); a.status != status {
			t.Errorf("%d bytes: status %d, want %d", size, a.status, status)
		}
	}
}

func TestDescriptors(t *testing.T) {
	d := startDaemon(t, promptAPI(t), nil)

	t.Run("none", func(t *testing.T) {
		d.send([]byte(`{"prompt":"hi"}`))
	})
	t.Run("several: the daemon serves the first and closes the others", func(t *testing.T) {
		first, firstFile := tcpPair(t)
		second, secondFile := tcpPair(t)
		descriptors := []int{int(firstFile.Fd())}
		for range 60 {
			descriptors = append(descriptors, int(secondFile.Fd()))
		}
		d.send([]byte(`{"prompt":"hi"}`), descriptors...)
		firstFile.Close()
		secondFile.Close()
		if a := readAnswer(t, first); !a.done() {
			t.Errorf("answer %q", a.body)
		}
		expectClosed(t, second)
	})
	t.Run("data that is not JSON", func(t *testing.T) {
		for _, data := range []string{"", "\x00", "x"} {
			if a := d.ask(data); a.status != 400 || a.failure(t).Type != invalidRequest {
				t.Errorf("%q: answer %d, want 400", data, a.status)
			}
		}
	})
	t.Run("a pipe", func(t *testing.T) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		d.send([]byte(`{"prompt":"hi"}`), int(w.Fd()))
		w.Close()
		if got, err := io.ReadAll(r); len(got) > 0 || err != nil {
			t.Errorf("the pipe got %q, %v", got, err)
		}
	})
	t.Run("sockets of other kinds", func(t *testing.T) {
		for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
			fd, err := unix.Socket(unix.AF_INET, kind, 0)
			if err != nil {
				t.Fatal(err)
			}
			d.send([]byte(`{"prompt":"hi"}`), fd)
			unix.Close(fd)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		file, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		d.send([]byte(`{"prompt":"hi"}`), int(file.Fd()))
		file.Close()
		l.Close()
	})
	t.Run("a blocking Unix stream socket", func(t *testing.T) {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		d.send([]byte(`{"prompt":"hi"}`), pair[1])
		unix.Close(pair[1])
		file := os.NewFile(uintptr(pair[0]), "client")
		conn, err := net.FileConn(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if a := readAnswer(t, conn); !a.done() {
			t.Errorf("answer %q", a.body)
		}
	})
	if a := d.ask(`{"prompt":"hi"}`); !a.done() {
		t.Errorf("a handoff after all of these: answer %q", a.body)
	}
}

// A received descriptor is close-on-exec, so that no child of the daemon inherits it.
func TestCloseOnExec(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	if err := unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(0, 1), nil, 0); err != nil {
		t.Fatal(err)
	}
	m, err := recvmsg(pair[1])
	if err != nil || len(m.descriptors) != 2 {
		t.Fatalf("recvmsg: %v with %d descriptors", err, len(m.descriptors))
	}
	for _, fd := range m.descriptors {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d: flags %d, %v", fd, flags, err)
		}
		unix.Close(fd)
	}
}

// The daemon closes a silent peer after its timeout, and serves others meanwhile.
func TestSilentPeer(t *testing.T) {
	d := startDaemon(t, promptAPI(t), func(c *config) { c.handoffTimeout = 100 * time.Millisecond })
	peer, err := net.Dial("unixpacket", d.path)
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if a := d.ask(`{"prompt":"hi"}`); !a.done() {
		t.Errorf("answer %q", a.body)
	}
	expectClosed(t, peer)
}

// The client sees the end although the sender keeps its copy of the socket. Unread bytes
// of the client do not destroy the end of the answer.
func TestEndOfAnswer(t *testing.T) {
	d := startDaemon(t, promptAPI(t), nil)
	conn, file := tcpPair(t)
	defer file.Close()
	if _, err := conn.Write(bytes.Repeat([]byte("unread"), 10_000)); err != nil {
		t.Fatal(err)
	}
	d.send([]byte(`{"prompt":"hi"}`), int(file.Fd()))
	if a := readAnswer(t, conn); !a.done() {
		t.Errorf("answer %q", a.body)
	}
}

// The daemon closes the client's descriptor after each exchange, also after a failed one.
func TestNothingIsHeld(t *testing.T) {
	release := make(chan struct{})
	base := rawAPI(t, func(conn net.Conn, r *http.Request) {
		io.WriteString(conn, chunked+inChunk(hello))
		<-release
		io.WriteString(conn, inChunk(done)+"0\r\n\r\n")
	})
	d := startDaemon(t, base, nil)
	held := func(inode uint64) int {
		count := 0
		entries, _ := os.ReadDir("/proc/self/fd")
		for _, entry := range entries {
			if target, _ := os.Readlink("/proc/self/fd/" + entry.Name()); target == fmt.Sprintf("socket:[%d]", inode) {
				count++
			}
		}
		return count
	}
	var inodes []uint64
	var clients []net.Conn
	for range 5 {
		conn, file := tcpPair(t)
		var stat unix.Stat_t
		if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
			t.Fatal(err)
		}
		d.send([]byte(`{"prompt":"hi"}`), int(file.Fd()))
		file.Close()
		inodes, clients = append(inodes, stat.Ino), append(clients, conn)
	}
	for _, inode := range inodes {
		eventually(t, "the daemon holds the client", func() bool { return held(inode) == 1 })
	}
	clients[0].Close()
	clients[1].(*net.TCPConn).SetLinger(0)
	clients[1].Close()
	close(release)
	for i, inode := range inodes {
		if i > 1 {
			readAnswer(t, clients[i])
			clients[i].Close()
		}
		eventually(t, "the daemon closes the client's descriptor", func() bool { return held(inode) == 0 })
	}
}
