// Streaming-daemon answers HTTP clients whose sockets a web server hands over: it
// calls an OpenAI-compatible API and relays the tokens as server-sent events.
//
// The way of a request through the files: listener.go accepts the web server,
// handoff.go takes the client's socket and the data, payload.go makes the API's
// request of it, upstream.go sends it (over pool.go, dial.go and http1.go or
// http2.go), sse.go and chunk.go read what comes back, exchange.go relays it,
// response.go renders it and client.go writes it. The README says what it is to do.
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

// garbagePercent: nearly all memory belongs to streams that wait, so a heap that is
// collected at one and a half of its size instead of two is cheap, and smaller.
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

// untilSignal returns a context that ends with the first SIGTERM or SIGINT; the second
// one ends the process at once. Who sees that the daemon is stopping can rely on that,
// so the signals are given back before the context ends.
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
