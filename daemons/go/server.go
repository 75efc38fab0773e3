package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"
)

// A server takes handoffs and runs an exchange for each, in a goroutine of its own.
type server struct {
	*config
	api    *api
	redact redactor
	slots  chan struct{}  // one in it for each exchange that is held
	held   sync.WaitGroup // peers and exchanges

	stopping context.Context // ends when no more handoffs are wanted
	ending   context.Context // ends when the exchanges must end too
	endAll   context.CancelFunc
}

// endingGrace is how long exchanges may take to end once they must: the last words
// and the hurried lingering of each run at the same time.
const endingGrace = lastWords + hurriedLinger + 300*time.Millisecond

// newServer returns a server that takes handoffs until the context ends.
func newServer(ctx context.Context, c *config, api *api) *server {
	s := &server{
		config:   c,
		api:      api,
		redact:   newRedactor(c.apiKey),
		slots:    make(chan struct{}, c.maxConnections),
		stopping: ctx,
	}
	s.ending, s.endAll = context.WithCancel(context.Background())
	return s
}

// serve runs until the exchanges have ended after the context has, or been ended.
func (s *server) serve(l *listener) error {
	defer s.endAll()
	if err := l.serve(s.stopping, s.start); err != nil {
		return err
	}
	slog.Info("stopping", "held", len(s.slots))
	idle := make(chan struct{})
	go func() {
		s.held.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-time.After(s.shutdownTimeout):
	}
	slog.Warn("ending what still runs", "held", len(s.slots))
	s.endAll()
	select {
	case <-idle:
	case <-time.After(endingGrace):
	}
	return nil
}

// start takes over a peer that has connected.
func (s *server) start(peer *os.File) {
	s.held.Add(1)
	go func() {
		defer s.held.Done()
		h, err := receive(s.stopping, peer, s.handoffTimeout)
		switch {
		case err == nil:
			s.answer(h)
		case !errors.Is(err, errNoHandoff):
			slog.Warn("a handoff was dropped", "error", err)
		}
	}()
}

// answer runs the exchange with a client, and holds its socket until it is over.
func (s *server) answer(h handoff) {
	ctx, end := context.WithCancelCause(context.Background())
	defer end(nil)
	x := &exchange{server: s, ctx: ctx, end: end, client: newClient(h.client, s.writeTimeout)}
	go x.client.watch(func() { x.cut(errClientLeft) })
	stop := context.AfterFunc(s.ending, func() { x.cut(errShutdown) })
	defer stop()

	job, headers, err := parseHandoff(h.data)
	x.headers = headers
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		err = errTooMany
	}
	switch {
	case err == errTooMany:
		slog.Warn("a handoff was refused", "reason", err, "max_connections", s.maxConnections)
		err = x.refuse(err)
	case h.truncated:
		err = x.refuse(errTooLarge)
	case err != nil:
		slog.Warn("a handoff was refused", "reason", err)
		err = x.refuse(&problem{status: http.StatusBadRequest, Message: err.Error(), Type: invalidRequest, Code: "invalid_handoff"})
	default:
		err = x.run(job)
	}
	if err != nil {
		slog.Info("a client was lost", "reason", err)
		x.client.abandon()
		return
	}
	x.client.linger(s.ending)
}

var (
	errTooMany  = &problem{status: http.StatusServiceUnavailable, Message: "too many streams are running", Type: overloaded, Code: "max_connections"}
	errTooLarge = &problem{status: http.StatusRequestEntityTooLarge, Message: "the handoff data is larger than 256 KiB", Type: invalidRequest, Code: "handoff_too_large"}
)

// cut ends the exchange on both sides, at once, for this reason.
func (x *exchange) cut(reason error) {
	x.end(reason)
	x.client.interrupt()
}
