// The Vercel AI SDK with @ai-sdk/openai-compatible.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, streamText, tool } from "ai";
import { serve } from "./protocol.mjs";

const FINISHES = { "tool-calls": "tool_calls", "content-filter": "content_filter" };
const weather = tool({
  inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } } }),
});

await serve(async (test, seen) => {
  const provider = createOpenAICompatible({
    name: "mock",
    baseURL: test.url,
    apiKey: test.key,
    includeUsage: true,
  });
  const options = {
    model: provider(test.model),
    prompt: "Hello",
    tools: { weather },
    maxRetries: 0,
    onError: () => {},
  };
  const end = (finish, usage, calls) => {
    for (const [index, call] of calls.entries()) {
      seen.call(index, call.toolName, JSON.stringify(call.input));
    }
    seen.finish = FINISHES[finish] ?? finish;
    seen.tokens = usage.outputTokens ?? null;
  };
  if (!test.stream) {
    const answer = await generateText(options);
    seen.say(answer.text);
    return end(answer.finishReason, answer.usage, answer.toolCalls);
  }
  const calls = [];
  for await (const part of streamText(options).fullStream) {
    if (part.type === "text-delta") seen.say(part.text);
    if (part.type === "tool-call") calls.push(part);
    if (part.type === "error") seen.fail(part.error);
    if (part.type === "finish") end(part.finishReason, part.totalUsage, calls);
  }
});
