"""openai-python: the helper `chat.completions.stream()`, which puts an answer together."""

from typing import Any

from openai import OpenAI
from protocol import Seen, request, serve


def ask(case: dict[str, Any], seen: Seen) -> None:
    """Ask as an application does."""
    client = OpenAI(base_url=case["url"], api_key=case["key"], max_retries=0)
    fields = request(case)
    fields.pop("stream", None)
    with client.chat.completions.stream(**fields) as stream:
        for event in stream:
            if event.type == "content.delta":
                seen.say(event.delta)
        final = stream.get_final_completion()
    for index, call in enumerate(final.choices[0].message.tool_calls or ()):
        seen.call(index, call.function.name, call.function.arguments)
    seen.end(final.choices[0].finish_reason)
    seen.tokens = final.usage and final.usage.completion_tokens


serve(ask)
