"""The application: it decides what the mock answers to a request.

The application knows no protocol and no socket. It turns a request into a Reply: a script,
and facts for the journal. A reply that waits for the journal (the control API) is a Later.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from mock_api.control import PREFIX, Control
from mock_api.language import openai
from mock_api.language.answer import Options
from mock_api.language.patterns import PatternError, script
from mock_api.language.reading import Reading
from mock_api.language.registered import SCRIPT, Registered
from mock_api.language.script import Script
from mock_api.language.selection import ORDINARY, Selection, select
from mock_api.playing.exchange import Later, Reply, Request
from mock_api.playing.keys import Keys
from mock_api.playing.services import Services

_raw_decode = json.JSONDecoder().raw_decode


class App:
    """The mock API without its sockets."""

    def __init__(self, services: Services, *, options: Options, workers: int) -> None:
        self._services = services
        self._workers = workers
        self._keys = Keys()
        self._scripts = Registered()
        self._control = Control(services, self._keys, self._scripts, workers)

        @lru_cache(maxsize=512)
        def pattern_script(pattern: str, stream: bool) -> Script:
            return script(pattern, options, stream=stream)

        self._pattern_script = pattern_script
        self._routes: dict[str, tuple[str, Callable[[Request], Reply]]] = {
            "/v1/chat/completions": ("POST", self._chat),
            "/v1/models": ("GET", lambda request: self._json(request, 200, openai.models())),
            "/health": ("GET", self._health),
            "/stats": ("GET", self._stats),
            "/stats/reset": ("POST", self._reset_stats),
        }

    def reply(self, request: Request) -> Reply | Later:
        """The reply to a request."""
        routes = self._routes
        route = routes.get(request.target) or routes.get(request.path)
        if route is None:
            path = request.path
            if path.startswith(PREFIX):
                return self._control.reply(request)
            paths = ", ".join(routes)
            fault = openai.error(f"expected one of {paths}, found {path!r}", code="not_found")
            return self._json(request, 404, fault)
        method, handler = route
        if request.method != method:
            fault = openai.error(
                f"{request.path} takes {method}, not {request.method}", code="method_not_allowed"
            )
            return self._json(request, 405, fault, ("allow", method))
        return handler(request)

    def refusal(self, status: int, reason: str) -> Reply:
        """The reply to bytes that are not a valid request."""
        fault = openai.error(reason, code="bad_request")
        return Reply(openai.answer(status, fault), journalled=False)

    def reading(self, pattern: str) -> tuple[Reading, str | None] | None:
        """How to read a request with this X-Test-Pattern, and its token; None: as usual."""
        if SCRIPT not in pattern:
            return None
        selection = select(pattern, None)
        if selection.fault is not None or not selection.pattern.startswith(SCRIPT):
            return None
        name = selection.pattern.removeprefix(SCRIPT)
        if name not in self._scripts:
            return None
        reading = self._scripts.next(name, selection.token).reading
        return None if reading is None else (reading, selection.token)

    def _chat(self, request: Request) -> Reply:
        if not request.complete:
            selection = select(request.pattern, None)
            chosen = self._scripts.choose(selection.pattern.removeprefix(SCRIPT), selection.token)
            return self._reply(request, chosen, selection, selection.pattern)
        try:
            body = _decoded(request.body)
        except (ValueError, RecursionError) as error:
            return self._bad(
                request, select(request.pattern, None), f"the body is not JSON: {error}"
            )
        if not isinstance(body, dict):
            return self._bad(
                request, select(request.pattern, None), "the body must be a JSON object"
            )
        selection = select(request.pattern, body)
        messages, stream = body.get("messages"), body.get("stream", False)
        if not isinstance(messages, list) or not messages:
            return self._bad(request, selection, "'messages' must be a list that is not empty")
        if stream is not True and stream is not False:
            return self._bad(request, selection, "'stream' must be true or false")
        if selection.fault is not None:
            return self._bad(request, selection, selection.fault, code="bad_pattern")
        pattern = selection.pattern
        try:
            if pattern.startswith(SCRIPT):
                chosen = self._registered(pattern.removeprefix(SCRIPT), selection.token)
            else:
                chosen = self._pattern_script(pattern, stream)
        except PatternError as error:
            return self._bad(request, selection, str(error), code="bad_pattern")
        return self._reply(request, chosen, selection, pattern or None)

    def _registered(self, name: str, token: str | None) -> Script:
        """The registered script's next attempt for this token. Raises PatternError."""
        try:
            return self._scripts.choose(name, token)
        except KeyError:
            names = ", ".join(self._scripts) or "none"
            raise PatternError(
                f"no script is registered as {name[:80]!r}; registered: {names}"
            ) from None

    def _bad(
        self, request: Request, selection: Selection, reason: str, *, code: str = "bad_request"
    ) -> Reply:
        return self._reply(request, openai.answer(400, openai.error(reason, code=code)), selection)

    def _json(self, request: Request, status: int, value: Any, *headers: tuple[str, str]) -> Reply:
        """A JSON answer outside of chat; only the header can carry a token there."""
        chosen = openai.answer(status, value)
        if headers:
            chosen = replace(chosen, headers=chosen.headers + headers)
        return self._reply(request, chosen, select(request.pattern, None))

    def _reply(
        self,
        request: Request,
        chosen: Script,
        selection: Selection = ORDINARY,
        pattern: str | None = None,
    ) -> Reply:
        key = self._keys.name(request.credential)
        request.credential = None
        return Reply(chosen, selection.source, selection.token, pattern, key)

    def _health(self, request: Request) -> Reply:
        return Reply(openai.answer(200, {"status": "ok"}), journalled=False)

    def _stats(self, request: Request) -> Reply:
        stats = {
            **self._services.journal.counts(),
            "connections": len(self._services.connections),
            "workers": self._workers,
        }
        return Reply(openai.answer(200, stats), journalled=False)

    def _reset_stats(self, request: Request) -> Reply:
        self._services.journal.reset_counts()
        return Reply(openai.answer(200, {"status": "ok"}), journalled=False)


def _decoded(body: bytes) -> Any:
    """The JSON value of a body. Raises ValueError and RecursionError.

    The common case, UTF-8 without white space around the value, needs only `raw_decode`.
    """
    try:
        value, end = _raw_decode(text := body.decode())
    except ValueError:
        return json.loads(body)
    return value if end == len(text) else json.loads(body)
