package main

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// The connections to the API that wait for a request, or with HTTP/2 take one more.
// Requests that come while the first HTTP/2 connection is being made wait for it
// instead of making one each.

const (
	// maxIdle and idleTime bound what is kept between requests over HTTP/1.1, where
	// every running exchange has a connection to leave behind.
	maxIdle  = 8
	idleTime = 30 * time.Second
)

type pool struct {
	endpoint       *endpoint
	connectTimeout time.Duration

	mu      sync.Mutex
	shared  []*http2Conn
	idle    []*http1Conn // the one used last is last
	dialing *dialing     // of a connection to share, if one is being made
	single  bool         // the API does not speak HTTP/2
}

// A dialing is an attempt that several requests wait for.
type dialing struct {
	done chan struct{}
	err  error // once done is closed
}

// acquire returns a connection and whether it has carried a request before.
func (p *pool) acquire(ctx context.Context) (conn apiConn, reused bool, err error) {
	for {
		p.mu.Lock()
		if conn, reused := p.takeLocked(); conn != nil {
			p.mu.Unlock()
			return conn, reused, nil
		}
		if !p.endpoint.http2 || p.single {
			p.mu.Unlock()
			ctx, cancel := context.WithTimeoutCause(ctx, p.connectTimeout, errConnectTimeout)
			defer cancel()
			conn, _, err := p.endpoint.dial(ctx)
			if err != nil {
				return nil, false, cmp.Or(context.Cause(ctx), err)
			}
			return newHTTP1Conn(conn, p.put), false, nil
		}
		attempt := p.dialing
		if attempt == nil {
			attempt = &dialing{done: make(chan struct{})}
			p.dialing = attempt
			go p.dialShared(attempt)
		}
		p.mu.Unlock()
		select {
		case <-attempt.done:
			if attempt.err != nil {
				return nil, false, attempt.err
			}
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
	}
}

// takeLocked takes a connection that is there; nil when there is none.
func (p *pool) takeLocked() (conn apiConn, reused bool) {
	p.shared = slices.DeleteFunc(p.shared, func(c *http2Conn) bool {
		if c.finished() {
			c.client.Close()
			return true
		}
		return false
	})
	for _, c := range p.shared {
		if c.client.ReserveNewRequest() {
			reused, c.used = c.used, true
			return c, reused
		}
	}
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if c.quiet() {
			return c, true
		}
		c.Close()
	}
	return nil, false
}

// dialShared makes a connection for everybody who waits. It belongs to none of
// them, so it goes on when the one that asked first leaves.
func (p *pool) dialShared(attempt *dialing) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), p.connectTimeout, errConnectTimeout)
	defer cancel()
	conn, isHTTP2, err := p.endpoint.dial(ctx)
	var shared *http2Conn
	if err == nil && isHTTP2 {
		shared, err = newHTTP2Conn(ctx, conn)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing = nil
	switch {
	case err != nil:
		attempt.err = cmp.Or(context.Cause(ctx), err)
	case isHTTP2:
		p.shared = append(p.shared, shared)
	default:
		p.single = true
		p.putLocked(newHTTP1Conn(conn, p.put))
	}
	close(attempt.done)
}

// put takes back a connection on which the next request can be sent.
func (p *pool) put(c *http1Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.putLocked(c)
}

func (p *pool) putLocked(c *http1Conn) {
	p.idle = append(p.idle, c)
	if len(p.idle) > maxIdle {
		p.idle[0].Close()
		p.idle = p.idle[1:]
	}
	time.AfterFunc(idleTime, func() { p.expire(c, c.received()) })
}

// expire closes a connection that has been idle all the time since it was put back.
func (p *pool) expire(c *http1Conn, received int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.idle, c); i >= 0 && c.received() == received {
		p.idle = slices.Delete(p.idle, i, i+1)
		c.Close()
	}
}
