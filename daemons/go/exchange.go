package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// An exchange is one client's conversation: a job, the API's stream, and the
// client's answer. One goroutine alternates between reading from the API and writing to
// the client. So a stalled client stops the reads, and TCP then stops the API.
//
// The context covers the exchange with the API. It ends when the client leaves, when a
// timeout passes, or when the daemon shuts down. The reason is the context's cause.

var (
	errShutdown   = errors.New("the daemon is shutting down")
	errIncomplete = errors.New("the API's answer ended before it was finished")
)

// releaseTime is how long the API may take after [DONE] to end the response. A response
// that ends in time leaves a connection for the next request.
const releaseTime = 200 * time.Millisecond

// readSize is the size of one read from the API: about twenty events. Each waiting
// stream holds a buffer of this size, which is most of the memory that a stream needs.
const readSize = 4 << 10

// restSize is how many bytes may follow [DONE]. Above that, a new connection is cheaper
// than reading the rest.
const restSize = 16 << 10

type exchange struct {
	*server
	client  *client
	headers []header // response_headers
	ctx     context.Context
	end     context.CancelCauseFunc
}

// run calls the API and answers the client, with the stream or with an error.
func (x *exchange) run(j job) error {
	body, err := x.api.open(x.ctx, x.end, j)
	if err != nil {
		return x.refuse(err)
	}
	defer body.Close()
	err = x.client.write(streamHead(x.headers))
	if err == nil {
		err = x.relay(body)
	}
	if err != nil {
		return x.breakOff(err)
	}
	if err := x.client.end(doneEvent); err != nil {
		return err
	}
	x.client.finish()
	x.release(body)
	return nil
}

// refuse sends an error response instead of a stream.
func (x *exchange) refuse(err error) error {
	if errors.Is(err, errClientLeft) {
		return err
	}
	return x.endWith(x.redact.problem(problemOf(err)).response(x.headers))
}

// breakOff ends a failed stream with one error event.
func (x *exchange) breakOff(err error) error {
	if errors.Is(err, errClientLeft) || errors.Is(err, errClientStalled) {
		return err
	}
	x.end(err)
	slog.Warn("the API's stream failed", "error", err)
	return x.endWith(x.redact.problem(problemOf(err)).event())
}

func (x *exchange) endWith(data []byte) error {
	if err := x.client.end(data); err != nil {
		return err
	}
	x.client.finish()
	return nil
}

// relay passes the API's events on until the answer is complete. It returns nil when
// the API has finished: by [DONE], or by a clean end after each choice's finish_reason.
func (x *exchange) relay(body io.Reader) error {
	var (
		parser  eventParser
		choices = completion{}
		in      = make([]byte, readSize)
		out     []byte
		latest  = time.Now() // when the latest chunk arrived
	)
	idle := time.AfterFunc(x.idleTimeout, func() { x.end(errIdleTimeout) })
	defer idle.Stop()
	for {
		// Heartbeats prolong a running answer. They do not prolong a finished one.
		remaining := x.idleTimeout
		if choices.finished() {
			remaining -= time.Since(latest)
		}
		idle.Reset(remaining)
		n, readErr := body.Read(in)
		idle.Stop()

		out = out[:0]
		var done bool
		var err error
		for e, parseErr := range parser.feed(in[:n]) {
			if err = parseErr; err == nil {
				out, done, err = x.take(e, choices, out)
			}
			if done || err != nil {
				break
			}
			if e.isMessage() {
				latest = time.Now()
			}
		}
		if readErr == io.EOF && !done && err == nil {
			if e, ok := parser.flush(); ok {
				out, done, err = x.take(e, choices, out)
			}
		}
		// Deliver the events that arrived before a failure.
		if writeErr := x.client.write(out); writeErr != nil {
			return cmp.Or(context.Cause(x.ctx), writeErr)
		}
		switch {
		case done || err != nil:
			return err
		case readErr == io.EOF && choices.finished():
			return nil
		case readErr == io.EOF:
			return errIncomplete
		case readErr != nil:
			return cmp.Or(context.Cause(x.ctx), readErr)
		}
	}
}

// take appends the client's events for one event of the API. The second result is true
// for [DONE]. An event that reports an error becomes that error.
func (x *exchange) take(e event, choices completion, out []byte) ([]byte, bool, error) {
	switch {
	case e.kind == errorEvent:
		return out, false, failureIn(e.data)
	case !e.isMessage():
		return out, false, nil // a heartbeat or a ping is not a part of the answer
	case string(bytes.TrimSpace(e.data)) == "[DONE]":
		return out, true, nil
	}
	c, err := parseChunk(e.data)
	if err != nil {
		return out, false, err
	}
	if p := c.failure(); p != nil {
		return out, false, p
	}
	choices.note(c)
	out, err = x.format.append(out, c)
	return out, false, err
}

// release waits for the end of the API's response, so that the pool can reuse the
// connection.
func (x *exchange) release(body io.Reader) {
	late := time.AfterFunc(releaseTime, func() { x.end(errIdleTimeout) })
	defer late.Stop()
	_, _ = io.Copy(io.Discard, io.LimitReader(body, restSize))
}

// problemOf converts an error to the problem that the client receives.
func problemOf(err error) *problem {
	var p *problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, errShutdown):
		return &problem{status: http.StatusServiceUnavailable, Message: errShutdown.Error(), Type: overloaded, Code: "shutting_down"}
	case errors.Is(err, errIdleTimeout), errors.Is(err, errFirstByteTimeout):
		return &problem{Message: err.Error(), Type: timeoutError, Code: "upstream_timeout"}
	case errors.Is(err, errIncomplete), errors.Is(err, errNoChunk), errors.Is(err, errOddDelta), errors.Is(err, errEventTooLarge):
		return &problem{Message: err.Error(), Type: upstreamError, Code: "upstream_broken"}
	default:
		return &problem{Message: "the API's answer broke off", Type: upstreamError, Code: "upstream_broken"}
	}
}
