"""The messages that an engine sends to each new connection."""

from typing import Any

from conformance.core.scenario import scenario
from conformance.profiles.rpc_chat.bench import RpcBench
from conformance.profiles.rpc_chat.chat import RpcChat
from conformance.profiles.rpc_chat.messages import GREETING

DOCUMENT = 'flower-engine testing, "Message Flow"'

_TEXTS = ("model", "world_id", "character_id", "session_id")
_NAMED = ("available_worlds", "available_characters", "available_rules", "available_sessions")


@scenario(clause=("RC1", "RC2"), evidence=DOCUMENT)
async def greeting_alone(chat: RpcChat) -> None:
    """The engine greets a client with two messages, and then sends nothing until it asks."""
    await chat.greeting()
    await chat.silent(clause="RC2")


@scenario(clause="RC3")
async def greeting_exact(chat: RpcChat) -> None:
    """The greeting has the documented text and metadata, and the whole state."""
    ready, sync = await chat.greeting()
    chat.check(
        (ready.content, ready.metadata) == (GREETING, {"status": "ok"}),
        "ready",
        expected=f"{GREETING} {{'status': 'ok'}}",
        actual=str(ready),
    )
    chat.check(
        sync.content in ("State synchronized", ""),
        "content",
        expected="'State synchronized', or '' as documented",
        actual=sync.content,
    )
    wrong = _wrong_keys(sync.metadata)
    chat.check(
        not wrong, "state", expected="eleven keys of the right types", actual=", ".join(wrong)
    )


@scenario(clause="RC2")
async def greeting_each(bench: RpcBench) -> None:
    """The engine greets each of two clients, and does not report one's arrival to the other."""
    async with bench.connect() as first, bench.connect() as second:
        for chat in (first, second):
            await chat.greeting()
        for chat in (first, second):
            await chat.silent()


def _wrong_keys(state: dict[str, Any]) -> list[str]:
    """The keys that are missing, or of another type."""
    wrong = [key for key in _TEXTS if not isinstance(state.get(key), str)]
    wrong += [key for key in ("model_confirmed",) if not isinstance(state.get(key), bool)]
    wrong += [key for key in _NAMED if not _are_rows(state.get(key), "id", "name")]
    prices = ("prompt_price", "completion_price")
    models = state.get("available_models")
    if not _are_rows(models, "id", "name") or not all(
        isinstance(row.get(price), int | float) for row in models or () for price in prices
    ):
        wrong.append("available_models")
    rules = state.get("active_rules")
    if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
        wrong.append("active_rules")
    return wrong


def _are_rows(value: object, *keys: str) -> bool:
    return isinstance(value, list) and all(
        isinstance(row, dict) and all(isinstance(row.get(key), str) for key in keys)
        for row in value
    )
