"""Other sites: posts that their pages can make a browser send must change nothing."""

from urllib.parse import urlsplit

from conformance.core.scenario import scenario
from conformance.profiles.spaces.bench import PASSWORD, SpacesBench
from conformance.profiles.spaces.user import AUDIO, User
from conformance.profiles.websocket.model import new_token

CSRF = "CWE-352; Fetch standard, Origin and Sec-Fetch-Site"


def _foreign(bench: SpacesBench) -> tuple[dict[str, str], ...]:
    """The headers that a browser sends for another site's page."""
    parts = urlsplit(bench.url)
    return (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"{parts.scheme}://evil.{parts.netloc}"},
        {"Origin": f"{parts.scheme}://{parts.netloc}.evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
    )


async def _kept_out(user: User, path: str, fields: dict[str, str], headers: dict[str, str]) -> bool:
    reply = await user.post(path, fields, headers=headers)
    expected = f"403 for a post with {headers}"
    return user.check(reply.status == 403, "kept_out", expected=expected, actual=reply)


@scenario(clause="SP29", evidence=CSRF)
async def site_cannot_ask(bench: SpacesBench) -> None:
    """The website refuses another site's submission for a user, and the app receives nothing."""
    space, app, user = await bench.ready()
    fields = {"prompt": "Steal", "audio_url": AUDIO}
    kept = [await _kept_out(user, space.submit, fields, headers) for headers in _foreign(bench)]
    if not all(kept):
        return
    await app.silent()
    await app.works(user, space)


@scenario(clause="SP29", evidence=CSRF)
async def site_cannot_administer(bench: SpacesBench) -> None:
    """The website refuses another site's posts for an admin, and changes nothing."""
    space, admin = await bench.space(), await bench.admin()
    name = f"Theirs {new_token()[:8]}"
    form = {"name": name, "card_type": "websockets"}
    for headers in _foreign(bench):
        for path in ("/admin/space/add", f"/admin/space/edit/{space.id}"):
            await _kept_out(admin, path, form, headers)
    await bench.lists(present=space.name, absent=name)


@scenario(clause="SP29", evidence="Fetch standard: the website's own forms carry an Origin")
async def site_of_its_own(bench: SpacesBench) -> None:
    """The website takes posts of its own page, and posts without an origin."""
    space, app, user = await bench.ready()
    parts = urlsplit(bench.url)
    for headers in (
        {"Origin": f"{parts.scheme}://{parts.netloc}", "Sec-Fetch-Site": "same-origin"},
        {"Origin": f"{parts.scheme}://{parts.netloc}"},
        {"Sec-Fetch-Site": "none"},
        {},
    ):
        fields = {"prompt": "Mine", "audio_url": AUDIO}
        reply = await user.post(space.submit, fields, headers=headers)
        await app.receives(user.accepted(reply, clause="SP29"))


@scenario(clause="SP29", evidence="RFC 6265bis 5.6.7; decided for this project: SameSite")
async def site_has_no_session(bench: SpacesBench) -> None:
    """The session's cookie is hidden from other sites' posts and from scripts."""
    user = await bench.user()
    fields = {"username": user.name, "password": PASSWORD}
    reply = await user.post("/login", fields)
    for cookie in reply.headers.get_list("set-cookie") or [""]:
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        user.check(
            "httponly" in attributes and bool(attributes & {"samesite=lax", "samesite=strict"}),
            "cookie",
            expected="a cookie that is HttpOnly and SameSite=Lax or Strict, "
            f"found {sorted(attributes)}",
            actual=reply,
        )
