// openai-node: the helper `chat.completions.stream()`, which puts an answer together.
import OpenAI from "openai";
import { request, serve } from "./protocol.mjs";

await serve(async (test, seen) => {
  const client = new OpenAI({ baseURL: test.url, apiKey: test.key, maxRetries: 0 });
  const stream = client.chat.completions.stream(request(test));
  stream.on("content", (delta) => seen.say(delta));
  const final = await stream.finalChatCompletion();
  const [choice] = final.choices;
  for (const [index, call] of (choice.message.tool_calls ?? []).entries()) {
    seen.call(index, call.function.name, call.function.arguments);
  }
  seen.finish = choice.finish_reason;
  seen.tokens = final.usage?.completion_tokens ?? null;
});
