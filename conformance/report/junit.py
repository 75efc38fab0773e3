"""JUnit's XML, as CI servers read it: a suite for each variant, a test case for each scenario.

A warning is a pass with its text in `system-out`, or a failure where warnings are red. A
known failure is skipped. Characters that XML does not allow are written as escapes.
"""

from __future__ import annotations

from typing import TextIO
from xml.etree import ElementTree as ET

from conformance.core.result import Result, Run, Verdict
from conformance.report._at_end import AtEnd
from conformance.report._cause import headline
from conformance.report._command import PROGRAM, repeat
from conformance.report._printable import one_line, printable


def open_report(
    stream: TextIO, *, color: bool | None = None, strict: bool = False, program: str = PROGRAM
) -> Junit:
    """The XML on `stream`."""
    del color
    return Junit(stream, strict=strict, program=program)


class Junit(AtEnd):
    """A Report as one XML document, written when the run ends."""

    def __init__(self, stream: TextIO, *, strict: bool, program: str) -> None:
        self._stream, self._strict, self._program = stream, strict, program

    def end(self, run: Run) -> None:
        """Write the document. A run that was cut short has an error that says so."""
        suites: dict[str, list[Result]] = {}
        for result in run.results:
            suites.setdefault(f"{result.daemon}/{result.variant}", []).append(result)
        root = ET.Element("testsuites", name="stream-conformance", time=f"{run.duration:.3f}")
        manifests = {each.name: each.manifest for each in run.daemons}
        for name, results in suites.items():
            suite = ET.SubElement(root, "testsuite", name=name, timestamp=run.started)
            for result in results:
                self._case(suite, result, manifests.get(result.daemon, ""))
            _count(suite)
        if missing := run.planned - len(run.results):
            suite = ET.SubElement(root, "testsuite", name="stream-conformance")
            case = ET.SubElement(suite, "testcase", name="run", classname="run", time="0")
            ET.SubElement(case, "error", message=f"cut short: {missing} scenarios were not judged")
            _count(suite)
        ET.indent(root)
        self._stream.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        self._stream.write(ET.tostring(root, encoding="unicode") + "\n")
        self._stream.flush()

    def _case(self, suite: ET.Element, result: Result, manifest: str) -> None:
        case = ET.SubElement(
            suite,
            "testcase",
            name=result.scenario,
            classname=f"{result.daemon}.{result.variant}.{result.category}",
            time=f"{result.duration:.3f}",
        )
        if manifest:
            case.set("file", manifest)
        kind = "system-out"
        match result.verdict:
            case Verdict.PASS:
                return
            case Verdict.SKIP | Verdict.KNOWN:
                kind = "skipped"
            case Verdict.ERROR:
                kind = "error"
            case verdict if verdict is not Verdict.WARN or self._strict:
                kind = "failure"
        shown = ET.SubElement(case, kind)
        if kind == "skipped":
            shown.set("message", one_line(result.reason))
            return
        if kind != "system-out":
            shown.set("message", one_line(headline(result)))
            shown.set("type", result.failures[0].clause if result.failures else "error")
        shown.text = self._text(result)

    def _text(self, result: Result) -> str:
        lines = [result.description, *filter(None, [result.reason])]
        for failed in result.failures:
            lines += [
                f"\n{failed.check} ({failed.clause} {failed.level}) at {failed.where}",
                f"  expected: {failed.expected}",
                f"  actual:   {failed.actual}",
            ]
        lines += [f"\n{result.evidence}"] if result.evidence else []
        lines += [f"\nrepeat: {repeat(result, self._program)}"] if result.repeat else []
        return printable("\n".join(lines))


def _count(suite: ET.Element) -> None:
    """Set the numbers of the suite that readers show."""
    suite.set("tests", str(len(suite)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in suite)))
    suite.set("time", f"{sum(float(case.get('time', 0)) for case in suite):.3f}")
