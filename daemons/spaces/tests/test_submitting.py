"""The checks of a submission, in their order."""

from __future__ import annotations

import asyncio

import pytest
from spaces_website.variant import CODE
from world import ManualClock, World

pytestmark = pytest.mark.anyio


async def test_the_order_of_the_checks(world: World) -> None:
    stranger = await world.visitor()
    reply = await stranger.submit("no-such-space")
    assert (reply.status_code, reply.json()) == (401, {"error": "未登录"})

    person = await world.user("ann")
    standard = await world.space("Standard", card_type="standard")
    for wrong in ("no-such-space", standard):
        reply = await person.submit(wrong)
        assert (reply.status_code, reply.json()) == (404, {"error": "Space 未找到或类型不正确"})

    space = await world.space()
    reply = await person.submit(space)
    assert reply.status_code == 503
    assert reply.json() == {"error": "远程应用未连接 (remote app not connected)"}

    await world.app()
    reply = await person.submit(space)
    assert reply.status_code == 200
    assert reply.json().keys() == {"success", "request_id"}


async def test_errors_are_in_english_for_clients_that_prefer_it(world: World) -> None:
    stranger = await world.visitor(headers={"Accept-Language": "en-GB,en;q=0.9,zh;q=0.1"})
    assert (await stranger.submit("any")).json() == {"error": "You are not logged in"}


async def test_the_app_receives_the_request(world: World) -> None:
    space, app, person = await world.space(), await world.app(), await world.user("ann")
    prompt = "  Zwölf 🐈 <b>\r\n\t"
    request = await person.asked(space, prompt=prompt, audio_url=" http://127.0.0.1/a.wav ")
    assert await app.next("inference_request") == {
        "request_id": request,
        "username": "ann",
        "payload": {
            "prompt": prompt,
            "timestamp": "2026-01-08T12:00:00",
            "audio": "http://127.0.0.1/a.wav",
            "files": [],
        },
    }


async def test_a_prompt_is_enough_and_an_empty_request_is_refused(world: World) -> None:
    space, person = await world.space(), await world.user("ann")
    await world.app()
    await person.asked(space, prompt="only this")
    reply = await person.submit(space, prompt="  ", audio_url="")
    assert (reply.status_code, reply.json()) == (400, {"error": "缺少提示词"})


@pytest.mark.website(variant=CODE, quotas={"standard": 2, "pro": 2})
async def test_in_code_a_request_without_an_audio_link_uses_quota(world: World) -> None:
    space, person = await world.space(), await world.user("ann")
    assert (await person.submit(space)).json() == {"error": "远程应用未连接"}
    await world.app()
    for _ in range(2):
        reply = await person.submit(space, prompt="only this")
        assert (reply.status_code, reply.json()) == (400, {"error": "缺少音频直链"})
    assert (await person.submit(space)).status_code == 403


async def test_each_user_has_a_cooldown_for_each_space(world: World, clock: ManualClock) -> None:
    slow = await world.space(ws_rate_limit_seconds="5")
    other = await world.space("Painter", ws_rate_limit_seconds="5")
    ann, bob = await world.user("ann"), await world.user("bob")
    await world.app()
    await world.app("Painter")
    await ann.asked(slow)
    clock.advance(seconds=1.5)
    reply = await ann.submit(slow)
    assert reply.status_code == 429
    assert reply.json() == {"error": "请求过于频繁，请在 4 秒后重试", "retry_after": 4}
    await bob.asked(slow)
    await ann.asked(other)
    clock.advance(seconds=3.5)
    await ann.asked(slow)


@pytest.mark.website(cooldown=2)
async def test_a_space_without_a_cooldown_uses_the_websites(world: World) -> None:
    space, person = await world.space(ws_rate_limit_seconds="soon"), await world.user("ann")
    await world.app()
    await person.asked(space)
    assert (await person.submit(space)).json()["retry_after"] == 2


@pytest.mark.website(quotas={"standard": 5, "pro": 7})
async def test_the_quota_is_for_a_day_in_beijing(world: World, clock: ManualClock) -> None:
    space, person = await world.space(), await world.user("ann")
    await world.app()
    for _ in range(5):
        await person.asked(space)
    clock.advance(hours=3, minutes=59)  # 15:59 UTC, 23:59 in Beijing
    reply = await person.submit(space)
    assert reply.status_code == 403
    assert reply.json() == {"error": "Usage limit reached for today. (Limit: 5)"}
    clock.advance(minutes=1)
    await person.asked(space)


@pytest.mark.website(quotas={"standard": 0, "pro": 1})
async def test_an_admin_changes_a_users_plan(world: World) -> None:
    space, person, admin = await world.space(), await world.user("ann"), await world.admin()
    await world.app()
    assert (await person.submit(space)).status_code == 403
    assert (await person.post("/admin/users/ann/plan", data={"plan": "pro"})).headers[
        "location"
    ] == "/"
    assert (await admin.post("/admin/users/ann/plan", data={"plan": "gold"})).status_code == 400
    assert (await admin.post("/admin/users/ann/plan", data={"plan": "pro"})).status_code == 302
    await person.asked(space)


@pytest.mark.website(quotas={"standard": 3, "pro": 3})
async def test_simultaneous_requests_use_no_more_than_the_quota(world: World) -> None:
    space, person = await world.space(), await world.user("ann")
    await world.app()
    replies = await asyncio.gather(*(person.submit(space) for _ in range(12)))
    assert sorted(reply.status_code for reply in replies) == [200] * 3 + [403] * 9


async def test_ten_users_at_once_lose_nothing(world: World) -> None:
    space, app = await world.space(), await world.app()
    people = [await world.user(f"user_{number}") for number in range(10)]
    requests = await asyncio.gather(*(person.asked(space) for person in people))
    assert len(set(requests)) == 10
    given = [(await app.next("inference_request"))["request_id"] for _ in people]
    assert sorted(given) == sorted(requests)
    queue = [place.request_id for place in world.site.broker.queue(space)]
    assert given == queue
    for request in given:
        await app.report(request, "completed", {"text": request})
    for person, request in zip(people, requests, strict=True):
        assert (await person.status(request))["result"] == {"text": request}


async def test_status_needs_a_known_id(world: World) -> None:
    stranger = await world.visitor()
    reply = await stranger.get("/websockets/status")
    assert (reply.status_code, reply.json()) == (400, {"error": "Missing request_id"})
    for unknown in ("x", "ä" * 36, "0" * 36, "%00", "\ud83d".encode("utf-8", "surrogatepass")):
        reply = await stranger.get("/websockets/status", params={"request_id": unknown})
        assert (reply.status_code, reply.json()) == (404, {"error": "Request not found"})


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n"),
        ("multipart/form-data; boundary=x", b"\x00\xff" * 100),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"a" * 20_000),
        ("multipart/form-data; boundary=" + "y" * 500, b"--x--"),
        ("application/json", b'{"prompt":"x"}'),
        ("application/x-www-form-urlencoded", b"prompt=%FF%FE&" + b"a=1&" * 100),
        ("application/x-www-form-urlencoded", b"prompt=" + b"x" * 600_000),
    ],
)
async def test_a_body_that_is_not_a_form_is_400(
    world: World, content_type: str, body: bytes
) -> None:
    space, person = await world.space(), await world.user("ann")
    await world.app()
    headers = {"Content-Type": content_type}
    reply = await person.post(f"/websockets/submit/{space}", content=body, headers=headers)
    assert reply.status_code == 400, reply.text
    assert reply.json().keys() == {"error"}
    await person.asked(space)
