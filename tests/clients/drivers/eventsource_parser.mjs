// eventsource-parser: the events alone.
import { EventSourceParserStream } from "eventsource-parser/stream";
import { request, serve } from "./protocol.mjs";

await serve(async (test, seen) => {
  const answer = await fetch(`${test.url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request(test)),
  });
  if (!answer.ok) return seen.fail({ status: answer.status });
  if (!test.stream) return seen.chunk(await answer.json());
  const events = answer.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream());
  for await (const { data } of events) {
    if (data === "[DONE]") return;
    if (data) seen.chunk(JSON.parse(data));
  }
});
