"""Results: what is shown of a request, and whose word counts."""

import asyncio
import uuid

from conformance.core.scenario import scenario
from conformance.profiles.spaces.client import SpacesBench
from conformance.profiles.spaces.user import AUDIO

DEEP = {
    "text": "诗 🐈‍⬛ \u2028 <b>&</b> \"'\\ \n",
    "numbers": [0, -1, 1.5, 1e300, 9007199254740993],
    "nested": {"a": [{"b": [[], {}, None, True, False]}], "": ""},
}
"""A result in which each part is easily changed: by a float, an escape, a flattening."""

HALF = {"text": "half of it"}
WHOLE = {"text": "all of it"}


@scenario(clause="SP16", evidence="code, GET /websockets/status")
async def status_of_nothing(bench: SpacesBench) -> None:
    """A status query without an id gets 400, one for an unknown id 404, both as JSON."""
    visitor = bench.visitor()
    unknown = "00000000-0000-4000-8000-000000000000"
    for query, status, words in (
        ("", 400, "Missing request_id"),
        ("?request_id=", 400, "Missing request_id"),
        (f"?request_id={unknown}", 404, "Request not found"),
        ("?request_id=%27%20OR%201%3D1", 404, "Request not found"),
    ):
        reply = await visitor.get(f"/websockets/status{query}")
        await visitor.refused(reply, status, words, clause="SP16")


@scenario(clause=("SP16", "SP17"), evidence="testing guide, troubleshooting; code, status body")
async def status_before_a_result(bench: SpacesBench) -> None:
    """Before its app has said anything, a request is queued, without a result or an update."""
    space, _, user = await bench.ready()
    request = await user.asked(space)
    for person in (user, bench.visitor()):
        status = await person.status(request)
        bench.expect(
            status.get("request_id") == request
            and isinstance(status.get("created_at"), str)
            and {"result", "updated_at"} <= status.keys()
            and status["updated_at"] is None,
            check="status",
            clause="SP16",
            expected="request_id, created_at, and result and updated_at that are null",
            actual=str(status),
        )
        await person.sees(request, "queued", None)


@scenario(clause="SP17", evidence="code, inference_result: `failed`")
async def result_failed(bench: SpacesBench) -> None:
    """A request whose app failed is failed, with the app's error."""
    space, app, user = await bench.ready()
    request = await user.asked(space)
    error = {"error": "CUDA out of memory: <b>12</b> GiB 显存不足"}
    await app.report(request, "failed", error)
    await user.sees(request, "failed", error)


@scenario(clause=("SP17", "SP16"), everywhere=True, evidence="testing guide, scenario 1: progress")
async def result_processing_then_completed(bench: SpacesBench) -> None:
    """Processing, and then completed, are both seen, and when it was."""
    space, app, user = await bench.ready()
    request = await user.asked(space)
    await app.report(request, "processing", HALF)
    await user.sees(request, "processing", HALF)
    status = await user.status(request)
    bench.expect(
        isinstance(status.get("updated_at"), str),
        check="updated_at",
        clause="SP16",
        expected="updated_at, a time, after a report",
        actual=str(status),
    )
    await app.report(request, "completed", WHOLE)
    await user.sees(request, "completed", WHOLE)


@scenario(clause="SP17", evidence="reasoned; results are JSON, not text")
async def result_intact(bench: SpacesBench) -> None:
    """A result is shown as the app sent it, however deep, odd or long."""
    space, app, user = await bench.ready()
    for result in (DEEP, {"text": "长" * 40_000}):
        request = await user.asked(space)
        await app.report(request, "completed", result)
        await user.sees(request, "completed", result)


@scenario(clause=("SP17", "SP14"), evidence="reasoned; results come when they are done")
async def result_out_of_order(bench: SpacesBench) -> None:
    """Results that come in another order than the requests are each with their own."""
    space, app, user = await bench.ready()
    requests = [await user.asked(space) for _ in range(3)]
    await app.takes(*requests, clause="SP14")
    for request in (requests[1], requests[2], requests[0]):
        await app.report(request, "completed", {"text": request})
    for request in requests:
        await user.sees(request, "completed", {"text": request})


