package main

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/net/http2"
)

// HTTP/2 to the API: many streams on one connection, by x/net's ClientConn. Its
// Transport is not used for sending, because it would retry up to six times, and a
// stream reset with PROTOCOL_ERROR too.

// streamWindow is how far the API may send ahead on one stream while its client
// stalls: 10,000 stalled clients cost 1.3 GB, and 128 KiB a round trip is more than
// any model writes. The connection's window is left at x/net's 1 GiB, beyond what
// the stalled streams of a connection can hold together, so they starve no other.
const streamWindow = 128 << 10

// Pings find out that a connection is dead though nobody closed it.
const (
	pingAfter   = 30 * time.Second
	pingTimeout = 10 * time.Second
)

// unusedHTTP2 is how long a connection without streams is kept.
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
		panic(err) // a fault of this function alone
	}
	return t
}()

type http2Conn struct {
	*meteredConn
	client *http2.ClientConn
	used   bool // guarded by the pool
}

// newHTTP2Conn returns when the API's SETTINGS are known: its limit on streams would
// otherwise be guessed, and streams above it be refused. They come before the
// answer to a ping.
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

// finished reports whether the connection takes no more streams and has none.
func (c *http2Conn) finished() bool {
	state := c.client.State()
	return state.Closed || state.Closing && state.StreamsActive+state.StreamsReserved == 0
}
