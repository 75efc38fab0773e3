// The driver of openai-go: chat completions. protocol.py describes the lines.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"syscall"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

type test struct {
	URL    string `json:"url"`
	Key    string `json:"key"`
	Model  string `json:"model"`
	Stream bool   `json:"stream"`
}

type seen struct {
	Text   string     `json:"text"`
	Finish *string    `json:"finish"`
	Tokens *int64     `json:"tokens"`
	Error  *string    `json:"error"`
	Calls  [][]string `json:"calls"`
	calls  map[int64][]string
}

func (s *seen) call(index int64, name, arguments string) {
	call, present := s.calls[index]
	if !present {
		call = []string{"", ""}
	}
	s.calls[index] = []string{call[0] + name, call[1] + arguments}
}

func (s *seen) end(finish string, tokens int64) {
	if finish != "" {
		s.Finish = &finish
	}
	if tokens != 0 {
		s.Tokens = &tokens
	}
}

func ask(t test, s *seen) error {
	client := openai.NewClient(
		option.WithBaseURL(t.URL), option.WithAPIKey(t.Key), option.WithMaxRetries(0),
	)
	params := openai.ChatCompletionNewParams{
		Model:    t.Model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Hello")},
	}
	ctx := context.Background()
	if !t.Stream {
		answer, err := client.Chat.Completions.New(ctx, params)
		if err != nil {
			return err
		}
		choice := answer.Choices[0]
		s.Text = choice.Message.Content
		for index, call := range choice.Message.ToolCalls {
			s.call(int64(index), call.Function.Name, call.Function.Arguments)
		}
		s.end(choice.FinishReason, answer.Usage.CompletionTokens)
		return nil
	}
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := client.Chat.Completions.NewStreaming(ctx, params)
	defer stream.Close()
	for stream.Next() {
		chunk := stream.Current()
		s.end("", chunk.Usage.CompletionTokens)
		for _, choice := range chunk.Choices {
			if choice.Index != 0 {
				continue
			}
			s.Text += choice.Delta.Content
			for _, call := range choice.Delta.ToolCalls {
				s.call(call.Index, call.Function.Name, call.Function.Arguments)
			}
			s.end(choice.FinishReason, 0)
		}
	}
	return stream.Err()
}

func kind(err error) string {
	var refused *openai.Error
	if errors.As(err, &refused) {
		switch refused.StatusCode {
		case 401:
			return "authentication"
		case 429:
			return "rate limit"
		case 500:
			return "server error"
		}
		return "failed"
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return "malformed"
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return "cut off"
	}
	return "failed"
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var t test
		if err := json.Unmarshal(lines.Bytes(), &t); err != nil {
			panic(err)
		}
		s := seen{Calls: [][]string{}, calls: map[int64][]string{}}
		if err := ask(t, &s); err != nil {
			text := kind(err)
			s.Error = &text
		}
		indices := make([]int64, 0, len(s.calls))
		for index := range s.calls {
			indices = append(indices, index)
		}
		sort.Slice(indices, func(a, b int) bool { return indices[a] < indices[b] })
		for _, index := range indices {
			s.Calls = append(s.Calls, s.calls[index])
		}
		line, err := json.Marshal(s)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(line))
	}
}
