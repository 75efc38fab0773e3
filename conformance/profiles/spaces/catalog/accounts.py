"""Who may log in, who is an admin, and what only admins may do."""

import asyncio

from conformance.core.scenario import scenario
from conformance.profiles.spaces.client import PASSWORD, SpacesBench
from conformance.profiles.spaces.user import User
from conformance.profiles.websocket.chat import new_token

INVALID = "无效的凭据"


async def _log_in(person: User, name: str, password: str) -> bool:
    """Log in; whether that worked, as the session tells: the space form is an admin's alone."""
    reply = await person.post("/login", {"username": name, "password": password})
    return person.expect(
        reply.status == 200 or reply.location == "/",
        reply,
        check="login",
        clause="SP28",
        expected="a 200 page, or a redirect to /",
    ) and (reply.location == "/")


@scenario(clause=("SP28", "SP36"), evidence="testing guide, step 4; spec 10.12")
async def account_login(bench: SpacesBench) -> None:
    """The right password logs in; a wrong one, or none, or of nobody, gets the page again."""
    user = await bench.user()
    bench.expect(
        await _log_in(bench.visitor(), user.name, PASSWORD),
        check="login",
        clause="SP28",
        expected="a user logs in with the right password",
        actual="the page again",
    )
    for name, password in (
        (user.name, PASSWORD + "x"),
        (user.name, ""),
        (user.name.upper(), PASSWORD),
        (f"no_{new_token()[:8]}", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
    ):
        visitor = bench.visitor()
        reply = await visitor.post("/login", {"username": name, "password": password})
        holds = reply.status == 200
        expected = f"200 with the page again, for {name!r} and {password!r}"
        if visitor.expect(holds, reply, check="refused", clause="SP28", expected=expected):
            expected = f"a page that says {INVALID!r}"
            holds = INVALID in reply.page.text
            visitor.expect(holds, reply, check="words", clause="SP36", expected=expected)


@scenario(clause="SP28", evidence="code, POST /register")
async def account_register(bench: SpacesBench) -> None:
    """A name of other characters, or one that is taken, is not registered, and nothing changes."""
    user = await bench.user()
    mark = new_token()[:8]
    names = (
        "",
        f"a b {mark}",
        f"名字{mark}",
        f"<b>{mark}</b>",
        f"../{mark}",
        f"x-{mark}",
        user.name,
    )
    for name in names:
        visitor = bench.visitor()
        fields = {"username": name, "password": "another-password"}
        reply = await visitor.post("/register", fields)
        expected = f"200 with the page again, for the name {name!r}"
        visitor.expect(
            reply.status == 200, reply, check="refused", clause="SP28", expected=expected
        )
    for name in (f"x-{mark}", user.name):
        bench.expect(
            not await _log_in(bench.visitor(), name, "another-password"),
            check="not_registered",
            clause="SP28",
            expected=f"nobody logs in as {name!r} with the password of a refused registration",
            actual="a redirect to /",
        )
    await bench.member(user.name)


@scenario(clause="SP37", evidence="testing guide, end-to-end test")
async def account_admin_adds_spaces(bench: SpacesBench) -> None:
    """An admin adds spaces, of the same name too, and each has a page that names it."""
    first = await bench.space()
    second = await bench.space(first.name)
    bench.expect(
        first.id != second.id,
        check="own_id",
        clause="SP37",
        expected="two ids for two spaces",
        actual=first.id,
    )
    visitor = bench.visitor()
    for each in (first, second):
        reply = await visitor.get(each.page)
        holds = reply.status == 200 and each.name in reply.page.text
        expected = f"200 with a page that names {each.name!r}"
        visitor.expect(holds, reply, check="page", clause="SP37", expected=expected)
    reply = await visitor.get("/ai_project/nowhere")
    expected = "404 for a space that does not exist"
    visitor.expect(reply.status == 404, reply, check="page", clause="SP37", expected=expected)


@scenario(clause=("SP37", "SP25"), evidence="code, admin routes")
async def account_admins_only(bench: SpacesBench) -> None:
    """Who is no admin adds no space and sees no connections: logged in to /, else to login."""
    space, user = await asyncio.gather(bench.space(), bench.user())
    name = f"Mine {new_token()[:8]}"
    form = {"name": name, "card_type": "websockets"}
    for person, place in ((bench.visitor(), "/login"), (user, "/")):
        reply = await person.post("/admin/space/add", form)
        await person.redirected(reply, place, clause="SP37")
        reply = await person.post(f"/admin/space/edit/{space.id}", form)
        await person.redirected(reply, place, clause="SP37")
        reply = await person.get("/admin/websockets/status")
        if await person.redirected(reply, place, clause="SP25"):
            expected = "nothing of spaces in the answer"
            holds = space.name not in reply.text
            person.expect(holds, reply, check="nothing", clause="SP25", expected=expected)
    names = [each.get("space_name") for each in (await bench.connections())["all_spaces"]]
    bench.expect(
        space.name in names and name not in names,
        check="unchanged",
        clause="SP37",
        expected=f"a space {space.name!r}, and none {name!r}",
        actual="another list of spaces",
    )


@scenario(clause="SP25", evidence="code, GET /admin/websockets/status")
async def account_admin_sees_connections(bench: SpacesBench) -> None:
    """Admins see each connected app, by its connection, and each space that has none."""
    space, idle = await bench.space(), await bench.space()
    app = await bench.socket()
    connection = await app.serve(space)
    seen = await bench.connections()
    mine = [each for each in seen.get("connections", []) if each.get("space_id") == space.id]
    bench.expect(
        len(mine) == 1
        and mine[0].get("connection_id") == connection
        and mine[0].get("space_name") == space.name
        and type(mine[0].get("queue_size")) is int,
        check="connection",
        clause="SP25",
        expected=f"one connection {connection} of {space.name!r}, with its queue_size",
        actual=str(mine),
    )
    rows = {each.get("space_id"): each for each in seen.get("all_spaces", [])}
    states = [rows.get(each.id, {}).get("is_connected") for each in (space, idle)]
    bench.expect(
        states == [True, False],
        check="all_spaces",
        clause="SP25",
        expected="is_connected true for one space, false for the other",
        actual=str(states),
    )
