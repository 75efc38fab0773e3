"""The outcome of a load test, for a human and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from conformance.core.quoting import plural
from conformance.load.goal import ranked
from conformance.load.run import Outcome
from conformance.profiles.registry import profile_named

PERCENTILES = (50, 90, 99, 99.9, 100)
"""Percentages of the clients, the best served first: nine in ten got p90 or better."""

MEBIBYTE = 1 << 20

_COLUMNS = ("p50", "p90", "p99", "p99.9", "worst")


def as_text(outcome: Outcome) -> str:
    """A table that fits a screen."""
    return "\n".join(_lines(outcome))


def as_json(outcome: Outcome) -> str:
    """The same figures; times in seconds."""
    wish, measured = outcome.wish, _measured(outcome)
    document: dict[str, Any] = {
        "profile": outcome.profile,
        "target": outcome.target,
        "clients": outcome.begun,
        "requests": wish.requests,
        "completed": outcome.completed,
        "failed": outcome.failures.total(),
        "seconds": outcome.seconds,
        "chunks": _chunks(outcome),
        "tokens": _tokens(outcome),
        "tokens_per_second": _tokens(outcome) / outcome.seconds if outcome.seconds else None,
        **{
            name: dict(zip(_COLUMNS, figures, strict=True))
            for name, _, figures in measured
            if figures
        },
        "valid": outcome.valid,
        "generator_late": outcome.late,
        "good": outcome.good,
        "goodput": outcome.good / outcome.seconds if outcome.seconds else None,
        "server": asdict(outcome.used),
        "failures": [
            {"clients": count, "reason": reason} for reason, count in outcome.failures.most_common()
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _lines(outcome: Outcome) -> Iterator[str]:
    wish = outcome.wish
    asking = f", {plural(wish.requests, 'request')} each" if wish.requests > 1 else ""
    if wish.arrivals is not None:
        asking += f", {wish.arrivals.rate:g} begun a second"
    yield f"{outcome.profile} at {outcome.target}: {plural(outcome.begun, 'client')}{asking}"
    yield f"  completed {outcome.completed}, failed {outcome.failures.total()}"
    if outcome.answers:
        yield " " * 23 + "".join(f"{each:>10}" for each in _COLUMNS)
    for _, label, figures in _measured(outcome):
        if figures:
            yield f"  {label:21}" + "".join(f"{figure:10.3f}" for figure in figures)
    total = f"  {plural(len(outcome.answers), 'answer')} in {outcome.seconds:.3f} s"
    if tokens := _tokens(outcome):
        total += f", {plural(_chunks(outcome), 'chunk')}, {plural(tokens, 'token')}"
        total += f", {tokens / outcome.seconds:.1f} tokens/s in all"
    yield total
    if wish.goal is not None and outcome.seconds:
        kept = f"{outcome.good} of {len(outcome.answers)} answers keep {wish.goal}"
        yield f"  goodput {outcome.good / outcome.seconds:.1f} answers/s: {kept}"
    if outcome.used.rss:
        used = outcome.used
        yield (
            f"  the server: {used.rss / MEBIBYTE:.1f} MiB at most ({used.rss_idle / MEBIBYTE:.1f} "
            f"before), {plural(used.descriptors, 'descriptor')}, {used.cpu:.2f} s of processor time"
        )
    if not outcome.valid:
        yield (
            f"  invalid: this generator was {outcome.late * 1000:.1f} ms late on average, so the "
            "times are its own; use fewer clients, or another machine"
        )
    for reason, count in outcome.failures.most_common():
        yield f"  {plural(count, 'client')} failed: {reason}"


def _measured(outcome: Outcome) -> Iterator[tuple[str, str, list[float]]]:
    """Name, label and percentiles of each measure; empty percentiles for one not measured."""
    first, last = profile_named(outcome.profile).load_times
    answers = outcome.answers
    rates = [each.rate for each in answers if each.rate is not None]
    yield "first_token", f"{first}, s", _percentiles([each.first for each in answers])
    yield "last_token", f"{last}, s", _percentiles([each.last for each in answers])
    gaps = [gap * 1000 for each in answers for gap in each.gaps]
    added = [time * 1000 for each in answers for time in each.added]
    yield "between_tokens_ms", "between tokens, ms", _percentiles(gaps)
    yield "added_ms", "added latency, ms", _percentiles(added)
    yield "client_tokens_per_second", "tokens/s", _percentiles(rates, most_is_best=True)


def _percentiles(values: Sequence[float], *, most_is_best: bool = False) -> list[float]:
    """By nearest rank, from the best to the worst."""
    if not values:
        return []
    ordered = sorted(values, reverse=most_is_best)
    return [ranked(ordered, each) for each in PERCENTILES]


def _chunks(outcome: Outcome) -> int:
    return sum(answer.chunks for answer in outcome.answers)


def _tokens(outcome: Outcome) -> int:
    return sum(answer.tokens for answer in outcome.answers)
