"""A run with one of everything that a report has to render."""

from __future__ import annotations

import io

from conformance.core import record
from conformance.core.evidence import (
    End,
    Ending,
    Event,
    JournalEntry,
    Kind,
    Observation,
    Read,
    Response,
    SentEvent,
    Transcript,
    Violation,
)
from conformance.core.finding import FindingKind
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


def recorded() -> bytes:
    """A packed record: one relayed exchange with a gate, a stall, hostile bytes and a reset."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    once = b'data: {"content":"Once \xf0\x9f'
    rest = b'\x98\x80"}\n\n</script><img src=x onerror=alert(1)>\xff'
    response = Response(
        transcript=Transcript(
            request=b"POST /v1 HTTP/1.1\r\nAuthorization: Bearer sk-secret\r\n\r\n",
            began_at=100.0,
            reads=(Read(100.004, head), Read(100.006, once), Read(101.506, rest)),
            ending=Ending.RESET,
            ended_at=101.51,
            opening="request",
        ),
        status=200,
        headers=(("content-type", "text/event-stream"),),
        body=once + rest,
        body_offset=len(head),
        events=(Event(Kind.CHUNK, '{"content":"Once 😀"}', None, "message", len(head), 101.506),),
        format=None,
        violations=(
            Violation("an event ends with a blank line", FindingKind.EVENTS, "</script>", 140),
        ),
    )
    entry = JournalEntry(
        id=7,
        token="t",
        pattern="abort:5",
        source="prompt",
        key="go",
        authorized=True,
        protocol="h2",
        transport="tls",
        connection=1,
        stream=1,
        method="POST",
        path="/v1/chat/completions",
        headers=(("accept", "*/*"),),
        body=b'{"stream":true}',
        received_at=100.002,
        status=200,
        bytes_sent=90,
        events=(SentEvent(100.003, '{"choices":[{"delta":{"content":"Once 😀"}}]}'),),
        end=End.CLIENT_GONE,
        ended_at=101.52,
        events_sent=1,
    )
    observation = Observation(response=response, upstream=(entry,))
    shown = record.exchange(observation, start=100.0, among=1, marks=[(101.0, "gate 1 opened")])
    whole = {
        **record.empty(),
        "exchanges": [shown],
        "requests": [record.request(entry, start=100.0, among=1, of=0)],
        "held": ["applied", "http_status"],
    }
    return record.pack(record.with_log(whole, f"log {HOSTILE}\n::error ::gone\n</script>"))


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
            record=recorded(),
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
