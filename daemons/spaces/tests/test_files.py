"""Files: attachments of requests, and files from apps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from spaces_website.config import MEBIBYTE
from spaces_website.files import MOST_FILES, display_name
from spaces_website.variant import CODE
from world import World

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/abs/olute.wav", "olute.wav"),
        ("..", "file"),
        ("", "file"),
        (" . ", "file"),
        ("a\x00b\r\nc.wav", "abc.wav"),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
        ("x" * 500 + ".wav", "x" * 116 + ".wav"),
        ("猫\ud83d.mp3", "猫.mp3"),
    ],
)
def test_a_name_is_shown_without_its_path(given: str, shown: str) -> None:
    assert display_name(given) == shown


async def test_the_app_receives_descriptions_of_files_and_can_load_them(world: World) -> None:
    space, app, person = await world.space(), await world.app(), await world.user("ann")
    reply = await person.post(
        f"/websockets/submit/{space}",
        data={"prompt": "look", "audio_url": "http://127.0.0.1/a.wav"},
        files={
            "video_file": ("../../a.mp4", b"film", "video/mp4"),
            "other_file": ("notes.html", b"<script>", "text/html"),
            "third_file": ("ignored", b"x"),
        },
    )
    assert reply.status_code == 200
    payload = (await app.next("inference_request"))["payload"]
    assert payload["audio"] == "http://127.0.0.1/a.wav"
    video, other = payload["files"]
    assert {**video, "url": ""} == {
        "field": "video_file",
        "filename": "a.mp4",
        "content_type": "video/mp4",
        "size": 4,
        "url": "",
    }
    stranger = await world.visitor()
    film = await stranger.get(video["url"])
    assert (film.content, film.headers["content-type"]) == (b"film", "video/mp4")
    assert film.headers["content-disposition"].startswith("inline")
    page = await stranger.get(other["url"])
    assert page.headers["content-type"] == "application/octet-stream"
    assert page.headers["content-disposition"].startswith("attachment")
    for reply in (film, page):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["content-security-policy"].startswith("sandbox")
    stored = world.site.config.data / "files"
    assert len(list(stored.iterdir())) == 2
    assert {path.suffix for path in stored.iterdir()} == {".mp4", ".html"}


@pytest.mark.website(variant=CODE)
async def test_in_code_files_are_accepted_and_ignored(world: World) -> None:
    space, app, person = await world.space(), await world.app(), await world.user("ann")
    fields = {"audio_url": "http://127.0.0.1/a.wav"}
    files = {"video_file": ("a.mp4", b"film", "video/mp4")}
    reply = await person.post(f"/websockets/submit/{space}", data=fields, files=files)
    assert reply.status_code == 200
    assert "files" not in (await app.next("inference_request"))["payload"]


async def test_an_app_uploads_a_file(world: World) -> None:
    space, app, person = await world.space(), await world.app(), await world.user("ann")
    request = await person.asked(space)
    await app.next("inference_request")
    robot = await world.visitor()
    sound = {"file": ("../../../out.wav", b"RIFF", "audio/wav")}

    async def upload(status: int, fields: dict[str, str], files: object = sound) -> dict[str, Any]:
        reply = await robot.post("/api/upload", data=fields, files=files)  # type: ignore[arg-type]
        assert reply.status_code == status, reply.text
        return dict(reply.json())

    assert await upload(401, {}) == {"error": "Missing request_id"}
    for wrong in ({"request_id": "0" * 36}, {"request_id": request, "username": "bob"}):
        assert (await upload(403, wrong)).keys() == {"error"}
    assert await upload(400, {"request_id": request}, None) == {"error": "Missing file"}
    named = {"request_id": request, "username": "ann"}
    assert await upload(400, named, {"other": sound["file"]}) == {"error": "Missing file"}
    answer = await upload(200, named)
    assert answer["success"] is True
    assert answer["filename"] == "out.wav"
    assert answer["url"] == answer["file_url"] == f"{world.url}/files/{answer['key']}"
    assert (await robot.get(urlsplit(answer["url"]).path)).content == b"RIFF"
    for _ in range(MOST_FILES - 1):
        await upload(200, {"request_id": request})
    assert (await upload(400, named)).keys() == {"error"}


async def test_no_address_leads_out_of_the_folder(world: World) -> None:
    await world.space()
    robot = await world.visitor()
    for path in (
        "/files/../spaces.db",
        "/files/%2e%2e%2fspaces.db",
        "/files/..%5cspaces.db",
        "/files/session.key",
        "/files/",
        "/files/%00",
        "/files/" + "a" * 5000,
        "/static/..%2f..%2fsession.key",
        "/static/%2e%2e/site.py",
    ):
        reply = await robot.get(path)
        assert reply.status_code == 404, path


@pytest.mark.website(max_upload=MEBIBYTE)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_413(world: World, chunked: bool) -> None:
    space, person = await world.space(), await world.user("ann")
    await world.app()
    head = b'--x\r\nContent-Disposition: form-data; name="video_file"; filename="a"\r\n\r\n'
    body = head + b"a" * 2 * MEBIBYTE + b"\r\n--x--\r\n"

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    reply = await person.post(
        f"/websockets/submit/{space}", content=pieces() if chunked else body, headers=headers
    )
    assert reply.status_code == 413
    await person.asked(space)
