package main

import (
	"io"
	"strings"
)

// A redactor removes the API's key from logs and from errors for clients. An API may
// echo the key in the text of an error. The answer itself is not redacted.
type redactor struct{ *strings.Replacer }

func newRedactor(key string) redactor {
	if key == "" {
		return redactor{strings.NewReplacer()}
	}
	return redactor{strings.NewReplacer(key, "[redacted]")}
}

// problem returns a copy of the problem without the key.
func (r redactor) problem(p *problem) *problem {
	clean := *p
	clean.Message = r.Replace(p.Message)
	clean.Type = r.Replace(p.Type)
	if code, ok := p.Code.(string); ok {
		clean.Code = r.Replace(code)
	}
	return &clean
}

// writer returns a log writer that removes the key. Each Write must be a whole line.
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
