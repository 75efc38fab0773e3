"""Broken frames, strange packets, and bodies that cannot be read."""

import asyncio
from collections.abc import Callable

from websockets.frames import Opcode

from conformance.core.scenario import scenario
from conformance.profiles.spaces.bench import SpacesBench
from conformance.profiles.spaces.remote_app import NOTHING, RESULT, RemoteApp
from conformance.profiles.websocket.model import new_token

LONG = "x" * 40_000


def _binary(app: RemoteApp) -> None:
    app.text('451-["inference_result", {"_placeholder": true, "num": 0}]')
    app.binary(b"\xff\xfe")


PACKETS: dict[str, Callable[[RemoteApp], None]] = {
    "an unknown packet": lambda app: app.text("9"),
    "an empty frame": lambda app: app.text(""),
    "a message of nothing": lambda app: app.text("4"),
    "an event of nothing": lambda app: app.text("42"),
    "half of a JSON array": lambda app: app.text('42["register"'),
    "an event without a name": lambda app: app.text("42[]"),
    "an event whose name is a number": lambda app: app.text("42[7]"),
    "an event that is an object": lambda app: app.text('42{"register": 1}'),
    "an unknown event": lambda app: app.emit("unknown event", {"text": LONG}),
    "an event of a reserved name": lambda app: app.emit("disconnect"),
    "an event of three arguments": lambda app: app.emit("inference_request", {}, {}, {}),
    "another namespace": lambda app: app.text('42/nowhere,["register", {}]'),
    "the connect of another namespace": lambda app: app.text("40/nowhere,"),
    "an acknowledgement of nothing": lambda app: app.text("437[]"),
    "an acknowledgement's number without end": lambda app: app.text(f'42{"9" * 5000}["x"]'),
    "arrays in arrays": lambda app: app.text('42["register",' + "[" * 20_000),
    "a binary event": _binary,
    "bytes": lambda app: app.binary(b"\0\x01\xff" * 100),
    "text that is not UTF-8": lambda app: app.frame(Opcode.TEXT, b'42["\xff"]'),
    "a frame that is not masked": lambda app: app.frame(Opcode.TEXT, b"2", mask=False),
    "three megabytes": lambda app: app.emit("inference_result", {"result": "x" * 3_000_000}),
}


@scenario(clause=("SP31", "SP6"), evidence="spec: bad input of every kind; Socket.IO protocol 5")
async def input_packets(bench: SpacesBench) -> None:
    """An app's bad packet affects at most its own connection."""
    (space, app, user), other = await asyncio.gather(bench.ready(), bench.space())
    for what, send in PACKETS.items():
        wrong = await bench.app(other, clause="SP31")
        send(wrong)
        survives = await wrong.settled(RESULT, NOTHING)
        wrong.check(
            survives or wrong.ended,
            "settled",
            expected=f"the connection continues, or ends, after {what}",
            actual="neither an acknowledgement nor an end",
        )
        await wrong.leave()
        await bench.freed(other)
    # The website waits for the rest of an event that promises more parts; the app may leave.
    promising = await bench.app(other, clause="SP31")
    promising.text('4599999-["register", {}]')
    await promising.leave()
    await bench.freed(other)
    await app.works(user, space)


BODIES: tuple[tuple[str, str, bytes], ...] = (
    ("multipart/form-data", "parts without a boundary", b"--x\r\n\r\nHello\r\n--x--\r\n"),
    ("multipart/form-data; boundary=x", "parts that do not end", b"--x\r\nContent-Disp"),
    ("multipart/form-data; boundary=x", "parts of another boundary", b"--y\r\n\r\nHello\r\n"),
    ("application/json", "JSON", b'{"prompt": "Hello"}'),
    ("text/plain", "plain text", b"Hello"),
    ("application/x-www-form-urlencoded", "bytes", bytes(range(256))),
    ("application/x-www-form-urlencoded", "nothing", b""),
)


@scenario(clause="SP31", evidence="spec: bad input of every kind")
async def input_bodies(bench: SpacesBench) -> None:
    """The website answers an unreadable form with a 4xx, on each route."""
    space, app, user = await bench.ready()
    request = await user.request(space)
    await app.receives(request, clause="SP13")
    sender = await bench.user()
    sender.unanswered = "SP31"
    for kind, what, body in BODIES:
        for path in (space.submit, "/api/upload"):
            reply = await sender.post(path, content=body, headers={"Content-Type": kind})
            expected = f"4xx for a form that is {what}"
            sender.check(400 <= reply.status < 500, "refused", expected=expected, actual=reply)
    await app.silent()
    await app.report(request, "completed", {"text": "still here"})
    await user.sees(request, "completed", {"text": "still here"})


@scenario(clause="SP31", evidence="spec: bad input of every kind; CWE-22, CWE-89")
async def input_addresses(bench: SpacesBench) -> None:
    """The website answers odd paths, ids and names below 500."""
    visitor, admin = bench.visitor(), await bench.admin()
    visitor.unanswered = admin.unanswered = "SP31"
    mark = new_token()[:8]
    for path in (
        "/ai_project/%00",
        "/ai_project/..%2F..%2Fetc%2Fpasswd",
        f"/ai_project/{LONG[:4000]}",
        "/websockets/status?request_id=%00",
        "/websockets/status?request_id=%FF%FE",
        f"/websockets/status?request_id={LONG[:4000]}",
        "/websockets/status?request_id[]=1&request_id[]=2",
        "/admin/space/edit/%00",
        f"/nowhere/{mark}",
        "/socket.io/?EIO=4&transport=polling&sid=nobody",
        "/socket.io/?EIO=3&transport=polling",
        "/socket.io/?EIO=4&transport=smoke",
    ):
        reply = await admin.get(path)
        admin.check(reply.status < 500, "answered", expected="a status below 500", actual=reply)
    for fields in (
        {"username": "\0", "password": "\0"},
        {"username": "x", "password": "p" * 100_000},
        {"username": "\U0001f600" * 1000, "password": "\ud7ff\ue000"},
        {"name": "both"},
    ):
        for path in ("/login", "/register"):
            reply = await visitor.post(path, fields)
            holds = reply.status < 500
            visitor.check(holds, "answered", expected="a status below 500", actual=reply)
