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

// This is the client for the API. It sends one request, and returns the body of the
// event stream, or the problem to send to the daemon's own client.

// These are the timeouts that end an exchange with the API.
var (
	errConnectTimeout   = errors.New("the daemon could not connect to the API before the connect timeout")
	errFirstByteTimeout = errors.New("the API did not begin its answer before the first-byte timeout")
	errIdleTimeout      = errors.New("the API sent nothing before the idle timeout")
)

// These limit how much of an error response the daemon reads to find its message.
const (
	errorBodyBytes = 64 << 10
	errorBodyTime  = 2 * time.Second
)

const userAgent = "streaming-daemon-go/1.0"

// An api is a client for {base}/chat/completions.
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

// open sends the job and returns the API's event stream. It retries once a request that
// the API certainly did not process. The context is the exchange's; end cancels it. The
// error is a *problem, or the cancel reason when the client left or the daemon stops.
func (a *api) open(ctx context.Context, end context.CancelCauseFunc, j job) (io.ReadCloser, error) {
	for attempt := 1; ; attempt++ {
		response, retry, err := a.try(ctx, end, j)
		if err == nil {
			return a.stream(response, end)
		}
		if retry && attempt == 1 && ctx.Err() == nil {
			slog.Info("retrying a request that the API did not process", "reason", err)
			continue
		}
		return nil, unreachable(cmp.Or(context.Cause(ctx), err))
	}
}

// try sends the request once. The second result is true if a retry is safe.
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
	request.GetBody = nil // only open may retry
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

// stream returns the body of a response that is an event stream. Any other response is
// a problem.
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
			p = &problem{Message: "expected an event stream from the API, found another content type", Type: upstreamError}
		}
		if p.Code == nil {
			p.Code = "unexpected_content_type"
		}
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		p = &problem{Message: "expected no content encoding from the API, found one", Type: upstreamError, Code: "unexpected_encoding"}
	default:
		return response.Body, nil
	}
	response.Body.Close()
	if p.status == 0 {
		p.status = http.StatusBadGateway
	}
	slog.Warn("the API refused a request", "status", status, "content_type", kind)
	return nil, p
}

// refusal converts a response with a status other than 2xx to a problem. The client
// gets the API's own 4xx and its message, except 401 and 403, which are about the
// daemon's key. All other statuses become a 502.
func (a *api) refusal(response *http.Response, end context.CancelCauseFunc) *problem {
	status := response.StatusCode
	p := &problem{
		Message: fmt.Sprintf("expected status 200 from the API, found %d", status),
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

// readBody reads the body of an error response. After the timeout it returns the part
// that has arrived. The timer cancels the exchange with the API, which has failed anyway.
func (a *api) readBody(response *http.Response, end context.CancelCauseFunc) []byte {
	late := time.AfterFunc(a.errorBodyTimeout, func() { end(errIdleTimeout) })
	defer late.Stop()
	body, _ := io.ReadAll(io.LimitReader(response.Body, errorBodyBytes))
	return body
}

// retryAfter returns the value if it has one of the two forms of HTTP: seconds or a date.
func retryAfter(value string) string {
	if _, err := strconv.ParseUint(value, 10, 32); err == nil {
		return value
	}
	if _, err := http.ParseTime(value); err == nil {
		return value
	}
	return ""
}

// unreachable converts an error before the response to a problem. It returns the reasons
// that are not the API's fault unchanged.
func unreachable(err error) error {
	if errors.Is(err, errClientLeft) || errors.Is(err, errShutdown) {
		return err
	}
	slog.Warn("the API failed before its response", "error", err)
	var network net.Error
	switch {
	case errors.Is(err, errConnectTimeout), errors.Is(err, errFirstByteTimeout):
	case errors.As(err, &network) && network.Timeout(): // the kernel's own timeout was shorter
		err = errConnectTimeout
	default:
		return &problem{
			status:  http.StatusBadGateway,
			Message: "the daemon could not reach the API, or the API closed the connection before its response",
			Type:    upstreamError,
			Code:    "upstream_unreachable",
		}
	}
	return &problem{status: http.StatusGatewayTimeout, Message: err.Error(), Type: timeoutError, Code: "upstream_timeout"}
}
