package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The harness plays both sides of the daemon with real sockets: the web server that
// hands over a client's TCP socket, the client, and the API.

func TestMain(m *testing.M) {
	flag.Parse()
	if !testing.Verbose() {
		slog.SetDefault(slog.New(slog.DiscardHandler))
	}
	os.Exit(m.Run())
}

const testKey = "sk-test-0123456789"

// patience is how long a test waits before it fails. A passing test is much faster.
const patience = 30 * time.Second

// A daemon is a server that runs in the test's process.
type daemon struct {
	t      *testing.T
	server *server
	path   string
	stop   context.CancelFunc // has the effect of SIGTERM
	exited chan error
}

// startDaemon runs a daemon with this API. change may alter the configuration.
func startDaemon(t *testing.T, base string, change func(*config)) *daemon {
	t.Helper()
	environment := map[string]string{"OPENAI_API_BASE": base, "OPENAI_API_KEY": testKey}
	path := filepath.Join(t.TempDir(), "d.sock")
	c, err := parseConfig([]string{"--socket", path}, func(name string) string { return environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	c.shutdownTimeout = time.Second
	if change != nil {
		change(c)
	}
	api, err := newAPI(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := listen(c.socket, c.socketMode)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	d := &daemon{t: t, server: newServer(ctx, c, api), path: path, stop: stop, exited: make(chan error, 1)}
	go func() {
		defer l.close()
		d.exited <- d.server.serve(l)
	}()
	t.Cleanup(func() {
		stop()
		if err := d.wait(); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return d
}

// wait waits until the daemon has ended, and returns its error.
func (d *daemon) wait() error {
	select {
	case err := <-d.exited:
		d.exited <- err
		return err
	case <-time.After(patience):
		return errors.New("the daemon did not end")
	}
}

// tcpPair returns a client's TCP socket and the descriptor that a web server hands over.
func tcpPair(t *testing.T) (*net.TCPConn, *os.File) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	file, err := accepted.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn), file
}

// send sends one handoff message and closes, as a web server does.
func (d *daemon) send(data []byte, descriptors ...int) {
	d.t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer unix.Close(fd)
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 1<<20)
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: d.path}); err != nil {
		d.t.Fatal(err)
	}
	var rights []byte
	if len(descriptors) > 0 {
		rights = unix.UnixRights(descriptors...)
	}
	if err := unix.Sendmsg(fd, data, rights, nil, 0); err != nil {
		d.t.Fatal(err)
	}
}

// handOff hands a new client over.
func (d *daemon) handOff(data string) *net.TCPConn {
	d.t.Helper()
	conn, file := tcpPair(d.t)
	defer file.Close()
	d.send([]byte(data), int(file.Fd()))
	return conn
}

// handOffNarrow hands over a client with small kernel buffers. With the usual buffers
// the daemon writes megabytes before it notices that the client stalls.
func (d *daemon) handOffNarrow(data string, buffer int) *net.TCPConn {
	d.t.Helper()
	conn, file := tcpPair(d.t)
	defer file.Close()
	conn.SetReadBuffer(buffer)
	if err := unix.SetsockoptInt(int(file.Fd()), unix.SOL_SOCKET, unix.SO_SNDBUF, buffer); err != nil {
		d.t.Fatal(err)
	}
	d.send([]byte(data), int(file.Fd()))
	return conn
}

// An answer is a client's complete received response.
type answer struct {
	status int
	header http.Header
	closes bool // the head has Connection: close
	body   string
}

func readAnswer(t *testing.T, conn net.Conn) answer {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(patience))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("reading the answer's head: %v", err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("reading the answer's body: %v (the last bytes are %q)", err, body[max(0, len(body)-200):])
	}
	return answer{response.StatusCode, response.Header, response.Close, string(body)}
}

// ask hands over a client and returns its answer.
func (d *daemon) ask(data string) answer {
	d.t.Helper()
	conn := d.handOff(data)
	defer conn.Close()
	return readAnswer(d.t, conn)
}

// rest waits until all exchanges have ended. Their connections to the API are then in
// the pool or closed.
func (d *daemon) rest() {
	d.t.Helper()
	eventually(d.t, "the exchanges have ended", func() bool { return len(d.server.slots) == 0 })
}

// text returns the concatenated content of the events. It fails the test at a line that
// is not a valid event.
func (a answer) text(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, block := range strings.Split(strings.TrimSuffix(a.body, "\n\n"), "\n\n") {
		data, ok := strings.CutPrefix(block, "data: ")
		if !ok || strings.Contains(data, "\n") {
			t.Fatalf("%q is not an event of one data line", block)
		}
		var piece struct{ Content string }
		if data != "[DONE]" {
			if err := json.Unmarshal([]byte(data), &piece); err != nil {
				t.Fatalf("%q: %v", data, err)
			}
		}
		text.WriteString(piece.Content)
	}
	return text.String()
}

// done reports whether the answer succeeded: it has one [DONE], at the end.
func (a answer) done() bool {
	return a.status == 200 && strings.HasSuffix(a.body, "data: [DONE]\n\n") && strings.Count(a.body, "data: [DONE]") == 1
}

// failure returns the error at the end of a stream, or the error of an error response.
func (a answer) failure(t *testing.T) problem {
	t.Helper()
	last := a.body
	if a.status == 200 {
		last = a.body[strings.LastIndex(strings.TrimSuffix(a.body, "\n\n"), "\n")+1:]
		last = strings.TrimPrefix(last, "data: ")
	}
	var body struct{ Error *problem }
	if err := json.Unmarshal([]byte(last), &body); err != nil || body.Error == nil {
		t.Fatalf("the answer does not end with an error: %d %q", a.status, a.body)
	}
	if strings.Contains(a.body, "[DONE]") {
		t.Fatalf("a failed answer contains [DONE]: %q", a.body)
	}
	return *body.Error
}

// patient returns a context that ends after patience.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// await receives from a channel. It fails the test after patience.
func await[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case value := <-c:
		return value
	case <-time.After(patience):
		t.Fatalf("waited %v unsuccessfully: %s", patience, what)
		panic("unreachable")
	}
}

// eventually polls until a condition holds. It fails the test after patience.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for ctx := patient(t); !condition(); time.Sleep(5 * time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("waited %v unsuccessfully until %s", patience, what)
		}
	}
}

// rawAPI starts an API and returns its base URL. The function serve receives each parsed
// request, and writes the response as bytes.
func rawAPI(t *testing.T, serve func(conn net.Conn, request *http.Request)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				reader := bufio.NewReader(conn)
				for {
					request, err := http.ReadRequest(reader)
					if err != nil {
						return
					}
					body, err := io.ReadAll(request.Body)
					if err != nil {
						return
					}
					request.Body = io.NopCloser(strings.NewReader(string(body)))
					serve(conn, request)
					if request.Close {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/v1"
}

// tlsAPI serves a handler over TLS, with or without HTTP/2. trust makes a configuration
// accept its certificate.
func tlsAPI(t *testing.T, http2 bool, handler http.HandlerFunc) (base string, trust func(*config)) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = http2
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL + "/v1", func(c *config) { c.insecureTLS = true }
}

const (
	hello    = `data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}` + "\n\n"
	finished = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	done     = "data: [DONE]\n\n"
)

// bulkText is the length of the text in a bulk event. Such events fill buffers quickly.
const bulkText = 1000

var bulk = `data: {"choices":[{"index":0,"delta":{"content":"` + strings.Repeat("x", bulkText) + `"}}]}` + "\n\n"
