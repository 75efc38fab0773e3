package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
)

// The dialer connects to the API over TCP, TLS or a Unix socket, never through a proxy.

// An endpoint is the address of the API, with the protocols to use there.
type endpoint struct {
	network, address string
	tls              *tls.Config // nil for an unencrypted connection
	http2            bool        // offer HTTP/2 by ALPN
}

// newEndpoint returns the endpoint that the configuration describes.
func newEndpoint(c *config) (*endpoint, error) {
	if c.apiSocket != "" {
		return &endpoint{network: "unix", address: c.apiSocket}, nil
	}
	e := &endpoint{network: "tcp", address: hostPort(c.apiBase)}
	if c.apiBase.Scheme == "http" {
		return e, nil
	}
	e.http2 = c.http2
	e.tls = &tls.Config{
		ServerName:         c.apiBase.Hostname(),
		InsecureSkipVerify: c.insecureTLS,
		ClientSessionCache: tls.NewLRUClientSessionCache(8),
		NextProtos:         []string{"http/1.1"},
	}
	if e.http2 {
		e.tls.NextProtos = []string{"h2", "http/1.1"}
	}
	if c.caFile != "" {
		pem, err := os.ReadFile(c.caFile)
		if err != nil {
			return nil, fmt.Errorf("OPENAI_CA_FILE: %w", err)
		}
		if e.tls.RootCAs, err = x509.SystemCertPool(); err != nil {
			e.tls.RootCAs = x509.NewCertPool()
		}
		if !e.tls.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("OPENAI_CA_FILE: expected certificates in PEM, found none in %s", c.caFile)
		}
	}
	return e, nil
}

func hostPort(base *url.URL) string {
	port := base.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[base.Scheme]
	}
	return net.JoinHostPort(base.Hostname(), port)
}

// dial connects to the endpoint. The context limits its time. The second result is
// true if the API chose HTTP/2.
func (e *endpoint) dial(ctx context.Context) (*meteredConn, bool, error) {
	conn, err := new(net.Dialer).DialContext(ctx, e.network, e.address)
	if err != nil {
		return nil, false, err
	}
	if e.tls == nil {
		return &meteredConn{Conn: conn}, false, nil
	}
	secure := tls.Client(cutDetector{conn}, e.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, false, err
	}
	return &meteredConn{Conn: secure, socket: conn}, secure.ConnectionState().NegotiatedProtocol == "h2", nil
}

var errCut = errors.New("the API closed the connection without close_notify")

// A cutDetector is a connection that reports the socket's end of file as errCut. It is
// the layer between TLS and the socket. crypto/tls returns io.EOF both for close_notify
// and for a connection that was cut between two records. Any attacker on the path can
// cut a connection. With the detector, only close_notify gives io.EOF.
type cutDetector struct{ net.Conn }

func (c cutDetector) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		err = errCut
	}
	return n, err
}
