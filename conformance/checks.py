"""The assertion vocabulary: what a scenario can say about a finished exchange.

    response.no_error().http_status(200).utf8_valid().content_contains("😀")

Every check returns the Checks it was called on and never raises for what a
daemon did: a check that does not hold is a FailedCheck in `failures`, with the
clause it violates, what was expected, what was found, and where. Each check
knows the clause it judges; `clause=` names another where a scenario means
another. The checks stand in modules by what they look at:

    judge.py           noting failures, and telling each cause once
    answer_checks.py   the answer alone
    failure_checks.py  the answer where it must have failed
    relay_checks.py    the answer beside what the API was asked and sent
"""

from __future__ import annotations

from conformance.relay_checks import RelayChecks


class Checks(RelayChecks):
    """A finished exchange, to be checked. See the module for the rules."""
