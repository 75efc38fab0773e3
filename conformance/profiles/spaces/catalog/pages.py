"""The pages: what each viewer of a space is shown, that it is text, and in which language."""

import re

from conformance.core.scenario import scenario
from conformance.profiles.spaces.client import SpacesBench
from conformance.profiles.spaces.user import Space, User
from conformance.profiles.websocket.chat import new_token
from conformance.profiles.websocket.http_user import Reply

CONNECTED = "✓ 已连接"
NOT_CONNECTED = "✗ 未连接"
WAITING = "⏳ 等待连接"
REMOTE_GONE = "远程服务未连接"
IDLE = "队列空闲，无等待请求"
SEND = "发送推理请求"
UNAVAILABLE = "⏳ 服务暂时不可用"
LOG_IN = "登录"

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def _queue(count: int) -> str:
    return f"当前队列 ({count}人):"


def _place(position: int, user: User) -> str:
    return f"第{position}位: {user.name}"


async def _shows(
    person: User, space: Space, *words: str, without: tuple[str, ...] = (), clause: str = "SP26"
) -> None:
    """Check that a space's page says these words to this person, and none of the others."""
    reply = await person.get(space.page)
    text = reply.page.text
    for word in words:
        expected = f"a page that says {word!r}"
        person.expect(word in text, reply, check="shows", clause=clause, expected=expected)
    for word in without:
        expected = f"a page that does not say {word!r}"
        person.expect(word not in text, reply, check="hides", clause=clause, expected=expected)


@scenario(clause="SP26", everywhere=True, evidence="spec 11, P1; code, page of a space")
async def page_for_admins(bench: SpacesBench) -> None:
    """An admin sees whether the app is connected, and who is in the queue, by positions."""
    space, app, user = await bench.ready()
    friend, admin = await bench.user(), await bench.admin()
    await _shows(admin, space, CONNECTED, IDLE, without=(WAITING, REMOTE_GONE))
    first = await user.asked(space)
    await friend.asked(space)
    places = (_place(1, user), _place(2, friend))
    if (await bench.row(space)).get("queue_size") == 2:
        await _shows(admin, space, CONNECTED, _queue(2), *places, without=(IDLE,))
    await app.report(first, "completed", {"text": "done"})
    # Whether a finished request leaves the queue is another question (SP21).
    left = (await bench.row(space)).get("queue_size")
    if left == 1:
        await _shows(admin, space, _queue(1), "第1位: ", without=("第2位: ",))
    elif left == 2:
        await _shows(admin, space, _queue(2), *places)
    await app.leave()
    await bench.freed(space)
    await _shows(admin, space, WAITING, REMOTE_GONE, without=(CONNECTED,))
    await bench.app(space)
    await _shows(admin, space, CONNECTED, without=(WAITING, REMOTE_GONE))


@scenario(clause="SP26", everywhere=True, evidence="spec 11, P2; testing guide, scenario 4")
async def page_for_users(bench: SpacesBench) -> None:
    """A user has the form while there is an app, and reads that there is none otherwise."""
    space, app, user = await bench.ready()
    await _shows(user, space, SEND, without=(UNAVAILABLE,))
    await app.leave()
    await bench.freed(space)
    await _shows(user, space, UNAVAILABLE, without=(SEND,))
    await bench.app(space)
    await _shows(user, space, SEND, without=(UNAVAILABLE,))


@scenario(clause="SP26", everywhere=True, evidence="code, page of a space: anonymous")
async def page_for_strangers(bench: SpacesBench) -> None:
    """Who is not logged in has no form, with an app or without, and is offered to log in."""
    space, app, _ = await bench.ready()
    await _shows(bench.visitor(), space, LOG_IN, without=(SEND,))
    await app.leave()
    await bench.freed(space)
    await _shows(bench.visitor(), space, LOG_IN, without=(SEND,))


@scenario(
    clause="SP26",
    everywhere=True,
    needs=("account=guide",),
    evidence="testing guide, step 3 and scenario 4",
)
async def page_for_everybody(bench: SpacesBench) -> None:
    """Everybody sees whether the app is connected."""
    space, app, user = await bench.ready()
    for person in (user, bench.visitor()):
        await _shows(person, space, CONNECTED, without=(NOT_CONNECTED,))
    await app.leave()
    await bench.freed(space)
    for person in (user, bench.visitor()):
        await _shows(person, space, NOT_CONNECTED, without=(CONNECTED,))


