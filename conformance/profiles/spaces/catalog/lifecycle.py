"""The end of a website, and its next start: it loses no request."""

import signal
from dataclasses import dataclass

from conformance.core.scenario import Start, scenario
from conformance.profiles.spaces.bench import SpacesBench
from conformance.profiles.spaces.remote_app import RemoteApp
from conformance.profiles.spaces.user import Space, User

RESULT = {"text": "done before"}

PING = "0.3"
"""Seconds between two pings, and until an unanswered one ends the connection."""


@dataclass(frozen=True, slots=True)
class Before:
    """A space with a request of each kind, before its website ends."""

    space: Space
    app: RemoteApp
    user: User
    completed: str
    unfinished: tuple[str, ...]


async def _before(bench: SpacesBench) -> Before:
    space, app, user = await bench.ready()
    completed, *rest = [await user.request(space) for _ in range(4)]
    await app.receives(completed, *rest, clause="SP14")
    await app.report(completed, "completed", RESULT)
    await user.sees(completed, "completed", RESULT)
    await app.report(rest[0], "processing", {"text": "begun"})
    return Before(space, app, user, completed, tuple(rest))


async def _continues(bench: SpacesBench, before: Before) -> None:
    """Start the website again; check that it knows everything, and continues."""
    async with bench.another(state=bench.daemon.state) as daemon:
        await bench.move(daemon)
        user = await bench.member(before.user.name, clause="SP24")
        row = await bench.row(before.space)
        bench.check(
            row.get("space_name") == before.space.name,
            "space",
            expected=f"the space {before.space.name!r}",
            actual=str(dict(row)) if row else "no such space",
            clause="SP24",
        )
        await user.sees(before.completed, "completed", RESULT, clause="SP24")
        for request in before.unfinished:
            await user.sees(request, "queued", clause="SP24")
        app = await bench.app(before.space, clause="SP24")
        await app.receives(*before.unfinished, clause="SP22")
        for request in before.unfinished:
            await app.report(request, "completed", {"text": request})
            await user.sees(request, "completed", {"text": request})
        await app.works(user, before.space, clause="SP24")


@scenario(
    clause="SP24",
    alone=True,
    everywhere=True,
    evidence="decided for this project: a restart loses nothing",
)
async def restart_after_a_kill(bench: SpacesBench) -> None:
    """The website knows all accepted requests when it starts again after SIGKILL."""
    before = await _before(bench)
    bench.daemon.send_signal(signal.SIGKILL)
    await bench.daemon.ended()
    await _continues(bench, before)


@scenario(
    clause=("SP33", "SP24"),
    alone=True,
    evidence='RFC 6455 7.4.1; nats-io/nats-server#6259 "sends 1005 or 1006"',
)
async def restart_after_sigterm(bench: SpacesBench) -> None:
    """The website closes sockets with 1001 on SIGTERM, exits with 0, and loses nothing."""
    before, idle = await _before(bench), await bench.socket()
    await bench.terminates(before.app, idle)
    await _continues(bench, before)


@scenario(
    clause="SP6",
    alone=True,
    start=Start(options={"ping_interval": PING, "ping_timeout": PING}),
    evidence="reasoned; a machine that loses its network sends neither FIN nor RST",
)
async def app_falls_silent(bench: SpacesBench) -> None:
    """The website frees the space of an app that answers no ping."""
    space, app, user = await bench.ready()
    request = await user.request(space)
    await app.receives(request, clause="SP13")
    app.pause()
    await bench.freed(space)
    returned = await bench.app(space, clause="SP6")
    await returned.receives(request, clause="SP22")
