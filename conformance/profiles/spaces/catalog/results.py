"""Results: what a request's status shows, and which reports count."""

import asyncio
import uuid

from conformance.core.scenario import scenario
from conformance.profiles.spaces.bench import SpacesBench
from conformance.profiles.spaces.remote_app import RESULT
from conformance.profiles.spaces.user import AUDIO

DEEP = {
    "text": "诗 🐈‍⬛ \u2028 <b>&</b> \"'\\ \n",
    "numbers": [0, -1, 1.5, 1e300, 9007199254740993],
    "nested": {"a": [{"b": [[], {}, None, True, False]}], "": ""},
}
"""A result in which a float, an escape or a flattening changes some part."""

HALF = {"text": "half of it"}
WHOLE = {"text": "all of it"}


@scenario(clause="SP16", evidence="code, GET /websockets/status")
async def status_of_nothing(bench: SpacesBench) -> None:
    """The website answers a status query without an id with 400, of an unknown id with 404."""
    visitor = bench.visitor()
    unknown = "00000000-0000-4000-8000-000000000000"
    for query, status, words in (
        ("", 400, "Missing request_id"),
        ("?request_id=", 400, "Missing request_id"),
        (f"?request_id={unknown}", 404, "Request not found"),
        ("?request_id=%27%20OR%201%3D1", 404, "Request not found"),
    ):
        visitor.refused(await visitor.get(f"/websockets/status{query}"), status, words)


@scenario(clause=("SP16", "SP17"), evidence="testing guide, troubleshooting; code, status body")
async def status_before_a_result(bench: SpacesBench) -> None:
    """The website shows a request as queued, without result and update, before a report."""
    space, _, user = await bench.ready()
    request = await user.request(space)
    for person in (user, bench.visitor()):
        status = await person.status(request)
        bench.check(
            status.get("request_id") == request
            and isinstance(status.get("created_at"), str)
            and {"result", "updated_at"} <= status.keys()
            and status["updated_at"] is None,
            "status",
            expected="request_id, created_at, and result and updated_at that are null",
            actual=str(status),
        )
        await person.sees(request, "queued", None)


@scenario(clause="SP17", evidence="code, inference_result: `failed`")
async def result_failed(bench: SpacesBench) -> None:
    """The website shows a request as failed, with the app's error."""
    space, app, user = await bench.ready()
    request = await user.request(space)
    error = {"error": "CUDA out of memory: <b>12</b> GiB 显存不足"}
    await app.report(request, "failed", error)
    await user.sees(request, "failed", error)


@scenario(clause=("SP17", "SP16"), everywhere=True, evidence="testing guide, scenario 1: progress")
async def result_processing_then_completed(bench: SpacesBench) -> None:
    """The website shows processing, then completed, each with the time of its report."""
    space, app, user = await bench.ready()
    request = await user.request(space)
    await app.report(request, "processing", HALF)
    await user.sees(request, "processing", HALF)
    status = await user.status(request)
    bench.check(
        isinstance(status.get("updated_at"), str),
        "updated_at",
        expected="updated_at, a time, after a report",
        actual=str(status),
        clause="SP16",
    )
    await app.report(request, "completed", WHOLE)
    await user.sees(request, "completed", WHOLE)


@scenario(clause="SP17", evidence="reasoned; results are JSON, not text")
async def result_intact(bench: SpacesBench) -> None:
    """The website shows a deep, odd or long result unaltered."""
    space, app, user = await bench.ready()
    for result in (DEEP, {"text": "长" * 40_000}):
        request = await user.request(space)
        await app.report(request, "completed", result)
        await user.sees(request, "completed", result)


@scenario(clause=("SP17", "SP14"), evidence="reasoned; results come when they are done")
async def result_out_of_order(bench: SpacesBench) -> None:
    """The website shows results with their own requests when they arrive out of order."""
    space, app, user = await bench.ready()
    requests = [await user.request(space) for _ in range(3)]
    await app.receives(*requests, clause="SP14")
    for request in (requests[1], requests[2], requests[0]):
        await app.report(request, "completed", {"text": request})
    for request in requests:
        await user.sees(request, "completed", {"text": request})


