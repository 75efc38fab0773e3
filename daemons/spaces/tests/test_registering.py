"""The registration of apps and its refusals."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from world import App, World

pytestmark = pytest.mark.anyio


async def test_an_app_receives_its_connection_and_its_space(world: World) -> None:
    space = await world.space()
    answer = await (await world.socket()).register({"space_name": "Poet"})
    assert uuid.UUID(answer.pop("connection_id"))
    assert answer == {
        "success": True,
        "message": 'Successfully connected to space "Poet"',
        "space_id": space,
    }


@pytest.mark.parametrize("payload", [{}, {"space_name": ""}, {"space_name": None}])
async def test_a_name_is_required_and_can_be_sent_again(world: World, payload: object) -> None:
    await world.space()
    app = await world.socket()
    assert await app.register(payload) == {"success": False, "message": "space_name is required"}
    assert (await app.register({"space_name": "Poet"}))["success"]


@pytest.mark.parametrize(
    "payload", ["Poet", ["Poet"], 5, None, b"\x00", {"space_name": 5}, {"space_name": ["Poet"]}]
)
async def test_an_invalid_payload_is_an_error_only(world: World, payload: object) -> None:
    await world.space()
    app = await world.socket()
    answer = await app.register(payload)
    assert answer["success"] is False
    assert answer["message"].startswith("Server error: ")
    assert (await app.register({"space_name": "Poet"}))["success"]


@pytest.mark.parametrize("name", ["Unknown", "poet", "Poet ", "Standard", "half \ud83d"])
async def test_only_a_websocket_space_with_exactly_this_name_is_found(
    world: World, name: str
) -> None:
    await world.space()
    await world.space("Standard", card_type="standard")
    app = await world.socket()
    answer = await app.register({"space_name": name})
    assert answer["message"] == f'Space "{name}" not found or is not a WebSocket space'
    await app.next("disconnect")


async def test_a_name_taken_twice_is_refused_until_one_is_renamed(world: World) -> None:
    await world.space()
    second = await world.space()
    app = await world.socket()
    answer = await app.register({"space_name": "Poet"})
    assert answer["message"] == (
        'Multiple spaces with name "Poet" found. Please use unique space names.'
    )
    await app.next("disconnect")
    form = {"name": "Poet II", "card_type": "websockets"}
    await (await world.admin()).post(f"/admin/space/edit/{second}", data=form)
    assert (await (await world.socket()).register({"space_name": "Poet"}))["success"]


async def test_a_second_app_is_refused_and_the_first_continues(world: World) -> None:
    space = await world.space()
    first = await world.app()
    second = await world.socket()
    answer = await second.register({"space_name": "Poet"})
    assert answer == {"success": False, "message": "Space already has a connected app"}
    await second.next("disconnect")
    request = await (await world.user("ann")).asked(space)
    assert (await first.next("inference_request"))["request_id"] == request


async def test_the_next_app_can_register_after_the_first_has_left(world: World) -> None:
    space = await world.space()
    first = await world.socket()
    one = await first.register({"space_name": "Poet"})
    await first.leave()
    await world.gone(space)
    other = await (await world.socket()).register({"space_name": "Poet"})
    assert other["success"]
    assert other["connection_id"] != one["connection_id"]


async def test_a_socket_serves_one_space(world: World) -> None:
    await world.space()
    await world.space("Painter")
    app = await world.socket()
    first = await app.register({"space_name": "Poet"})
    for name in ("Painter", "Unknown"):
        refused = await app.register({"space_name": name})
        assert refused == {
            "success": False,
            "message": 'This socket already serves space "Poet"',
        }
    assert await app.register({"space_name": "Poet"}) == first
    assert (await (await world.socket()).register({"space_name": "Painter"}))["success"]


async def test_an_event_named_disconnect_has_no_effect(world: World) -> None:
    space = await world.space()
    app = await world.app()
    await app.client.eio.send('2["disconnect","io client disconnect"]')
    await app.fence()
    await (await world.user("ann")).asked(space)
    await app.next("inference_request")


@pytest.mark.website(ping_interval=0.5, ping_timeout=3.0)
@pytest.mark.parametrize("transports", [["polling"], ["polling", "websocket"]])
async def test_an_app_may_poll(world: World, transports: list[str]) -> None:
    space, person = await world.space(), await world.user("ann")
    app = App()
    await app.client.connect(world.url, transports=transports)
    assert (await app.register({"space_name": "Poet"}))["success"]
    request = await person.asked(space)
    await app.next("inference_request")
    await app.report(request, "completed", {"text": "done"})
    assert (await person.status(request))["status"] == "completed"
    leaving = asyncio.create_task(app.leave())
    await world.gone(space)
    leaving.cancel()  # the client waits for ten seconds more before it returns


FRAMES: list[str | bytes] = [
    "", "x", "9", "4", "4x", "49", "42", "42[]", '42"foo"', "42{}", "4" + "[" * 30_000,
    "4" + "9" * 40_000, "452-[", "451-[1]", b"\x00\xff", b"x" * 40_000, "4" + "a" * 40_000,
    '42["register"]', '42["register",{},{}]', '42["unknown",{}]', '42["inference_result",7]',
    "42/other,[]", "1", "3", "5", "6",
]  # fmt: skip


async def test_invalid_frames_do_not_harm_the_website(world: World) -> None:
    space = await world.space()
    person = await world.user("ann")
    for frame in FRAMES:
        app = await world.app()
        if isinstance(frame, str):
            await app.client.eio.ws.send_str(frame)
        else:
            await app.client.eio.ws.send_bytes(frame)
        await app.leave()
        await world.gone(space)
    app = await world.app()
    request = await person.asked(space)
    assert (await app.next("inference_request"))["request_id"] == request
    await app.report(request, "completed", {"text": "done"})
    assert (await person.status(request))["status"] == "completed"


async def test_a_frame_that_cannot_be_parsed_ends_the_connection(world: World) -> None:
    space = await world.space()
    app = await world.app()
    await app.client.eio.ws.send_str("x")
    await world.gone(space)
    await app.next("disconnect")
