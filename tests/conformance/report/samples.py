"""A run with one of everything that a report has to render."""

from __future__ import annotations

import io

from conformance.core.result import FailedCheck, Result, Run, Verdict
from conformance.report import Report, load

HOSTILE = (
    "\x1b[31mred\x07 [bold]markup[/bold] \u202e…\u2028 # 100%\r\n\tend \ud800 --- : '\" 😀 中 𝐀"
)
"""What a terminal, rich's markup, YAML and TAP each would like to interpret."""

TRANSCRIPT = """\
+0.000 s  handed off 214 bytes
+0.004 s  HTTP/1.1 200 OK
          Content-Type: text/event-stream

+0.004 s  event 1  {"content":"Once "}
+0.005 s  event 2  {"content":"upon "}
...
+0.009 s  event 6  [DONE]
+0.009 s  EOF
upstream: GET \x1b[2J 5 events sent, aborted after +0.006 s"""


def result(name: str, verdict: Verdict, **fields: object) -> Result:
    """A result by its id, `daemon/variant/scenario`; the category is the scenario's first word."""
    daemon, variant, scenario = name.split("/")
    values: dict[str, object] = {
        "daemon": daemon,
        "variant": variant,
        "scenario": scenario,
        "category": scenario.partition("_")[0],
        "profile": "handoff",
        "description": f"What {scenario} is about, in one sentence.",
        "clauses": ("R2",),
        "verdict": verdict,
        "duration": 0.0125,
        "repeat": (f"daemons/{daemon}", "--variant", variant, "--scenario", scenario),
        **fields,
    }
    return Result(**values)  # type: ignore[arg-type]


def failed(check: str, clause: str = "R6", **fields: str) -> FailedCheck:
    """A failed check."""
    values = {
        "level": "MUST",
        "expected": "no [DONE]",
        "actual": "[DONE] as event 6",
        "where": "event 6 at byte 512, +0.009 s",
        **fields,
    }
    return FailedCheck(check=check, clause=clause, **values)


SCENARIOS = (
    "basic_response", "basic_content", "unicode_content", "unicode_emoji", "unicode_cjk",
    "unicode_4byte", "chunks_short", "chunks_long", "abort_stream", "abort_early",
    "finish_stop", "finish_length",
)  # fmt: skip


def mixture() -> Run:
    """Six daemons: one with a bit of everything, one dead, one green, one skipped, one hostile."""
    went_wrong = {
        "go/default/abort_stream": result(
            "go/default/abort_stream",
            Verdict.FAIL,
            description="An answer cut off after five deltas is reported as failed.\n\n"
            "The client must be able to tell half an answer from a whole one.",
            failures=(
                failed("no_done_marker"),
                failed("error_event", actual="6 events, none of them an error"),
                failed("events_in_order", "R2", expected="5 events", actual="6 events"),
            ),
            evidence=TRANSCRIPT,
        ),
        "go/h1/abort_early": result(
            "go/h1/abort_early",
            Verdict.KNOWN,
            reason="reports success after a truncated upstream (tracker #12)",
            failures=(failed("no_done_marker"),),
        ),
        "go/default/chunks_long": result(
            "go/default/chunks_long",
            Verdict.WARN,
            failures=(
                failed(
                    "header",
                    "R1",
                    level="SHOULD",
                    expected="cache-control: no-cache",
                    actual="no such header",
                    where="response head",
                ),
            ),
        ),
        "go/h1/finish_stop": result(
            "go/h1/finish_stop", Verdict.SURPRISE, reason="lost the finish_reason"
        ),
        "go/h1/unicode_cjk": result(
            "go/h1/unicode_cjk",
            Verdict.ERROR,
            reason="the scenario broke",
            evidence="Traceback (most recent call last):\n"
            + "".join(f'  File "x.py", line {n}\n' for n in range(80))
            + "ZeroDivisionError: division by zero\n",
        ),
    }
    results = []
    for name in SCENARIOS:
        for variant in ("default", "h1"):
            id_ = f"go/{variant}/{name}"
            results.append(went_wrong.get(id_) or result(id_, Verdict.PASS))
        results.append(
            result(
                f"dead/default/{name}",
                Verdict.FAIL,
                reason="the daemon did not start: it exited with status 1 after 0.02 s",
                evidence="daemon's log:\n\tpanic: listen unix: permission denied\n",
            )
        )
        results.append(result(f"python-http2/default/{name}", Verdict.PASS))
        results.append(
            result(
                f"rust/default/{name}",
                Verdict.SKIP,
                reason="cargo is missing; install Rust 1.75 or newer (Debian: apt install cargo)",
            )
        )
    results.append(
        result(
            "php/default/unicode_hostile",
            Verdict.FAIL,
            description=f"Hostile {HOSTILE}",
            reason=HOSTILE,
            failures=tuple(
                failed(f"check_{n}", "S1", expected=HOSTILE * 9, actual=HOSTILE, where=HOSTILE)
                for n in range(9)
            ),
            evidence=f"   {HOSTILE}\n\n... \n  ...\n" * 40,
        )
    )
    order = ["go", "dead", "python-http2", "rust", "php"]
    results.sort(key=lambda each: (order.index(each.daemon), each.variant))
    return Run(
        results=tuple(results),
        started="2025-03-01T12:00:00+01:00",
        duration=3.21,
        version="0.1.0",
        calibration={"factor": 1.5},
        planned=len(results),
    )


def replay(report: Report, run: Run, *, arrival: tuple[Result, ...] | None = None) -> None:
    """Drive a report through a run; `arrival` is the order in which results come."""
    daemons = list(dict.fromkeys(each.daemon for each in run.results))
    report.begin(run.planned, daemons, [each.id for each in run.results])
    report.notice("building go")
    for each in run.results if arrival is None else arrival:
        report.result(each)
    report.end(run)


def rendered(
    name: str,
    run: Run,
    *,
    arrival: tuple[Result, ...] | None = None,
    **options: bool | None,
) -> str:
    """What the format of this name writes about a run, to something other than a terminal."""
    stream = io.StringIO()
    replay(load(name)(stream, **options), run, arrival=arrival)  # type: ignore[arg-type]
    return stream.getvalue()
