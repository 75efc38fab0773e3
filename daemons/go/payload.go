package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"
)

// The payload parser builds the API's request from the handoff data. It decodes as
// little as possible: each value stays the JSON text that arrived, so numbers keep
// their digits and strings keep their escapes. It checks the types of the fields that
// the contract names.

// defaultModel is the model for handoff data without one.
const defaultModel = "gpt-4o-mini"

// A job is the request that one handoff makes.
type job struct {
	body        []byte // the body of the API's request
	testPattern string // for X-Test-Pattern
	requestID   string // for X-Request-Id
}

// parseHandoff parses the handoff data. It returns the response headers also with an
// error. The error's text is fit for the client.
func parseHandoff(data []byte) (job, []header, error) {
	fields, err := parseFields(data)
	if err != nil {
		return job{}, nil, err
	}
	headers, err := responseHeaders(fields)
	if err != nil {
		return job{}, nil, err
	}
	var j job
	if j.testPattern, err = fields.headerValue("test_pattern"); err != nil {
		return job{}, headers, err
	}
	if j.requestID, err = fields.headerValue("request_id"); err != nil {
		return job{}, headers, err
	}
	request, err := apiRequest(fields)
	if err != nil {
		return job{}, headers, err
	}
	j.body = request.encode()
	return j, headers, nil
}

func apiRequest(handoff object) (object, error) {
	messages, err := conversation(handoff)
	if err != nil {
		return nil, err
	}
	model, err := handoff.typed("model", isString, "a string")
	if err != nil {
		return nil, err
	}
	if model == nil {
		model = quote(defaultModel)
	}
	request := object{{"model", model}, {"messages", messages}}
	for _, f := range []struct {
		name, apiName, want string
		valid               func(json.RawMessage) bool
	}{
		{"max_tokens", "max_tokens", "an integer", isInteger},
		{"temperature", "temperature", "a number", isNumber},
		// Many web applications number their users.
		{"user_id", "user", "a string or a number", func(v json.RawMessage) bool { return isString(v) || isNumber(v) }},
	} {
		value, err := handoff.typed(f.name, f.valid, f.want)
		if err != nil {
			return nil, err
		}
		if value != nil {
			request.set(f.apiName, value)
		}
	}
	body, err := handoff.typed("body", isObject, "an object")
	if err != nil {
		return nil, err
	}
	if body != nil {
		extra, err := parseObject(body)
		if err != nil {
			return nil, err
		}
		for _, f := range extra {
			request.set(f.name, f.value)
		}
	}
	request.set("stream", json.RawMessage("true"))
	return request, nil
}

// conversation returns the messages, or builds them from system and prompt.
func conversation(handoff object) (json.RawMessage, error) {
	messages, err := handoff.typed("messages", isArray, "a list")
	if err != nil {
		return nil, err
	}
	prompt, err := handoff.typed("prompt", isString, "a string")
	if err != nil {
		return nil, err
	}
	system, err := handoff.typed("system", isString, "a string")
	if err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if messages != nil {
		if err := json.Unmarshal(messages, &list); err != nil {
			return nil, err
		}
	}
	for i, message := range list {
		if err := checkMessage(message); err != nil {
			return nil, fmt.Errorf("messages[%d]: %w", i, err)
		}
	}
	switch {
	case len(list) > 0:
		return messages, nil
	case prompt == nil:
		return nil, errors.New("expected prompt or messages, found neither")
	}
	built := json.RawMessage("[")
	if system != nil {
		built = append(built, object{{"role", quote("system")}, {"content", system}}.encode()...)
		built = append(built, ',')
	}
	built = append(built, object{{"role", quote("user")}, {"content", prompt}}.encode()...)
	return append(built, ']'), nil
}

