package main

import (
	"bytes"
	"encoding/json"
	"errors"
)

// A chunk is one JSON message of the API's stream. The daemon parses what a relay
// needs: an error, the text, and which choices finish. Vendors differ in all other
// fields, so a field of an unexpected type counts as absent.
//
// texts parses the deltas separately, because encoding/json needs a KiB of stack for
// each level of nesting. One more level would double each stream's stack to 16 KiB.
type chunk struct {
	data    []byte // the bytes that the API sent
	Error   json.RawMessage
	Object  string
	Type    string
	Message string
	Detail  json.RawMessage
	Choices []struct {
		Index        int
		Delta        json.RawMessage
		FinishReason string `json:"finish_reason"`
	}
}

var (
	errNoChunk  = errors.New("expected a JSON object in each event of the API's stream, found something else")
	errOddDelta = errors.New("expected a delta's content as a string or a list of text parts, found something else")
)

// parseChunk parses the data of an event, which must be a JSON object.
func parseChunk(data []byte) (*chunk, error) {
	c := &chunk{data: data}
	err := json.Unmarshal(data, c)
	// Unmarshal skips a field of an unexpected type, and parses the others.
	if wrongType := new(json.UnmarshalTypeError); err != nil && !errors.As(err, &wrongType) {
		return nil, errNoChunk
	}
	if !isObject(bytes.TrimLeft(data, " \t\n")) {
		return nil, errNoChunk
	}
	return c, nil
}

// failure returns the error that the chunk reports, or nil. APIs report an error in two
// ways: under the key `error`, as any JSON type, also next to choices; or as the whole
// object, which then has the error's own fields and no choices. FastAPI servers send a
// `detail`, a text or a list.
func (c *chunk) failure() *problem {
	keyed := len(c.Error) > 0 && string(c.Error) != "null"
	detailed := len(c.Detail) > len(`""`) && (isString(c.Detail) || isArray(c.Detail))
	named := c.Message != "" || c.Object == "error" || c.Type == "error"
	if keyed || len(c.Choices) == 0 && (named || detailed) {
		return failureIn(c.data)
	}
	return nil
}

// texts returns the text of choice 0 as JSON strings. It leaves out empty strings.
func (c *chunk) texts() ([]json.RawMessage, error) {
	var texts []json.RawMessage
	for _, choice := range c.Choices {
		var delta struct{ Content json.RawMessage }
		_ = json.Unmarshal(choice.Delta, &delta)
		if choice.Index != 0 || len(delta.Content) == 0 || string(delta.Content) == "null" {
			continue
		}
		text, err := contentText(delta.Content)
		if err != nil {
			return texts, err
		}
		if string(text) != `""` {
			texts = append(texts, text)
		}
	}
	return texts, nil
}

// contentText returns a delta's content as one JSON string. Content is a string, or a
// list of text parts (Mistral, GLM), whose texts it joins. The texts keep their escapes.
func contentText(content json.RawMessage) (json.RawMessage, error) {
	if isString(content) {
		return content, nil
	}
	var parts []json.RawMessage
	if !isArray(content) || json.Unmarshal(content, &parts) != nil {
		return nil, errOddDelta
	}
	joined := json.RawMessage{'"'}
	for _, part := range parts {
		text, err := partText(part)
		if err != nil {
			return nil, err
		}
		joined = append(joined, text[1:len(text)-1]...)
	}
	return append(joined, '"'), nil
}

// partText returns the text of a part as a JSON string. A part is a string, or an object
// of the type `text`. A part of the type `thinking` (Mistral) has no text for the client:
// other APIs send it as reasoning_content, next to the content.
func partText(data json.RawMessage) (json.RawMessage, error) {
	var part struct {
		Type string
		Text json.RawMessage
	}
	switch {
	case isString(data):
		return data, nil
	case json.Unmarshal(data, &part) != nil:
		return nil, errOddDelta
	case part.Type == "thinking":
		return json.RawMessage(`""`), nil
	case part.Type != "" && part.Type != "text" || len(part.Text) == 0 || !isString(part.Text):
		return nil, errOddDelta
	}
	return part.Text, nil
}

// A completion records the choices of an answer, and whether each has finished. A
// finish_reason finishes its choice unless it is null or empty: Ollama and SGLang send
// an empty one with each delta.
type completion map[int]bool

func (c completion) note(chunk *chunk) {
	for _, choice := range chunk.Choices {
		c[choice.Index] = c[choice.Index] || choice.FinishReason != ""
	}
}

// finished reports whether the answer is complete: it has choices, and all are finished.
func (c completion) finished() bool {
	for _, done := range c {
		if !done {
			return false
		}
	}
	return len(c) > 0
}

// failureIn returns the problem for an event that reports an error. Its message is the
// API's own where the data has one.
func failureIn(data []byte) *problem {
	if p := describe(data); p != nil {
		return p
	}
	message := "the API reported an error"
	if text := string(bytes.TrimSpace(data)); text != "" && !json.Valid(data) {
		message = text
	}
	return &problem{Message: message, Type: upstreamError}
}

// describe returns the error in JSON that the API sent instead of an answer, or nil.
// The error is the value of the field `error`, an object or a text, or the whole object.
func describe(data []byte) *problem {
	var outer struct{ Error json.RawMessage }
	_ = json.Unmarshal(data, &outer)
	keyed := len(outer.Error) > 0 && string(outer.Error) != "null"
	if keyed {
		data = outer.Error
	}
	p := &problem{Type: upstreamError}
	if json.Unmarshal(data, &p.Message) != nil {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber() // for the code
		_ = decoder.Decode(p)
	}
	if p.Message == "" && !keyed {
		var other struct{ Detail string }
		_ = json.Unmarshal(data, &other)
		p.Message = other.Detail
	}
	if p.Message == "" {
		if !keyed {
			return nil
		}
		p.Message = "the API reported an error"
	}
	switch p.Code.(type) {
	case string, json.Number:
	default:
		p.Code = nil
	}
	return p
}