@scenario(clause=("SP20", "SP31"), evidence="code, inference_result: unknown ids are ignored")
async def result_of_an_unknown_request(bench: SpacesBench) -> None:
    """A result of a request that is unknown, or no id at all, is ignored; later ones count."""
    space, app, user = await bench.ready()
    unknown: tuple[object, ...] = (str(uuid.UUID(int=0)), "", None, 7, [], {"a": 1})
    for request in unknown:
        await app.report(request, "completed", WHOLE, clause="SP20")
    for report in (None, "text", [1], 7):
        await app.call("inference_result", report, clause="SP20")
    await app.works(user, space, clause="SP20")


@scenario(clause="SP20", evidence="defect of the code: arbitrary strings are stored")
async def result_of_an_unknown_state(bench: SpacesBench) -> None:
    """A state that there is not changes nothing."""
    space, app, user = await bench.ready()
    request = await user.asked(space)
    await app.report(request, "processing", HALF)
    await user.sees(request, "processing", HALF)
    for state in ("done", "queued", "COMPLETED", "", None, 7, ["completed"]):
        await app.report(request, state, WHOLE, clause="SP20")
        await user.sees(request, "processing", HALF, clause="SP20")
    await app.report(request, "completed", WHOLE)
    await user.sees(request, "completed", WHOLE)


@scenario(clause="SP20", evidence="reasoned; the page shows objects")
async def result_that_is_no_object(bench: SpacesBench) -> None:
    """A report whose result is a list, a number or a text changes nothing."""
    space, app, user = await bench.ready()
    request = await user.asked(space)
    for result in (["all of it"], "all of it", 7, True):
        await app.report(request, "completed", result, clause="SP20")
        await user.sees(request, "queued", None, clause="SP20")
    await app.report(request, "completed", WHOLE)
    await user.sees(request, "completed", WHOLE)


@scenario(clause="SP18", evidence="code: an empty or missing result keeps the old one")
async def result_empty_keeps_the_last(bench: SpacesBench) -> None:
    """A report without a result, or with an empty one, keeps the result that there is."""
    space, app, user = await bench.ready()
    request = await user.asked(space)
    await app.report(request, "processing", HALF)
    await user.sees(request, "processing", HALF)
    await app.report(request, "processing", {}, clause="SP18")
    await user.sees(request, "processing", HALF, clause="SP18")
    report = {"request_id": request, "status": "completed"}
    await app.call("inference_result", report, clause="SP18")
    await user.sees(request, "completed", HALF, clause="SP18")


@scenario(clause="SP19", evidence="defect of the code: any socket may post any result")
async def result_of_the_wrong_app(bench: SpacesBench) -> None:
    """A result from another space's app, or from a socket without a space, is refused."""
    (space, app, user), other = await asyncio.gather(bench.ready(), bench.space())
    wrong, unregistered = await bench.app(other), await bench.socket()
    request = await user.asked(space, audio_url=AUDIO, prompt="Whose is it?")
    await app.takes(request, clause="SP13")
    for each in (wrong, unregistered):
        for state in ("processing", "completed", "failed"):
            await each.report(request, state, {"text": "not yours"}, clause="SP19")
            await user.sees(request, "queued", None, clause="SP19")
    await app.report(request, "completed", WHOLE)
    await user.sees(request, "completed", WHOLE)
    await wrong.report(request, "failed", {"error": "not yours"}, clause="SP19")
    await user.sees(request, "completed", WHOLE, clause="SP19")


@scenario(clause=("SP19", "SP22"), evidence="spec 11, D2, as decided for this project")
async def result_late_from_a_new_socket(bench: SpacesBench) -> None:
    """After its app was lost, a request's result counts from the next app alone."""
    space, lost, user = await bench.ready()
    request = await user.asked(space)
    await lost.takes(request, clause="SP13")
    await lost.leave()
    await bench.freed(space)
    await user.sees(request, "queued", None, clause="SP22")
    late = await bench.socket()
    await late.report(request, "completed", {"text": "late"}, clause="SP19")
    await user.sees(request, "queued", None, clause="SP19")
    returned = await bench.app(space)
    await returned.takes(request, clause="SP22")
    await late.report(request, "completed", {"text": "later"}, clause="SP19")
    await user.sees(request, "queued", None, clause="SP19")
    await returned.report(request, "completed", WHOLE)
    await user.sees(request, "completed", WHOLE)
