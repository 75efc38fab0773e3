"""The assertion vocabulary: what a scenario can say about a finished exchange.

    response.no_error().http_status(200).utf8_valid().content_contains("😀")

Every check returns the Checks it was called on and never raises for what a
daemon did: a check that does not hold is a Finding in `failures`, with the
clause it violates, what was expected, what was found, and where.

Each check knows the clause it judges. Where a scenario says `clause=`, it means
"that this exchange is served at all is this clause's matter": nothing arrived,
it was refused, it broke off, it holds what the API never sent. A flaw in an
answer that was served is cited by the check's own clause all the same: a daemon
that never sends `[DONE]` has broken R4 after a SIGHUP too.

The checks stand in modules by what they look at:

    recorder.py  records findings, and each cause once
    answer.py    the answer alone
    failure.py   the answer where it must have failed
    relay.py     the answer beside what the API was asked and sent
"""

from __future__ import annotations

from conformance.checks.relay import RelayChecks


class Checks(RelayChecks):
    """A finished exchange, to be checked. See the module for the rules."""
