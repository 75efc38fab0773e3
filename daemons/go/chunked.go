package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
)

// This is a decoder for the chunked transfer coding (RFC 9112, section 7.1). The
// decoder in net/http holds data back: when the size of the next chunk has arrived
// without its bytes, it waits for them before it returns the previous chunk. Here a
// Read waits only while it has no data, so an event never waits for the next one.

// maxTrailers is the largest size of the lines after the last chunk.
const maxTrailers = 64 << 10

var (
	errChunkSize  = errors.New("malformed chunked coding: expected a chunk size in hexadecimal digits")
	errChunkEnd   = errors.New("malformed chunked coding: expected CRLF where the chunk's size ends it")
	errHTTPLine   = errors.New("malformed chunked coding: a line is too long or does not end in CRLF")
	errTrailerEnd = errors.New("expected trailers of at most 64 KiB, found more")
)

// A chunkedBody is a reader that decodes a body. Malformed coding ends it with an error.
// It returns io.EOF only after the last chunk and its trailers.
type chunkedBody struct {
	reader *bufio.Reader
	left   uint64 // unread bytes of the current chunk
	inside bool   // a chunk has begun, and its CRLF has not yet arrived
	err    error  // the result of the body's end
}

func (b *chunkedBody) Read(p []byte) (int, error) {
	if b.err == nil && b.left == 0 {
		b.err = b.next()
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.reader.Read(p[:min(uint64(len(p)), b.left)])
	b.left -= uint64(n)
	b.err = unexpected(err)
	return n, b.err
}

func (b *chunkedBody) Close() error { return nil }

// next reads the CRLF of the current chunk and the size of the next one.
func (b *chunkedBody) next() error {
	if b.inside {
		var end [2]byte
		if _, err := io.ReadFull(b.reader, end[:]); err != nil {
			return unexpected(err)
		}
		if string(end[:]) != "\r\n" {
			return errChunkEnd
		}
		b.inside = false
	}
	line, err := b.line()
	if err != nil {
		return err
	}
	size, _, _ := bytes.Cut(line, []byte(";")) // ignore extensions
	if b.left, err = strconv.ParseUint(string(bytes.TrimRight(size, " \t")), 16, 63); err != nil {
		return errChunkSize
	}
	if b.left == 0 {
		return b.trailers()
	}
	b.inside = true
	return nil
}

// trailers skips the trailers and returns io.EOF at their end.
func (b *chunkedBody) trailers() error {
	for budget := maxTrailers; budget > 0; {
		line, err := b.line()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return io.EOF
		}
		budget -= len(line)
	}
	return errTrailerEnd
}

// line returns a line without its CRLF. The slice is valid until the next read.
func (b *chunkedBody) line() ([]byte, error) {
	line, err := b.reader.ReadSlice('\n')
	if err != nil && err != bufio.ErrBufferFull {
		return nil, unexpected(err)
	}
	line, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return nil, errHTTPLine
	}
	return line, nil
}

// unexpected turns io.EOF into io.ErrUnexpectedEOF, for an end inside a body.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
