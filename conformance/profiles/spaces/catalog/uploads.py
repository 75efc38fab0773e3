"""Files: those that an app made of a request, those of users, and where their names lead."""

import asyncio
from urllib.parse import urlsplit

from conformance.core.scenario import scenario
from conformance.profiles.spaces.client import SpacesBench
from conformance.profiles.spaces.user import AUDIO, User
from conformance.profiles.websocket.http_user import File, Reply

UNKNOWN = "00000000-0000-4000-8000-000000000000"

WAVE = b"RIFF\x24\0\0\0WAVEfmt " + bytes(range(256)) * 8

FILE: File = ("result.wav", WAVE, "audio/wav")

TRICKS = (
    "../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/cron.d/job",
    "C:\\autoexec.bat",
    "..",
    "....//....//x.wav",
    "%2e%2e%2fspaces.db",
    "spaces.db",
)
"""Names that are paths, on some system or after some decoding."""


async def _upload(person: User, fields: dict[str, str], file: File | None = FILE) -> Reply:
    """Post a form with parts, also where none of them is a file."""
    files = {"file": file} if file else {"other": ("", b"", "text/plain")}
    return await person.post("/api/upload", fields, files=files)


@scenario(clause="SP30", evidence="code, POST /api/upload")
async def upload_of_an_app(bench: SpacesBench) -> None:
    """An app's file for a request is taken without login, and is what its address then gives."""
    space, _, user = await bench.ready()
    request = await user.asked(space)
    visitor = bench.visitor()
    for fields in ({"request_id": request}, {"request_id": request, "username": user.name}):
        reply = await _upload(visitor, fields)
        told = [reply.json.get(name) for name in ("url", "file_url", "key", "filename")]
        holds = reply.json.get("success") is True and all(isinstance(each, str) for each in told)
        expected = "200 with success, url, file_url, key and filename"
        if visitor.expect(
            reply.status == 200 and holds, reply, check="taken", clause="SP30", expected=expected
        ):
            found = await visitor.get(urlsplit(reply.json["file_url"]).path)
            expected = f"200 with the file's {len(WAVE)} bytes"
            holds = found.status == 200 and found.body == WAVE
            visitor.expect(holds, found, check="kept", clause="SP30", expected=expected)


@scenario(clause="SP30", evidence="code, POST /api/upload: its refusals")
async def upload_refused(bench: SpacesBench) -> None:
    """No request's id gets 401, an unknown one or another's name 403, no file 400."""
    (space, _, user), friend = await asyncio.gather(bench.ready(), bench.user())
    request = await user.asked(space)
    visitor = bench.visitor()
    for fields, file, status in (
        ({}, FILE, 401),
        ({"request_id": ""}, FILE, 401),
        ({"request_id": UNKNOWN}, FILE, 403),
        ({"request_id": "../" + request}, FILE, 403),
        ({"request_id": request, "username": friend.name}, FILE, 403),
        ({"request_id": request}, None, 400),
    ):
        reply = await _upload(visitor, fields, file)
        expected = f"{status} for {fields}"
        holds = reply.status == status and reply.json.get("success") is not True
        visitor.expect(holds, reply, check="refused", clause="SP30", expected=expected)


@scenario(clause="SP30", everywhere=True, evidence="CWE-22")
async def upload_names_lead_nowhere(bench: SpacesBench) -> None:
    """A file whose name is a path is kept under no path, and overwrites nothing."""
    space, _, user = await bench.ready()
    request = await user.asked(space)
    visitor = bench.visitor()
    seen: dict[str, bytes] = {}
    for number, name in enumerate(TRICKS):
        content = WAVE + str(number).encode()
        reply = await _upload(visitor, {"request_id": request}, (name, content, "audio/wav"))
        if reply.status != 200:
            expected = f"an answer to the name {name!r}, taken or refused as the sender's mistake"
            holds = 400 <= reply.status < 500
            visitor.expect(holds, reply, check="named", clause="SP30", expected=expected)
            continue
        kept = str(reply.json.get("filename"))
        expected = f"a filename that is no path, of {name!r}"
        holds = not any(part in kept for part in ("/", "\\")) and kept not in (".", "..")
        visitor.expect(holds, reply, check="filename", clause="SP30", expected=expected)
        seen[urlsplit(str(reply.json.get("file_url"))).path] = content
    for path, content in seen.items():
        found = await visitor.get(path)
        expected = "200 with what was uploaded there, and nothing else"
        holds = found.status == 200 and found.body == content
        visitor.expect(holds, found, check="kept", clause="SP30", expected=expected)
    for path in {path.rpartition("/")[0] for path in seen}:
        for trick in ("..%2Fspaces.db", "..%2F..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd"):
            found = await visitor.get(f"{path}/{trick}")
            expected = "no file, at an address that is a path"
            holds = 400 <= found.status < 500
            visitor.expect(holds, found, check="nowhere", clause="SP30", expected=expected)


@scenario(
    clause=("SP30", "SP15"), everywhere=True, needs=("account=guide",), evidence="CWE-22; spec 10.5"
)
async def upload_of_a_user(bench: SpacesBench) -> None:
    """The files of a submission have names that are no paths as well."""
    space, app, user = await bench.ready(ws_enable_video="on", ws_enable_file_upload="on")
    for name in TRICKS[:4]:
        reply = await user.post(
            space.submit,
            {"prompt": "What is this?", "audio_url": AUDIO},
            files={"other_file": (name, b"words", "text/plain")},
        )
        given = await app.given(user.accepted(reply))
        files = [each for each in given.payload.get("files") or [] if isinstance(each, dict)]
        app.expect(
            len(files) == 1,
            check="files",
            clause="SP15",
            expected=f"one file, sent as {name!r}",
            actual=given.payload,
        )
        app.expect(
            not any(part in str(each.get("filename")) for each in files for part in "/\\"),
            check="filename",
            clause="SP30",
            expected=f"a filename that is no path, of {name!r}",
            actual=given.payload,
        )


@scenario(clause="SP27", evidence="reasoned; CWE-434: a page that was uploaded is the site's own")
async def upload_is_no_page(bench: SpacesBench) -> None:
    """A page or a drawing with a script that was uploaded is a download, not a page."""
    space, _, user = await bench.ready()
    request = await user.asked(space)
    visitor = bench.visitor()
    for name, kind in (("x.html", "text/html"), ("x.svg", "image/svg+xml"), ("x.wav", "text/html")):
        file = (name, b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", kind)
        reply = await _upload(visitor, {"request_id": request}, file)
        if reply.status != 200:
            continue  # not taken: not shown
        found = await visitor.get(urlsplit(str(reply.json.get("file_url"))).path)
        shown = found.headers.get("content-type", "")
        download = found.headers.get("content-disposition", "").startswith("attachment")
        visitor.expect(
            download or not any(part in shown for part in ("html", "svg", "xml")),
            found,
            check="download",
            clause="SP27",
            expected=f"a download, or a type that no browser runs, not {shown}",
        )
