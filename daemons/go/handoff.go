package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A handoff is one message on a SEQPACKET socket: the data, and with it the
// descriptor of the client's socket. Whatever descriptors arrive are ours from the
// moment recvmsg returns, so each of them is closed on every path but one.

// maxPayload is more than the 212,960 bytes that the kernel's default send buffer
// lets through. A sender with a larger one is told so (413).
const maxPayload = 256 << 10

// maxDescriptors is what the kernel lets one message carry (SCM_MAX_FD).
const maxDescriptors = 253

// drainGrace is for peers that have connected but not yet sent when the daemon is
// told to stop. The web server sends right after it has connected.
const drainGrace = 250 * time.Millisecond

var (
	errNoHandoff    = errors.New("the peer left without a handoff") // and without a fault
	errSilentPeer   = errors.New("the peer connected and sent nothing")
	errNoDescriptor = errors.New("the message carries no descriptor")
	errCutOff       = errors.New("descriptors were lost on the way (MSG_CTRUNC)")
	errNoClient     = errors.New("the descriptor is no connected stream socket")
)

// A handoff is what a web server has sent, taken over.
type handoff struct {
	client    streamConn
	data      []byte
	truncated bool // the message was larger than maxPayload
}

// A message is what one recvmsg returned.
type message struct {
	data        []byte
	descriptors []int
	flags       int
}

var buffers = sync.Pool{New: func() any { return new([maxPayload]byte) }}

// receive takes the one message a peer sends, and closes the peer. It waits for it
// until the timeout, or for drainGrace once the context has ended.
func receive(ctx context.Context, peer *os.File, timeout time.Duration) (handoff, error) {
	peer.SetReadDeadline(time.Now().Add(timeout))
	stop := context.AfterFunc(ctx, func() { peer.SetReadDeadline(time.Now().Add(min(drainGrace, timeout))) })
	defer stop()
	m, err := readMessage(peer)
	peer.Close() // before a descriptor is needed for the client
	if err != nil {
		return handoff{}, err
	}
	// The first descriptor decides; any other is closed unseen.
	for i, fd := range m.descriptors {
		if i > 0 || m.flags&unix.MSG_CTRUNC != 0 {
			unix.Close(fd)
		}
	}
	switch {
	case m.flags&unix.MSG_CTRUNC != 0:
		return handoff{}, errCutOff
	case len(m.descriptors) == 0 && len(m.data) == 0:
		return handoff{}, errNoHandoff
	case len(m.descriptors) == 0:
		return handoff{}, errNoDescriptor
	}
	client, err := adopt(m.descriptors[0])
	if err != nil {
		return handoff{}, err
	}
	return handoff{client: client, data: m.data, truncated: m.flags&unix.MSG_TRUNC != 0}, nil
}

func readMessage(peer *os.File) (message, error) {
	raw, err := peer.SyscallConn()
	if err != nil {
		return message{}, err
	}
	var m message
	var recvErr error
	try := func(fd uintptr) bool {
		m, recvErr = recvmsg(int(fd))
		return recvErr != unix.EAGAIN
	}
	err = raw.Read(try)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// A deadline that has passed keeps Read from looking at all; a message that
		// is there is served all the same.
		if err = raw.Control(func(fd uintptr) { try(fd) }); err == nil && recvErr == unix.EAGAIN {
			return message{}, errSilentPeer
		}
	}
	if err != nil {
		return message{}, err
	}
	if recvErr == unix.ECONNRESET {
		return message{}, errNoHandoff
	}
	return m, recvErr
}

func recvmsg(fd int) (message, error) {
	buffer := buffers.Get().(*[maxPayload]byte)
	defer buffers.Put(buffer)
	control := make([]byte, unix.CmsgSpace(4*maxDescriptors))
	for {
		n, controlLen, flags, _, err := unix.Recvmsg(fd, buffer[:], control, unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return message{}, err
		}
		m := message{data: bytes.Clone(buffer[:n]), flags: flags}
		headers, err := unix.ParseSocketControlMessage(control[:controlLen])
		if err != nil {
			return m, err
		}
		for i := range headers {
			// Other control messages (credentials) may stand in front.
			if fds, err := unix.ParseUnixRights(&headers[i]); err == nil {
				m.descriptors = append(m.descriptors, fds...)
			}
		}
		return m, nil
	}
}

// adopt makes a connection of a descriptor, which it owns from here on. One that is
// no connected stream socket is closed, and nothing is written to it.
func adopt(fd int) (streamConn, error) {
	file := os.NewFile(uintptr(fd), "client")
	defer file.Close() // net.FileConn makes a descriptor of its own
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_STREAM {
		return nil, errNoClient
	}
	if _, err := unix.Getpeername(fd); err != nil {
		return nil, errNoClient
	}
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("take over the client's socket: %w", err)
	}
	client, ok := conn.(streamConn)
	if !ok {
		return nil, errors.Join(errNoClient, conn.Close())
	}
	return client, nil
}
