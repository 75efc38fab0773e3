"""The control API: the journal, the keys, the answers, the scripts and the gates (docs/control.md).

All its paths have one prefix, and it speaks JSON. The journal calls back when an entry
changes, so a wait does not poll. With several workers each has its own journal: a worker
cannot answer for the others, and refuses control requests.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from mock_api.language import openai
from mock_api.language.errors import Fault, openai_error
from mock_api.language.json_values import ScriptError, fields
from mock_api.language.registered import Registered
from mock_api.language.rules import rules
from mock_api.language.script_json import from_json
from mock_api.playing.answers import Answers
from mock_api.playing.entry import ALL_EVENTS, End, Entry
from mock_api.playing.exchange import Later, Reply, Request
from mock_api.playing.keys import Keys
from mock_api.playing.services import Services

PREFIX = "/_control"

LONGEST_WAIT = 300.0
"""Seconds; every scenario's deadline is much shorter."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")

Answer = tuple[int, Any]


class ControlError(Exception):
    """A request that cannot be served: its status, and a sentence with what was expected."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Query:
    """The parameters of a control request. Unknown and malformed ones are errors."""

    def __init__(self, text: str, known: tuple[str, ...]) -> None:
        parsed = parse_qs(text, keep_blank_values=True)
        for name, values in parsed.items():
            if name not in known:
                raise ControlError(400, f"unknown parameter {name!r}; known: {', '.join(known)}")
            if len(values) > 1:
                raise ControlError(400, f"{name!r} is given {len(values)} times; give it once")
        self._values = {name: values[0] for name, values in parsed.items()}

    def text(self, name: str) -> str | None:
        """The parameter; None: absent."""
        return self._values.get(name)

    def whole(self, name: str, default: int) -> int:
        """A whole number, not negative."""
        text = self._values.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            raise ControlError(400, f"{name!r} must be a whole number, found {text!r}")
        return int(text)

    def flag(self, name: str) -> bool:
        """Whether it is `1`; `0` when absent."""
        text = self._values.get(name, "0")
        if text not in ("0", "1"):
            raise ControlError(400, f"{name!r} must be 0 or 1, found {text!r}")
        return text == "1"

    def seconds(self, name: str, default: float) -> float:
        """Seconds, up to the longest wait."""
        text = self._values.get(name)
        try:
            value = default if text is None else float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= LONGEST_WAIT:
            raise ControlError(
                400, f"{name!r} must be seconds from 0 to {LONGEST_WAIT:g}, found {text!r}"
            )
        return value


class Control:
    """The routes under the prefix."""

    def __init__(
        self, services: Services, keys: Keys, scripts: Registered, answers: Answers, workers: int
    ) -> None:
        self._answers = answers
        self._journal = services.journal
        self._gates = services.gates
        self._keys = keys
        self._scripts = scripts
        self._workers = workers
        self._routes: tuple[tuple[str, re.Pattern[str], Callable[..., Answer | Later]], ...] = (
            ("GET", re.compile(r"/journal"), self._show),
            ("DELETE", re.compile(r"/journal"), self._clear),
            ("GET", re.compile(r"/journal/wait"), self._wait),
            ("PUT", re.compile(r"/keys/([^/]+)"), self._put_key),
            ("DELETE", re.compile(r"/keys/([^/]+)"), self._delete_key),
            ("POST", re.compile(r"/answers/([^/]+)"), self._add_answers),
            ("DELETE", re.compile(r"/answers/([^/]+)"), self._delete_answers),
            ("PUT", re.compile(r"/scripts/([^/]+)"), self._put_script),
            ("DELETE", re.compile(r"/scripts/([^/]+)"), self._delete_script),
            ("POST", re.compile(r"/gates/([^/]+)"), self._open_gate),
        )

    def reply(self, request: Request) -> Reply | Later:
        """The answer to a request whose path has the prefix; it is not journalled."""
        request.credential = None
        try:
            answer = self._route(request)
        except ControlError as error:
            answer = (error.status, openai_error(Fault(error.status, str(error), code="control")))
        if isinstance(answer, Later):
            return answer
        return Reply(openai.answer(*answer), journalled=False)

    def _route(self, request: Request) -> Answer | Later:
        if self._workers > 1:
            raise ControlError(
                409,
                f"this mock has {self._workers} workers, each with its own journal, so one "
                "cannot answer for all; start it with --workers 1 to use the control API",
            )
        path = request.path.removeprefix(PREFIX)
        allowed = []
        for method, form, handler in self._routes:
            if match := form.fullmatch(path):
                if method == request.method:
                    return handler(request, *(_name(unquote(part)) for part in match.groups()))
                allowed.append(method)
        if allowed:
            raise ControlError(
                405, f"{request.path} takes {' and '.join(allowed)}, not {request.method}"
            )
        forms = sorted({form.pattern.replace("([^/]+)", "NAME") for _, form, _ in self._routes})
        raise ControlError(
            404, f"expected {PREFIX} and one of {', '.join(forms)}; found {request.path!r}"
        )

    def _show(self, request: Request) -> Answer:
        query = Query(request.query, ("token", "key", "after", "brief", "most"))
        entries = self._journal.find(
            token=query.text("token"), key=query.text("key"), after=query.whole("after", 0)
        )
        brief, most = query.flag("brief"), query.whole("most", ALL_EVENTS)
        shown = [entry.as_json(brief=brief, most=most) for entry in entries]
        return 200, {"entries": shown, "dropped": self._journal.dropped}

    def _clear(self, request: Request) -> Answer:
        Query(request.query, ())
        self._journal.clear()
        return 200, {}

    def _wait(self, request: Request) -> Answer | Later:
        known = ("token", "key", "after", "for", "events", "timeout", "brief")
        query = Query(request.query, known)
        token, key = query.text("token"), query.text("key")
        after, events = query.whole("after", 0), query.whole("events", 0)
        state = query.text("for") or "received"
        timeout = query.seconds("timeout", 10.0)
        brief = query.flag("brief")
        if token is None and key is None:
            raise ControlError(
                400,
                "expected 'token' or 'key', found neither; add the one of the request to wait for",
            )
        if state not in ("received", "ended"):
            raise ControlError(400, f"'for' must be received or ended, found {state!r}")
        journal = self._journal

        def matching() -> list[Entry]:
            return list(journal.find(token=token, key=key, after=after))

        def satisfied() -> bool:
            entries = matching()
            if state == "ended" and any(entry.end is End.RUNNING for entry in entries):
                return False
            return bool(entries) and max(entry.events_sent for entry in entries) >= events

        def report(*, satisfied: bool) -> Answer:
            shown = [entry.as_json(brief=brief) for entry in matching()]
            return 200, {"entries": shown, "satisfied": satisfied}

        if satisfied() or not timeout:
            return report(satisfied=satisfied())
        later = Later()

        def changed(entry: Entry) -> None:
            reply = entry.reply
            if token in (None, reply.token) and key in (None, reply.key) and satisfied():
                later.resolve(openai.answer(*report(satisfied=True)))

        def expired() -> None:
            later.resolve(openai.answer(*report(satisfied=False)))

        timer = asyncio.get_running_loop().call_later(timeout, expired)
        later.on_end(journal.watch(changed), timer.cancel)
        return later

    def _put_key(self, request: Request, name: str) -> Answer:
        if _json(request) == {"next": True}:
            self._keys.register_next(name)
            return 200, {}
        key = _body(request, {"key": str})["key"]
        if not key:
            raise ControlError(400, "'key' must not be empty")
        self._keys.register(name, key)
        return 200, {}

    def _delete_key(self, request: Request, name: str) -> Answer:
        if not self._keys.remove(name):
            raise ControlError(404, f"no key is registered as {name!r}")
        return 200, {}

    def _add_answers(self, request: Request, name: str) -> Answer:
        first = Query(request.query, ("first",)).flag("first")
        try:
            readers: dict[str, Any] = {"answers": rules}
            given = fields("", _json(request), readers, required=("answers",))["answers"]
        except ScriptError as error:
            raise ControlError(400, str(error)) from None
        self._answers.add(name, given, first=first)
        return 200, {}

    def _delete_answers(self, request: Request, name: str) -> Answer:
        if not self._answers.remove(name):
            raise ControlError(404, f"no answers are given for the key {name!r}")
        return 200, {}

    def _put_script(self, request: Request, name: str) -> Answer:
        try:
            self._scripts.put(name, from_json(_json(request)))
        except ScriptError as error:
            raise ControlError(400, str(error)) from None
        return 200, {}

    def _delete_script(self, request: Request, name: str) -> Answer:
        if not self._scripts.remove(name):
            raise ControlError(404, f"no script is registered as {name!r}")
        return 200, {}

    def _open_gate(self, request: Request, token: str) -> Answer:
        number = _body(request, {"open": int})["open"]
        if number < 1:
            raise ControlError(400, f"'open' must be a gate's number, from 1, found {number}")
        self._gates.open(token, number)
        return 200, {}


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ControlError(400, f"a name is 1 to 64 of A-Z a-z 0-9 _ . -; found {text[:80]!r}")
    return text


def _json(request: Request) -> Any:
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise ControlError(400, f"the body must be JSON: {error}") from None


def _body(request: Request, fields: dict[str, type]) -> dict[str, Any]:
    """The request's JSON object, which has exactly these fields, of these types."""
    form = ", ".join(f'"{name}": {kind.__name__}' for name, kind in fields.items())
    body = _json(request)
    if not isinstance(body, dict) or body.keys() != fields.keys():
        raise ControlError(400, f"the body must be {{{form}}}; found {str(body)[:80]!r}")
    for name, kind in fields.items():
        if type(body[name]) is not kind:
            raise ControlError(
                400, f"{name!r} must be {kind.__name__}; found {str(body[name])[:80]!r}"
            )
    return body
