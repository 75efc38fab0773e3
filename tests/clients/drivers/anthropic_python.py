"""anthropic-python: messages."""

import json
from typing import Any

from anthropic import Anthropic
from protocol import MESSAGES, Seen, serve

STOPS = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls"}


def ask(case: dict[str, Any], seen: Seen) -> None:
    """Ask as an application does."""
    base = case["url"].removesuffix("/v1")
    client = Anthropic(base_url=base, api_key=case["key"], max_retries=0)
    fields = {"model": case["model"], "messages": MESSAGES, "max_tokens": 99}
    if case["stream"]:
        with client.messages.stream(**fields) as stream:
            for text in stream.text_stream:
                seen.say(text)
            final = stream.get_final_message()
    else:
        final = client.messages.create(**fields)
        seen.say("".join(block.text for block in final.content if block.type == "text"))
    for index, block in enumerate(final.content):
        if block.type == "tool_use":
            arguments = json.dumps(block.input, ensure_ascii=False, separators=(",", ":"))
            seen.call(index, block.name, arguments)
    seen.end(STOPS.get(final.stop_reason or "", final.stop_reason))
    seen.tokens = final.usage.output_tokens


serve(ask)
