package main

import (
	"bytes"
	"encoding/json"
	"errors"
)

// A chunk is one message of the API's stream, read as far as relaying needs: is it
// an error, which text does it hold, which choices does it finish. Vendors differ in
// all the rest, so a field of a surprising type is taken for absent.
//
// A delta is parsed by itself, because encoding/json needs a KiB of stack for each
// level of nesting: at one more, every stream's stack would be 16 KiB instead of 8.
type chunk struct {
	data    []byte // as it arrived
	Error   json.RawMessage
	Choices []struct {
		Index        int
		Delta        json.RawMessage
		FinishReason string `json:"finish_reason"`
	}
}

var (
	errNoChunk  = errors.New("an event of the API's stream is not a JSON object")
	errOddDelta = errors.New("a delta's content is not a string")
)

// parseChunk reads the data of an event, which must be a JSON object.
func parseChunk(data []byte) (*chunk, error) {
	c := &chunk{data: data}
	err := json.Unmarshal(data, c)
	// Unmarshal skips what is of another type than expected and reads the rest.
	if wrongType := new(json.UnmarshalTypeError); err != nil && !errors.As(err, &wrongType) {
		return nil, errNoChunk
	}
	if !isObject(bytes.TrimLeft(data, " \t\n")) {
		return nil, errNoChunk
	}
	return c, nil
}

// failure returns the error that the chunk reports instead of a piece of answer.
func (c *chunk) failure() *problem {
	if len(c.Error) == 0 || string(c.Error) == "null" {
		return nil
	}
	return describe(c.data)
}

// texts returns the text of choice 0 as JSON strings, leaving out empty ones.
func (c *chunk) texts() ([]json.RawMessage, error) {
	var texts []json.RawMessage
	for _, choice := range c.Choices {
		var delta struct{ Content json.RawMessage }
		_ = json.Unmarshal(choice.Delta, &delta)
		text := delta.Content
		if choice.Index != 0 || len(text) == 0 || string(text) == "null" || string(text) == `""` {
			continue
		}
		if text[0] != '"' {
			return texts, errOddDelta
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// A completion knows which choices were seen, and whether each has finished.
type completion map[int]bool

func (c completion) note(chunk *chunk) {
	for _, choice := range chunk.Choices {
		c[choice.Index] = c[choice.Index] || choice.FinishReason != ""
	}
}

// finished reports whether the answer is whole: there were choices, and all are done.
func (c completion) finished() bool {
	for _, done := range c {
		if !done {
			return false
		}
	}
	return len(c) > 0
}

// describe finds the error in what the API sent in place of an answer: in its field
// `error`, an object or a text, or in the object itself. Without any it returns nil.
func describe(data []byte) *problem {
	var outer struct{ Error json.RawMessage }
	_ = json.Unmarshal(data, &outer)
	named := len(outer.Error) > 0 && string(outer.Error) != "null"
	if named {
		data = outer.Error
	}
	p := &problem{Type: upstreamError}
	if json.Unmarshal(data, &p.Message) != nil {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber() // for the code
		_ = decoder.Decode(p)
	}
	if p.Message == "" {
		if !named {
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
