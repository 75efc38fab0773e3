package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
)

// The chunked transfer coding (RFC 9112, section 7.1), because the one in net/http
// holds data back: when a chunk's size has arrived but none of its bytes, it waits
// for them although it could return what came before. Here a Read waits only while
// it has nothing, so an event never waits for the one after it.

// maxTrailers bounds the lines behind the last chunk.
const maxTrailers = 64 << 10

var (
	errChunkSize  = errors.New("a chunk's size is malformed")
	errChunkEnd   = errors.New("a chunk does not end where its size says")
	errHTTPLine   = errors.New("a line of the chunked coding is too long or does not end in CRLF")
	errTrailerEnd = errors.New("the trailers are larger than 64 KiB")
)

// A chunkedBody decodes a body. Anything that breaks the coding ends it with an
// error; io.EOF comes only after the last chunk and its trailers.
type chunkedBody struct {
	reader *bufio.Reader
	left   uint64 // of the current chunk
	inside bool   // a chunk has begun, and its CRLF is still to come
	err    error  // how the body ended
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

// next ends the chunk that was read and begins the one after it.
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
	size, _, _ := bytes.Cut(line, []byte(";")) // extensions mean nothing here
	if b.left, err = strconv.ParseUint(string(bytes.TrimRight(size, " \t")), 16, 63); err != nil {
		return errChunkSize
	}
	if b.left == 0 {
		return b.trailers()
	}
	b.inside = true
	return nil
}

// trailers reads what follows the last chunk, and returns io.EOF at its end.
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

// line returns a line without its CRLF, valid until the next read.
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

// unexpected makes an end of file the error that it is inside a body.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
