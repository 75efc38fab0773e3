"""The end of a website, and its next beginning: what was asked is not forgotten."""

import asyncio
import signal
from dataclasses import dataclass

from conformance.core.scenario import Start, scenario
from conformance.profiles.spaces.client import SpacesBench
from conformance.profiles.spaces.remote_app import RemoteApp
from conformance.profiles.spaces.user import Space, User

RESULT = {"text": "done before"}

PING = "0.3"
"""Seconds between two pings, and until one that is not answered counts as an end."""


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
    completed, *rest = [await user.asked(space) for _ in range(4)]
    await app.takes(completed, *rest, clause="SP14")
    await app.report(completed, "completed", RESULT)
    await user.sees(completed, "completed", RESULT)
    await app.report(rest[0], "processing", {"text": "begun"})
    return Before(space, app, user, completed, tuple(rest))


async def _kept(bench: SpacesBench, before: Before) -> None:
    """Check that a website which was started again knows everything, and goes on with it."""
    user = await bench.member(before.user.name, clause="SP24")
    row = await bench.row(before.space)
    bench.expect(
        row.get("space_name") == before.space.name,
        check="space",
        clause="SP24",
        expected=f"the space {before.space.name!r}",
        actual=str(dict(row)) if row else "no such space",
    )
    await user.sees(before.completed, "completed", RESULT, clause="SP24")
    for each in before.unfinished:
        await user.sees(each, "queued", clause="SP24")
    app = await bench.app(before.space, clause="SP24")
    await app.takes(*before.unfinished, clause="SP22")
    for each in before.unfinished:
        await app.report(each, "completed", {"text": each})
        await user.sees(each, "completed", {"text": each})
    await app.works(user, before.space, clause="SP24")


@scenario(
    clause="SP24",
    alone=True,
    everywhere=True,
    evidence="decided for this project: a restart loses nothing",
)
async def restart_after_a_kill(bench: SpacesBench) -> None:
    """A website that was killed knows, when it is started again, all that it had accepted."""
    before = await _before(bench)
    bench.daemon.send_signal(signal.SIGKILL)
    await bench.daemon.ended()
    async with bench.another(state=bench.daemon.state) as daemon:
        await bench.moved(daemon)
        await _kept(bench, before)


@scenario(
    clause=("SP33", "SP24"),
    alone=True,
    evidence='RFC 6455 7.4.1; nats-io/nats-server#6259 "sends 1005 or 1006"',
)
async def restart_after_sigterm(bench: SpacesBench) -> None:
    """SIGTERM closes sockets with 1001 and ends with 0; nothing is lost for the next start."""
    before, idle = await _before(bench), await bench.socket()
    bench.daemon.send_signal(signal.SIGTERM)
    for each in (before.app, idle):
        code = await each.closed()
        each.expect(
            code == 1001,
            check="close_code",
            clause="SP33",
            expected="1001, going away",
            actual=str(code),
        )
    try:
        async with asyncio.timeout(bench.left):
            await bench.daemon.ended()
    except TimeoutError:
        pass
    bench.expect(
        bench.daemon.returncode == 0,
        check="exits",
        clause="SP33",
        expected="exit status 0",
        actual=bench.daemon.describe_exit() or "it still runs",
    )
    async with bench.another(state=bench.daemon.state) as daemon:
        await bench.moved(daemon)
        await _kept(bench, before)


@scenario(
    clause="SP6",
    alone=True,
    start=Start(options={"ping_interval": PING, "ping_timeout": PING}),
    evidence="reasoned; a machine that loses its network sends neither FIN nor RST",
)
async def app_falls_silent(bench: SpacesBench) -> None:
    """An app that answers no ping any more is lost like one that has left."""
    space, app, user = await bench.ready()
    request = await user.asked(space)
    await app.takes(request, clause="SP13")
    app.pause()
    await bench.freed(space)
    returned = await bench.app(space, clause="SP6")
    await returned.takes(request, clause="SP22")