// checkMessage checks the types of a message's role and content. Content may be absent
// or null: an assistant message with tool calls does not need any.
func checkMessage(data json.RawMessage) error {
	if !isObject(data) {
		return errors.New("expected an object with role and content")
	}
	message, err := parseObject(data)
	if err != nil {
		return err
	}
	role, err := message.typed("role", isString, "a string")
	if err != nil {
		return err
	}
	if role == nil {
		return errors.New("expected a role, found none")
	}
	content, err := message.typed("content", func(v json.RawMessage) bool { return isString(v) || isArray(v) },
		"a string or a list of parts")
	if err != nil || content == nil || isString(content) {
		return err
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(content, &parts); err != nil {
		return err
	}
	if slices.ContainsFunc(parts, func(v json.RawMessage) bool { return !isObject(v) }) {
		return errors.New("content: expected a list of objects")
	}
	return nil
}

// A header is one field of an HTTP head.
type header struct{ name, value string }

// reserved are the response headers that the handoff data cannot set.
var reserved = []string{
	"content-type", "cache-control", "connection", "transfer-encoding",
	"content-length", "content-encoding", "x-accel-buffering",
}

// responseHeaders returns the valid response headers in order, and discards the others.
func responseHeaders(handoff object) ([]header, error) {
	value, err := handoff.typed("response_headers", isObject, "an object of strings")
	if err != nil || value == nil {
		return nil, err
	}
	fields, err := parseObject(value)
	if err != nil {
		return nil, err
	}
	var headers []header
	for _, f := range fields {
		if !isString(f.value) || !httpguts.ValidHeaderFieldName(f.name) ||
			slices.Contains(reserved, strings.ToLower(f.name)) {
			continue
		}
		if text := unquote(f.value); !strings.ContainsFunc(text, isControl) {
			headers = append(headers, header{f.name, text})
		}
	}
	return headers, nil
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

// headerValue returns a field that the daemon sends to the API as a header. Control
// characters are an error: without them, the value would mean something else.
func (o object) headerValue(name string) (string, error) {
	value, err := o.typed(name, isString, "a string")
	if err != nil || value == nil {
		return "", err
	}
	text := unquote(value)
	if strings.ContainsFunc(text, isControl) {
		return "", fmt.Errorf("%s: expected a string without control characters", name)
	}
	return text, nil
}

// An object is a JSON object that keeps the order of its fields and their JSON texts.
type object []field

type field struct {
	name  string
	value json.RawMessage
}

// parseFields parses the outer object of the handoff data. It is stricter than a JSON
// parser. The data must be UTF-8. A duplicate name is an error: the web server may have
// checked the other value.
func parseFields(data []byte) (object, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("expected handoff data in UTF-8, found other bytes")
	}
	if !json.Valid(data) || !isObject(bytes.TrimLeft(data, " \t\r\n")) {
		return nil, errors.New("expected a JSON object as handoff data, found something else")
	}
	fields, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(fields))
	for _, f := range fields {
		if seen[f.name] {
			return nil, fmt.Errorf("expected each field of the handoff data once, found %q twice", f.name)
		}
		seen[f.name] = true
	}
	return fields, nil
}

func parseObject(data []byte) (object, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	var fields object
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		fields = append(fields, field{name.(string), value})
	}
	return fields, nil
}

// typed returns a field's value, or nil for an absent or null field. A value that valid
// rejects is an error.
func (o object) typed(name string, valid func(json.RawMessage) bool, want string) (json.RawMessage, error) {
	for _, f := range o {
		if f.name != name || string(f.value) == "null" {
			continue
		}
		if !valid(f.value) {
			return nil, fmt.Errorf("%s: expected %s", name, want)
		}
		return f.value, nil
	}
	return nil, nil
}

// set replaces the field with this name, or adds it.
func (o *object) set(name string, value json.RawMessage) {
	for i := range *o {
		if (*o)[i].name == name {
			(*o)[i].value = value
			return
		}
	}
	*o = append(*o, field{name, value})
}

func (o object) encode() json.RawMessage {
	out := []byte{'{'}
	for i, f := range o {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, quote(f.name)...), ':')
		out = append(out, f.value...)
	}
	return append(out, '}')
}

// The first byte of a JSON value identifies its type.
func isString(v json.RawMessage) bool { return v[0] == '"' }
func isObject(v json.RawMessage) bool { return len(v) > 0 && v[0] == '{' }
func isArray(v json.RawMessage) bool  { return v[0] == '[' }
func isNumber(v json.RawMessage) bool { return v[0] == '-' || '0' <= v[0] && v[0] <= '9' }
func isInteger(v json.RawMessage) bool {
	return isNumber(v) && !bytes.ContainsAny(v, ".eE")
}

// quote encodes a string as JSON, which cannot fail.
func quote(text string) json.RawMessage {
	quoted, _ := json.Marshal(text)
	return quoted
}

// unquote decodes a valid JSON string.
func unquote(value json.RawMessage) string {
	var text string
	_ = json.Unmarshal(value, &text)
	return text
}
