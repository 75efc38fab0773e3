"""What a model answers: from a request's body to the script that answers it."""

from __future__ import annotations

import json
import zlib
from functools import lru_cache
from typing import Any

from mock_api.language.answer import Options
from mock_api.language.encoders.embeddings import embeddings
from mock_api.language.encoders.encoder import Asked, Encoder, asked
from mock_api.language.errors import Fault
from mock_api.language.modifiers.wire import STRICT
from mock_api.language.openai import MODEL
from mock_api.language.patterns import PatternError, script
from mock_api.language.registered import SCRIPT, Registered
from mock_api.language.rules import APPLIED, Rule, question
from mock_api.language.script import Script
from mock_api.language.selection import Selection, select
from mock_api.language.strict.requests import invalid
from mock_api.playing.answers import Answers
from mock_api.playing.exchange import Request
from mock_api.playing.keys import Keys

_raw_decode = json.JSONDecoder().raw_decode

MOST_DECOMPRESSED = 16 * 1024 * 1024
"""Bytes of a compressed body after decompression: as many as of another body."""

_WINDOWS = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
"""zlib's window of each coding."""


_NOT_RECORDED = (
    "no recorded request is equal to this one (its last text is {!r}); record it, or start the "
    "mock with --answers in place of --replay"
)


Generated = tuple[Script, Selection, str | None]
"""The script, how the pattern was found, and the applied pattern.

That is `answer` for the answer of a rule, and None for the ordinary answer and for errors.
"""


class RequestError(Exception):
    """The request cannot be answered; `fault` says why."""

    def __init__(self, fault: Fault, selection: Selection) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.selection = selection


