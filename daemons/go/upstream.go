package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The API: one request out, and either the body of an event stream back or a
// problem that says what to answer the client instead.

// Why an exchange with the API was ended from our side.
var (
	errConnectTimeout   = errors.New("the API could not be reached in time")
	errFirstByteTimeout = errors.New("the API did not begin to answer in time")
	errIdleTimeout      = errors.New("the API fell silent")
)

// How much of an error response is read to find its message, and for how long at most.
const (
	errorBodyBytes = 64 << 10
	errorBodyTime  = 2 * time.Second
)

const userAgent = "streaming-daemon-go/1.0"

// An api sends requests to {base}/chat/completions.
type api struct {
	url              string
	key              string
	pool             *pool
	firstByteTimeout time.Duration
	errorBodyTimeout time.Duration
}

func newAPI(c *config) (*api, error) {
	endpoint, err := newEndpoint(c)
	if err != nil {
		return nil, err
	}
	return &api{
		url:              completionsURL(c.apiBase),
		key:              c.apiKey,
		pool:             &pool{endpoint: endpoint, connectTimeout: c.connectTimeout},
		firstByteTimeout: c.firstByteTimeout,
		errorBodyTimeout: min(errorBodyTime, c.idleTimeout),
	}, nil
}

func completionsURL(base *url.URL) string {
	u := *base
	u.User = nil
	u.Fragment = ""
	return u.JoinPath("chat/completions").String()
}

// open sends the job and returns the API's event stream. The context is the
// exchange's, and end ends it. The error is a *problem, or the reason why the
// exchange was ended when that was not the API's fault.
func (a *api) open(ctx context.Context, end context.CancelCauseFunc, j job) (io.ReadCloser, error) {
	for attempt := 1; ; attempt++ {
		response, again, err := a.try(ctx, end, j)
		if err == nil {
			return a.stream(response, end)
		}
		if again && attempt == 1 && ctx.Err() == nil {
			slog.Info("a request is sent again", "reason", err)
			continue
		}
		return nil, unreachable(cmp.Or(context.Cause(ctx), err))
	}
}

// try sends the request once. The second result is whether it may be sent again.
func (a *api) try(ctx context.Context, end context.CancelCauseFunc, j job) (*http.Response, bool, error) {
	request, err := a.request(ctx, j)
	if err != nil {
		return nil, false, err
	}
	conn, reused, err := a.pool.acquire(ctx)
	if err != nil {
		return nil, false, err
	}
	late := time.AfterFunc(a.firstByteTimeout, func() { end(errFirstByteTimeout) })
	defer late.Stop()
	before := conn.received()
	response, err := conn.roundTrip(request)
	if err != nil {
		return nil, unprocessed(err, reused, conn.received() != before), err
	}
	return response, false, nil
}

func (a *api) request(ctx context.Context, j job) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(j.body))
	if err != nil {
		return nil, err
	}
	request.GetBody = nil // nobody but open sends it again
	h := request.Header
	h.Set("Content-Type", "application/json")
	h.Set("Accept", "text/event-stream")
	h.Set("Accept-Encoding", "identity")
	h.Set("User-Agent", userAgent)
	for name, value := range map[string]string{
		"Authorization":  bearer(a.key),
		"X-Test-Pattern": j.testPattern,
		"X-Request-Id":   j.requestID,
	} {
		if value != "" {
			h.Set(name, value)
		}
	}
	return request, nil
}

func bearer(key string) string {
	if key == "" {
		return ""
	}
	return "Bearer " + key
}

// stream returns the body of a response that is an event stream; any other is a problem.
func (a *api) stream(response *http.Response, end context.CancelCauseFunc) (io.ReadCloser, error) {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	encoding := response.Header.Get("Content-Encoding")
	status := response.StatusCode
	var p *problem
	switch {
	case status < 200 || status > 299:
		p = a.refusal(response, end)
	case kind != "text/event-stream":
		p = describe(a.readBody(response, end))
		if p == nil {
			p = &problem{Message: "the API did not answer with an event stream", Type: upstreamError}
		}
		if p.Code == nil {
			p.Code = "unexpected_content_type"
		}
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		p = &problem{Message: "the API's answer is encoded, unasked", Type: upstreamError, Code: "unexpected_encoding"}
	default:
		return response.Body, nil
	}
	response.Body.Close()
	if p.status == 0 {
		p.status = http.StatusBadGateway
	}
	slog.Warn("the API refused", "status", status, "content_type", kind)
	return nil, p
}

// refusal makes a problem of a status other than 2xx. A 4xx is the client's to know,
// but for what the API says of our key; its own failures are not.
func (a *api) refusal(response *http.Response, end context.CancelCauseFunc) *problem {
	status := response.StatusCode
	p := &problem{
		Message: fmt.Sprintf("the API answered with status %d", status),
		Type:    upstreamError,
		Code:    fmt.Sprintf("upstream_status_%d", status),
	}
	if status >= 400 && status <= 499 && status != http.StatusUnauthorized && status != http.StatusForbidden {
		if described := describe(a.readBody(response, end)); described != nil {
			p = described
		}
		p.status = status
	}
	p.retryAfter = retryAfter(response.Header.Get("Retry-After"))
	return p
}

// readBody reads an error's words, or what has come of them in time. The timer ends
// the exchange with the API, which is over anyway.
func (a *api) readBody(response *http.Response, end context.CancelCauseFunc) []byte {
	late := time.AfterFunc(a.errorBodyTimeout, func() { end(errIdleTimeout) })
	defer late.Stop()
	body, _ := io.ReadAll(io.LimitReader(response.Body, errorBodyBytes))
	return body
}

// retryAfter returns the value if it is one of the two that HTTP knows.
func retryAfter(value string) string {
	if _, err := strconv.ParseUint(value, 10, 32); err == nil {
		return value
	}
	if _, err := http.ParseTime(value); err == nil {
		return value
	}
	return ""
}

// unreachable makes a problem of an error in place of a response.
func unreachable(err error) error {
	if errors.Is(err, errClientLeft) || errors.Is(err, errShutdown) {
		return err
	}
	slog.Warn("the API failed before its answer", "error", err)
	var network net.Error
	switch {
	case errors.Is(err, errConnectTimeout), errors.Is(err, errFirstByteTimeout):
	case errors.As(err, &network) && network.Timeout(): // the kernel was the first to give up
		err = errConnectTimeout
	default:
		return &problem{
			status:  http.StatusBadGateway,
			Message: "the API could not be reached, or broke off before its answer",
			Type:    upstreamError,
			Code:    "upstream_unreachable",
		}
	}
	return &problem{status: http.StatusGatewayTimeout, Message: err.Error(), Type: timeoutError, Code: "upstream_timeout"}
}
