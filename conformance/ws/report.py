"""Reports: outcomes as one JSON document, or as JUnit XML.

The JSON has everything. A member is added freely; when one changes its meaning
or goes away, VERSION rises. JUnit XML is what CI servers read: a test case for
each client, a suite for each scenario, the explanation in the failure, the
transcript in system-out, the latencies as properties.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from conformance.ws.outcome import Outcome

VERSION = 1

_FAILED = {"fail": "failure", "error": "error"}


def document(outcomes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The report of outcomes, each given as JSON types (Outcome.to_json)."""
    results = list(outcomes)
    return {
        "version": VERSION,
        "green": bool(results) and all(each["verdict"] == "pass" for each in results),
        "results": results,
    }


def write_json(path: str | Path, outcomes: Iterable[Outcome]) -> None:
    """Write the JSON document."""
    write_json_document(path, [each.to_json() for each in outcomes])


def write_json_document(path: str | Path, outcomes: Sequence[Mapping[str, Any]]) -> None:
    """The same from outcomes that are JSON types already."""
    text = json.dumps(document(outcomes), indent=2, ensure_ascii=False, allow_nan=False)
    # A lone surrogate, which JSON can carry and UTF-8 cannot, becomes its escape again.
    Path(path).write_bytes(text.encode(errors="backslashreplace") + b"\n")


def write_junit(path: str | Path, outcomes: Iterable[Outcome]) -> None:
    """Write the JUnit XML document."""
    write_junit_document(path, [each.to_json() for each in outcomes])


def write_junit_document(path: str | Path, outcomes: Sequence[Mapping[str, Any]]) -> None:
    """The same from outcomes that are JSON types already."""
    root = ET.Element("testsuites")
    for scenario, group in groupby(outcomes, key=lambda each: each["scenario"]):
        results = list(group)
        suite = ET.SubElement(root, "testsuite", _counts(results), name=_xml(scenario or "ws"))
        for each in results:
            _case(suite, each)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _counts(results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    verdicts = [each["verdict"] for each in results]
    return {
        "tests": str(len(results)),
        "failures": str(verdicts.count("fail")),
        "errors": str(verdicts.count("error")),
        "skipped": "0",
        "time": f"{max(each['duration'] for each in results):.3f}",
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
        told = ET.SubElement(case, tag, message=_xml(reason.partition("\n")[0]))
        told.set("type", _xml(reason.partition(":")[0]))
        told.text = _xml(f"{reason}\n{result['explanation']}")
    ET.SubElement(case, "system-out").text = _xml(result["page"])


def _latencies(latency: Mapping[str, Any]) -> Iterable[tuple[str, float]]:
    for name in ("connect", "first_frame"):
        if latency[name] is not None:
            yield name, latency[name]
    for number, each in enumerate(latency["expectations"], 1):
        for name in ("first", "last", "round_trip", "rate"):
            if each[name] is not None:
                yield f"{number} {name}", each[name]
        for name, value in (each["gaps"] or {}).items():
            yield f"{number} gap {name}", value


def _xml(text: str) -> str:
    """The text with the characters that XML 1.0 cannot hold as escapes."""
    return "".join(
        each if each in "\n\t" or _allowed(ord(each)) else f"\\x{ord(each):02x}" for each in text
    )


def _allowed(code: int) -> bool:
    return 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
