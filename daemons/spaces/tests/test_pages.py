"""The pages, their languages, and the headers for browsers."""

from __future__ import annotations

import re

import pytest
from spaces_website.browsers import Browsers
from spaces_website.texts import TEXTS, Language, choose
from spaces_website.variant import CODE
from starlette.datastructures import Headers
from world import PASSWORD, Person, World

pytestmark = pytest.mark.anyio

NASTY = "<script>alert(1)</script>\"'&{{7*7}}"


async def page(person: Person, path: str) -> str:
    """A page's text."""
    reply = await person.get(path)
    assert reply.status_code == 200, reply.text
    assert "default-src 'none'; script-src 'self'" in reply.headers["content-security-policy"]
    return reply.text


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, Language.CHINESE),
        ("", Language.CHINESE),
        ("*", Language.CHINESE),
        ("en", Language.ENGLISH),
        ("en-US,en;q=0.9", Language.ENGLISH),
        ("zh-CN,zh;q=0.9,en;q=0.8", Language.CHINESE),
        ("de,en;q=0.5,zh;q=0.4", Language.ENGLISH),
        ("en;q=0,zh", Language.CHINESE),
        ("en;q=x", Language.CHINESE),
        ("fr", Language.CHINESE),
    ],
)
def test_the_header_chooses_the_language(header: str | None, language: Language) -> None:
    assert choose(header) is language


def test_both_languages_fill_in_the_same_values() -> None:
    for chinese, english in TEXTS.values():
        assert set(re.findall(r"{\w+}", chinese)) == set(re.findall(r"{\w+}", english))


async def test_a_user_sees_the_status_and_the_form_with_it(world: World) -> None:
    space, person = await world.space(), await world.user("ann")
    path = f"/ai_project/{space}"
    text = await page(person, path)
    assert "✗ 未连接" in text
    assert "⏳ 服务暂时不可用" in text
    assert "<fieldset disabled>" in text
    for absent in ("✓ 已连接", "发送推理请求"):
        assert absent not in text
    await world.app()
    text = await page(person, path)
    assert "✓ 已连接" in text
    assert "发送推理请求" in text
    assert "<fieldset>" in text
    assert "队列空闲，无等待请求" in text
    for absent in ("✗ 未连接", "⏳", "disabled", "远程服务未连接"):
        assert absent not in text


async def test_an_admin_sees_the_waiting_users(world: World) -> None:
    space, admin, person = await world.space(), await world.admin(), await world.user("ann")
    path = f"/ai_project/{space}"
    text = await page(admin, path)
    assert "⏳ 等待连接" in text
    assert "远程服务未连接" in text
    await world.app()
    await person.asked(space)
    await admin.asked(space)
    text = await page(admin, path)
    assert "当前队列 (2人):" in text
    assert "第1位: ann" in text
    assert "第2位: admin" in text
    text = await page(person, path)
    assert "第1位: ann" in text
    assert "admin" not in text
    live = (await person.get(f"{path}/live")).json()
    assert (live["connected"], live["queue_size"]) == (True, 2)
    assert [place["username"] for place in live["queue"]] == ["ann"]


async def test_a_visitor_sees_a_link_to_the_login(world: World) -> None:
    space, stranger = await world.space(), await world.visitor()
    await world.app()
    text = await page(stranger, f"/ai_project/{space}")
    assert "登录" in text
    assert "发送推理请求" not in text
    assert (await stranger.get("/ai_project/nowhere")).status_code == 404


@pytest.mark.website(variant=CODE)
async def test_in_code_admins_see_the_status_and_the_form_needs_an_app(world: World) -> None:
    space, admin, person = await world.space(), await world.admin(), await world.user("ann")
    path = f"/ai_project/{space}"
    text = await page(person, path)
    assert "⏳ 服务暂时不可用" in text
    assert "发送推理请求" not in text
    assert '<form id="request"' not in text
    text = await page(admin, path)
    assert "⏳ 等待连接" in text
    assert "远程服务未连接" in text
    assert "✗ 未连接" not in text
    await world.app()
    text = await page(person, path)
    assert '<form id="request"' in text
    assert 'id="status"' not in text
    assert "✓ 已连接" in await page(admin, path)


async def test_pages_are_in_english_for_browsers_that_prefer_it(world: World) -> None:
    space = await world.space()
    reader = await world.visitor(headers={"Accept-Language": "en"})
    text = await page(reader, f"/ai_project/{space}")
    assert "Not connected" in text
    assert not re.search("[\u4e00-\u9fff]", text)
    for path in ("/", "/login", "/register"):
        assert not re.search("[\u4e00-\u9fff]", await page(reader, path))


