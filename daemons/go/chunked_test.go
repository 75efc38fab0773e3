package main

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestChunkedBody(t *testing.T) {
	for _, test := range []struct{ coded, want, failure string }{
		{"5\r\nhello\r\n0\r\n\r\n", "hello", ""},
		{"5\r\nhello\r\n1;ext=\"x\"\r\n!\r\n00\r\n\r\n", "hello!", ""},
		{"A \t;x\r\n0123456789\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n", "0123456789", ""},
		{"0\r\n\r\nafter", "", ""},
		{"", "", "EOF"},
		{"5\r\nhel", "hel", "EOF"},
		{"5\r\nhello", "hello", "EOF"},
		{"5\r\nhello\r\n", "hello", "EOF"},
		{"5\r\nhello\r\n0\r\n", "hello", "EOF"},
		{"5\r\nhello\r\n0\r\nTrailer: x\r\n", "hello", "EOF"},
		{"5\nhello\n0\n\n", "", "CRLF"},
		{"5\r\nhello!\r\n0\r\n\r\n", "hello", "where the chunk's size ends"},
		{"x\r\n", "", "hexadecimal"},
		{"\r\n", "", "hexadecimal"},
		{"-1\r\n", "", "hexadecimal"},
		{"0x5\r\nhello\r\n", "", "hexadecimal"},
		{"8000000000000000\r\n", "", "hexadecimal"},
		{"10000000000000005\r\nhello\r\n", "", "hexadecimal"},
		{strings.Repeat("0", 5000) + "\r\n", "", "too long"},
		{"0\r\n" + strings.Repeat("a: b\r\n", 20_000), "", "64 KiB"},
	} {
		for name, reader := range map[string]io.Reader{
			"whole":        strings.NewReader(test.coded),
			"byte by byte": iotest.OneByteReader(strings.NewReader(test.coded)),
		} {
			got, err := io.ReadAll(&chunkedBody{reader: bufio.NewReader(reader)})
			if string(got) != test.want {
				t.Errorf("%.40q, %s: %q, want %q", test.coded, name, got, test.want)
			}
			if (err == nil) != (test.failure == "") || err != nil && !strings.Contains(err.Error(), test.failure) {
				t.Errorf("%.40q, %s: error %v, want %q", test.coded, name, err, test.failure)
			}
		}
	}
}
