"""The list of models: of one API as it stands, of several APIs merged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from llm_api import exact_json
from llm_api.exact_json import is_text
from llm_api.failure import Failure
from llm_api.receiving import check_head, read_body
from llm_api.request import Request

from llm_gateway.chat import JSON, Call
from llm_gateway.exchange import Reporting
from llm_gateway.routes import Route

_MAX_LIST = 4 * 1024 * 1024
"""Size limit of one API's list, in bytes."""


async def list_models(calls: Sequence[tuple[Route, Call]], response: Reporting) -> None:
    """Answer with the models that every reachable API has and its route names.

    Raises the first API's Failure if every API fails.
    """
    results = await asyncio.gather(
        *(_models(route, call) for route, call in calls), return_exceptions=True
    )
    models: dict[str, str] = {}
    for result in reversed(results):
        if not isinstance(result, BaseException):
            models = result | models
        elif not isinstance(result, Failure):
            raise result
    failures = [result for result in results if isinstance(result, Failure)]
    if len(failures) == len(results):
        raise failures[0]
    body = f'{{"object":"list","data":[{",".join(models.values())}]}}'.encode()
    response.whole(200, [("content-type", JSON), ("cache-control", "no-cache")], body)


async def _models(route: Route, call: Call) -> dict[str, str]:
    """The models of one API by name, each as its own text."""
    request = Request(
        headers=tuple(call.headers), method=b"GET", path="/models", accept=JSON.encode()
    )
    reply = await call.upstream.request(request)
    try:
        await check_head(reply, JSON, call.redact, idle=call.idle)
        body = await read_body(reply, limit=_MAX_LIST, idle=call.idle)
    except BaseException:
        reply.cancel()
        raise
    try:
        text = body.decode()
        data = exact_json.decode(text)["data"]
        raw = exact_json.elements(exact_json.members(text)["data"])
        names = [model["id"] for model in data]
    except (ValueError, RecursionError, LookupError, TypeError):
        raise Failure("the API's list of models is malformed") from None
    return {
        name: model
        for name, model in zip(names, raw, strict=True)
        if is_text(name) and route.serves(name)
    }
