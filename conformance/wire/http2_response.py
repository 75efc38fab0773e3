"""The parser of an answer on one HTTP/2 stream: the same evidence as for HTTP/1.1.

A stream's first read is its head, written as an HTTP/1.1 head without framing; the later
reads are the bytes of DATA frames. Whether the message ended (END_STREAM) is what the
connection reports, because no byte says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from conformance.core.evidence import Ending, Response, Transcript
from conformance.core.finding import FindingKind
from conformance.wire.http1_message import SELF_DELIMITED, HeadRules
from conformance.wire.response import ResponseParser

CONNECTION_FIELDS = frozenset(
    {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
)
"""Fields that an HTTP/2 message must not have (RFC 9113 8.2.2)."""


class Http2ResponseParser(ResponseParser):
    """The parser of one stream."""

    def __init__(self, ended: Callable[[], bool], *, codings: frozenset[str] = frozenset()) -> None:
        """ended: whether END_STREAM arrived and everything before it was read."""
        super().__init__(HeadRules(framed=True, codings=codings) if codings else SELF_DELIMITED)
        self._ended = ended

    @property
    def message_ended(self) -> bool:
        """Whether END_STREAM arrived, after everything that was fed."""
        return self.head_seen and self._ended()

    def response(self, transcript: Transcript) -> Response:
        """What was fed, as the Response of this transcript."""
        seen = super().response(transcript)
        orderly = transcript.ending in (Ending.EOF, Ending.MESSAGE)
        # The end of the connection is not the end of the message.
        truncated = seen.truncated or (orderly and self.head_seen and not self._ended())
        violations = tuple(
            violation
            for violation in seen.violations
            if not (violation.kind is FindingKind.HEAD and "status line" in violation.rule)
        )
        return replace(seen, truncated=truncated, violations=violations)
