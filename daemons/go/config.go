package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// A config holds the options and the environment. The contract lists them for every
// daemon.
type config struct {
	socket         string
	socketMode     fs.FileMode
	maxConnections int
	format         format

	handoffTimeout   time.Duration
	connectTimeout   time.Duration
	firstByteTimeout time.Duration
	idleTimeout      time.Duration
	writeTimeout     time.Duration
	shutdownTimeout  time.Duration

	apiBase     *url.URL
	apiKey      string
	apiSocket   string
	http2       bool
	caFile      string
	insecureTLS bool
}

// parseConfig parses the options and the environment. The flag package reports its own
// errors to stderr before parseConfig returns them.
func parseConfig(args []string, getenv func(string) string) (*config, error) {
	c := &config{socketMode: 0o660, format: simple}
	flags := flag.NewFlagSet("streaming-daemon", flag.ContinueOnError)
	flags.StringVar(&c.socket, "socket", "", "listen for handoffs on this `path`")
	flags.Func("socket-mode", "permissions of the socket, in `octal` (default 0660)", func(text string) error {
		mode, err := strconv.ParseUint(text, 8, 9)
		c.socketMode = fs.FileMode(mode)
		return err
	})
	flags.IntVar(&c.maxConnections, "max-connections", 10_000, "hold at most this many clients")
	flags.Func("format", "`simple` sends the text alone, openai the API's chunks (default simple)", func(text string) error {
		c.format = format(text)
		if c.format != simple && c.format != openai {
			return errors.New("expected simple or openai")
		}
		return nil
	})
	for _, bound := range []struct {
		value    *time.Duration
		name     string
		fallback float64
		usage    string
	}{
		{&c.handoffTimeout, "handoff-timeout", 5, "until a connected peer must have sent its handoff"},
		{&c.connectTimeout, "connect-timeout", 10, "until a connection to the API must be ready"},
		{&c.firstByteTimeout, "first-byte-timeout", 60, "until the API must begin its answer"},
		{&c.idleTimeout, "idle-timeout", 60, "that the API may be silent within its answer"},
		{&c.writeTimeout, "write-timeout", 60, "that a client may read nothing"},
		{&c.shutdownTimeout, "shutdown-timeout", 30, "that running streams may take after SIGTERM"},
	} {
		*bound.value = seconds(bound.fallback)
		usage := fmt.Sprintf("`seconds` %s (default %g)", bound.usage, bound.fallback)
		flags.Func(bound.name, usage, func(text string) error {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil || value < 0 || value > 1e9 {
				return errors.New("expected seconds, such as 2 or 0.5")
			}
			*bound.value = seconds(value)
			return nil
		})
	}
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q: all options begin with --", flags.Arg(0))
	case c.socket == "":
		return nil, errors.New("--socket is missing: give the path to listen on")
	case c.maxConnections < 1:
		return nil, fmt.Errorf("--max-connections is %d: give at least 1", c.maxConnections)
	}
	return c, c.readEnvironment(getenv)
}

func seconds(value float64) time.Duration { return time.Duration(value * float64(time.Second)) }

func (c *config) readEnvironment(getenv func(string) string) error {
	base := getenv("OPENAI_API_BASE")
	if base == "" {
		base = "https://api.openai.com/v1"
	}
	var err error
	c.apiBase, err = url.Parse(base)
	if err != nil || c.apiBase.Host == "" || c.apiBase.Scheme != "http" && c.apiBase.Scheme != "https" {
		return errors.New("OPENAI_API_BASE: expected a URL like https://api.openai.com/v1")
	}
	c.apiKey = strings.TrimSpace(getenv("OPENAI_API_KEY"))
	if !httpguts.ValidHeaderFieldValue(c.apiKey) {
		return errors.New("OPENAI_API_KEY: expected characters that are valid in a header, found others; check the key")
	}
	c.apiSocket = getenv("OPENAI_API_SOCKET")
	c.caFile = getenv("OPENAI_CA_FILE")
	if c.http2, err = boolean(getenv, "OPENAI_HTTP2_ENABLED", true); err != nil {
		return err
	}
	c.insecureTLS, err = boolean(getenv, "OPENAI_INSECURE_SSL", false)
	return err
}

func boolean(getenv func(string) string, name string, fallback bool) (bool, error) {
	text := getenv(name)
	if text == "" {
		return fallback, nil
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("%s is %q: expected true or false", name, text)
	}
	return value, nil
}
