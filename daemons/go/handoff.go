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

// A handoff is one message on a SEQPACKET socket: the handoff data, and the descriptor
// of the client's socket. The daemon owns every received descriptor from the moment
// recvmsg returns. So each code path except success closes all of them.

// maxPayload is the largest handoff data, in bytes. The kernel's default send buffer
// passes 212,960. A sender can raise that buffer; a larger message gets a 413.
const maxPayload = 256 << 10

// maxDescriptors is the kernel's limit for one message (SCM_MAX_FD).
const maxDescriptors = 253

// drainGrace is how long a stopping daemon waits for a peer that has connected and not
// yet sent. The web server sends right after it has connected.
const drainGrace = 250 * time.Millisecond

var (
	errNoHandoff    = errors.New("the peer closed without a handoff") // not a failure
	errSilentPeer   = errors.New("the peer connected and sent nothing before --handoff-timeout")
	errNoDescriptor = errors.New("expected a descriptor in the message, found none")
	errCutOff       = errors.New("the kernel dropped descriptors of the message (MSG_CTRUNC)")
	errNoClient     = errors.New("expected a connected stream socket as descriptor, found something else")
)

// A handoff is a received handoff message whose descriptor is a usable client socket.
type handoff struct {
	client    streamConn
	data      []byte
	truncated bool // the message was larger than maxPayload
}

// A message is the result of one recvmsg call.
type message struct {
	data        []byte
	descriptors []int
	flags       int
}

var buffers = sync.Pool{New: func() any { return new([maxPayload]byte) }}

// receive reads the one message that a peer sends, and closes the peer. It waits until
// the timeout, or for drainGrace after the context has ended.
func receive(ctx context.Context, peer *os.File, timeout time.Duration) (handoff, error) {
	peer.SetReadDeadline(time.Now().Add(timeout))
	stop := context.AfterFunc(ctx, func() { peer.SetReadDeadline(time.Now().Add(min(drainGrace, timeout))) })
	defer stop()
	m, err := readMessage(peer)
	peer.Close() // frees a descriptor before adopt needs one
	if err != nil {
		return handoff{}, err
	}
	// Only the first descriptor counts; close the others unchecked.
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
		// Read does not try once the deadline has passed. Try once more, to serve a
		// message that has already arrived.
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
			// Other control messages (credentials) may come first.
			if fds, err := unix.ParseUnixRights(&headers[i]); err == nil {
				m.descriptors = append(m.descriptors, fds...)
			}
		}
		return m, nil
	}
}

// adopt turns a descriptor into a connection, and takes ownership of it. It closes a
// descriptor that is not a connected stream socket, and writes nothing to it.
func adopt(fd int) (streamConn, error) {
	file := os.NewFile(uintptr(fd), "client")
	defer file.Close() // net.FileConn duplicates the descriptor
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_STREAM {
		return nil, errNoClient
	}
	if _, err := unix.Getpeername(fd); err != nil {
		return nil, errNoClient
	}
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("adopt the client's socket: %w", err)
	}
	client, ok := conn.(streamConn)
	if !ok {
		return nil, errors.Join(errNoClient, conn.Close())
	}
	return client, nil
}
