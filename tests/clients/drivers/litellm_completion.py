"""litellm: completion()."""

from typing import Any

import litellm
from protocol import Seen, request, serve

litellm.suppress_debug_info = True
litellm.telemetry = False


def ask(case: dict[str, Any], seen: Seen) -> None:
    """Ask as an application does."""
    fields = request(case)
    fields["model"] = f"openai/{fields['model']}"
    more = {"api_base": case["url"], "api_key": case["key"], "max_retries": 0, "num_retries": 0}
    answer = litellm.completion(**fields, **more)
    for chunk in answer if case["stream"] else (answer,):
        seen.chunk(chunk.model_dump())


serve(ask)
