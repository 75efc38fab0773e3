"""The pages: their content for each viewer, that it is text, and their language."""

import re

from conformance.core.scenario import scenario
from conformance.profiles.spaces.bench import SpacesBench
from conformance.profiles.spaces.user import Space, User
from conformance.profiles.websocket.http_user import Reply
from conformance.profiles.websocket.model import new_token

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


async def _shows(user: User, space: Space, *words: str, without: tuple[str, ...] = ()) -> Reply:
    """Check that a space's page contains these words, and none of the others."""
    reply = await user.get(space.page)
    text = reply.page.text
    for word in words:
        expected = f"a page that says {word!r}"
        user.check(word in text, "shows", expected=expected, actual=reply)
    for word in without:
        expected = f"a page that does not say {word!r}"
        user.check(word not in text, "hides", expected=expected, actual=reply)
    return reply


@scenario(clause="SP26", everywhere=True, evidence="spec 11, P1; code, page of a space")
async def page_for_admins(bench: SpacesBench) -> None:
    """An admin sees whether the app is connected, and the queue by positions."""
    space, app, user = await bench.ready()
    friend, admin = await bench.user(), await bench.admin()
    await _shows(admin, space, CONNECTED, IDLE, without=(WAITING, REMOTE_GONE))
    first = await user.request(space)
    await friend.request(space)
    places = (_place(1, user), _place(2, friend))
    if (await bench.row(space)).get("queue_size") == 2:
        await _shows(admin, space, CONNECTED, _queue(2), *places, without=(IDLE,))
    await app.report(first, "completed", {"text": "done"})
    # Another scenario judges whether a finished request leaves the queue (SP21).
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
    """A user sees the form while an app is connected, and a notice otherwise."""
    space, app, user = await bench.ready()
    await _shows(user, space, SEND, without=(UNAVAILABLE,))
    await app.leave()
    await bench.freed(space)
    await _shows(user, space, UNAVAILABLE, without=(SEND,))
    await bench.app(space)
    await _shows(user, space, SEND, without=(UNAVAILABLE,))


@scenario(clause="SP26", everywhere=True, evidence="code, page of a space: anonymous")
async def page_for_strangers(bench: SpacesBench) -> None:
    """A visitor sees a log-in instead of the form, with an app or without."""
    space, app, _ = await bench.ready()
    await _shows_no_form(bench.visitor(), space)
    await app.leave()
    await bench.freed(space)
    await _shows_no_form(bench.visitor(), space)


async def _shows_no_form(visitor: User, space: Space) -> None:
    reply = await _shows(visitor, space, LOG_IN)
    # The words of the form's button may stand in the sentence that asks to log in.
    form = reply.page.form_to(space.submit)
    visitor.check(not form, "no_form", expected=f"no form to {space.submit}", actual=reply)


@scenario(
    clause="SP26",
    everywhere=True,
    needs=("account=guide",),
    evidence="testing guide, step 3 and scenario 4",
)
async def page_for_everybody(bench: SpacesBench) -> None:
    """Users and visitors see whether the app is connected."""
    space, app, user = await bench.ready()
    for viewer in (user, bench.visitor()):
        await _shows(viewer, space, CONNECTED, without=(NOT_CONNECTED,))
    await app.leave()
    await bench.freed(space)
    for viewer in (user, bench.visitor()):
        await _shows(viewer, space, NOT_CONNECTED, without=(CONNECTED,))


@scenario(clause="SP27", everywhere=True, evidence="reasoned; CWE-79")
async def page_of_text(bench: SpacesBench) -> None:
    """The website shows markup in a name, a description or a prompt as text on every page."""
    mark = f"x{new_token()[:8]}"
    nasty = f'<{mark}>\'"><{mark} onclick="{mark}()">{{{{7*7}}}}&lt;</textarea></template><{mark}>'
    space = await bench.space(nasty, description=nasty, cover=nasty)
    app, user, admin = await bench.app(space), await bench.user(), await bench.admin()
    await user.request(space, prompt=nasty, audio_url=f"http://127.0.0.1/{nasty}")
    for viewer in (bench.visitor(), user, admin):
        reply = await viewer.get(space.page)
        _is_text(viewer, reply, mark)
        holds = " ".join(nasty.split()) in reply.page.text
        viewer.check(holds, "text", expected=f"the unaltered name: {nasty}", actual=reply)
        _is_text(viewer, await viewer.get("/"), mark)
    _is_text(admin, await admin.get(f"/admin/space/edit/{space.id}"), mark)
    visitor = bench.visitor()
    for path in ("/login", "/register"):
        reply = await visitor.post(path, {"username": nasty, "password": nasty})
        _is_text(visitor, reply, mark)
    _is_text(visitor, await visitor.get(f"/ai_project/%3C{mark}%3E"), mark)
    await app.leave()


def _is_text(user: User, reply: Reply, mark: str) -> None:
    """Check that marked text has become neither an element of a page nor a script."""
    if "html" not in reply.headers.get("content-type", ""):
        return
    made = [
        name
        for name, attributes in reply.page.elements
        # A website may have handlers of its own, which call no marked function.
        if name == mark or attributes.get("onclick", "").startswith(mark)
    ]
    expected = f"no element {mark!r}, no 'onclick' that calls it"
    user.check(not made, "no_markup", expected=expected, actual=reply)


@scenario(clause="SP27", evidence="reasoned; browsers that guess a type run what they find")
async def page_of_a_result(bench: SpacesBench) -> None:
    """The website sends a result with markup as JSON by its type, not as a page."""
    space, app, user = await bench.ready()
    request = await user.request(space)
    await app.report(request, "completed", {"text": "<script>alert(1)</script>"})
    reply = await user.get(f"/websockets/status?request_id={request}")
    kind = reply.headers.get("content-type", "")
    user.check(
        kind.startswith("application/json"),
        "type",
        expected=f"application/json, not {kind}",
        actual=reply,
    )


@scenario(clause="SP32", everywhere=True, evidence="RFC 9110 12.5.4")
async def page_in_english(bench: SpacesBench) -> None:
    """The website answers in English where the client prefers it, and in Chinese otherwise."""
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
            _is_in_language(user, reply, reply.page.text, accepted, english=english)
        visitor = bench.visitor()
        reply = await visitor.post(space.submit, {"prompt": "Hello"}, headers=headers)
        if "error" in reply.json:
            _is_in_language(visitor, reply, str(reply.json["error"]), accepted, english=english)
    await app.leave()


def _is_in_language(user: User, reply: Reply, text: str, accepted: str, *, english: bool) -> None:
    user.check(
        bool(text) and english is not bool(CHINESE.search(text)),
        "language",
        expected=f"{'English, no' if english else 'some'} Chinese, for {accepted!r}",
        actual=reply,
    )
