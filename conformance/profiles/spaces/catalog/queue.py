"""The queue: its order, its size, and that no request is ever forgotten."""

import asyncio

from conformance.core.scenario import Start, scenario
from conformance.profiles.spaces.client import SpacesBench

CROWD = 10

TIME_LIMIT = "0.7"
"""Seconds. Two minutes are the rule; a scenario has ten seconds."""


@scenario(clause=("SP14", "SP17"), everywhere=True, evidence="testing guide, scenario 2")
async def queue_order(bench: SpacesBench) -> None:
    """Three users' requests are given in their order, and each gets its own result."""
    space, users = await asyncio.gather(bench.space(), bench.users(3))
    app = await bench.app(space)
    requests = [await each.asked(space) for each in users]
    await app.takes(*requests, clause="SP14")
    for user, request in zip(users, requests, strict=True):
        await app.report(request, "completed", {"for": user.name})
    for user, request in zip(users, requests, strict=True):
        await user.sees(request, "completed", {"for": user.name})
    await app.silent(clause="SP13")


@scenario(
    clause=("SP12", "SP13", "SP17"), deadline=20.0, evidence="testing guide, test suite 2: load"
)
async def queue_crowd(bench: SpacesBench) -> None:
    """Ten users at once: ten ids, ten requests at the app, ten results, each its own."""
    space, users = await asyncio.gather(bench.space(), bench.users(CROWD))
    app = await bench.app(space)
    requests = await asyncio.gather(*(each.asked(space) for each in users))
    bench.expect(
        len(set(requests)) == CROWD,
        check="own_ids",
        clause="SP12",
        expected=f"{CROWD} different ids",
        actual=f"{len(set(requests))}",
    )
    owners = dict(zip(requests, users, strict=True))
    for _ in users:
        given = await app.given(*requests)
        app.expect(
            owners[given.id].name == given.username,
            check="own_request",
            clause="SP13",
            expected="a request with the name of its user",
            actual=f"{given.id} of {given.username}",
        )
        await app.report(given.id, "completed", {"for": given.username})
    await asyncio.gather(
        *(user.sees(request, "completed", {"for": user.name}) for request, user in owners.items())
    )
    await app.silent(clause="SP13")


@scenario(
    clause="SP21",
    everywhere=True,
    evidence="testing guide, performance: queue length; code, queue_size",
)
async def queue_size(bench: SpacesBench) -> None:
    """Requests that were given and are not finished are in the queue; finished ones leave it.

    In the code's account they do not, until the app leaves.
    """
    space, app, user = await bench.ready()
    requests = [await user.asked(space) for _ in range(3)]
    await bench.queued(space, 3)
    await app.takes(*requests, clause="SP13")
    await app.report(requests[0], "processing", {})
    await bench.queued(space, 3)
    await app.report(requests[0], "completed", {"text": "1"})
    await user.sees(requests[0], "completed", {"text": "1"})
    if bench.account:
        await bench.queued(space, 2 if bench.account == "guide" else 3)
    await app.report(requests[1], "failed", {"error": "2"})
    await app.report(requests[2], "completed", {"text": "3"})
    if bench.account:
        await bench.queued(space, 0 if bench.account == "guide" else 3)


@scenario(clause="SP22", everywhere=True, evidence="spec 11, D1, as decided for this project")
async def queue_of_a_lost_app(bench: SpacesBench) -> None:
    """What a lost app has not finished is queued again and given to the next one, in order."""
    space, lost, user = await bench.ready()
    requests = [await user.asked(space) for _ in range(4)]
    await lost.takes(*requests, clause="SP13")
    await lost.report(requests[0], "completed", {"text": "done"})
    await user.sees(requests[0], "completed", {"text": "done"})
    await lost.report(requests[1], "processing", {"text": "begun"})
    lost.reset()
    await bench.freed(space)
    await user.sees(requests[0], "completed", {"text": "done"}, clause="SP22")
    for each in requests[1:]:
        await user.sees(each, "queued", clause="SP22")
    # A queue that never shrinks (`code`) counts what the connected app was given: none is.
    await bench.queued(space, 0 if bench.account == "code" else 3)
    returned = await bench.app(space)
    await returned.takes(*requests[1:], clause="SP22")
    await returned.silent(clause="SP22")
    for each in requests[1:]:
        await returned.report(each, "completed", {"text": each})
        await user.sees(each, "completed", {"text": each})


