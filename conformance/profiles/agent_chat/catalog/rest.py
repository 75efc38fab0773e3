"""REST: health without an envelope, everything else in one."""

from typing import Any

from conformance.core.quoting import excerpt
from conformance.core.scenario import Start, scenario
from conformance.profiles.agent_chat.bench import AgentBench
from conformance.profiles.websocket.model import new_token

EDGES = "smart-support tests/e2e/test_chat_flows.py, edge cases"

KEY = "key-of-the-suite"
LOCKED = Start(options={"api_key": KEY})


def _judge(
    bench: AgentBench, holds: bool, name: str, expected: str, answer: tuple[int, Any]
) -> None:
    status, body = answer
    bench.check(holds, name, expected=expected, actual=f"{status} {excerpt(str(body))}")


def _is_error(body: Any) -> bool:
    return (
        isinstance(body, dict)
        and body.get("success") is False
        and body.get("data", 0) is None
        and isinstance(body.get("error"), str)
    )


@scenario(clause="AC28", evidence=EDGES)
async def health_is_ok(bench: AgentBench) -> None:
    """The backend answers GET /api/v1/health with 200 and a top-level status of ok."""
    status, body = answer = await bench.rest.get("/health")
    holds = status == 200 and isinstance(body, dict) and body.get("status") == "ok"
    _judge(bench, holds, "health", '200 {"status": "ok", …}', answer)


@scenario(clause="AC29")
async def unknown_route_in_envelope(bench: AgentBench) -> None:
    """The backend answers an unknown route with a 404 in the envelope."""
    status, body = answer = await bench.rest.get(f"/no-such-route-{new_token()}")
    expected = '404 {"success": false, "data": null, "error": "…"}'
    _judge(bench, status == 404 and _is_error(body), "envelope", expected, answer)


@scenario(clause="AC29", needs=("rest=conversations",))
async def conversations_in_envelope(bench: AgentBench) -> None:
    """The backend lists conversations in the envelope, and answers a wrong page with a 422."""
    status, body = answer = await bench.rest.get("/conversations?page=1&per_page=2")
    data = body.get("data") if isinstance(body, dict) else None
    holds = (
        status == 200
        and isinstance(data, dict)
        and body.get("success") is True
        and {"conversations", "total", "page", "per_page"} <= set(data)
    )
    expected = "200, success, data with conversations, total, page and per_page"
    _judge(bench, holds, "envelope", expected, answer)
    status, body = answer = await bench.rest.get("/conversations?page=zero")
    holds = status == 422 and _is_error(body)
    _judge(bench, holds, "envelope", "422, in the envelope", answer)


@scenario(clause="AC27", alone=True, start=LOCKED)
async def key_opens(bench: AgentBench) -> None:
    """The backend refuses a wrong token before any frame, and a wrong X-API-Key."""
    for token in (None, "wrong", KEY[:-1], f"{KEY}x", KEY.upper()):
        await _is_locked_out(bench, token)
    async with bench.connect(token=KEY) as chat:
        await chat.works()
    for headers, opens in (
        ({}, False),
        ({"X-API-Key": "wrong"}, False),
        ({"X-API-Key": KEY}, True),
    ):
        status, body = await bench.rest.get("/conversations", headers=headers)
        holds = (status == 200) is opens and (opens or status in (401, 403))
        expected = f"with {headers}: {200 if opens else '401 or 403'}"
        _judge(bench, holds, "x_api_key", expected, (status, body))


async def _is_locked_out(bench: AgentBench, token: str | None) -> None:
    chat = bench.connect(**({} if token is None else {"token": token}))
    await chat.open()
    if not chat.refused:
        chat.message("t-1", "hello")
        await chat.until(lambda: bool(chat.messages) or chat.ended)
    code = None if chat.refused else chat.close_code
    right_code = code in (None, 1008) or not bench.declares("close_codes=1008")
    chat.check(
        not chat.messages and right_code and (bool(chat.refused) or code is not None),
        "refused",
        expected=f"with the token {token}: refused before any frame, closed with 1008",
        actual=chat.refused or f"closed with {code}, after {len(chat.messages)} frames",
    )
    chat.release()
