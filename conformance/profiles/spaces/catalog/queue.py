"""The queue: its order, its size, and that every request is served or fails."""

import asyncio

from conformance.core.scenario import Start, scenario
from conformance.profiles.spaces.bench import SpacesBench

CROWD = 10

TIME_LIMIT = "0.7"
"""Seconds. The rule is two minutes; a scenario has ten seconds."""


@scenario(clause=("SP14", "SP17"), everywhere=True, evidence="testing guide, scenario 2")
async def queue_order(bench: SpacesBench) -> None:
    """The app receives three users' requests in order, and each user sees its own result."""
    space, users = await asyncio.gather(bench.space(), bench.users(3))
    app = await bench.app(space)
    requests = [await user.request(space) for user in users]
    await app.receives(*requests)
    for user, request in zip(users, requests, strict=True):
        await app.report(request, "completed", {"for": user.name})
    for user, request in zip(users, requests, strict=True):
        await user.sees(request, "completed", {"for": user.name})
    await app.silent(clause="SP13")


@scenario(
    clause=("SP12", "SP13", "SP17"), deadline=20.0, evidence="testing guide, test suite 2: load"
)
async def queue_crowd(bench: SpacesBench) -> None:
    """Each of ten simultaneous users gets an id, a request at the app, and its own result."""
    space, users = await asyncio.gather(bench.space(), bench.users(CROWD))
    app = await bench.app(space)
    requests = await asyncio.gather(*(user.request(space) for user in users))
    ids = len(set(requests))
    bench.check(ids == CROWD, "own_ids", expected=f"{CROWD} different ids", actual=f"{ids}")
    owners = dict(zip(requests, users, strict=True))
    for _ in users:
        given = await app.next_request(*requests)
        app.check(
            owners[given.id].name == given.username,
            "own_request",
            expected="a request with the name of its user",
            actual=f"{given.id} of {given.username}",
            clause="SP13",
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
    """The website counts unfinished requests as the queue (`code`: all until the app leaves)."""
    space, app, user = await bench.ready()
    requests = [await user.request(space) for _ in range(3)]
    await bench.queued(space, 3)
    await app.receives(*requests, clause="SP13")
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
    """The website queues a lost app's unfinished requests, and gives them to the next app."""
    space, lost, user = await bench.ready()
    requests = [await user.request(space) for _ in range(4)]
    await lost.receives(*requests, clause="SP13")
    await lost.report(requests[0], "completed", {"text": "done"})
    await user.sees(requests[0], "completed", {"text": "done"})
    await lost.report(requests[1], "processing", {"text": "begun"})
    lost.reset()
    await bench.freed(space)
    await user.sees(requests[0], "completed", {"text": "done"}, clause="SP22")
    for request in requests[1:]:
        await user.sees(request, "queued", clause="SP22")
    # A queue that never shrinks (`code`) counts the connected app's requests: there is no app.
    await bench.queued(space, 0 if bench.account == "code" else 3)
    returned = await bench.app(space)
    await returned.receives(*requests[1:])
    await returned.silent()
    for request in requests[1:]:
        await returned.report(request, "completed", {"text": request})
        await user.sees(request, "completed", {"text": request})


@scenario(
    clause=("SP22", "SP14"), everywhere=True, evidence="reasoned; what waited longer goes first"
)
async def queue_of_a_lost_app_goes_first(bench: SpacesBench) -> None:
    """The website gives a lost app's requests before later ones."""
    space, lost, user = await bench.ready()
    before = [await user.request(space) for _ in range(2)]
    await lost.receives(*before, clause="SP13")
    await lost.leave()
    await bench.freed(space)
    returned = await bench.app(space)
    after = await user.request(space)
    await returned.receives(*before, after)
    await returned.silent(clause="SP13")


@scenario(clause="SP22", evidence="reasoned; a loop of requeues is the end of many queues")
async def queue_of_an_app_lost_twice(bench: SpacesBench) -> None:
    """The website gives a request to the next app after its app was lost several times."""
    space, app, user = await bench.ready()
    request = await user.request(space)
    for _ in range(3):
        await app.receives(request)
        await app.leave()
        await bench.freed(space)
        app = await bench.app(space)
    await app.receives(request)
    await app.report(request, "completed", {"text": "at last"})
    await user.sees(request, "completed", {"text": "at last"})


@scenario(clause=("SP8", "SP6"), everywhere=True, evidence="testing guide, scenario 4")
async def queue_interrupted(bench: SpacesBench) -> None:
    """The website refuses requests while a space's app is away, and accepts them afterwards."""
    space, app, user = await bench.ready()
    await app.works(user, space)
    await app.leave()
    await bench.freed(space)
    if not user.refused(await user.submit(space), 503):
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
    """The website fails a request without a result at its time limit, with its app or without."""
    (space, app, user), other = await asyncio.gather(bench.ready(), bench.space())
    lost = await bench.app(other)
    held, left = await asyncio.gather(user.request(space), user.request(other))
    await app.receives(held, clause="SP13")
    await lost.leave()
    for request in (held, left):

        async def is_over(request: str = request) -> bool:
            return bool((await user.status(request))["status"] != "queued")

        ended = await bench.becomes(is_over)
        status = await user.status(request) if ended else {"status": "queued, in the end"}
        result = status.get("result")
        bench.check(
            status["status"] == "failed" and isinstance(result, dict) and bool(result.get("error")),
            "time_limit",
            expected="status 'failed' with an error, after the time limit",
            actual=str(status),
        )
        if not ended:
            return
    await bench.freed(other)
    returned = await bench.app(other)
    await returned.silent()


@scenario(clause="SP34", evidence="code, one queue a space; testing guide: several spaces")
async def queue_of_each_space(bench: SpacesBench) -> None:
    """Each space has a queue and an app of its own, which another's loss does not affect."""
    (space, app, user), (other, elsewhere, friend) = await asyncio.gather(
        bench.ready(), bench.ready()
    )
    mine = [await user.request(space) for _ in range(2)]
    theirs = await friend.request(other)
    await app.receives(*mine)
    await elsewhere.receives(theirs)
    await bench.queued(space, 2)
    await bench.queued(other, 1)
    await app.leave()
    await bench.freed(space)
    await elsewhere.silent()
    await elsewhere.report(theirs, "completed", {"text": "theirs"}, clause="SP34")
    await friend.sees(theirs, "completed", {"text": "theirs"})
