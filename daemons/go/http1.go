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

// HTTP/1.1 to the API, on the message parser of net/http but not on its Transport:
// a connection here goes back to the pool only when the response was read to its
// end with nothing behind it, a response is read even when the request could not be
// sent to its end (an early 413), and nothing is retried behind our back.

// maxHead bounds a response's head, informational responses included.
const maxHead = 256 << 10

var errHeadTooLarge = errors.New("the response's head is larger than 256 KiB")

type http1Conn struct {
	*meteredConn
	reader *bufio.Reader
	limit  *readLimit
	idle   func(*http1Conn) // takes the connection back
}

func newHTTP1Conn(conn *meteredConn, idle func(*http1Conn)) *http1Conn {
	limit := &readLimit{from: conn}
	return &http1Conn{meteredConn: conn, reader: bufio.NewReader(limit), limit: limit, idle: idle}
}

// A readLimit bounds how much is read while a head is expected.
type readLimit struct {
	from io.Reader
	left int // negative: no limit
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
	// Closing is the one way to end a request before its time.
	stop := context.AfterFunc(request.Context(), func() { c.Close() })
	sent := make(chan error, 1)
	go func() {
		out := bufio.NewWriter(c.Conn)
		// An error here shows on the reading side too, after a response if there is one.
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
			case <-time.After(releaseTime): // an early response: the request is not wanted
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
				response.Body = &chunkedBody{reader: c.reader} // nothing was read of it yet
			}
			return response, nil
		}
	}
}

// An http1Body remembers whether it was read to its end.
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

// Close does not call the body's own: that would read on, without a bound.
func (b *http1Body) Close() error {
	b.close(b.complete)
	return nil
}