@scenario(clause="SP27", everywhere=True, evidence="reasoned; CWE-79")
async def page_of_text(bench: SpacesBench) -> None:
    """Markup in a name, a description or a prompt is text on every page, in every place."""
    mark = f"x{new_token()[:8]}"
    nasty = f'<{mark}>\'"><{mark} onclick="{mark}()">{{{{7*7}}}}&lt;</textarea></template><{mark}>'
    space = await bench.space(nasty, description=nasty, cover=nasty)
    app, user, admin = await bench.app(space), await bench.user(), await bench.admin()
    await user.asked(space, prompt=nasty, audio_url=f"http://127.0.0.1/{nasty}")
    for person in (bench.visitor(), user, admin):
        reply = await person.get(space.page)
        _is_text(person, reply, mark)
        expected = f"the name as it is: {nasty}"
        holds = " ".join(nasty.split()) in reply.page.text
        person.expect(holds, reply, check="text", clause="SP27", expected=expected)
        _is_text(person, await person.get("/"), mark)
    _is_text(admin, await admin.get(f"/admin/space/edit/{space.id}"), mark)
    visitor = bench.visitor()
    for place in ("/login", "/register"):
        reply = await visitor.post(place, {"username": nasty, "password": nasty})
        _is_text(visitor, reply, mark)
    _is_text(visitor, await visitor.get(f"/ai_project/%3C{mark}%3E"), mark)
    await app.leave()


def _is_text(person: User, reply: Reply, mark: str) -> None:
    """Check that what is marked so has become no element of a page, and no attribute."""
    if "html" not in reply.headers.get("content-type", ""):
        return
    made = [name for name, more in reply.page.elements if name == mark or "onclick" in more]
    expected = f"no element {mark!r}, no attribute 'onclick'"
    person.expect(not made, reply, check="no_markup", clause="SP27", expected=expected)


@scenario(clause="SP27", evidence="reasoned; browsers that guess a type run what they find")
async def page_of_a_result(bench: SpacesBench) -> None:
    """A result with markup is JSON by its type, so that no browser takes it for a page."""
    space, app, user = await bench.ready()
    request = await user.asked(space)
    await app.report(request, "completed", {"text": "<script>alert(1)</script>"})
    reply = await user.get(f"/websockets/status?request_id={request}")
    user.expect(
        reply.headers.get("content-type", "").startswith("application/json"),
        reply,
        check="type",
        clause="SP27",
        expected=f"application/json, not {reply.headers.get('content-type')}",
    )


@scenario(clause="SP32", everywhere=True, evidence="RFC 9110 12.5.4")
async def page_in_english(bench: SpacesBench) -> None:
    """Pages and refusals are English for who prefers it, and Chinese for everybody else."""
    space, app, user = await bench.ready()
    for accepted, english in (
        ("en", True),
        ("en-GB,en;q=0.9,zh-CN;q=0.8", True),
        ("zh;q=0.3, en;q=0.7", True),
        ("zh-CN,zh;q=0.9,en;q=0.8", False),
        ("en;q=0.2,zh;q=0.7", False),
    ):
        headers = {"Accept-Language": accepted}
        for path in (space.page, "/login"):
            reply = await user.get(path, headers=headers)
            _in_language(user, reply, reply.page.text, accepted, english=english)
        visitor = bench.visitor()
        reply = await visitor.post(space.submit, {"prompt": "Hello"}, headers=headers)
        if "error" in reply.json:
            _in_language(visitor, reply, str(reply.json["error"]), accepted, english=english)
    await app.leave()


def _in_language(person: User, reply: Reply, text: str, accepted: str, *, english: bool) -> None:
    person.expect(
        bool(text) and english is not bool(CHINESE.search(text)),
        reply,
        check="language",
        clause="SP32",
        expected=f"{'English, no' if english else 'some'} Chinese, for {accepted!r}",
    )
