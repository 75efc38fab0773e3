"""What is answered to which request: the routes, and the state they share.

The app knows no protocol and no socket. A request goes in, a Reply comes out: a
script, and what the journal should say about it. A reply that depends on what
happens next (the control API waits for the journal) is a Later.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mock_api.control import Control
from mock_api.language import openai
from mock_api.language.patterns import SCRIPT, Options, PatternError, applied_name, script
from mock_api.language.registered import Registered
from mock_api.language.script import Attempts, Script
from mock_api.language.selection import ORDINARY, Selection, select
from mock_api.net.reading import Reading
from mock_api.playing.exchange import KNOWN_SIZE, Later, Reply, Request
from mock_api.playing.gates import Gates
from mock_api.playing.journal import Journal

if TYPE_CHECKING:
    from mock_api.http1.connection import KnownBytes
    from mock_api.net.connection import Connection
    from mock_api.playing.timer_wheel import Wheel

PREFIX = "/_control"

MOST_KNOWN = 256
"""How many are remembered. All are forgotten when there are more: a load generator
repeats a few, and a test suite, which repeats none, pays nothing to speak of."""


class Keys:
    """The API keys requests may carry, each under a name."""

    def __init__(self) -> None:
        self._names: dict[bytes, str] = {}

    def register(self, name: str, key: str) -> None:
        """From now on a request with this key is authorized, and journalled under the name."""
        self.forget(name)
        self._names[b"Bearer " + key.encode()] = name

    def forget(self, name: str) -> bool:
        """Whether there was a key of that name."""
        kept = {key: known for key, known in self._names.items() if known != name}
        found = len(kept) < len(self._names)
        self._names = kept
        return found

    def name(self, authorization: bytes | None) -> str | None:
        """The name of the key in the header's value; None for a strange one and for none."""
        return None if authorization is None else self._names.get(authorization)


