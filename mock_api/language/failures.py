"""Failures: an error status, and the body of an API, of a proxy, or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from mock_api.language import openai
from mock_api.language.encoders.encoder import REQUEST_ID, Encoder
from mock_api.language.errors import fault_of
from mock_api.language.named import Named, number
from mock_api.language.script import Framing, Script
from mock_api.language.steps import Write

BODILESS = (204, 205, 304)
RETRY_AFTER = (("retry-after", "1"),)


@dataclass(frozen=True, slots=True)
class Failure(Named):
    """A named kind of failure."""

    body: Callable[[int, Encoder], tuple[str, bytes]]
    """From the status and the API to the content type and the body."""

    def script(self, argument: str, applied: str, encoder: Encoder) -> Script:
        """The response with this status. Raises ValueError."""
        status = number(argument, least=200, most=599)
        if status in BODILESS:
            raise ValueError(f"CODE is not {', '.join(map(str, BODILESS))}: they have no body")
        kind, body = self.body(status, encoder)
        later = RETRY_AFTER if status in (429, 503) else ()
        identity = (encoder.id_header, REQUEST_ID)
        return Script(
            status=status,
            headers=(("content-type", kind), identity, ("x-test-pattern-applied", applied), *later),
            steps=(Write(body),),
            framing=Framing.LENGTH,
        )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _json(status: int, encoder: Encoder) -> tuple[str, bytes]:
    return "application/json", openai.compact(encoder.error(fault_of(status)))


def _html(status: int, encoder: Encoder) -> tuple[str, bytes]:
    return "text/html", f"<html><h1>{status} {_phrase(status)}</h1></html>\n".encode()


def _empty(status: int, encoder: Encoder) -> tuple[str, bytes]:
    return "text/plain", b""


FAILURES = (
    Failure(
        "status:CODE", "this status, with the error that the API documents for it", "429", _json
    ),
    Failure("html:CODE", "this status, with an HTML page", "502", _html),
    Failure("empty:CODE", "this status, with an empty body", "503", _empty),
)
