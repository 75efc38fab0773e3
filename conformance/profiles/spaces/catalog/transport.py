"""Socket.IO by its other road: HTTP long polling, and the way from there to a WebSocket."""

from conformance.core.scenario import scenario
from conformance.profiles.spaces.client import SpacesBench
from conformance.profiles.spaces.polling import Polling
from conformance.profiles.spaces.socketio import EVENT

POLLING = "Engine.IO protocol 4: transports, upgrade; clients begin by polling unless told not to"


@scenario(clause="SP35", evidence=POLLING)
async def transport_polling(bench: SpacesBench) -> None:
    """An app that polls registers, is given requests, and its reports are acknowledged."""
    space, user = await bench.space(), await bench.user()
    app = Polling(bench.visitor("app"))
    await app.open()
    await app.serve(space)
    request = await user.asked(space)
    await app.takes(request)
    report = {"request_id": request, "status": "completed", "result": {"text": "诗 \x1f"}}
    await app.send(EVENT, ["inference_result", report], number=1)
    await app.acknowledged(1)
    await user.sees(request, "completed", {"text": "诗 \x1f"})
    await app.leave()
    await bench.freed(space)


@scenario(clause="SP35", evidence=POLLING)
async def transport_upgrade(bench: SpacesBench) -> None:
    """An app that began by polling goes on over a WebSocket, and loses nothing on the way."""
    space, user = await bench.space(), await bench.user()
    polling = Polling(bench.visitor("app"))
    await polling.open()
    await polling.serve(space)
    first = await user.asked(space)
    app = await bench.socket(session=polling.session)
    second = await user.asked(space)
    await app.takes(first, second, clause="SP35")
    for request in (first, second):
        await app.report(request, "completed", {"text": request}, clause="SP35")
        await user.sees(request, "completed", {"text": request})
    await app.leave()
    await bench.freed(space)
