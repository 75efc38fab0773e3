package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The client's side of an exchange. One goroutine reads from the client for as
// long as the socket is held, whatever it sends: that is how its leaving is noticed
// while the API is silent, and how unread bytes are kept from turning our closing
// into a reset that would destroy the tail of the answer.
//
// A client that shuts down its sending side looks just like one that has left, and
// is treated as such: there is no way to tell them apart without writing.

const (
	// The bounds on lingering are the contract's (R8).
	lingerTime  = time.Second
	lingerBytes = 1 << 20

	// hurriedLinger replaces lingerTime once the daemon has to end.
	hurriedLinger = 100 * time.Millisecond

	// lastWords is how long the end of an interrupted answer may take to write.
	lastWords = 100 * time.Millisecond
)

var (
	errClientLeft    = errors.New("the client left")
	errClientStalled = errors.New("the client read nothing for too long")
)

// past is a deadline that has passed.
var past = time.Unix(1, 0)

// A client is the socket of one client, and the answer on its way to it.
type client struct {
	conn         streamConn
	writeTimeout time.Duration
	unsent       []byte // what an interrupted write has left over

	mu          sync.Mutex
	interrupted bool // writes are to stop; guarded by mu
	ending      bool // the last of the answer is being written, or is; guarded by mu

	gone chan struct{} // closed when the reading side has ended
}

func newClient(conn streamConn, writeTimeout time.Duration) *client {
	return &client{conn: conn, writeTimeout: writeTimeout, gone: make(chan struct{})}
}

// watch discards what the client sends until it leaves, or has sent too much after
// the answer's end. It calls left when that was before the end.
func (c *client) watch(left func()) {
	defer close(c.gone)
	var discarded [1024]byte
	for budget := lingerBytes; budget > 0; {
		n, err := c.conn.Read(discarded[:])
		ending := c.isEnding()
		if err != nil {
			if !ending {
				left()
			}
			return
		}
		if ending {
			budget -= n
		}
	}
}

func (c *client) isEnding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending
}

// write sends a part of the answer, at the client's pace.
func (c *client) write(data []byte) error {
	for len(data) > 0 {
		queued := c.queued()
		if !c.setDeadline(time.Now().Add(c.writeTimeout)) {
			c.unsent = data
			return errClientLeft
		}
		n, err := c.conn.Write(data)
		data = data[n:]
		if errors.Is(err, os.ErrDeadlineExceeded) {
			// Time counts from the last byte that the client took: from us, or from the
			// kernel's buffer, which has room again only after a good part was read.
			if n > 0 || c.queued() < queued {
				continue
			}
			err = errClientStalled
		} else if err != nil {
			err = errClientLeft
		}
		if err != nil {
			c.unsent = data
			return err
		}
	}
	return nil
}

// setDeadline bounds the next write; false when writes are to stop.
func (c *client) setDeadline(deadline time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.interrupted {
		return false
	}
	c.conn.SetWriteDeadline(deadline)
	return true
}

// interrupt makes the write that runs, and those to come, return at once.
func (c *client) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ending {
		c.interrupted = true
		c.conn.SetWriteDeadline(past)
	}
}

// queued is how many bytes the kernel still holds for the client.
func (c *client) queued() int {
	n := 0
	if raw, err := c.conn.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	}
	return n
}

// end writes the last of the answer. What an interrupted write has left over comes
// first, so that it stands on an event boundary; then little time is left.
func (c *client) end(data []byte) error {
	c.mu.Lock()
	interrupted := c.interrupted
	c.ending = true
	c.interrupted = false
	c.mu.Unlock()
	if !interrupted {
		return c.write(data)
	}
	c.conn.SetWriteDeadline(time.Now().Add(lastWords))
	_, err := c.conn.Write(append(c.unsent, data...))
	return err
}

// finish shuts down the sending side, which the client sees as the end even while
// somebody else still holds the socket.
func (c *client) finish() {
	c.conn.SetReadDeadline(time.Now().Add(lingerTime))
	c.conn.CloseWrite()
}

// linger waits, after finish, for the client to close, and closes.
func (c *client) linger(hurry context.Context) {
	stop := context.AfterFunc(hurry, func() { c.conn.SetReadDeadline(time.Now().Add(hurriedLinger)) })
	defer stop()
	<-c.gone
	c.conn.Close()
}

// abandon drops a client that no longer reads or is no longer there. What waits in
// the kernel's buffer is dropped with it: half an answer must not look like a whole one.
func (c *client) abandon() {
	if tcp, ok := c.conn.(interface{ SetLinger(int) error }); ok {
		tcp.SetLinger(0)
	}
	c.conn.CloseWrite()
	c.conn.Close()
	<-c.gone
}
