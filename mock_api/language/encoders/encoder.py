"""What an encoder is: one API's way to send an answer.

The patterns that cut, stall, reset or delay know nothing of the API: they change the script that
`script` makes, one write for each event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mock_api.language import openai
from mock_api.language.answer import Answer, Options
from mock_api.language.errors import Fault, openai_error
from mock_api.language.pacing import paced
from mock_api.language.script import Framing, Script
from mock_api.language.steps import Write, spaced

REQUEST_ID = "req_mock"
"""The id of every request: a pattern is the same bytes every time."""

MOST_MODEL = 128
"""Characters of a model's name that is repeated in the answer."""


class Asked(NamedTuple):
    """What a request asks for that changes an answer's bytes."""

    stream: bool = True
    model: str = openai.MODEL
    usage: bool = False
    """`stream_options.include_usage`."""


def asked(body: Mapping[str, Any]) -> Asked:
    """What the body asks for. A model that names a pattern is not repeated."""
    model = body.get("model")
    if type(model) is not str or len(model) > MOST_MODEL or model.startswith("test:"):
        model = openai.MODEL
    options = body.get("stream_options")
    usage = type(options) is dict and options.get("include_usage") is True
    return Asked(body.get("stream") is True, model, usage)


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """One API."""

    name: str
    path: str
    events: Callable[[Answer, Asked], tuple[bytes, ...]]
    """The events of `stream: true`."""
    whole: Callable[[Answer, Asked], Any]
    """The one object of `stream: false`."""
    conversation: str
    """The request's field with the text or the messages."""
    error: Callable[[Fault], Any] = openai_error
    """An error's object."""
    id_header: str = "x-request-id"

    def script(self, answer: Answer, asked: Asked, name: str, options: Options) -> Script:
        """The script of the answer to a request; `name` is that of the pattern."""
        applied = ("x-test-pattern-applied", name)
        identity = (self.id_header, REQUEST_ID)
        if asked.stream:
            events = tuple(spaced(self.events(answer, asked), delay=options.delay))
            kind = ("content-type", "text/event-stream")
            headers = (kind, ("cache-control", "no-cache"), identity, applied)
            return paced(Script(headers=headers, steps=events), options.pace)
        if answer.fault is not None:
            return self.failure(Fault(500, answer.fault, "server_error", None), applied)
        made = Script(
            headers=(("content-type", "application/json"), identity, applied),
            steps=(Write(openai.compact(self.whole(answer, asked))),),
            framing=Framing.LENGTH,
        )
        return paced(made, options.pace)

    def failure(self, fault: Fault, *headers: tuple[str, str]) -> Script:
        """The script of an error in this API's form."""
        return openai.answer(fault.status, self.error(fault), *headers)


def typed(kind: str, **fields: Any) -> bytes:
    """A server-sent event of this type, whose data has the type as well."""
    data = openai.compact({"type": kind, **fields})
    return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"
