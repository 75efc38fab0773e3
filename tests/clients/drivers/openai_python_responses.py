"""openai-python: responses."""

from typing import Any

from openai import OpenAI
from protocol import Seen, serve


def ask(case: dict[str, Any], seen: Seen) -> None:
    """Ask as an application does."""
    client = OpenAI(base_url=case["url"], api_key=case["key"], max_retries=0)
    if case["stream"]:
        with client.responses.stream(model=case["model"], input="Hello") as stream:
            for event in stream:
                if event.type == "response.output_text.delta":
                    seen.say(event.delta)
                elif event.type == "response.failed":
                    seen.error = "failed"
                    return
                elif event.type in ("response.completed", "response.incomplete"):
                    _final(event.response, seen, text=False)
        return
    _final(client.responses.create(model=case["model"], input="Hello"), seen, text=True)


def _final(response: Any, seen: Seen, *, text: bool) -> None:
    if text:
        seen.say(response.output_text)
    calls = [item for item in response.output if item.type == "function_call"]
    for index, item in enumerate(calls):
        seen.call(index, item.name, item.arguments)
    reason = response.incomplete_details and response.incomplete_details.reason
    seen.end("length" if reason == "max_output_tokens" else "tool_calls" if calls else "stop")
    seen.tokens = response.usage.output_tokens


serve(ask)