@scenario(clause=("SP20", "SP31"), evidence="code, inference_result: unknown ids are ignored")
async def result_of_an_unknown_request(bench: SpacesBench) -> None:
    """The website ignores reports of unknown requests, and takes later ones."""
    space, app, user = await bench.ready()
    unknown: tuple[object, ...] = (str(uuid.UUID(int=0)), "", None, 7, [], {"a": 1})
    for request in unknown:
        await app.report(request, "completed", WHOLE, clause="SP20")
    for report in (None, "text", [1], 7):
        await app.call(RESULT, report)
    await app.works(user, space)


@scenario(clause="SP20", evidence="defect of the code: arbitrary strings are stored")
async def result_of_an_unknown_state(bench: SpacesBench) -> None:
    """The website ignores a report of an unknown state."""
    space, app, user = await bench.ready()
    request = await user.request(space)
    await app.report(request, "processing", HALF)
    await user.sees(request, "processing", HALF)
    for state in ("done", "queued", "COMPLETED", "", None, 7, ["completed"]):
        await app.report(request, state, WHOLE, clause="SP20")
        await user.sees(request, "processing", HALF, clause="SP20")
    await app.report(request, "completed", WHOLE)
    await user.sees(request, "completed", WHOLE)


@scenario(clause="SP20", evidence="reasoned; the page shows objects")
async def result_that_is_no_object(bench: SpacesBench) -> None:
    """The website ignores a report whose result is a list, a number or a text."""
    space, app, user = await bench.ready()
    request = await user.request(space)
    for result in (["all of it"], "all of it", 7, True):
        await app.report(request, "completed", result, clause="SP20")
        await user.sees(request, "queued", None, clause="SP20")
    await app.report(request, "completed", WHOLE)
    await user.sees(request, "completed", WHOLE)


@scenario(clause="SP18", evidence="code: an empty or missing result keeps the old one")
async def result_empty_keeps_the_last(bench: SpacesBench) -> None:
    """The website keeps a result when a report has an empty one, or none."""
    space, app, user = await bench.ready()
    request = await user.request(space)
    await app.report(request, "processing", HALF)
    await user.sees(request, "processing", HALF)
    await app.report(request, "processing", {}, clause="SP18")
    await user.sees(request, "processing", HALF, clause="SP18")
    await app.call(RESULT, {"request_id": request, "status": "completed"})
    await user.sees(request, "completed", HALF, clause="SP18")


@scenario(clause="SP19", evidence="defect of the code: any socket may post any result")
async def result_of_the_wrong_app(bench: SpacesBench) -> None:
    """The website refuses a report of another space's app, or of an unregistered socket."""
    (space, app, user), other = await asyncio.gather(bench.ready(), bench.space())
    wrong, unregistered = await bench.app(other), await bench.socket()
    request = await user.request(space, audio_url=AUDIO, prompt="Whose is it?")
    await app.receives(request, clause="SP13")
    for socket in (wrong, unregistered):
        for state in ("processing", "completed", "failed"):
            await socket.report(request, state, {"text": "not yours"}, clause="SP19")
            await user.sees(request, "queued", None, clause="SP19")
    await app.report(request, "completed", WHOLE)
    await user.sees(request, "completed", WHOLE)
    await wrong.report(request, "failed", {"error": "not yours"}, clause="SP19")
    await user.sees(request, "completed", WHOLE, clause="SP19")


@scenario(clause=("SP19", "SP22"), evidence="spec 11, D2, as decided for this project")
async def result_late_from_a_new_socket(bench: SpacesBench) -> None:
    """The website takes a lost app's request only from the next app."""
    space, lost, user = await bench.ready()
    request = await user.request(space)
    await lost.receives(request, clause="SP13")
    await lost.leave()
    await bench.freed(space)
    await user.sees(request, "queued", None, clause="SP22")
    late = await bench.socket()
    await late.report(request, "completed", {"text": "late"}, clause="SP19")
    await user.sees(request, "queued", None, clause="SP19")
    returned = await bench.app(space)
    await returned.receives(request, clause="SP22")
    await late.report(request, "completed", {"text": "later"}, clause="SP19")
    await user.sees(request, "queued", None, clause="SP19")
    await returned.report(request, "completed", WHOLE)
    await user.sees(request, "completed", WHOLE)
