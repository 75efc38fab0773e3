"""aiohttp: the lines of the body, as many applications read them."""

import asyncio
from typing import Any

import aiohttp
from protocol import STATUSES, Seen, request, serve


async def _ask(case: dict[str, Any], seen: Seen) -> None:
    url = f"{case['url']}/chat/completions"
    async with aiohttp.ClientSession() as session, session.post(url, json=request(case)) as answer:
        seen.error = STATUSES.get(answer.status)
        if seen.error is not None:
            return
        if not case["stream"]:
            seen.chunk(await answer.json())
            return
        async for line in answer.content:
            text = line.decode("utf-8-sig").strip()
            if text.startswith("data:"):
                seen.data([text.removeprefix("data:").strip()])


def ask(case: dict[str, Any], seen: Seen) -> None:
    """Ask as an application does."""
    asyncio.run(_ask(case, seen))


serve(ask)
