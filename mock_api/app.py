"""The application: it decides what the mock answers to a request.

The application knows no protocol and no socket. It turns a request into a Reply: a script,
and facts for the journal. A reply that waits for the journal (the control API) is a Later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any
from urllib.parse import unquote

from mock_api.control import PREFIX, Control
from mock_api.generation import Generator
from mock_api.language import openai
from mock_api.language.answer import Options
from mock_api.language.encoders.chat import CHAT
from mock_api.language.encoders.completions import COMPLETIONS
from mock_api.language.encoders.encoder import REQUEST_ID, Encoder
from mock_api.language.encoders.messages import MESSAGES
from mock_api.language.encoders.responses import RESPONSES
from mock_api.language.errors import Fault, openai_error
from mock_api.language.page import PAGE
from mock_api.language.reading import Reading
from mock_api.language.registered import SCRIPT, Registered
from mock_api.language.script import Framing, Script
from mock_api.language.selection import ORDINARY, Selection, select
from mock_api.playing.answers import Answers
from mock_api.playing.exchange import Later, Reply, Request
from mock_api.playing.keys import Keys
from mock_api.playing.services import Services

ENCODERS = (CHAT, COMPLETIONS, RESPONSES, MESSAGES)

MODELS = "/v1/models"

_IDENTITY = ("x-request-id", REQUEST_ID)

_SHARED = (
    ("access-control-allow-origin", "*"),
    ("access-control-expose-headers", "*"),
    ("timing-allow-origin", "*"),
)
"""The fields that let a page of any origin read the answer (fetch.spec.whatwg.org, CORS)."""


class App:
    """The mock API without its sockets."""

    def __init__(
        self, services: Services, *, options: Options, workers: int, answers: Answers | None = None
    ) -> None:
        self._services = services
        self._workers = workers
        self._keys = Keys()
        self._scripts = Registered()
        answers = Answers() if answers is None else answers
        self._generator = Generator(options, self._scripts, self._keys, answers)
        self._control = Control(services, self._keys, self._scripts, answers, workers)
        self._routes: dict[str, tuple[str, Callable[[Request], Reply]]] = {
            **{each.path: ("POST", partial(self._generate, each)) for each in ENCODERS},
            "/v1/embeddings": ("POST", self._embeddings),
            MODELS: ("GET", self._models),
            "/": ("GET", self._page),
            "/health": ("GET", self._health),
            "/stats": ("GET", self._stats),
            "/stats/reset": ("POST", self._reset_stats),
        }

    def reply(self, request: Request) -> Reply | Later:
        """The reply to a request."""
        if b"origin\0" in request.fields:
            return self._to_page(request)
        return self._routed(request)

    def _routed(self, request: Request) -> Reply | Later:
        routes = self._routes
        route = routes.get(request.target) or routes.get(request.path)
        if route is None:
            path = request.path
            if path.startswith(PREFIX):
                return self._control.reply(request)
            if path.startswith(f"{MODELS}/"):
                route = ("GET", self._model)
            else:
                reason = f"expected one of {', '.join(routes)}, found {path!r}"
                return self._error(request, Fault(404, reason, code="not_found"))
        method, handler = route
        if request.method != method:
            if request.method == "OPTIONS":
                return self._reply(
                    request, Script(status=204, headers=(("allow", method),), framing=Framing.RAW)
                )
            reason = f"{request.path} takes {method}, not {request.method}"
            fault = Fault(405, reason, code="method_not_allowed")
            return self._error(request, fault, ("allow", method))
        return handler(request)

    def refusal(self, status: int, reason: str) -> Reply:
        """The reply to bytes that are not a valid request."""
        fault = openai_error(Fault(status, reason, code="bad_request"))
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

    def _to_page(self, request: Request) -> Reply | Later:
        """The reply to a page of another origin: a browser asks first, and reads CORS fields.

        The control API is not for such pages.
        """
        fields = dict(request.headers)
        if b"origin" not in fields or request.path.startswith(PREFIX):
            return self._routed(request)
        if request.method == "OPTIONS" and b"access-control-request-method" in fields:
            asked = fields.get(b"access-control-request-headers", b"*").decode("latin-1")
            allowed = (
                *_SHARED,
                ("access-control-allow-methods", "GET, POST, PUT, DELETE"),
                ("access-control-allow-headers", asked),
                ("access-control-max-age", "600"),
            )
            return Reply(Script(status=204, headers=allowed, framing=Framing.RAW), journalled=False)
        reply = self._routed(request)
        if isinstance(reply, Reply):
            reply.script = _shared(reply.script)
        return reply

    def _generate(self, encoder: Encoder, request: Request) -> Reply:
        if request.complete:
            chosen, selection, pattern = self._generator.generate(encoder, request)
        else:
            chosen, selection, pattern = self._generator.unfinished(request)
        return self._reply(request, chosen, selection, pattern)

    def _embeddings(self, request: Request) -> Reply:
        value = self._generator.embed(request)
        if isinstance(value, Fault):
            return self._error(request, value)
        return self._json(request, value)

    def _models(self, request: Request) -> Reply:
        data = list(map(openai.model, self._generator.models()))
        return self._json(request, {"object": "list", "data": data})

    def _model(self, request: Request) -> Reply:
        name = unquote(request.path.removeprefix(f"{MODELS}/"))
        fault = self._generator.unknown_model(name)
        return self._error(request, fault) if fault else self._json(request, openai.model(name))

    def _error(self, request: Request, fault: Fault, *headers: tuple[str, str]) -> Reply:
        made = openai.answer(fault.status, openai_error(fault), _IDENTITY, *headers)
        return self._reply(request, made, select(request.pattern, None))

    def _json(self, request: Request, value: Any) -> Reply:
        """A JSON answer outside of generation; only the header can carry a token there."""
        return self._reply(
            request, openai.answer(200, value, _IDENTITY), select(request.pattern, None)
        )

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

    def _page(self, request: Request) -> Reply:
        return Reply(PAGE, journalled=False)

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


@lru_cache(maxsize=512)
def _shared(script: Script) -> Script:
    """The script with the fields for pages of other origins."""
    return replace(script, headers=(*script.headers, *_SHARED))
