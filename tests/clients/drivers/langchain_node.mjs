// @langchain/openai: ChatOpenAI.
import { ChatOpenAI } from "@langchain/openai";
import { serve, TOOL } from "./protocol.mjs";

await serve(async (test, seen) => {
  const model = new ChatOpenAI({
    model: test.model,
    apiKey: test.key,
    maxRetries: 0,
    streamUsage: true,
    configuration: { baseURL: test.url },
  }).bindTools([TOOL]);
  let whole = null;
  if (test.stream) {
    for await (const chunk of await model.stream("Hello")) {
      seen.say(chunk.text);
      whole = whole === null ? chunk : whole.concat(chunk);
    }
  } else {
    whole = await model.invoke("Hello");
    seen.say(whole.text);
  }
  for (const [index, call] of (whole.tool_calls ?? []).entries()) {
    seen.call(index, call.name, JSON.stringify(call.args));
  }
  seen.finish = whole.response_metadata?.finish_reason ?? null;
  seen.tokens = whole.usage_metadata?.output_tokens ?? null;
});
