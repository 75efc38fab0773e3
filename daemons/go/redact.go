package main

import (
	"io"
	"strings"
)

// The API's key must not be seen by a client or in a log. An API may echo it in the
// text of an error, so it is taken out of all that is not the answer itself.
type redactor struct{ *strings.Replacer }

func newRedactor(key string) redactor {
	if key == "" {
		return redactor{strings.NewReplacer()}
	}
	return redactor{strings.NewReplacer(key, "[redacted]")}
}

// problem takes the key out of what the client is told.
func (r redactor) problem(p *problem) *problem {
	clean := *p
	clean.Message = r.Replace(p.Message)
	clean.Type = r.Replace(p.Type)
	if code, ok := p.Code.(string); ok {
		clean.Code = r.Replace(code)
	}
	return &clean
}

// writer takes the key out of a log that is written line by line.
func (r redactor) writer(w io.Writer) io.Writer { return redactedWriter{r, w} }

type redactedWriter struct {
	redactor
	to io.Writer
}

func (w redactedWriter) Write(line []byte) (int, error) {
	if _, err := w.WriteString(w.to, string(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}