async def test_a_script_in_a_name_is_a_text(world: World) -> None:
    space = await world.space(NASTY, description=NASTY, cover=NASTY)
    app, person, admin = await world.app(NASTY), await world.user("ann"), await world.admin()
    await person.asked(space, prompt=NASTY)
    await app.next("inference_request")
    await world.visitor()
    paths = [f"/ai_project/{space}", f"/admin/space/edit/{space}", "/admin/", "/"]
    for reader, path in [(person, paths[0]), *((admin, path) for path in paths)]:
        text = await page(reader, path)
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    refused = await person.post("/login", data={"username": NASTY, "password": NASTY})
    assert "<script>alert" not in refused.text


async def test_accounts(world: World) -> None:
    stranger = await world.visitor()

    async def register(name: str, password: str = PASSWORD) -> int:
        fields = {"username": name, "password": password}
        return (await stranger.post("/register", data=fields)).status_code

    assert await register("ann_1") == 302
    assert await register("ann_1", "another password") == 200
    for bad in ("", "a b", "a-b", "<b>", "ä", "a\n", "x" * 65):
        assert await register(bad) == 200
    assert await register("bob", "short") == 200
    for wrong in ({"username": "ann_1", "password": "wrong"}, {"username": "unknown"}, {}):
        reply = await stranger.post("/login", data=wrong)
        assert reply.status_code == 200
        assert "无效的凭据" in reply.text
    reply = await stranger.post("/login", data={"username": "ann_1", "password": PASSWORD})
    assert (reply.status_code, reply.headers["location"]) == (302, "/")
    cookie = reply.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "ann_1" in await page(stranger, "/")
    await stranger.post("/logout")
    assert "ann_1" not in await page(stranger, "/")


async def test_a_forged_session_is_ignored(world: World) -> None:
    person = await world.user("ann")
    value = person.cookies["session"]
    body, rest = value.split(".", 1)
    time, signature = rest.split(".")
    # Not the last character, because some of its bits have no meaning.
    other = ("B" if signature[0] == "A" else "A") + signature[1:]
    forged = [f"{body[:-2]}AA.{rest}", f"{body}.{time}.{other}", body, "x", ".."]
    for cookie in forged:
        stranger = await world.visitor(cookies={"session": cookie})
        assert "ann" not in await page(stranger, "/")


async def test_admin_pages_are_for_admins_only(world: World) -> None:
    space = await world.space()
    stranger, person = await world.visitor(), await world.user("ann")
    for path in ("/admin/", "/admin/space/add", f"/admin/space/edit/{space}"):
        for reader, place in ((stranger, "/login"), (person, "/")):
            for reply in (await reader.get(path), await reader.post(path, data={"name": "X"})):
                assert reply.status_code in ((302, 405) if path == "/admin/" else (302,))
                assert reply.headers.get("location", place) == place
    assert (await stranger.get("/admin/websockets/status")).headers["location"] == "/login"
    assert (await person.get("/admin/websockets/status")).headers["location"] == "/"
    assert world.site.catalog.find(space).name == "Poet"  # type: ignore[union-attr]


async def test_other_sites_cannot_post(world: World) -> None:
    space, person = await world.space(), await world.user("ann")
    await world.app()

    async def post(**headers: str) -> int:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        address = f"/websockets/submit/{space}"
        return (await person.post(address, data={"prompt": "x"}, headers=names)).status_code

    assert await post() == 200
    assert await post(origin=world.url) == 200
    assert await post(sec_fetch_site="same-origin") == 200
    for origin in ("http://evil.example", "null", "", world.url + "0", "https://127.0.0.1"):
        assert await post(origin=origin) == 403, origin
    for site in ("cross-site", "same-site"):
        assert await post(sec_fetch_site=site) == 403
    reply = await person.post("/logout", headers={"origin": "http://evil.example"})
    assert reply.status_code == 403


@pytest.mark.parametrize(
    ("origin", "host", "trusted"),
    [
        ("http://site.example", "site.example", True),
        ("https://site.example", "site.example:443", True),
        ("http://SITE.example:80", "site.example", True),
        ("https://public.example", "inner:5001", True),
        ("http://site.example.evil", "site.example", False),
        ("http://site.example:81", "site.example", False),
        ("ftp://site.example", "site.example", False),
        ("http://", "", False),
    ],
)
def test_origins_are_compared_with_the_host(origin: str, host: str, trusted: bool) -> None:
    async def nowhere(*_: object) -> None:
        raise AssertionError

    browsers = Browsers(nowhere, ("https://public.example",))
    assert browsers.trusts(Headers({"origin": origin, "host": host})) is trusted
