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

// A server receives handoffs and runs one exchange for each, in its own goroutine.
type server struct {
	*config
	api    *api
	redact redactor
	slots  chan struct{}  // holds one element for each running exchange
	held   sync.WaitGroup // counts peers and exchanges

	stopping context.Context // ends when the server stops accepting handoffs
	ending   context.Context // ends when the running exchanges must end too
	endAll   context.CancelFunc
}

// endingGrace is how long the exchanges may take to end after endAll. They end at the
// same time: each writes its error event, then lingers for a short time.
const endingGrace = finalWriteTime + hurriedLinger + 300*time.Millisecond

// newServer returns a server that accepts handoffs until the context ends.
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

// serve accepts handoffs until the context ends. Then it waits for the running
// exchanges, and ends those that outlast the shutdown timeout.
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
	slog.Warn("ending the exchanges that outlast --shutdown-timeout", "held", len(s.slots))
	s.endAll()
	select {
	case <-idle:
	case <-time.After(endingGrace):
	}
	return nil
}

// start receives a connected peer's handoff and answers it, in a new goroutine.
func (s *server) start(peer *os.File) {
	s.held.Add(1)
	go func() {
		defer s.held.Done()
		h, err := receive(s.stopping, peer, s.handoffTimeout)
		switch {
		case err == nil:
			s.answer(h)
		case !errors.Is(err, errNoHandoff):
			slog.Warn("discarded a handoff", "error", err)
		}
	}()
}

// answer runs the exchange with a client. It holds the client's socket until the end.
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
		slog.Warn("refused a handoff", "reason", err, "max_connections", s.maxConnections)
		err = x.refuse(err)
	case h.truncated:
		err = x.refuse(errTooLarge)
	case err != nil:
		slog.Warn("refused a handoff", "reason", err)
		err = x.refuse(&problem{status: http.StatusBadRequest, Message: err.Error(), Type: invalidRequest, Code: "invalid_handoff"})
	default:
		err = x.run(job)
	}
	if err != nil {
		slog.Info("lost a client", "reason", err)
		x.client.abandon()
		return
	}
	x.client.linger(s.ending)
}

var (
	errTooMany  = &problem{status: http.StatusServiceUnavailable, Message: "the daemon already runs its maximum number of streams; try again later", Type: overloaded, Code: "max_connections"}
	errTooLarge = &problem{status: http.StatusRequestEntityTooLarge, Message: "expected handoff data of at most 256 KiB, found more", Type: invalidRequest, Code: "handoff_too_large"}
)

// cut ends the exchange on both sides at once. The reason becomes the context's cause.
func (x *exchange) cut(reason error) {
	x.end(reason)
	x.client.interrupt()
}
