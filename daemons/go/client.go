package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The client's side of an exchange has a goroutine of its own. It reads and discards what
// the client sends, until the socket is closed. So the daemon notices that the client
// left while the API is silent. And no unread byte can turn the daemon's close into a
// reset, which would destroy the end of the answer.
//
// A client that shuts down its sending side looks like one that has left. Only a write
// could distinguish the two. The daemon treats both as gone.

const (
	// The contract (R8) sets these limits for lingering.
	lingerTime  = time.Second
	lingerBytes = 1 << 20

	// hurriedLinger replaces lingerTime after the shutdown timeout.
	hurriedLinger = 100 * time.Millisecond

	// finalWriteTime is how long writing the end of an interrupted answer may take.
	finalWriteTime = 100 * time.Millisecond
)

var (
	errClientLeft    = errors.New("the client closed the connection")
	errClientStalled = errors.New("the client read nothing for --write-timeout")
)

// past is a deadline that has passed.
var past = time.Unix(1, 0)

// A client is the socket of one client, with the write state of its answer.
type client struct {
	conn         streamConn
	writeTimeout time.Duration
	unsent       []byte // the rest of an interrupted write

	mu          sync.Mutex
	interrupted bool // write returns without writing; guarded by mu
	ending      bool // end has been called; guarded by mu

	gone chan struct{} // closed when watch has returned
}

func newClient(conn streamConn, writeTimeout time.Duration) *client {
	return &client{conn: conn, writeTimeout: writeTimeout, gone: make(chan struct{})}
}

// watch reads and discards the client's bytes. It returns when the client leaves, or
// after lingerBytes that follow the answer's end. It calls left if the client leaves
// before the answer's end.
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

// write sends a part of the answer. It blocks while the client does not read.
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
			// The timeout starts again whenever the client reads a byte. Count both a
			// write that moved bytes and a kernel buffer that became shorter: the kernel
			// accepts a write only after the client has read a large part of the buffer.
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

// setDeadline sets the deadline of the next write. It returns false after interrupt.
func (c *client) setDeadline(deadline time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.interrupted {
		return false
	}
	c.conn.SetWriteDeadline(deadline)
	return true
}

// interrupt makes the running write and all later ones return at once. After end has
// been called it does nothing.
func (c *client) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ending {
		c.interrupted = true
		c.conn.SetWriteDeadline(past)
	}
}

// queued returns how many bytes wait in the kernel's send buffer.
func (c *client) queued() int {
	n := 0
	if raw, err := c.conn.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	}
	return n
}

// end writes the last part of the answer. After an interrupt it first writes the rest
// of the interrupted write, so that data begins on an event boundary. It then has only
// finalWriteTime for both.
func (c *client) end(data []byte) error {
	c.mu.Lock()
	interrupted := c.interrupted
	c.ending = true
	c.interrupted = false
	c.mu.Unlock()
	if !interrupted {
		return c.write(data)
	}
	c.conn.SetWriteDeadline(time.Now().Add(finalWriteTime))
	_, err := c.conn.Write(append(c.unsent, data...))
	return err
}

// finish shuts down the sending side. So the client sees the end of the answer even
// while the web server still holds its copy of the descriptor.
func (c *client) finish() {
	c.conn.SetReadDeadline(time.Now().Add(lingerTime))
	c.conn.CloseWrite()
}

// linger waits for the client to close the connection, and then closes it. Call finish
// first.
func (c *client) linger(hurry context.Context) {
	stop := context.AfterFunc(hurry, func() { c.conn.SetReadDeadline(time.Now().Add(hurriedLinger)) })
	defer stop()
	<-c.gone
	c.conn.Close()
}

// abandon resets the connection of a client that stalled or left. The reset discards
// the kernel's send buffer, so that half an answer does not look like a complete one.
func (c *client) abandon() {
	if tcp, ok := c.conn.(interface{ SetLinger(int) error }); ok {
		tcp.SetLinger(0)
	}
	c.conn.CloseWrite()
	c.conn.Close()
	<-c.gone
}
