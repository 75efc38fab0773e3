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
// client's answer. One goroutine reads from the API and writes to the client in
// turn, so a client that stalls pauses the API by not being read from.
//
// The context is the exchange with the API. It ends, with the reason as its cause,
// when the client leaves, when a time bound passes, or when the daemon has to end.

var (
	errShutdown   = errors.New("the daemon is shutting down")
	errIncomplete = errors.New("the API's answer ended before it was finished")
)

// releaseTime is how long the API may take, after [DONE], to end the response and
// so leave us a connection to use again.
const releaseTime = 200 * time.Millisecond

// readSize is what is read from the API at once: some twenty events. Every stream
// holds it for as long as it waits, so it is most of what a stream costs.
const readSize = 4 << 10

// restSize is how much may follow [DONE] before the connection is not worth keeping.
const restSize = 16 << 10

type exchange struct {
	*server
	client  *client
	headers []header // response_headers
	ctx     context.Context
	end     context.CancelCauseFunc
}

// run answers the client, whatever happens.
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

// refuse answers in place of a stream that never began.
func (x *exchange) refuse(err error) error {
	if errors.Is(err, errClientLeft) {
		return err
	}
	return x.endWith(x.redact.problem(problemOf(err)).response(x.headers))
}

// breakOff ends a stream that failed with one error event.
func (x *exchange) breakOff(err error) error {
	if errors.Is(err, errClientLeft) || errors.Is(err, errClientStalled) {
		return err
	}
	x.end(err)
	slog.Warn("a stream failed", "error", err)
	return x.endWith(x.redact.problem(problemOf(err)).event())
}

func (x *exchange) endWith(data []byte) error {
	if err := x.client.end(data); err != nil {
		return err
	}
	x.client.finish()
	return nil
}

// relay passes the API's events on until the answer is whole. It returns nil when
// the API has finished, by [DONE] or by a clean end after every choice's finish.
func (x *exchange) relay(body io.Reader) error {
	var (
		parser eventParser
		choice = completion{}
		in     = make([]byte, readSize)
		out    []byte
		heard  = time.Now() // when the last event came
	)
	idle := time.AfterFunc(x.idleTimeout, func() { x.end(errIdleTimeout) })
	defer idle.Stop()
	for {
		// Heartbeats keep a stream alive, but not one that has nothing left to say.
		patience := x.idleTimeout
		if choice.finished() {
			patience -= time.Since(heard)
		}
		idle.Reset(patience)
		n, readErr := body.Read(in)
		idle.Stop()

		out = out[:0]
		var done bool
		var err error
		for e, parseErr := range parser.feed(in[:n]) {
			if err = parseErr; err == nil {
				out, done, err = x.take(e, choice, out)
			}
			if done || err != nil {
				break
			}
			if e.kind == "" {
				heard = time.Now()
			}
		}
		if readErr == io.EOF && !done && err == nil {
			if e, ok := parser.flush(); ok {
				out, done, err = x.take(e, choice, out)
			}
		}
		// What came before a failure is the client's all the same.
		if writeErr := x.client.write(out); writeErr != nil {
			return cmp.Or(context.Cause(x.ctx), writeErr)
		}
		switch {
		case done || err != nil:
			return err
		case readErr == io.EOF && choice.finished():
			return nil
		case readErr == io.EOF:
			return errIncomplete
		case readErr != nil:
			return cmp.Or(context.Cause(x.ctx), readErr)
		}
	}
}

// take appends what one event means for the client. It reports whether the API is done.
func (x *exchange) take(e event, choice completion, out []byte) ([]byte, bool, error) {
	data := bytes.TrimSpace(e.data)
	switch {
	case len(data) == 0:
		return out, false, nil
	case e.kind == "error":
		if p := describe(e.data); p != nil {
			return out, false, p
		}
		return out, false, &problem{Message: string(e.data), Type: upstreamError}
	case e.kind != "" && e.kind != "message":
		return out, false, nil // pings and the like are no part of an answer
	case string(data) == "[DONE]":
		return out, true, nil
	}
	c, err := parseChunk(e.data)
	if err != nil {
		return out, false, err
	}
	if p := c.failure(); p != nil {
		return out, false, p
	}
	choice.note(c)
	out, err = x.format.append(out, c)
	return out, false, err
}

// release lets the API end its response, so that the connection can be used again.
func (x *exchange) release(body io.Reader) {
	late := time.AfterFunc(releaseTime, func() { x.end(errIdleTimeout) })
	defer late.Stop()
	_, _ = io.Copy(io.Discard, io.LimitReader(body, restSize))
}

// problemOf puts an error into words for the client.
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
