"""Files: uploads of apps and users, and where their names lead."""

import asyncio
from urllib.parse import urlsplit

from conformance.core.scenario import scenario
from conformance.profiles.spaces.bench import SpacesBench
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


async def _upload(app: User, fields: dict[str, str], file: File | None = FILE) -> Reply:
    """Post a form with parts; file: None for a form without a file."""
    files = {"file": file} if file else {"other": ("", b"", "text/plain")}
    return await app.post("/api/upload", fields, files=files)


def _address(reply: Reply) -> str:
    """The path at which the website serves an uploaded file."""
    return str(urlsplit(str(reply.json.get("file_url"))).path)


@scenario(clause="SP30", evidence="code, POST /api/upload")
async def upload_of_an_app(bench: SpacesBench) -> None:
    """The website takes an app's file without login, and serves it at its address."""
    space, _, user = await bench.ready()
    request = await user.request(space)
    visitor = bench.visitor()
    for fields in ({"request_id": request}, {"request_id": request, "username": user.name}):
        reply = await _upload(visitor, fields)
        texts = [reply.json.get(name) for name in ("url", "file_url", "key", "filename")]
        if visitor.check(
            reply.status == 200
            and reply.json.get("success") is True
            and all(isinstance(text, str) for text in texts),
            "taken",
            expected="200 with success, url, file_url, key and filename",
            actual=reply,
        ):
            served = await user.get(_address(reply))
            user.check(
                served.status == 200 and served.body == WAVE,
                "kept",
                expected=f"200 with the file's {len(WAVE)} bytes",
                actual=served,
            )


@scenario(clause="SP30", evidence="code, POST /api/upload: its refusals")
async def upload_refused(bench: SpacesBench) -> None:
    """The website refuses uploads without a known request, of another user, or without a file."""
    (space, _, user), friend = await asyncio.gather(bench.ready(), bench.user())
    request = await user.request(space)
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
        holds = reply.status == status and reply.json.get("success") is not True
        visitor.check(holds, "refused", expected=f"{status} for {fields}", actual=reply)


@scenario(clause="SP30", everywhere=True, evidence="CWE-22")
async def upload_names_lead_nowhere(bench: SpacesBench) -> None:
    """The website keeps a file whose name is a path under no path, and overwrites nothing."""
    space, _, user = await bench.ready()
    request = await user.request(space)
    visitor = bench.visitor()
    contents: dict[str, bytes] = {}
    for number, name in enumerate(TRICKS):
        content = WAVE + str(number).encode()
        reply = await _upload(visitor, {"request_id": request}, (name, content, "audio/wav"))
        if reply.status != 200:
            expected = f"an answer to the name {name!r}, taken or refused as the sender's mistake"
            holds = 400 <= reply.status < 500
            visitor.check(holds, "named", expected=expected, actual=reply)
            continue
        kept = str(reply.json.get("filename"))
        holds = not any(part in kept for part in ("/", "\\")) and kept not in (".", "..")
        expected = f"a filename that is not a path, for {name!r}"
        visitor.check(holds, "filename", expected=expected, actual=reply)
        contents[_address(reply)] = content
    for path, content in contents.items():
        served = await user.get(path)
        holds = served.status == 200 and served.body == content
        expected = "200 with exactly the file that was uploaded there"
        user.check(holds, "kept", expected=expected, actual=served)
    for folder in {path.rpartition("/")[0] for path in contents}:
        for trick in ("..%2Fspaces.db", "..%2F..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd"):
            served = await user.get(f"{folder}/{trick}")
            expected = "4xx at an address that is a path"
            user.check(400 <= served.status < 500, "nowhere", expected=expected, actual=served)


@scenario(
    clause=("SP30", "SP15"), everywhere=True, needs=("account=guide",), evidence="CWE-22; spec 10.5"
)
async def upload_of_a_user(bench: SpacesBench) -> None:
    """The app receives a submission's file under a name that is not a path."""
    space, app, user = await bench.ready(ws_enable_video="on", ws_enable_file_upload="on")
    for name in TRICKS[:4]:
        reply = await user.post(
            space.submit,
            {"prompt": "What is this?", "audio_url": AUDIO},
            files={"other_file": (name, b"words", "text/plain")},
        )
        payload = (await app.next_request(user.accepted(reply))).payload
        files = [file for file in payload.get("files") or [] if isinstance(file, dict)]
        app.check(
            len(files) == 1,
            "files",
            expected=f"one file, sent as {name!r}",
            actual=payload,
            clause="SP15",
        )
        app.check(
            not any(part in str(file.get("filename")) for file in files for part in "/\\"),
            "filename",
            expected=f"a filename that is not a path, for {name!r}",
            actual=payload,
        )


@scenario(clause="SP27", evidence="reasoned; CWE-434: a page that was uploaded is the site's own")
async def upload_is_no_page(bench: SpacesBench) -> None:
    """The website serves an uploaded page or drawing with a script as a download."""
    space, _, user = await bench.ready()
    request = await user.request(space)
    visitor = bench.visitor()
    for name, kind in (("x.html", "text/html"), ("x.svg", "image/svg+xml"), ("x.wav", "text/html")):
        file = (name, b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", kind)
        reply = await _upload(visitor, {"request_id": request}, file)
        if reply.status != 200:
            continue  # not taken, so not shown
        served = await user.get(_address(reply))
        if served.location:
            continue  # not the file, but the way to it
        shown = served.headers.get("content-type", "")
        download = served.headers.get("content-disposition", "").startswith("attachment")
        user.check(
            download or not any(part in shown for part in ("html", "svg", "xml")),
            "download",
            expected=f"a download, or a type that browsers do not run, not {shown}",
            actual=served,
        )
