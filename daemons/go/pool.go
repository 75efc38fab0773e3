package main

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// maxIdle and idleTime limit the idle HTTP/1.1 connections. After a burst, each
	// exchange leaves one connection.
	maxIdle  = 8
	idleTime = 30 * time.Second
)

// A pool holds the connections to the API: the idle HTTP/1.1 connections, and the
// HTTP/2 connections, which requests share. Requests that arrive while the pool dials
// an HTTP/2 connection wait for it and do not dial their own.
type pool struct {
	endpoint       *endpoint
	connectTimeout time.Duration

	mu      sync.Mutex
	shared  []*http2Conn
	idle    []*http1Conn // in the order of use, the latest last
	dialing *dialing     // the running attempt to make a shared connection, or nil
	single  bool         // the API does not speak HTTP/2
}

// A dialing is an attempt to connect that several requests wait for.
type dialing struct {
	done chan struct{}
	err  error // valid after done is closed
}

// acquire returns a connection. reused is true if it has carried a request before.
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

// takeLocked returns an existing connection that can send a request, or nil.
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

// dialShared makes a connection for all waiting requests. It does not use the first
// request's context, so it continues when that request's client leaves.
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

// put returns a connection to the pool. The connection can send another request.
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

// expire closes a connection that the pool has not used since put.
func (p *pool) expire(c *http1Conn, received int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.idle, c); i >= 0 && c.received() == received {
		p.idle = slices.Delete(p.idle, i, i+1)
		c.Close()
	}
}