class App:
    """The mock API without its sockets."""

    def __init__(self, *, options: Options, journal_size: int, workers: int) -> None:
        self.options = options
        self.workers = workers
        self.journal = Journal(journal_size)
        self.gates = Gates()
        self.keys = Keys()
        self.scripts = Registered()
        self.connections: set[Connection] = set()
        self.wheel: Wheel
        """Set by the server, which has the event loop."""
        self.known: dict[bytes, KnownBytes] = {}
        """Complete requests, byte for byte, and what HTTP/1.1 answers to them."""
        self.generation = 0
        """Replies remembered before this number changed are not to be given again."""
        self._control = Control(self)
        self._connections_made = 0
        self._routes: dict[str, tuple[str, Callable[[Request], Reply]]] = {
            "/v1/chat/completions": ("POST", self._chat),
            "/v1/models": ("GET", lambda request: self._say(request, 200, openai.models())),
            "/health": ("GET", self._health),
            "/stats": ("GET", self._stats),
            "/stats/reset": ("POST", self._reset_stats),
        }

    def next_connection(self) -> int:
        """A number for a new connection, from 1."""
        self._connections_made += 1
        return self._connections_made

    def remember(self, data: bytes, known: KnownBytes) -> None:
        """Answer this request in the same way when it comes again."""
        if len(data) <= KNOWN_SIZE:
            if len(self.known) >= MOST_KNOWN:
                self.known.clear()
            self.known[data] = known

    def forget(self) -> None:
        """Something changed that replies depend on."""
        self.generation += 1
        self.known.clear()

    def reply(self, request: Request) -> Reply | Later:
        """What to answer."""
        if request.path.startswith(PREFIX):
            return self._control.reply(request)
        route = self._routes.get(request.path)
        if route is None:
            there_are = ", ".join(self._routes)
            fault = openai.error(
                f"nothing is at {request.path!r}; there are: {there_are}", code="not_found"
            )
            return self._say(request, 404, fault)
        method, handler = route
        if request.method != method:
            fault = openai.error(
                f"{request.path} takes {method}, not {request.method}", code="method_not_allowed"
            )
            return self._say(request, 405, fault, ("allow", method))
        return handler(request)

    def refusal(self, status: int, why: str) -> Reply:
        """The answer to what is no request."""
        return Reply(openai.answer(status, openai.error(why, code="bad_request")), journalled=False)

    def _chat(self, request: Request) -> Reply:
        header = request.header(b"x-test-pattern")
        if not request.complete:
            selection = select(header, None)
            chosen = self.scripts.choose(selection.pattern.removeprefix(SCRIPT), selection.token)
            return self._reply(request, chosen, selection, selection.pattern)
        try:
            body = json.loads(request.body)
        except (ValueError, RecursionError) as error:
            return self._bad(request, select(header, None), f"the body is no JSON: {error}")
        if not isinstance(body, dict):
            return self._bad(request, select(header, None), "the body must be a JSON object")
        selection = select(header, body)
        messages, stream = body.get("messages"), body.get("stream", False)
        if not isinstance(messages, list) or not messages:
            return self._bad(request, selection, "'messages' must be a list that is not empty")
        if not isinstance(stream, bool):
            return self._bad(request, selection, "'stream' must be true or false")
        if selection.fault is not None:
            return self._bad(request, selection, selection.fault, code="bad_pattern")
        try:
            chosen = self._script(selection, stream=stream)
        except PatternError as error:
            return self._bad(request, selection, str(error), code="bad_pattern")
        return self._reply(request, chosen, selection, selection.pattern or None)

    def _script(self, selection: Selection, *, stream: bool) -> Script:
        pattern = selection.pattern
        if not pattern.startswith(SCRIPT):
            return script(pattern, self.options, stream=stream)
        name = pattern.removeprefix(SCRIPT)
        try:
            return self.scripts.choose(name, selection.token)
        except KeyError:
            there_are = ", ".join(self.scripts) or "none"
            raise PatternError(
                f"no script is registered as {name[:80]!r}; there are: {there_are}"
            ) from None

    def reading(self, pattern: str) -> tuple[Reading, str | None] | None:
        """How a request with this X-Test-Pattern is read, and its token; None: as usual."""
        selection = select(pattern, None)
        if selection.fault is not None or not selection.pattern.startswith(SCRIPT):
            return None
        name = selection.pattern.removeprefix(SCRIPT)
        if name not in self.scripts:
            return None
        reading = self.scripts.next(name, selection.token).reading
        return None if reading is None else (reading, selection.token)

    def register(self, name: str, given: Script | Attempts) -> None:
        """Answer the pattern `script:NAME` with this from now on."""
        applied = ("x-test-pattern-applied", applied_name(f"{SCRIPT}{name}"))
        self.scripts.put(name, given, applied)
        self.forget()

    def _bad(
        self, request: Request, selection: Selection, why: str, *, code: str = "bad_request"
    ) -> Reply:
        return self._reply(request, openai.answer(400, openai.error(why, code=code)), selection)

    def _say(self, request: Request, status: int, said: Any, *headers: tuple[str, str]) -> Reply:
        """A JSON answer outside of chat; only the header can carry a token there."""
        chosen = openai.answer(status, said)
        if headers:
            chosen = replace(chosen, headers=chosen.headers + headers)
        return self._reply(request, chosen, select(request.header(b"x-test-pattern"), None))

    def _reply(
        self,
        request: Request,
        chosen: Script,
        selection: Selection = ORDINARY,
        pattern: str | None = None,
    ) -> Reply:
        key = self.keys.name(request.credential)
        request.credential = None
        return Reply(
            chosen, selection=selection, pattern=pattern, key=key, authorized=key is not None
        )

    def _health(self, request: Request) -> Reply:
        return Reply(openai.answer(200, {"status": "ok"}), journalled=False)

    def _stats(self, request: Request) -> Reply:
        said = {
            **self.journal.counts(),
            "connections": len(self.connections),
            "workers": self.workers,
        }
        return Reply(openai.answer(200, said), journalled=False)

    def _reset_stats(self, request: Request) -> Reply:
        self.journal.reset_counts()
        return Reply(openai.answer(200, {"status": "ok"}), journalled=False)
