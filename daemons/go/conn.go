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

// An apiConn is a connection to the API on which a request can be sent, now: with
// HTTP/1.1 it is nobody else's until the response's body is closed, with HTTP/2 a
// stream has been reserved. The body's Close ends the stream or the connection
// unless the response was read to its end.
type apiConn interface {
	roundTrip(*http.Request) (*http.Response, error)
	received() int64 // bytes so far
}

// A meteredConn counts what arrives. That nothing did is what shows, when a
// connection breaks, that the API cannot have begun to answer.
type meteredConn struct {
	net.Conn
	socket net.Conn // below TLS; nil when there is none
	count  atomic.Int64
}

func (c *meteredConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.count.Add(int64(n))
	return n, err
}

func (c *meteredConn) received() int64 { return c.count.Load() }

// quiet reports whether the connection is open with nothing to read, as an idle one
// should be. What has arrived is no answer to a request that is yet to be sent.
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

// What x/net says when a GOAWAY's last stream id is below the request's, and when the
// connection was found closed before the request was sent. It exports no values for them.
const (
	goAwayText   = "http2: Transport received Server's graceful shutdown GOAWAY"
	unusableText = "http2: client conn not usable"
)

// unprocessed reports whether the API certainly did not process a request that
// failed before its response: only then may it be sent again.
func unprocessed(err error, reused, heard bool) bool {
	var reset http2.StreamError
	if errors.As(err, &reset) {
		return reset.Code == http2.ErrCodeRefusedStream
	}
	if text := err.Error(); text == goAwayText || text == unusableText {
		return true
	}
	// A server may close a connection that it finds idle while a request is on its way.
	return reused && !heard && lost(err)
}

// lost reports whether the connection ended or broke.
func lost(err error) bool {
	var goAway http2.GoAwayError
	if errors.As(err, &goAway) {
		return false // which said that it took the request
	}
	var broken *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errCut) ||
		errors.As(err, &broken) && !broken.Timeout()
}
