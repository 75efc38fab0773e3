"""REST: health without an envelope, everything else in one."""

from typing import Any

from conformance.core.quoting import excerpt
from conformance.core.scenario import Start, scenario
from conformance.profiles.agent_chat.client import AgentBench
from conformance.profiles.websocket.chat import new_token

EDGES = "smart-support tests/e2e/test_chat_flows.py, edge cases"

KEY = "key-of-the-suite"
LOCKED = Start(options={"api_key": KEY})


@scenario(clause="AC28", evidence=EDGES)
async def health_is_ok(bench: AgentBench) -> None:
    """GET /api/v1/health answers 200 and a top-level status of ok."""
    status, body = await bench.get("/health")
    bench.expect(
        status == 200 and isinstance(body, dict) and body.get("status") == "ok",
        check="health",
        clause="AC28",
        expected='200 {"status": "ok", …}',
        actual=f"{status} {excerpt(str(body))}",
    )


@scenario(clause="AC29")
async def unknown_route_in_envelope(bench: AgentBench) -> None:
    """A route that does not exist is a 404 in the envelope."""
    status, body = await bench.get(f"/no-such-route-{new_token()}")
    bench.expect(
        status == 404 and _is_error(body),
        check="envelope",
        clause="AC29",
        expected='404 {"success": false, "data": null, "error": "…"}',
        actual=f"{status} {excerpt(str(body))}",
    )


@scenario(clause="AC29", needs=("rest=conversations",))
async def conversations_in_envelope(bench: AgentBench) -> None:
    """The list of conversations is in the envelope; a wrong page is a 422 in it."""
    status, body = await bench.get("/conversations?page=1&per_page=2")
    data = body.get("data") if isinstance(body, dict) else None
    bench.expect(
        status == 200
        and isinstance(data, dict)
        and body.get("success") is True
        and {"conversations", "total", "page", "per_page"} <= set(data),
        check="envelope",
        clause="AC29",
        expected="200, success, data with conversations, total, page and per_page",
        actual=f"{status} {excerpt(str(body))}",
    )
    status, body = await bench.get("/conversations?page=zero")
    bench.expect(
        status == 422 and _is_error(body),
        check="envelope",
        clause="AC29",
        expected="422, in the envelope",
        actual=f"{status} {excerpt(str(body))}",
    )


def _is_error(body: Any) -> bool:
    return (
        isinstance(body, dict)
        and body.get("success") is False
        and body.get("data", 0) is None
        and isinstance(body.get("error"), str)
    )


@scenario(clause="AC27", alone=True, start=LOCKED)
async def key_opens(bench: AgentBench) -> None:
    """With a key set: a token must be the right one, and none is refused before any frame."""
    for token in (None, "wrong", KEY[:-1], f"{KEY}x", KEY.upper()):
        chat = bench.connect(**({} if token is None else {"token": token}))
        await chat.open()
        if not chat.refused:
            chat.send({"type": "message", "thread_id": "t-1", "content": "hello"})
            await chat.until(lambda chat=chat: bool(chat.messages) or chat.ended)  # type: ignore[misc]
        code = None if chat.refused else chat.close_code
        wanted = code in (None, 1008) if bench.declares("close_codes=1008") else True
        chat.expect(
            not chat.messages and wanted and (bool(chat.refused) or code is not None),
            check="refused",
            clause="AC27",
            expected=f"with the token {token}: refused before any frame, closed with 1008",
            actual=chat.refused or f"closed with {code}, after {len(chat.messages)} frames",
        )
        chat.release()
    async with bench.connect(token=KEY) as chat:
        await chat.works("AC27")
    for headers, opens in (
        ({}, False),
        ({"X-API-Key": "wrong"}, False),
        ({"X-API-Key": KEY}, True),
    ):
        status, body = await bench.get("/conversations", headers=headers)
        bench.expect(
            (status == 200) is opens and (opens or status in (401, 403)),
            check="x_api_key",
            clause="AC27",
            expected=f"with {headers}: {200 if opens else '401 or 403'}",
            actual=f"{status} {excerpt(str(body))}",
        )
