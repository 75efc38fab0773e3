// What each driver in JavaScript does: cases on stdin, and what its client reports on stdout.
// protocol.py describes the lines.
import { createInterface } from "node:readline";

const KINDS = {
  RateLimitError: "rate limit",
  AuthenticationError: "authentication",
  InternalServerError: "server error",
  APIConnectionError: "cut off",
  APIError: "failed",
  OpenAIError: "malformed",
  SyntaxError: "malformed",
};
const STATUSES = { 401: "authentication", 429: "rate limit", 500: "server error" };

export const MESSAGES = [{ role: "user", content: "Hello" }];
export const TOOL = {
  type: "function",
  function: {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string" } } },
  },
};

export const request = (test) => ({
  model: test.model,
  messages: MESSAGES,
  tools: [TOOL],
  ...(test.stream ? { stream: true, stream_options: { include_usage: true } } : {}),
});

export class Seen {
  text = "";
  finish = null;
  tokens = null;
  error = null;
  calls = [];

  say(text) {
    this.text += Array.isArray(text) ? text.map((part) => part.text).join("") : (text ?? "");
  }

  call(index, name, args) {
    const call = (this.calls[index] ??= ["", ""]);
    call[0] += name ?? "";
    call[1] += args ?? "";
  }

  chunk(value) {
    if (value.error) this.error = "failed";
    for (const choice of value.choices ?? []) {
      if (choice.index) continue;
      const delta = choice.delta ?? choice.message ?? {};
      this.say(delta.content);
      for (const [index, call] of (delta.tool_calls ?? []).entries()) {
        this.call(call.index ?? index, call.function?.name, call.function?.arguments);
      }
      this.finish = choice.finish_reason || this.finish;
    }
    if (value.usage) this.tokens = value.usage.completion_tokens;
  }

  fail(error) {
    const status = error?.status ?? error?.statusCode;
    this.error = STATUSES[status] ?? kind(error);
  }
}

const kind = (error) => {
  if (/terminated|socket|aborted/i.test(String(error?.message))) return "cut off";
  for (let type = error?.constructor; type?.name; type = Object.getPrototypeOf(type)) {
    if (KINDS[type.name]) return KINDS[type.name];
  }
  return typeof error === "object" && error && !(error instanceof Error)
    ? "failed"
    : (error?.constructor?.name ?? String(error));
};

export async function serve(ask) {
  for await (const line of createInterface({ input: process.stdin })) {
    const seen = new Seen();
    try {
      await ask(JSON.parse(line), seen);
    } catch (error) {
      seen.fail(error);
    }
    process.stdout.write(`${JSON.stringify(seen)}\n`);
  }
}
