"""How a remote app comes to serve a space, and why it may not."""

import asyncio

from conformance.core.scenario import scenario
from conformance.profiles.spaces.client import SpacesBench
from conformance.profiles.spaces.user import is_uuid

MISSING = "space_name is required"
TAKEN = "Space already has a connected app"


def _unknown(name: str) -> str:
    return f'Space "{name}" not found or is not a WebSocket space'


def _twins(name: str) -> str:
    return f'Multiple spaces with name "{name}" found. Please use unique space names.'


@scenario(clause=("SP1", "SP36"), evidence="testing guide, step 3")
async def register_known(bench: SpacesBench) -> None:
    """An app that names a space serves it, and is told a connection's id and the space's."""
    space = await bench.space()
    app = await bench.socket()
    answer = await app.register({"space_name": space.name})
    app.expect(
        answer.get("success") is True
        and is_uuid(answer.get("connection_id"))
        and answer.get("space_id") == space.id
        and isinstance(answer.get("message"), str),
        check="registered",
        clause="SP1",
        expected=f"success, a message, a UUID as connection_id, and space_id {space.id}",
        actual=answer,
    )
    expected = f'Successfully connected to space "{space.name}"'
    said = answer.get("message")
    app.expect(said == expected, check="words", clause="SP36", expected=expected, actual=said)
    await app.silent(clause="SP1")


@scenario(clause=("SP1", "SP13"), evidence="reasoned; a client that is not ready loses requests")
async def register_answered_before_requests(bench: SpacesBench) -> None:
    """What waits for an app comes after the answer to its registration."""
    space, first, user = await bench.ready()
    requests = [await user.asked(space) for _ in range(2)]
    await first.leave()
    await bench.freed(space)
    second = await bench.socket()
    await second.serve(space, clause="SP1")
    await second.takes(*requests, clause="SP22")


@scenario(clause=("SP3", "SP36"), evidence="testing guide, troubleshooting: case-sensitive")
async def register_unknown(bench: SpacesBench) -> None:
    """A name that no space has, or has in another case, is refused, and the socket dismissed."""
    space = await bench.space()
    for name in (f"{space.name}-no", space.name.upper(), f" {space.name}"):
        app = await bench.socket()
        await app.rejected(name, _unknown(name), clause="SP3")
    await bench.app(space, clause="SP3")


@scenario(clause=("SP3", "SP36"), evidence="code, registration: card type")
async def register_for_a_standard_space(bench: SpacesBench) -> None:
    """A space of another type takes no app."""
    space = await bench.space(card_type="standard")
    app = await bench.socket()
    await app.rejected(space.name, _unknown(space.name), clause="SP3")


@scenario(clause=("SP2", "SP36"), evidence="code, registration: no name")
async def register_without_a_name(bench: SpacesBench) -> None:
    """A registration without a name fails; the same socket can register then."""
    space = await bench.space()
    app = await bench.socket()
    for name in (None, ""):
        await app.rejected(name, MISSING, clause="SP2", dismissed=False)
    await app.serve(space, clause="SP2")


@scenario(clause=("SP2", "SP31"), evidence="code, registration: `Server error:`")
async def register_with_no_object(bench: SpacesBench) -> None:
    """A registration that is no object is answered with a failure, and the socket can go on."""
    space = await bench.space()
    app = await bench.socket()
    for payload in ("a string", 7, None, [space.name], [], True):
        answer = await app.register(payload, clause="SP2")
        said = str(answer.get("message"))
        app.expect(
            answer.get("success") is False,
            check="rejected",
            clause="SP2",
            expected=f"success: false for {payload!r}",
            actual=answer,
        )
        app.expect(
            said.startswith("Server error:"),
            check="words",
            clause="SP36",
            expected="a message that begins with 'Server error:'",
            actual=said,
        )
    await app.serve(space, clause="SP2")


@scenario(clause=("SP5", "SP36"), evidence="testing guide: one connected instance for each space")
async def register_second_app(bench: SpacesBench) -> None:
    """The second app of a space is refused and dismissed; the first goes on serving."""
    space, first, user = await bench.ready()
    second = await bench.socket()
    await second.rejected(space.name, TAKEN, clause="SP5")
    await first.works(user, space, clause="SP5")


@scenario(clause="SP6", evidence="testing guide, scenario 4")
async def register_after_another_left(bench: SpacesBench) -> None:
    """When its app has left, a space takes another, with an id of its own."""
    space, user = await asyncio.gather(bench.space(), bench.user())
    first = await bench.socket()
    before = await first.serve(space)
    await first.leave()
    await bench.freed(space)
    second = await bench.socket()
    after = await second.serve(space, clause="SP6")
    second.expect(
        before != after,
        check="new_id",
        clause="SP6",
        expected="another connection_id than the first app's",
        actual=after,
    )
    await second.works(user, space, clause="SP6")


@scenario(clause="SP6", evidence="reasoned; a process that is killed says no goodbye")
async def register_after_a_reset(bench: SpacesBench) -> None:
    """An app that is gone without a word, by a reset or an EOF, frees its space as well."""
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
    """A name that two spaces have is refused, until one of them has another."""
    first, admin = await bench.space(), await bench.admin()
    second = await bench.space(first.name)
    app = await bench.socket()
    await app.rejected(first.name, _twins(first.name), clause="SP4")
    await admin.post(
        f"/admin/space/edit/{second.id}",
        {"name": f"{first.name} II", "card_type": "websockets", "ws_enable_prompt": "on"},
    )
    again = await bench.socket()
    await again.serve(first, clause="SP4")
    states = [(await bench.row(each)).get("is_connected") for each in (first, second)]
    again.expect(
        states == [True, False],
        check="renamed",
        clause="SP4",
        expected="the space that kept the name has an app, and the one that was renamed has none",
        actual=str(states),
    )


@scenario(clause="SP7", evidence="defect of the code: a socket of several spaces frees the last")
async def register_for_a_second_space(bench: SpacesBench) -> None:
    """An app cannot have two spaces on one socket; it keeps the first, the second stays free."""
    space, app, user = await bench.ready()
    other = await bench.space()
    answer = await app.register({"space_name": other.name}, clause="SP7")
    if not app.expect(
        answer.get("success") is False,
        check="rejected",
        clause="SP7",
        expected="success: false",
        actual=answer,
    ):
        return
    await app.works(user, space, clause="SP7")
    elsewhere = await bench.app(other, clause="SP7")
    await elsewhere.works(user, other, clause="SP7")
    await app.leave()
    await bench.freed(space)
