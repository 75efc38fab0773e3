package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"
)

// This is the HTTP/1.1 client for the API. It uses the message parser of net/http, but
// not its Transport, for three reasons. A connection goes back to the pool only after
// the response was read to its end and no byte follows. The client reads a response
// also when it could not send the whole request (an early 413). It does not retry.

// maxHead is the largest size of a response's head, with its informational responses.
const maxHead = 256 << 10

var errHeadTooLarge = errors.New("expected a response head of at most 256 KiB, found more")

// An http1Conn is an HTTP/1.1 connection to the API.

type http1Conn struct {
	*meteredConn
	reader *bufio.Reader
	limit  *readLimit
	idle   func(*http1Conn) // gives the connection back to the pool
}

func newHTTP1Conn(conn *meteredConn, idle func(*http1Conn)) *http1Conn {
	limit := &readLimit{from: conn}
	return &http1Conn{meteredConn: conn, reader: bufio.NewReader(limit), limit: limit, idle: idle}
}

// A readLimit is a reader with a byte limit, for the time a head is being read.
type readLimit struct {
	from io.Reader
	left int // bytes; negative: unlimited
}

func (r *readLimit) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, errHeadTooLarge
	}
	if r.left < 0 {
		return r.from.Read(p)
	}
	n, err := r.from.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

func (c *http1Conn) roundTrip(request *http.Request) (*http.Response, error) {
	// Closing the connection is the only way to cancel an HTTP/1.1 request.
	stop := context.AfterFunc(request.Context(), func() { c.Close() })
	sent := make(chan error, 1)
	go func() {
		out := bufio.NewWriter(c.Conn)
		// The reading side sees a broken connection too, after the response if there is one.
		sent <- cmp.Or(request.Write(out), out.Flush())
	}()
	response, err := c.readResponse(request)
	if err != nil {
		stop()
		c.Close()
		return nil, err
	}
	response.Body = &http1Body{ReadCloser: response.Body, close: func(complete bool) {
		reusable := stop() && complete && !response.Close && c.reader.Buffered() == 0
		if reusable {
			select {
			case err := <-sent:
				reusable = err == nil
			case <-time.After(releaseTime): // an early response; the API does not read the request
				reusable = false
			}
		}
		if reusable {
			c.idle(c)
		} else {
			c.Close()
		}
	}}
	return response, nil
}

func (c *http1Conn) readResponse(request *http.Request) (*http.Response, error) {
	c.limit.left = maxHead
	for {
		response, err := http.ReadResponse(c.reader, request)
		if err != nil {
			return nil, err
		}
		if response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			c.limit.left = -1
			if slices.Contains(response.TransferEncoding, "chunked") {
				response.Body = &chunkedBody{reader: c.reader} // net/http has not read from it yet
			}
			return response, nil
		}
	}
}

// An http1Body is a response body that remembers whether it was read to its end.
type http1Body struct {
	io.ReadCloser
	complete bool
	close    func(complete bool)
}

func (b *http1Body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.complete = err == io.EOF
	return n, err
}

// Close does not call the body's own Close, which would read an unlimited rest.
func (b *http1Body) Close() error {
	b.close(b.complete)
	return nil
}
