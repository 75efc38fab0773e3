"""The queue: a request belongs to one app at a time and is never lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from spaces_website.config import Config
from spaces_website.site import Site
from spaces_website.variant import CODE
from world import PATIENCE, App, ManualClock, Person, World, open_world

pytestmark = pytest.mark.anyio


async def given(app: App, count: int) -> list[str]:
    """The ids of the next requests that an app receives."""
    return [(await app.next("inference_request"))["request_id"] for _ in range(count)]


async def connection(admin: Person) -> dict[str, Any]:
    """The admins' view of the only app."""
    body = (await admin.get("/admin/websockets/status")).json()
    assert body["success"] is True
    assert (body["connected_count"], body["total_ws_spaces"]) == (1, 1)
    (app,), (space,) = body["connections"], body["all_spaces"]
    assert space == {
        "space_id": app["space_id"],
        "space_name": app["space_name"],
        "is_connected": True,
        "queue_size": app["queue_size"],
    }
    return dict(app)


async def test_requests_arrive_in_order_and_each_gets_its_result(world: World) -> None:
    space, app = await world.space(), await world.app()
    people = [await world.user(name) for name in ("ann", "bob", "cat")]
    requests = [await person.asked(space, prompt=str(i)) for i, person in enumerate(people)]
    assert await given(app, 3) == requests
    for request in reversed(requests):
        await app.report(request, "completed", {"text": f"for {request}"})
    for person, request in zip(people, requests, strict=True):
        assert (await person.status(request))["result"] == {"text": f"for {request}"}
    await app.fence()


async def test_the_queue_drains(world: World) -> None:
    space, app, admin = await world.space(), await world.app(), await world.admin()
    requests = [await admin.asked(space) for _ in range(3)]
    await given(app, 3)
    assert (await connection(admin))["queue_size"] == 3
    await app.report(requests[0], "processing")
    assert (await connection(admin))["is_processing"] is True
    for left, request in zip((2, 1, 0), requests, strict=True):
        await app.report(request, "failed" if left == 1 else "completed")
        assert (await connection(admin))["queue_size"] == left
    assert (await connection(admin))["is_processing"] is False


@pytest.mark.website(variant=CODE)
async def test_in_code_the_queue_grows_until_the_app_leaves(world: World) -> None:
    space, app, admin = await world.space(), await world.app(), await world.admin()
    for request in [await admin.asked(space) for _ in range(3)]:
        await app.report(request, "completed", {"text": "done"})
    assert (await connection(admin))["queue_size"] == 3
    await app.leave()
    await world.gone(space)
    await world.app()
    assert (await connection(admin))["queue_size"] == 0


async def test_a_lost_apps_requests_wait_for_the_next_in_their_order(world: World) -> None:
    space, first, person = await world.space(), await world.app(), await world.user("ann")
    requests = [await person.asked(space, prompt=text) for text in "abc"]
    await given(first, 3)
    await first.report(requests[0], "completed", {"text": "done"})
    await first.report(requests[1], "processing")
    await first.leave()
    await world.gone(space)
    assert [(await person.status(request))["status"] for request in requests] == [
        "completed",
        "queued",
        "queued",
    ]
    second = await world.app()
    assert await given(second, 2) == requests[1:]
    await second.report(requests[2], "completed", {"text": "late"})
    await second.report(requests[1], "completed", {"text": "later"})
    assert (await person.status(requests[1]))["result"] == {"text": "later"}
    await second.fence()


async def test_only_the_app_that_holds_a_request_may_answer_it(world: World) -> None:
    space, app, person = await world.space(), await world.app(), await world.user("ann")
    await world.space("Painter")
    strangers = [await world.app("Painter"), await world.socket()]
    request = await person.asked(space)
    await given(app, 1)
    for stranger in strangers:
        await stranger.report(request, "completed", {"text": "forged"})
    assert (await person.status(request))["status"] == "queued"
    await app.report(request, "completed", {"text": "true"})
    for stranger in strangers:
        await stranger.report(request, "failed", {"error": "forged"})
    assert (await person.status(request))["result"] == {"text": "true"}


async def test_a_request_fails_at_its_deadline(world: World, clock: ManualClock) -> None:
    space, app, person = await world.space(), await world.app(), await world.user("ann")
    first = await person.asked(space)
    clock.advance(seconds=100)
    second = await person.asked(space)
    await given(app, 2)
    clock.advance(seconds=19.9)
    world.site.expiry.sweep()
    assert (await person.status(first))["status"] == "queued"
    clock.advance(seconds=0.1)
    world.site.expiry.sweep()
    late = await person.status(first)
    assert late["status"] == "failed"
    assert late["result"] == {"error": "请求超时（2分钟）"}
    assert late["updated_at"] == "2026-01-08T12:02:00"
    assert (await person.status(second))["status"] == "queued"
    assert [place.request_id for place in world.site.broker.queue(space)] == [second]


async def test_a_lost_apps_request_fails_at_its_deadline_and_is_not_sent_again(
    world: World, clock: ManualClock
) -> None:
    space, app, person = await world.space(), await world.app(), await world.user("ann")
    request = await person.asked(space)
    await app.leave()
    await world.gone(space)
    clock.advance(minutes=2)
    world.site.expiry.sweep()
    assert (await person.status(request))["status"] == "failed"
    await (await world.app()).fence()


async def test_the_expiry_runs_by_itself(config: Config) -> None:
    short = replace(config, request_timeout=timedelta(seconds=0.2))
    async with open_world(Site(short)) as world:
        space, _, person = await world.space(), await world.app(), await world.user("ann")
        request = await person.asked(space)
        async with asyncio.timeout(PATIENCE):
            while (seen := await person.status(request))["status"] == "queued":
                pass
    assert (seen["status"], seen["result"]) == ("failed", {"error": "请求超时（0.2秒）"})


async def test_a_restart_loses_no_request(config: Config, clock: ManualClock) -> None:
    async with open_world(Site(config, clock)) as world:
        space, app, person = await world.space(), await world.app(), await world.user("ann")
        done, begun, waiting = [await person.asked(space, prompt=text) for text in "abc"]
        await given(app, 3)
        await app.report(done, "completed", {"text": "kept"})
        await app.report(begun, "processing", {"text": "half"})
    async with open_world(Site(config, clock)) as world:
        person = await world.log_in("ann")
        assert (await person.status(done))["result"] == {"text": "kept"}
        assert (await person.status(begun))["status"] == "queued"
        app = await world.app()
        assert await given(app, 2) == [begun, waiting]
        await app.report(waiting, "completed", {"text": "after all"})
        assert (await person.status(waiting))["result"] == {"text": "after all"}


async def test_deadlines_pass_while_the_website_is_stopped(
    config: Config, clock: ManualClock
) -> None:
    async with open_world(Site(config, clock)) as world:
        space, _, person = await world.space(), await world.app(), await world.user("ann")
        request = await person.asked(space)
    clock.advance(minutes=5)
    async with open_world(Site(config, clock)) as world:
        assert (await (await world.visitor()).status(request))["status"] == "failed"
        await (await world.app()).fence()


async def test_several_spaces_are_independent(world: World) -> None:
    poet, painter = await world.space(), await world.space("Painter")
    apps = [await world.app(), await world.app("Painter")]
    person = await world.user("ann")
    one, two = await person.asked(poet), await person.asked(painter)
    assert [await given(app, 1) for app in apps] == [[one], [two]]
    for app in apps:
        await app.fence()
