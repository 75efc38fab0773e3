"""httpx-sse: the events alone."""

from typing import Any

import httpx
from httpx_sse import connect_sse
from protocol import STATUSES, Seen, request, serve


def ask(case: dict[str, Any], seen: Seen) -> None:
    """Ask as an application does."""
    url = f"{case['url']}/chat/completions"
    with httpx.Client() as client:
        if not case["stream"]:
            answer = client.post(url, json=request(case))
            seen.error = STATUSES.get(answer.status_code)
            seen.chunk(answer.json() if seen.error is None else {})
            return
        with connect_sse(client, "POST", url, json=request(case)) as source:
            seen.error = STATUSES.get(source.response.status_code)
            if seen.error is None:
                seen.data(event.data for event in source.iter_sse() if event.data)


serve(ask)
