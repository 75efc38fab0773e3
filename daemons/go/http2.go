package main

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/net/http2"
)

// This is the HTTP/2 client for the API: many streams on one connection, with x/net's
// ClientConn. x/net's Transport does not send the requests, because it retries up to
// six times. It even retries a stream that the API reset with PROTOCOL_ERROR.

// streamWindow is how many bytes the API may send ahead on a stream whose client stalls.
// 10,000 stalled clients then hold 1.3 GB. No model writes 128 KiB in one round trip, so
// the window does not slow a stream. The connection's window stays at x/net's 1 GiB. The
// stalled streams of a connection cannot fill that, so they do not block the others.
const streamWindow = 128 << 10

// These pings detect a connection that is dead although neither side closed it.
const (
	pingAfter   = 30 * time.Second
	pingTimeout = 10 * time.Second
)

// unusedHTTP2 is how long the daemon keeps a connection without streams.
const unusedHTTP2 = 90 * time.Second

var http2Transport = func() *http2.Transport {
	t, err := http2.ConfigureTransports(&http.Transport{
		DisableCompression: true,
		IdleConnTimeout:    unusedHTTP2,
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream: streamWindow,
			SendPingTimeout:           pingAfter,
			PingTimeout:               pingTimeout,
		},
	})
	if err != nil {
		panic(err) // only a bug in this function can cause it
	}
	return t
}()

// An http2Conn is an HTTP/2 connection to the API.
type http2Conn struct {
	*meteredConn
	client *http2.ClientConn
	used   bool // guarded by the pool's lock
}

// newHTTP2Conn starts HTTP/2 on a connection. It waits for the answer to a ping, because
// the API's SETTINGS arrive before it. Without them the client would guess the limit on
// streams, and the API would refuse the streams above it.
func newHTTP2Conn(ctx context.Context, conn *meteredConn) (*http2Conn, error) {
	client, err := http2Transport.NewClientConn(conn)
	if err == nil {
		err = client.Ping(ctx)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &http2Conn{meteredConn: conn, client: client}, nil
}

func (c *http2Conn) roundTrip(request *http.Request) (*http.Response, error) {
	return c.client.RoundTrip(request)
}

// finished reports whether the connection has no streams and accepts no new ones.
func (c *http2Conn) finished() bool {
	state := c.client.State()
	return state.Closed || state.Closing && state.StreamsActive+state.StreamsReserved == 0
}
