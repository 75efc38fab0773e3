"""The catalog as a list and as JSON, and one scenario explained."""

from __future__ import annotations

import json
from typing import Any

from conformance.core.scenario import Scenario, Start
from conformance.profiles.registry import profile_named
from conformance.report import explain, listing


def judge(response: object) -> None:
    """Stands in for a scenario's function."""


def scenario(name: str, category: str, *clauses: str, **fields: Any) -> Scenario:
    values: dict[str, Any] = {
        "name": name,
        "category": category,
        "profile": "handoff",
        "description": f"What {name} is about.\n\nAnd why.",
        "clause_ids": clauses,
        "clauses": tuple(profile_named("handoff").clause(each) for each in clauses),
        "pattern": None,
        "script": None,
        "request": {},
        "everywhere": False,
        "needs": (),
        "alone": False,
        "start": Start(),
        "quiet": False,
        "deadline": 10.0,
        "evidence": None,
        "function": judge,
        **fields,
    }
    return Scenario(**values)


CATALOG = [
    scenario("basic_response", "basic", "R1", "R4"),
    scenario("unicode_emoji", "unicode", "R3", pattern="unicode"),
    scenario("basic_half_close", "basic", "R9"),
]


def test_the_list_is_by_category() -> None:
    assert listing.as_text(CATALOG).splitlines() == [
        "basic  handoff, 2",
        "  basic_response    MUST    R1 R4  What basic_response is about.",
        "  basic_half_close  MAY     R9     What basic_half_close is about.",
        "",
        "unicode  handoff, 1",
        "  unicode_emoji     MUST    R3     What unicode_emoji is about.",
        "",
        "3 scenarios in 2 categories",
    ]


def test_the_list_has_colour_only_when_asked() -> None:
    assert "\x1b" not in listing.as_text(CATALOG)
    assert "\x1b[1mbasic\x1b[0m" in listing.as_text(CATALOG, color=True)


def test_the_list_as_json() -> None:
    read = json.loads(listing.as_json(CATALOG))
    assert read["version"] == 1
    assert [each["name"] for each in read["scenarios"]] == [
        "basic_response",
        "basic_half_close",
        "unicode_emoji",
    ]
    first, *_, last = read["scenarios"]
    assert first["clauses"] == [{"id": "R1", "level": "MUST"}, {"id": "R4", "level": "MUST"}]
    assert first["description"] == CATALOG[0].description
    assert last["pattern"] == "unicode"


def test_an_explanation_says_what_happens_and_what_must_hold() -> None:
    page = explain.as_text(
        scenario(
            "client_reset",
            "disconnect",
            "U5",
            pattern="stall:3",
            request={"max_tokens": 5},
            needs=("body",),
            alone=True,
            start=Start(options={"idle_timeout": "0.5"}),
            quiet=True,
            evidence="RFC 9113 8.1; somebody/gateway#12 keeps paying",
        )
    )
    shown = " ".join(page.split())
    for part in (
        "client_reset (handoff, disconnect)",
        "What client_reset is about. And why.",
        "pattern `stall:3`",
        f"U5 MUST {profile_named('handoff').clause('U5').sentence}.",
        "needs a daemon that declares: body",
        "fields of the request: max_tokens",
        "has a daemon instance of its own, with idle_timeout = 0.5",
        "runs while no other scenario runs on the machine",
        "somebody/gateway#12 keeps paying",
    ):
        assert part in shown
    assert max(map(len, page.splitlines())) <= 88


def test_an_explanation_of_an_ordinary_scenario_is_short() -> None:
    page = explain.as_text(CATALOG[0])
    assert "the mock API's ordinary answer" in page
    assert "\nevidence\n" not in page
    assert "def judge(response: object)" in page
