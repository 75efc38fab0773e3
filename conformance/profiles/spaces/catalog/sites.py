"""Other sites: what their pages can make a browser send must change nothing."""

from urllib.parse import urlsplit

from conformance.core.scenario import scenario
from conformance.profiles.spaces.client import PASSWORD, SpacesBench
from conformance.profiles.spaces.user import AUDIO, User
from conformance.profiles.websocket.chat import new_token

CSRF = "CWE-352; Fetch standard, Origin and Sec-Fetch-Site"


def _foreign(bench: SpacesBench) -> tuple[dict[str, str], ...]:
    """What a browser says of a page that is another site's."""
    parts = urlsplit(bench.url)
    return (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"{parts.scheme}://evil.{parts.netloc}"},
        {"Origin": f"{parts.scheme}://{parts.netloc}.evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
    )


async def _kept_out(
    person: User, path: str, fields: dict[str, str], headers: dict[str, str]
) -> bool:
    reply = await person.post(path, fields, headers=headers)
    expected = f"403 for a post with {headers}"
    return person.expect(
        reply.status == 403, reply, check="kept_out", clause="SP29", expected=expected
    )


@scenario(clause="SP29", evidence=CSRF)
async def site_cannot_ask(bench: SpacesBench) -> None:
    """What another site's page submits in a user's name is refused, and the app hears nothing."""
    space, app, user = await bench.ready()
    fields = {"prompt": "Steal", "audio_url": AUDIO}
    kept = [await _kept_out(user, space.submit, fields, each) for each in _foreign(bench)]
    if not all(kept):
        return
    await app.silent(clause="SP29")
    await app.works(user, space, clause="SP29")


@scenario(clause="SP29", evidence=CSRF)
async def site_cannot_administer(bench: SpacesBench) -> None:
    """What another site's page posts in an admin's name is refused, and changes nothing."""
    space, admin = await bench.space(), await bench.admin()
    name = f"Theirs {new_token()[:8]}"
    form = {"name": name, "card_type": "websockets"}
    for headers in _foreign(bench):
        for path in ("/admin/space/add", f"/admin/space/edit/{space.id}"):
            await _kept_out(admin, path, form, headers)
    names = [each.get("space_name") for each in (await bench.connections())["all_spaces"]]
    bench.expect(
        space.name in names and name not in names,
        check="unchanged",
        clause="SP29",
        expected=f"a space {space.name!r}, and none {name!r}",
        actual="another list of spaces",
    )


@scenario(clause="SP29", evidence="Fetch standard: the website's own forms carry an Origin")
async def site_of_its_own(bench: SpacesBench) -> None:
    """What the website's own page posts is taken, and what names no page at all."""
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
        await app.takes(user.accepted(reply, clause="SP29"), clause="SP29")


@scenario(clause="SP29", evidence="RFC 6265bis 5.6.7; decided for this project: SameSite")
async def site_has_no_session(bench: SpacesBench) -> None:
    """The session's cookie is for the website's own pages, and not for any script."""
    user = await bench.user()
    fields = {"username": user.name, "password": PASSWORD}
    reply = await user.post("/login", fields)
    for cookie in reply.headers.get_list("set-cookie") or [""]:
        said = {each.strip().lower() for each in cookie.split(";")[1:]}
        user.expect(
            "httponly" in said and bool(said & {"samesite=lax", "samesite=strict"}),
            reply,
            check="cookie",
            clause="SP29",
            expected=f"a cookie that is HttpOnly and SameSite=Lax or Strict, found {sorted(said)}",
        )