@scenario(
    clause=("SP22", "SP14"), everywhere=True, evidence="reasoned; what waited longer goes first"
)
async def queue_of_a_lost_app_goes_first(bench: SpacesBench) -> None:
    """Requests of a lost app are given before those that come after its return."""
    space, lost, user = await bench.ready()
    before = [await user.asked(space) for _ in range(2)]
    await lost.takes(*before, clause="SP13")
    await lost.leave()
    await bench.freed(space)
    returned = await bench.app(space)
    after = await user.asked(space)
    await returned.takes(*before, after, clause="SP22")
    await returned.silent(clause="SP13")


@scenario(clause="SP22", evidence="reasoned; a loop of requeues is the end of many queues")
async def queue_of_an_app_lost_twice(bench: SpacesBench) -> None:
    """A request whose app is lost again and again is still given to the next."""
    space, app, user = await bench.ready()
    request = await user.asked(space)
    for _ in range(3):
        await app.takes(request, clause="SP22")
        await app.leave()
        await bench.freed(space)
        app = await bench.app(space)
    await app.takes(request, clause="SP22")
    await app.report(request, "completed", {"text": "at last"})
    await user.sees(request, "completed", {"text": "at last"})


@scenario(clause=("SP8", "SP6"), everywhere=True, evidence="testing guide, scenario 4")
async def queue_interrupted(bench: SpacesBench) -> None:
    """Without its app a space refuses requests; with it, it takes them again."""
    space, app, user = await bench.ready()
    await app.works(user, space, clause="SP8")
    await app.leave()
    await bench.freed(space)
    if not await user.refused(await user.submit(space), 503, clause="SP8"):
        return
    again = await bench.app(space, clause="SP6")
    await again.works(user, space, clause="SP6")


@scenario(
    clause="SP23",
    alone=True,
    start=Start(options={"request_timeout": TIME_LIMIT}),
    everywhere=True,
    evidence="testing guide: within 2 minutes; decided: by the server",
)
async def queue_time_limit(bench: SpacesBench) -> None:
    """A request without a result fails when its time is over, with its app or without."""
    (space, app, user), other = await asyncio.gather(bench.ready(), bench.space())
    lost = await bench.app(other)
    held, left = await asyncio.gather(user.asked(space), user.asked(other))
    await app.takes(held, clause="SP13")
    await lost.leave()
    for request in (held, left):

        async def over(request: str = request) -> bool:
            return bool((await user.status(request))["status"] != "queued")

        ended = await bench.comes_true(over)
        status = await user.status(request) if ended else {"status": "queued, in the end"}
        result = status.get("result")
        bench.expect(
            status["status"] == "failed" and isinstance(result, dict) and bool(result.get("error")),
            check="time_limit",
            clause="SP23",
            expected="status 'failed' with an error, the time being over",
            actual=str(status),
        )
        if not ended:
            return
    await bench.freed(other)
    returned = await bench.app(other)
    await returned.silent(clause="SP23")


@scenario(clause="SP34", evidence="code, one queue a space; testing guide: several spaces")
async def queue_of_each_space(bench: SpacesBench) -> None:
    """Spaces side by side have queues and apps of their own; one's loss is none of another's."""
    (space, app, user), (other, elsewhere, friend) = await asyncio.gather(
        bench.ready(), bench.ready()
    )
    mine = [await user.asked(space) for _ in range(2)]
    theirs = await friend.asked(other)
    await app.takes(*mine, clause="SP34")
    await elsewhere.takes(theirs, clause="SP34")
    await bench.queued(space, 2)
    await bench.queued(other, 1)
    await app.leave()
    await bench.freed(space)
    await elsewhere.silent(clause="SP34")
    await elsewhere.report(theirs, "completed", {"text": "theirs"}, clause="SP34")
    await friend.sees(theirs, "completed", {"text": "theirs"})
