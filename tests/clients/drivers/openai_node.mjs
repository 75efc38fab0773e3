// openai-node: chat completions.
import OpenAI from "openai";
import { request, serve } from "./protocol.mjs";

await serve(async (test, seen) => {
  const client = new OpenAI({ baseURL: test.url, apiKey: test.key, maxRetries: 0 });
  const answer = await client.chat.completions.create(request(test));
  if (!test.stream) return seen.chunk(answer);
  for await (const chunk of answer) seen.chunk(chunk);
});
