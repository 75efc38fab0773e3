package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"

	"golang.org/x/net/http2"
	"golang.org/x/sys/unix"
)

// An apiConn is a connection to the API that can send one request now. An HTTP/1.1
// connection belongs to one exchange until the response's body is closed. On an HTTP/2
// connection the exchange has reserved a stream. The body's Close ends the stream or
// the connection, unless the response was read to its end.
type apiConn interface {
	roundTrip(*http.Request) (*http.Response, error)
	received() int64 // bytes since the connection was made
}

// A meteredConn is a connection that counts the received bytes. A count of zero proves,
// when a connection breaks, that the API has not begun to answer.
type meteredConn struct {
	net.Conn
	socket net.Conn // the socket below TLS; nil without TLS
	count  atomic.Int64
}

func (c *meteredConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.count.Add(int64(n))
	return n, err
}

func (c *meteredConn) received() int64 { return c.count.Load() }

// quiet reports whether the connection is open and has no bytes to read. Bytes on an
// idle connection cannot be the answer to a request that has not been sent.
func (c *meteredConn) quiet() bool {
	socket := c.socket
	if socket == nil {
		socket = c.Conn
	}
	raw, err := socket.(syscall.Conn).SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = raw.Control(func(fd uintptr) {
		var peeked [1]byte
		_, _, err := unix.Recvfrom(int(fd), peeked[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		quiet = err == unix.EAGAIN
	})
	return err == nil && quiet
}

// These are two error texts of x/net, which does not export them. The first is for a
// request above a GOAWAY's last stream id. The second is for a connection that closed
// before the request was sent.
const (
	goAwayText   = "http2: Transport received Server's graceful shutdown GOAWAY"
	unusableText = "http2: client conn not usable"
)

// unprocessed reports whether the API certainly did not process a request that failed
// before its response. Only such a request may be retried.
func unprocessed(err error, reused, answered bool) bool {
	var reset http2.StreamError
	if errors.As(err, &reset) {
		return reset.Code == http2.ErrCodeRefusedStream
	}
	if text := err.Error(); text == goAwayText || text == unusableText {
		return true
	}
	// A server may close an idle connection at the moment the daemon sends a request.
	return reused && !answered && lost(err)
}

// lost reports whether the connection ended or broke.
func lost(err error) bool {
	var goAway http2.GoAwayError
	if errors.As(err, &goAway) {
		return false // the GOAWAY covers the request, so the API may have processed it
	}
	var broken *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errCut) ||
		errors.As(err, &broken) && !broken.Timeout()
}
