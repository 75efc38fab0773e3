// Streaming-daemon is a relay between an OpenAI-compatible API and HTTP clients. A web
// server hands it a client's socket; the daemon calls the API and sends the tokens to
// the client as server-sent events.
//
// The path of a request through the files:
//
//   - listener.go accepts the web server.
//   - handoff.go receives the client's socket and the handoff data.
//   - payload.go builds the API's request.
//   - upstream.go sends it, over pool.go, dial.go and http1.go or http2.go.
//   - sse.go and chunk.go parse the API's stream, and exchange.go relays it.
//   - response.go renders the events, and client.go writes them.
//
// The README lists the daemon's duties.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	switch err := run(os.Args[1:]); {
	case err == nil, errors.Is(err, flag.ErrHelp):
	default:
		fmt.Fprintln(os.Stderr, "streaming-daemon:", err)
		os.Exit(1)
	}
}

// garbagePercent is how far the heap may grow between two collections, in percent.
// Nearly all memory belongs to waiting streams, which make little garbage. So half of
// Go's default of 100 costs little time and keeps the heap smaller.
const garbagePercent = 50

func run(args []string) error {
	c, err := parseConfig(args, os.Getenv)
	if err != nil {
		return err
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(newRedactor(c.apiKey).writer(os.Stderr), nil)))
	api, err := newAPI(c)
	if err != nil {
		return err
	}
	l, err := listen(c.socket, c.socketMode)
	if err != nil {
		return err
	}
	defer l.close()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	ctx, stop := untilSignal()
	defer stop()
	slog.Info("ready", "socket", c.socket, "api", c.apiBase.Redacted())
	return newServer(ctx, c, api).serve(l)
}

// untilSignal returns a context that ends with the first SIGTERM or SIGINT. The second
// signal ends the process at once. The function restores the default action before it
// ends the context. So a sender that sees the daemon stop can rely on the second signal.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		signal.Stop(signals)
		stop()
	}()
	return ctx, stop
}
