"""Accounts: log-in, registration, and the rights of admins."""

import asyncio

from conformance.core.scenario import scenario
from conformance.profiles.spaces.bench import PASSWORD, SpacesBench
from conformance.profiles.spaces.user import User
from conformance.profiles.websocket.model import new_token

INVALID = "无效的凭据"


async def _log_in(user: User, name: str, password: str) -> bool:
    """Log in; return whether that worked."""
    reply = await user.post("/login", {"username": name, "password": password})
    user.check(
        reply.status == 200 or reply.location == "/",
        "login",
        expected="a 200 page, or a redirect to /",
        actual=reply,
    )
    return reply.location == "/"


@scenario(clause=("SP28", "SP36"), evidence="testing guide, step 4; spec 10.12")
async def account_login(bench: SpacesBench) -> None:
    """The website logs a user in with the right password, and shows the page again otherwise."""
    user = await bench.user()
    bench.check(
        await _log_in(bench.visitor(), user.name, PASSWORD),
        "login",
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
        expected = f"200 with the page again, for {name!r} and {password!r}"
        if visitor.check(reply.status == 200, "refused", expected=expected, actual=reply):
            visitor.check(
                INVALID in reply.page.text,
                "words",
                expected=f"a page that says {INVALID!r}",
                actual=reply,
                clause="SP36",
            )


@scenario(clause="SP28", evidence="code, POST /register")
async def account_register(bench: SpacesBench) -> None:
    """The website does not register a taken name, or a name of other characters."""
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
        visitor.check(reply.status == 200, "refused", expected=expected, actual=reply)
    for name in (f"x-{mark}", user.name):
        bench.check(
            not await _log_in(bench.visitor(), name, "another-password"),
            "not_registered",
            expected=f"no log-in as {name!r} with the password of a refused registration",
            actual="a redirect to /",
        )
    await bench.member(user.name)


@scenario(clause="SP37", evidence="testing guide, end-to-end test")
async def account_admin_adds_spaces(bench: SpacesBench) -> None:
    """An admin adds spaces, two of the same name too, and each has a page that names it."""
    first = await bench.space()
    second = await bench.space(first.name)
    expected = "two ids for two spaces"
    bench.check(first.id != second.id, "own_id", expected=expected, actual=first.id)
    visitor = bench.visitor()
    for space in (first, second):
        reply = await visitor.get(space.page)
        visitor.check(
            reply.status == 200 and space.name in reply.page.text,
            "page",
            expected=f"200 with a page that names {space.name!r}",
            actual=reply,
        )
    reply = await visitor.get("/ai_project/nowhere")
    expected = "404 for a space that does not exist"
    visitor.check(reply.status == 404, "page", expected=expected, actual=reply)


@scenario(clause=("SP37", "SP25"), evidence="code, admin routes")
async def account_admins_only(bench: SpacesBench) -> None:
    """The website redirects users from the admin's pages to /, and visitors to the log-in."""
    space, user = await asyncio.gather(bench.space(), bench.user())
    name = f"Mine {new_token()[:8]}"
    form = {"name": name, "card_type": "websockets"}
    for person, place in ((bench.visitor(), "/login"), (user, "/")):
        for path in ("/admin/space/add", f"/admin/space/edit/{space.id}"):
            person.redirected(await person.post(path, form), place)
        reply = await person.get("/admin/websockets/status")
        if person.redirected(reply, place, clause="SP25"):
            person.check(
                space.name not in reply.text,
                "nothing",
                expected="an answer without spaces",
                actual=reply,
                clause="SP25",
            )
    await bench.lists(present=space.name, absent=name)


@scenario(clause="SP25", evidence="code, GET /admin/websockets/status")
async def account_admin_sees_connections(bench: SpacesBench) -> None:
    """An admin sees each app by its connection, and each space without an app."""
    space, idle = await bench.space(), await bench.space()
    app = await bench.socket()
    connection = await app.serve(space)
    listing = await bench.connections()
    mine = [each for each in listing.get("connections", []) if each.get("space_id") == space.id]
    bench.check(
        len(mine) == 1
        and mine[0].get("connection_id") == connection
        and mine[0].get("space_name") == space.name
        and type(mine[0].get("queue_size")) is int,
        "connection",
        expected=f"one connection {connection} of {space.name!r}, with its queue_size",
        actual=str(mine),
    )
    rows = {row.get("space_id"): row for row in listing.get("all_spaces", [])}
    states = [rows.get(each.id, {}).get("is_connected") for each in (space, idle)]
    bench.check(
        states == [True, False],
        "all_spaces",
        expected="is_connected true for one space, false for the other",
        actual=str(states),
    )
