"""The reports of apps, valid and ignored."""

from __future__ import annotations

from typing import Any

import pytest
from world import World

pytestmark = pytest.mark.anyio


async def test_a_request_is_queued_before_a_report(world: World) -> None:
    space, person = await world.space(), await world.user("ann")
    await world.app()
    request = await person.asked(space)
    assert await person.status(request) == {
        "request_id": request,
        "status": "queued",
        "result": None,
        "created_at": "2026-01-08T12:00:00",
        "updated_at": None,
    }


async def test_processing_then_completed(world: World) -> None:
    space, app, person = await world.space(), await world.app(), await world.user("ann")
    request = await person.asked(space)
    await app.report(request, "processing", {"text": "ha"})
    seen = await person.status(request)
    assert (seen["status"], seen["result"]) == ("processing", {"text": "ha"})
    assert seen["updated_at"] == "2026-01-08T12:00:00"
    nothing: list[dict[str, Any] | None] = [{}, None]
    for empty in nothing:
        await app.report(request, "completed", empty)
        seen = await person.status(request)
        assert (seen["status"], seen["result"]) == ("completed", {"text": "ha"})


async def test_a_failure_keeps_its_error(world: World) -> None:
    space, app, person = await world.space(), await world.app(), await world.user("ann")
    request = await person.asked(space)
    await app.report(request, "failed", {"error": "out of paint"})
    assert (await person.status(request))["result"] == {"error": "out of paint"}


async def test_a_final_report_can_be_corrected_but_not_withdrawn(world: World) -> None:
    space, app, person = await world.space(), await world.app(), await world.user("ann")
    request = await person.asked(space)
    await app.report(request, "completed", {"text": "one"})
    await app.report(request, "processing", {"text": "two"})
    seen = await person.status(request)
    assert (seen["status"], seen["result"]) == ("completed", {"text": "one"})
    await app.report(request, "completed", {"text": "three"})
    assert (await person.status(request))["result"] == {"text": "three"}


@pytest.mark.parametrize(
    ("status", "result"),
    [
        *(
            (status, {"text": "x"})
            for status in ("queued", "done", "COMPLETED", "", "<b>", 1, None)
        ),
        *((status, {"text": "x"}) for status in (["completed"], {"completed": True}, True)),
        *(("completed", result) for result in ("text", ["x"], 7, True, [], "")),
        ("completed", {"text": float("nan")}),
        ("completed", {"text": b"bytes"}),
    ],
)
async def test_other_states_and_results_are_refused(world: World, status: Any, result: Any) -> None:
    space, app, person = await world.space(), await world.app(), await world.user("ann")
    request = await person.asked(space)
    await app.report(request, status, result)
    seen = await person.status(request)
    assert (seen["status"], seen["result"], seen["updated_at"]) == ("queued", None, None)
    await app.report(request, "completed", {"text": "fine"})
    assert (await person.status(request))["status"] == "completed"


async def test_reports_of_unknown_requests_are_ignored(world: World) -> None:
    space, app, person = await world.space(), await world.app(), await world.user("ann")
    request = await person.asked(space)
    for unknown in ("x", "0" * 36, "", None, 7, ["x"], {"id": 1}, "\ud83d" * 36, "ä" * 36):
        await app.report(unknown, "completed", {"text": "lost"})
    await app.report(request, "completed", {"text": "fine"})
    assert (await person.status(request))["result"] == {"text": "fine"}


async def test_any_json_is_returned_unchanged(world: World) -> None:
    space, app, person = await world.space(), await world.app(), await world.user("ann")
    request = await person.asked(space)
    result = {"text": "😀\u0000\ud83d</script>", "deep": [{"a": [1.5, None, True, "ß"]}] * 3, "": 1}
    await app.report(request, "completed", result)
    assert (await person.status(request))["result"] == result
