"""langchain-openai: ChatOpenAI."""

import json
from typing import Any

from langchain_openai import ChatOpenAI
from protocol import TOOL, Seen, serve


def ask(case: dict[str, Any], seen: Seen) -> None:
    """Ask as an application does."""
    model = ChatOpenAI(
        base_url=case["url"],
        api_key=case["key"],
        model=case["model"],
        max_retries=0,
        stream_usage=True,
    ).bind_tools([TOOL])
    whole: Any = None
    if case["stream"]:
        for chunk in model.stream("Hello"):
            seen.say(str(chunk.text))
            whole = chunk if whole is None else whole + chunk
    else:
        whole = model.invoke("Hello")
        seen.say(str(whole.text))
    for index, call in enumerate(whole.tool_calls):
        arguments = json.dumps(call["args"], ensure_ascii=False, separators=(",", ":"))
        seen.call(index, call["name"], arguments)
    seen.end(whole.response_metadata.get("finish_reason"))
    seen.tokens = whole.usage_metadata and whole.usage_metadata["output_tokens"]


serve(ask)
