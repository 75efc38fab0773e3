"""Registration: which app may serve which space."""

import asyncio

from conformance.core.scenario import scenario
from conformance.profiles.spaces.bench import SpacesBench
from conformance.profiles.spaces.user import is_uuid

MISSING = "space_name is required"
TAKEN = "Space already has a connected app"


def _unknown(name: str) -> str:
    return f'Space "{name}" not found or is not a WebSocket space'


def _twins(name: str) -> str:
    return f'Multiple spaces with name "{name}" found. Please use unique space names.'


@scenario(clause=("SP1", "SP36"), evidence="testing guide, step 3")
async def register_known(bench: SpacesBench) -> None:
    """An app that names a space receives the connection's id and the space's id."""
    space = await bench.space()
    app = await bench.socket()
    answer = await app.register({"space_name": space.name})
    app.check(
        answer.get("success") is True
        and is_uuid(answer.get("connection_id"))
        and answer.get("space_id") == space.id
        and isinstance(answer.get("message"), str),
        "registered",
        expected=f"success, a message, a UUID as connection_id, and space_id {space.id}",
        actual=answer,
    )
    message, words = answer.get("message"), f'Successfully connected to space "{space.name}"'
    app.check(message == words, "words", expected=words, actual=message, clause="SP36")
    await app.silent()


@scenario(clause=("SP1", "SP13"), evidence="reasoned; a client that is not ready loses requests")
async def register_answered_before_requests(bench: SpacesBench) -> None:
    """The website answers a registration before it gives the app a waiting request."""
    space, first, user = await bench.ready()
    requests = [await user.request(space) for _ in range(2)]
    await first.leave()
    await bench.freed(space)
    second = await bench.socket()
    await second.serve(space)
    await second.receives(*requests, clause="SP22")


@scenario(clause=("SP3", "SP36"), evidence="testing guide, troubleshooting: case-sensitive")
async def register_unknown(bench: SpacesBench) -> None:
    """The website refuses an unknown name, and one in another case, and disconnects the socket."""
    space = await bench.space()
    for name in (f"{space.name}-no", space.name.upper(), f" {space.name}"):
        app = await bench.socket()
        await app.rejected(name, _unknown(name))
    await bench.app(space, clause="SP3")


@scenario(clause=("SP3", "SP36"), evidence="code, registration: card type")
async def register_for_a_standard_space(bench: SpacesBench) -> None:
    """The website refuses an app for a space of another type."""
    space = await bench.space(card_type="standard")
    app = await bench.socket()
    await app.rejected(space.name, _unknown(space.name))


@scenario(clause=("SP2", "SP36"), evidence="code, registration: no name")
async def register_without_a_name(bench: SpacesBench) -> None:
    """The website refuses a registration without a name, and lets the socket try again."""
    space = await bench.space()
    app = await bench.socket()
    for name in (None, ""):
        await app.rejected(name, MISSING, dismissed=False)
    await app.serve(space, clause="SP2")


@scenario(clause=("SP2", "SP31"), evidence="code, registration: `Server error:`")
async def register_with_no_object(bench: SpacesBench) -> None:
    """The website refuses a registration that is not an object, and lets the socket try again."""
    space = await bench.space()
    app = await bench.socket()
    for payload in ("a string", 7, None, [space.name], [], True):
        answer = await app.register(payload, clause="SP2")
        app.fails(answer, f"success: false for {payload!r}")
        message = str(answer.get("message"))
        app.check(
            message.startswith("Server error:"),
            "words",
            expected="a message that begins with 'Server error:'",
            actual=message,
            clause="SP36",
        )
    await app.serve(space, clause="SP2")


@scenario(clause=("SP5", "SP36"), evidence="testing guide: one connected instance for each space")
async def register_second_app(bench: SpacesBench) -> None:
    """The website refuses a second app of a space, and continues to serve the first."""
    space, first, user = await bench.ready()
    second = await bench.socket()
    await second.rejected(space.name, TAKEN)
    await first.works(user, space)


@scenario(clause="SP6", evidence="testing guide, scenario 4")
async def register_after_another_left(bench: SpacesBench) -> None:
    """A space takes another app, with an id of its own, after the first one has left."""
    space, user = await asyncio.gather(bench.space(), bench.user())
    first = await bench.socket()
    before = await first.serve(space)
    await first.leave()
    await bench.freed(space)
    second = await bench.socket()
    after = await second.serve(space, clause="SP6")
    expected = "another connection_id than the first app's"
    second.check(before != after, "new_id", expected=expected, actual=after)
    await second.works(user, space)


@scenario(clause="SP6", evidence="reasoned; a process that is killed says no goodbye")
async def register_after_a_reset(bench: SpacesBench) -> None:
    """The website frees a space when its app ends with a reset or an EOF."""
    space = await bench.space()
    first = await bench.app(space)
    first.reset()
    await bench.freed(space)
    second = await bench.app(space, clause="SP6")
    second.release()
    await bench.freed(space)
    await bench.app(space, clause="SP6")


@scenario(clause=("SP4", "SP36"), evidence="testing guide, scenario 5")
async def register_twin_names(bench: SpacesBench) -> None:
    """The website refuses a name of two spaces until one of them has another name."""
    first, admin = await bench.space(), await bench.admin()
    second = await bench.space(first.name)
    app = await bench.socket()
    await app.rejected(first.name, _twins(first.name))
    await admin.post(
        f"/admin/space/edit/{second.id}",
        {"name": f"{first.name} II", "card_type": "websockets", "ws_enable_prompt": "on"},
    )
    again = await bench.socket()
    await again.serve(first, clause="SP4")
    states = [(await bench.row(space)).get("is_connected") for space in (first, second)]
    again.check(
        states == [True, False],
        "renamed",
        expected="an app for the space that kept the name, and none for the renamed one",
        actual=str(states),
    )


@scenario(clause="SP7", evidence="defect of the code: a socket of several spaces frees the last")
async def register_for_a_second_space(bench: SpacesBench) -> None:
    """The website refuses a second space on one socket; the second space stays free."""
    space, app, user = await bench.ready()
    other = await bench.space()
    answer = await app.register({"space_name": other.name}, clause="SP7")
    if not app.fails(answer):
        return
    await app.works(user, space)
    elsewhere = await bench.app(other, clause="SP7")
    await elsewhere.works(user, other)
    await app.leave()
    await bench.freed(space)