class Generator:
    """Answers requests to models."""

    def __init__(self, options: Options, scripts: Registered, keys: Keys, answers: Answers) -> None:
        self._options = options
        self._scripts = scripts
        self._keys = keys
        self._answers = answers

        @lru_cache(maxsize=512)
        def pattern_script(
            pattern: str, encoder: Encoder, stream: bool, model: str, usage: bool
        ) -> Script:
            asked = Asked(stream, model, usage)
            return script(pattern, options, encoder=encoder, asked=asked)

        @lru_cache(maxsize=512)
        def rule_script(rule: Rule, encoder: Encoder, asked: Asked) -> Script:
            return rule.script(options, encoder, asked)

        self._pattern_script = pattern_script
        self._rule_script = rule_script

    def models(self) -> tuple[str, ...]:
        """The models that the API lists."""
        return self._options.models or (MODEL,)

    def unknown_model(self, name: str) -> Fault | None:
        """The error for a model that does not exist; None: it exists."""
        if not self._options.models or name in self._options.models:
            return None
        names = ", ".join(self._options.models)
        reason = f"The model {name[:80]!r} does not exist. There are: {names}"
        return Fault(404, reason, code="model_not_found", param="model")

    def generate(self, encoder: Encoder, request: Request) -> Generated:
        """The answer to a complete request."""
        try:
            return self._generate(encoder, request)
        except RequestError as bad:
            return encoder.failure(bad.fault), bad.selection, None

    def unfinished(self, request: Request) -> Generated:
        """The answer to a request whose script wants to read only a part of its body."""
        selection = select(request.pattern, None)
        name = selection.pattern.removeprefix(SCRIPT)
        return self._scripts.choose(name, selection.token), selection, selection.pattern

    def embed(self, request: Request) -> Any:
        """The vectors that a request asks for, or a Fault."""
        try:
            body = self._body(request)
            self._validate("embeddings", body, select(request.pattern, None))
        except RequestError as bad:
            return bad.fault
        return embeddings(body, asked(body).model)

    def _generate(self, encoder: Encoder, request: Request) -> Generated:
        body = self._body(request)
        field = encoder.conversation
        selection = select(request.pattern, body, field)
        given, stream = body.get(field), body.get("stream", False)
        if field == "messages":
            if not isinstance(given, list) or not given:
                raise _bad(selection, "'messages' must be a list that is not empty", field)
        elif not isinstance(given, (str, list)) or not given:
            raise _bad(selection, f"{field!r} must be a text, or a list that is not empty", field)
        if stream is not True and stream is not False:
            raise _bad(selection, "'stream' must be true or false", "stream")
        if selection.fault is not None:
            raise _bad(selection, selection.fault, code="bad_pattern")
        pattern = selection.pattern
        if self._options.strict or STRICT in pattern:
            self._validate(encoder.name, body, selection)
        if self._answers.given and (self._answers.only or selection.source == "none"):
            key = self._keys.name(request.credential)
            asking = question(encoder.path, body, field)
            rule = self._answers.choose(key, asking)
            if rule is not None:
                return self._rule_script(rule, encoder, asked(body)), selection, APPLIED
            if self._answers.only:
                fault = Fault(404, _NOT_RECORDED.format(asking.text[:80]), code="not_recorded")
                raise RequestError(fault, selection)
        try:
            if pattern.startswith(SCRIPT):
                chosen = self._registered(pattern.removeprefix(SCRIPT), selection.token)
            else:
                model = body.get("model")
                if model == MODEL and "stream_options" not in body:  # Most requests of a load.
                    chosen = self._pattern_script(pattern, encoder, stream, MODEL, False)
                else:
                    chosen = self._pattern_script(pattern, encoder, *asked(body))
        except PatternError as error:
            raise _bad(selection, str(error), code="bad_pattern") from None
        return chosen, selection, pattern or None

    def _validate(self, name: str, body: dict[str, Any], selection: Selection) -> None:
        """As the API does, if that is asked for. Raises RequestError."""
        if self._options.strict or STRICT in selection.pattern.split("+"):
            fault = invalid(name, body) or self.unknown_model(body["model"])
            if fault is not None:
                raise RequestError(fault, selection)

    def _body(self, request: Request) -> dict[str, Any]:
        """The request's JSON object. Raises RequestError."""
        try:
            body = _decoded(request.body)
        except (ValueError, RecursionError) as error:
            unknown = select(request.pattern, None)
            coding = _coding(request)
            if not coding:
                raise _bad(unknown, f"the body is not JSON: {error}") from None
            try:
                body = json.loads(_decompressed(request.body, coding))
            except (ValueError, RecursionError, zlib.error) as inner:
                raise _bad(unknown, f"the body is not {coding} of JSON: {inner}") from None
        if not isinstance(body, dict):
            raise _bad(select(request.pattern, None), "the body must be a JSON object")
        return body

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
    selection: Selection, reason: str, param: str | None = None, code: str = "bad_request"
) -> RequestError:
    return RequestError(Fault(400, reason, code=code, param=param), selection)


def _decoded(body: bytes) -> Any:
    """The JSON value of a body. Raises ValueError and RecursionError.

    The common case, UTF-8 without white space around the value, needs only `raw_decode`.
    """
    try:
        value, end = _raw_decode(text := body.decode())
    except ValueError:
        return json.loads(body)
    return value if end == len(text) else json.loads(body)


def _coding(request: Request) -> str:
    """The value of content-encoding; empty without one."""
    values = [value for name, value in request.headers if name == b"content-encoding"]
    return b", ".join(values).decode("latin-1").strip().lower()


def _decompressed(body: bytes, coding: str) -> bytes:
    """The body without its coding. Raises ValueError and zlib.error."""
    window = _WINDOWS.get(coding.encode())
    if window is None:
        raise ValueError("expected the content-encoding gzip, deflate or none")
    decompressor = zlib.decompressobj(window)
    plain = decompressor.decompress(body, MOST_DECOMPRESSED)
    if not decompressor.eof:
        raise ValueError(f"expected a complete body of at most {MOST_DECOMPRESSED} bytes")
    return plain
