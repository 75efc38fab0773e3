"""The end of a gateway's answer: a stream that failed may be broken off, a good one may not."""

import pytest

from conformance.core.evidence import Ending
from conformance.profiles.gateway.checks import BytesChecks, EventsChecks
from tests.conformance.checks.observations import FAILED, OPENAI, SENT, checks, event

BROKEN = b"".join(event(chunk) for chunk in SENT[:3])


@pytest.mark.parametrize("kind", [EventsChecks, BytesChecks])
@pytest.mark.parametrize(
    ("body", "ending", "holds"),
    [
        (OPENAI, Ending.EOF, True),
        (OPENAI, Ending.RESET, False),
        (OPENAI, Ending.DEADLINE, False),
        (BROKEN + event(FAILED), Ending.EOF, True),
        (BROKEN + event(FAILED), Ending.RESET, True),
        (BROKEN, Ending.RESET, True),
        (BROKEN + event(FAILED), Ending.DEADLINE, False),
    ],
)
def test_ended(
    kind: type[EventsChecks] | type[BytesChecks], body: bytes, ending: Ending, holds: bool
) -> None:
    judged = kind(checks(body, ending=ending).observation, clause="R8")
    judged.ended()
    assert (not judged.failures) is holds
