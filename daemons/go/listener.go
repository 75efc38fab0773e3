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

// The daemon's listener uses system calls directly. Three of its duties need more than
// package net offers. It must find out whether a live daemon owns the path. It must
// accept queued peers after the socket was shut. And it must distinguish an exhausted
// process from a broken socket.

// backlog is how many handoffs may wait in the kernel's queue. The kernel limits it to
// net.core.somaxconn. A web server that finds the queue full refuses its user.
const backlog = 4096

// exhaustedPause is the time between two accept calls when the process has no free
// descriptor. It is long enough to cost almost no CPU time, and much shorter than the
// 100 ms that the web server waits.
const exhaustedPause = 20 * time.Millisecond

// A listener is the Unix socket on which handoffs arrive.
type listener struct {
	path string
	file *os.File
	own  unix.Stat_t // the socket file that listen made
}

// listen binds the path. It replaces a socket file that a dead daemon left.
func listen(path string, mode os.FileMode) (*listener, error) {
	// Two daemons that start at once must not both find the same stale socket. The lock
	// on the folder makes the second one check and bind after the first one.
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
	// The socket refuses every peer until it listens, so no peer connects before chmod.
	err = errors.Join(os.Chmod(path, mode), unix.Lstat(path, &l.own), unix.Listen(fd, backlog))
	if err != nil {
		l.file.Close()
		os.Remove(path)
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	return l, nil
}

// removeStale removes the socket file of a dead daemon. It returns an error for a live
// daemon's socket and for a file of any other type.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s exists and is not a socket: remove it or choose another path", path)
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
		return fmt.Errorf("a running daemon serves %s: stop it or choose another path", path)
	default:
		return fmt.Errorf("connect to %s: %w", path, err)
	}
}

// serve accepts peers and passes each one to handle, which must not block. When the
// context ends, serve accepts the peers that are already queued, and returns.
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

// drain closes the listener without losing a queued peer. It removes the path first, so
// a successor can bind it. SHUT_RD then refuses new peers, and accept still returns the
// queued ones.
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

// unlink removes the socket file if listen made it. The kernel does not give the inode
// number to another file while the socket is open.
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
