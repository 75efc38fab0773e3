"""Reports: outcomes as one JSON document, or as JUnit XML.

The JSON document has every detail. New members may appear at any time; VERSION rises when
a member changes its meaning or goes away. CI servers read JUnit XML: a suite for each
scenario and a test case for each client. A failure has the explanation, `system-out` the
transcript, and the properties have the latencies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from conformance.ws.outcome import Outcome

VERSION = 1

_FAILED = {"fail": "failure", "error": "error"}

_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_json(path: str | Path, outcomes: Iterable[Outcome | Mapping[str, Any]]) -> None:
    """Write the JSON document of outcomes, or of values that Outcome.to_json returned."""
    results = _results(outcomes)
    green = bool(results) and all(result["verdict"] == "pass" for result in results)
    document = {"version": VERSION, "green": green, "results": results}
    text = json.dumps(document, indent=2, ensure_ascii=False)
    # JSON can carry a lone surrogate and UTF-8 cannot: it becomes its escape again.
    Path(path).write_bytes(text.encode(errors="backslashreplace") + b"\n")


def write_junit(path: str | Path, outcomes: Iterable[Outcome | Mapping[str, Any]]) -> None:
    """Write the JUnit XML document of outcomes, or of values that Outcome.to_json returned."""
    root = ET.Element("testsuites")
    for scenario, group in groupby(_results(outcomes), key=lambda result: result["scenario"]):
        results = list(group)
        suite = ET.SubElement(root, "testsuite", _counts(results), name=_xml(scenario or "ws"))
        for result in results:
            _case(suite, result)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _results(outcomes: Iterable[Outcome | Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [each.to_json() if isinstance(each, Outcome) else each for each in outcomes]


def _counts(results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    verdicts = [result["verdict"] for result in results]
    return {
        "tests": str(len(results)),
        "failures": str(verdicts.count("fail")),
        "errors": str(verdicts.count("error")),
        "skipped": "0",
        "time": f"{max(result['duration'] for result in results):.3f}",
        "timestamp": results[0]["started"],
    }


def _case(suite: ET.Element, result: Mapping[str, Any]) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_xml(result["scenario"] or "ws"),
        name=_xml(result["name"]),
        time=f"{result['duration']:.3f}",
    )
    properties = ET.SubElement(case, "properties")
    for name, value in _latencies(result["latency"]):
        ET.SubElement(properties, "property", name=_xml(name), value=f"{value:.6f}")
    tag = _FAILED.get(result["verdict"])
    if tag is not None:
        reason = result["reason"]
        failure = ET.SubElement(case, tag, message=_xml(reason.partition("\n")[0]))
        failure.set("type", _xml(reason.partition(":")[0]))
        failure.text = _xml(f"{reason}\n{result['explanation']}")
    ET.SubElement(case, "system-out").text = _xml(result["page"])


def _latencies(latency: Mapping[str, Any]) -> Iterable[tuple[str, float]]:
    for name in ("connect", "first_frame"):
        if latency[name] is not None:
            yield name, latency[name]
    for number, waited in enumerate(latency["expectations"], 1):
        for name in ("first", "last", "round_trip", "rate"):
            if waited[name] is not None:
                yield f"{number} {name}", waited[name]
        for name, value in (waited["gaps"] or {}).items():
            yield f"{number} gap {name}", value


def _xml(text: str) -> str:
    """Return the text with escapes for the characters that XML 1.0 cannot carry."""
    return _NOT_XML.sub(lambda character: f"\\x{ord(character[0]):02x}", text)
