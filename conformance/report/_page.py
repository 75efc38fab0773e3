"""The page of one red result: what should hold, what was seen, how to repeat it.

A page has at most 40 lines of 100 columns, so that it fits one screen. Its parts get
their lines in this order: the description, the failed checks, the evidence. A part that
is cut says so. The command that repeats the scenario is always last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.text import Text

from conformance.core.result import FailedCheck, Result, Verdict
from conformance.report._cause import headline, quoted_rule
from conformance.report._command import explain, repeat
from conformance.report._printable import printable

HEIGHT = 40
"""Lines of a page: an editor's terminal on a laptop shows about as many."""

_EVIDENCE = 12
"""Lines reserved for the evidence, whatever the number of failed checks."""

_LABEL = 10
"""Columns of the labels at the left."""


def page(result: Result, *, place: str, console: Console, program: str) -> list[Text]:
    """The lines of one failure's page; `place` is its number among the failures."""
    if result.setup_error is not None:
        return _setup_error(result, place=place, console=console, program=program)
    top = _top(result, place=place, console=console)
    bottom = [*_details(result, console), *_commands(result, program)]
    evidence = printable(result.evidence.expandtabs(4)).strip("\n").splitlines()
    evidence_height = len(evidence) + 2 if evidence else 0
    room = HEIGHT - len(top) - len(bottom)
    checks = _checks(result, room - min(evidence_height, _EVIDENCE), console)
    return [*top, *checks, *_evidence(evidence, room - len(checks), console), *bottom]


def _setup_error(result: Result, *, place: str, console: Console, program: str) -> list[Text]:
    """The page of a daemon that could not be judged: why, its log, and what ran at the time."""
    error = result.setup_error
    assert error is not None, "the caller has looked"
    name = Text.assemble(("SET-UP ERROR", "red"), f"  {printable(error.daemon)}/")
    name.append(printable(error.variant))
    lines = [
        heading(name, console, place),
        Text(),
        *wrapped(Text(printable(error.message), style="red"), console, indent=2, most=6),
    ]
    if error.ran:
        ran = Text(f"ran at the time: {printable(', '.join(error.ran))}")
        lines += [Text(), *wrapped(ran, console, indent=2, most=4)]
    log = printable(error.log.expandtabs(4)).strip("\n").splitlines()
    bottom = _commands(result, program)[:1] + _commands(result, program)[-1:]
    return [*lines, *_evidence(log, HEIGHT - len(lines) - len(bottom), console), *bottom]


def heading(left: Text, console: Console, right: str = "") -> Text:
    """A line across the screen, with a title in it."""
    line = Text.assemble("── ", left, " ", style="bold")
    end = f" {right} ──" if right else ""
    dashes = max(2, console.width - line.cell_len - len(end))
    return line.append(f"{'─' * dashes}{end}", style="dim not bold")


def _top(result: Result, *, place: str, console: Console) -> list[Text]:
    style = "yellow" if result.verdict is Verdict.WARN else "red"
    name = Text.assemble((result.verdict.value.upper(), style), "  ", printable(result.id))
    lines = [
        heading(name, console, place),
        Text(),
        *wrapped(Text(printable(result.description)), console, indent=2, most=4),
    ]
    if not result.failures:
        why = Text(printable(headline(result)), style=style)
        lines += [Text(), *wrapped(why, console, indent=2, most=5)]
    return lines


def _checks(result: Result, room: int, console: Console) -> list[Text]:
    """As many failed checks as fit; the names of the others."""
    lines: list[Text] = []
    cited: set[str] = set()
    failures = _distinct(result.failures)
    for number, failed in enumerate(failures):
        rule = "" if failed.clause in cited else quoted_rule(result, failed)
        block = list(_check(failed, console, rule))
        others = failures[number:]
        if lines and len(lines) + len(block) + (3 if others[1:] else 0) > room:
            names = ", ".join(f"{each.check} ({each.clause})" for each in others)
            more = Text(f"{len(others)} more failed: {printable(names)}")
            return [*lines, Text(), *wrapped(more, console, indent=2, most=2)]
        cited.add(failed.clause)
        lines += block
    return lines


def _distinct(failures: Iterable[FailedCheck]) -> list[FailedCheck]:
    """Without those that say the same about another place."""
    return list({(e.check, e.clause, e.expected, e.actual): e for e in failures}.values())


def _details(result: Result, console: Console) -> list[Text]:
    """What is to be known next to the failed checks: a second try, a known failure."""
    if not (result.reason and result.failures):
        return []
    return [Text(), *wrapped(Text(printable(result.reason), "yellow"), console, indent=2, most=3)]


def _check(failed: FailedCheck, console: Console, rule: str) -> Iterator[Text]:
    yield Text()
    yield Text.assemble(
        "  ",
        (printable(failed.check), "bold"),
        (f"  {printable(failed.clause)} {printable(failed.level)}", "cyan"),
    )
    if rule:
        yield from wrapped(Text(rule, style="italic dim"), console, indent=4, most=4)
    yield from _labelled("expected", failed.expected, "green", console)
    yield from _labelled("actual", failed.actual, "red", console)
    if failed.where:
        yield from _labelled("where", failed.where, "", console)


def _labelled(label: str, value: str, style: str, console: Console) -> Iterator[Text]:
    text = Text(printable(value) or "(nothing)")
    for number, line in enumerate(wrapped(text, console, indent=0, most=3, less=4 + _LABEL)):
        shown = label if number == 0 else ""
        yield Text.assemble("    ", (f"{shown:{_LABEL}}", style), line)


def _evidence(lines: list[str], room: int, console: Console) -> Iterator[Text]:
    """Its beginning and its end: how the exchange started and how it failed."""
    if not lines:
        return
    yield Text()
    yield Text("  evidence", style="bold")
    room -= 2
    if len(lines) > room:
        tail = (room - 1) * 2 // 3
        head = room - 1 - tail
        left_out = f"… {len(lines) - head - tail} lines left out; --report json=FILE has them …"
        lines = [*lines[:head], left_out, *lines[len(lines) - tail :]]
    for line in lines:
        text = Text.assemble(("  │ ", "dim"), line)
        text.truncate(console.width, overflow="ellipsis")
        yield text


def _commands(result: Result, program: str) -> list[Text]:
    if not result.repeat:
        return []
    return [
        Text(),
        Text.assemble(("  explain ", "bold"), printable(explain(result, program))),
        Text.assemble(("  repeat  ", "bold"), (printable(repeat(result, program)), "cyan")),
    ]


def wrapped(text: Text, console: Console, *, indent: int, most: int, less: int = 0) -> list[Text]:
    """Wrapped at the console's width and indented; cut after `most` lines."""
    lines = list(text.wrap(console, console.width - indent - less))
    if len(lines) > most:
        lines = lines[:most]
        lines[-1].truncate(console.width - indent - less - 2, overflow="crop")
        lines[-1].rstrip()
        lines[-1].append(" …")
    for line in lines:
        line.pad_left(indent)
        line.rstrip()
    return lines
