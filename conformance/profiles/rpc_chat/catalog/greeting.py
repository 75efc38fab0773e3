"""What a client is told as soon as it is there."""

from typing import Any

from conformance.core.scenario import scenario
from conformance.profiles.rpc_chat.client import RpcBench, RpcChat

DOCUMENT = 'flower-engine testing, "Message Flow"'

_TEXTS = ("model", "world_id", "character_id", "session_id")
_NAMED = ("available_worlds", "available_characters", "available_rules", "available_sessions")


@scenario(clause=("RC1", "RC2"), evidence=DOCUMENT)
async def greeting_alone(chat: RpcChat) -> None:
    """A client is greeted by two messages, and hears nothing more until it asks."""
    await chat.greeting()
    chat.replied(await chat.fence(), clause="RC2")


@scenario(clause="RC3")
async def greeting_exact(chat: RpcChat) -> None:
    """The greeting says that all is well, and has the whole state."""
    ready, sync = await chat.greeting()
    chat.expect(
        (ready.content, ready.metadata) == ("✓ Engine ready.", {"status": "ok"}),
        check="ready",
        clause="RC3",
        expected="✓ Engine ready. {'status': 'ok'}",
        actual=str(ready),
    )
    chat.expect(
        sync.content in ("State synchronized", ""),
        check="content",
        clause="RC3",
        expected="'State synchronized', or '' as documented",
        actual=sync.content,
    )
    wrong = list(_wrong(sync.metadata))
    chat.expect(
        not wrong,
        check="state",
        clause="RC3",
        expected="eleven keys of the right types",
        actual=", ".join(wrong),
    )


@scenario(clause="RC2")
async def greeting_each(bench: RpcBench) -> None:
    """Two clients are greeted each, and neither hears of the other's arrival."""
    async with bench.connect() as first, bench.connect() as second:
        for chat in (first, second):
            await chat.greeting()
        for chat in (first, second):
            chat.replied(await chat.fence(), clause="RC2")


def _wrong(state: dict[str, Any]) -> list[str]:
    """The keys that are missing, or of another type."""
    wrong = [each for each in _TEXTS if not isinstance(state.get(each), str)]
    wrong += [each for each in ("model_confirmed",) if not isinstance(state.get(each), bool)]
    wrong += [each for each in _NAMED if not _rows(state.get(each), "id", "name")]
    prices = ("prompt_price", "completion_price")
    models = state.get("available_models")
    if not _rows(models, "id", "name") or not all(
        isinstance(row.get(price), int | float) for row in models or () for price in prices
    ):
        wrong.append("available_models")
    rules = state.get("active_rules")
    if not isinstance(rules, list) or not all(isinstance(each, str) for each in rules):
        wrong.append("active_rules")
    return wrong


def _rows(value: object, *keys: str) -> bool:
    return isinstance(value, list) and all(
        isinstance(row, dict) and all(isinstance(row.get(key), str) for key in keys)
        for row in value
    )
