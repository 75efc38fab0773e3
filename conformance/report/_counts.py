"""The number of results of each verdict, in words and colours."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from conformance.core.result import Verdict

STYLES = {
    Verdict.FAIL: "bold red",
    Verdict.ERROR: "bold red",
    Verdict.SURPRISE: "bold red",
    Verdict.NOT_JUDGED: "bold red",
    Verdict.WARN: "yellow",
    Verdict.KNOWN: "yellow",
    Verdict.PASS: "green",
    Verdict.SKIP: "dim",
}
"""In the order of the counts: the worst verdict first."""


def counts(number: Mapping[Verdict, int]) -> Text:
    """`1 fail, 11 pass`, without the verdicts that did not occur."""
    return Text(", ").join(
        Text(f"{number[verdict]} {verdict.value}", style=style)
        for verdict, style in STYLES.items()
        if number.get(verdict)
    )
