package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The daemon's socket, by system calls. Package net could listen on it too, but
// three duties need more than it offers: to find out whether the path belongs to
// a daemon that lives, to accept what is queued after the socket was shut, and to
// tell an exhausted process from a broken socket.

// backlog is how many handoffs may wait; the kernel cuts it to net.core.somaxconn.
// A web server that finds it full turns its user away.
const backlog = 4096

// exhaustedPause is how long accept rests when the process is out of descriptors:
// long enough to cost nothing, short against the web server's bounds of 100 ms.
const exhaustedPause = 20 * time.Millisecond

// A listener is the socket on which handoffs arrive.
type listener struct {
	path string
	file *os.File
	own  unix.Stat_t // the socket file as we made it
}

// listen binds the path, replacing a socket that nobody listens on any more.
func listen(path string, mode os.FileMode) (*listener, error) {
	// Two daemons that start at once must not both find the same stale socket; the
	// lock on the folder lets one of them look and bind after the other.
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX); err != nil {
		return nil, fmt.Errorf("lock %s: %w", folder.Name(), err)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	l := &listener{path: path, file: os.NewFile(uintptr(fd), path)}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		l.file.Close()
		return nil, fmt.Errorf("bind %s: %w", path, err)
	}
	// Until it listens the socket refuses everybody, so nobody slips in before the mode is set.
	err = errors.Join(os.Chmod(path, mode), unix.Lstat(path, &l.own), unix.Listen(fd, backlog))
	if err != nil {
		l.file.Close()
		os.Remove(path)
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	return l, nil
}

// removeStale clears the path of a dead daemon's socket, and of nothing else.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s exists and is no socket: remove it or choose another path", path)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	switch err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err {
	case unix.ECONNREFUSED:
		return os.Remove(path)
	case nil, unix.EAGAIN, unix.EPROTOTYPE:
		return fmt.Errorf("%s is served by a running daemon: stop it or choose another path", path)
	default:
		return fmt.Errorf("connect to %s: %w", path, err)
	}
}

// serve gives every peer that connects to handle, which must not block, until the
// context ends; then those that were queued by that time.
func (l *listener) serve(ctx context.Context, handle func(peer *os.File)) error {
	stop := context.AfterFunc(ctx, func() { l.file.SetReadDeadline(time.Now()) })
	defer stop()
	exhausted := false
	for {
		peer, err := l.accept()
		switch {
		case err == nil:
			exhausted = false
			handle(peer)
		case ctx.Err() != nil:
			return l.drain(handle)
		case err == unix.ECONNABORTED:
		case err == unix.EMFILE || err == unix.ENFILE || err == unix.ENOBUFS || err == unix.ENOMEM:
			if !exhausted {
				slog.Warn("cannot accept for now", "error", err)
			}
			exhausted = true
			time.Sleep(exhaustedPause)
		default:
			return fmt.Errorf("accept on %s: %w", l.path, err)
		}
	}
}

// accept waits for the next peer.
func (l *listener) accept() (peer *os.File, err error) {
	raw, err := l.file.SyscallConn()
	if err != nil {
		return nil, err
	}
	waitErr := raw.Read(func(fd uintptr) bool {
		peer, err = acceptNow(fd)
		return err != unix.EAGAIN
	})
	if waitErr != nil {
		return nil, waitErr
	}
	return peer, err
}

func acceptNow(fd uintptr) (*os.File, error) {
	for {
		peer, _, err := unix.Accept4(int(fd), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		return os.NewFile(uintptr(peer), "handoff"), nil
	}
}

// drain ends the socket without losing anybody: the path goes first, so that a
// successor can have it; SHUT_RD then refuses newcomers, while those in the queue
// can still be accepted.
func (l *listener) drain(handle func(peer *os.File)) error {
	l.unlink()
	raw, err := l.file.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) {
		unix.Shutdown(int(fd), unix.SHUT_RD)
		for {
			peer, err := acceptNow(fd)
			if err != nil {
				return
			}
			handle(peer)
		}
	})
}

// unlink removes the socket file if it is still the one that listen made. While the
// socket is open its inode number can be no other file's.
func (l *listener) unlink() {
	var now unix.Stat_t
	if unix.Lstat(l.path, &now) == nil && now.Dev == l.own.Dev && now.Ino == l.own.Ino {
		os.Remove(l.path)
	}
}

func (l *listener) close() {
	l.unlink()
	l.file.Close()
}

// A streamConn is a connected stream socket: *net.TCPConn or *net.UnixConn.
type streamConn interface {
	net.Conn
	syscall.Conn
	CloseWrite() error
}
