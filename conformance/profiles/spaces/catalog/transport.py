"""Socket.IO by HTTP long polling, and the upgrade from polling to a WebSocket."""

from conformance.core.scenario import scenario
from conformance.profiles.spaces.bench import SpacesBench
from conformance.profiles.spaces.polling import Polling
from conformance.profiles.spaces.remote_app import RESULT
from conformance.profiles.spaces.socketio import EVENT

POLLING = "Engine.IO protocol 4: transports, upgrade; clients begin by polling unless told not to"


@scenario(clause="SP35", evidence=POLLING)
async def transport_polling(bench: SpacesBench) -> None:
    """An app that polls registers, receives requests, and gets its reports acknowledged."""
    space, user = await bench.space(), await bench.user()
    app = Polling(bench.visitor("app"))
    await app.open()
    await app.serve(space)
    request = await user.request(space)
    await app.receives(request)
    report = {"request_id": request, "status": "completed", "result": {"text": "诗 \x1f"}}
    await app.send(EVENT, [RESULT, report], number=1)
    await app.acknowledged(1)
    await user.sees(request, "completed", {"text": "诗 \x1f"})
    await app.leave()
    await bench.freed(space)


@scenario(clause="SP35", evidence=POLLING)
async def transport_upgrade(bench: SpacesBench) -> None:
    """An app that upgrades from polling to a WebSocket loses no request."""
    space, user = await bench.space(), await bench.user()
    polling = Polling(bench.visitor("app"))
    await polling.open()
    await polling.serve(space)
    first = await user.request(space)
    app = await bench.socket(session=polling.session)
    second = await user.request(space)
    await app.receives(first, second)
    for request in (first, second):
        await app.report(request, "completed", {"text": request}, clause="SP35")
        await user.sees(request, "completed", {"text": request})
    await app.leave()
    await bench.freed(space)
