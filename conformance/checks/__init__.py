"""The assertion vocabulary: checks of a finished exchange, which can be chained.

    response.no_error().http_status(200).utf8_valid().content_contains("😀")

Every check returns the Checks it was called on, and never raises for what a daemon did.
A failed check is a Finding in `failures`: its kind, the expected and the actual value,
and the place. The profile's `blame` table names the clause that each kind breaks.

A finding that is marked `unserved` means that the client did not get an answer as a
whole. Where the exchange was given a clause, or the scenario's first clause promises an
answer, that clause is broken. `clause=` of a check names the clause of its own finding.

The checks stand in modules by what they look at:

    recorder.py    the base: it records findings, and each cause once
    answer.py      the answer alone: head, events, text
    completion.py  its finish_reason and `[DONE]`
    failure.py     an answer that must have failed
    upstream.py    the upstream request
    relay.py       the answer next to what the API sent
"""

from __future__ import annotations

from conformance.checks.relay import RelayChecks


class Checks(RelayChecks):
    """A finished exchange, to be checked. See the module for the rules."""
