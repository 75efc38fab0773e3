"""The clauses of the `rpc-chat` profile: docs/contract-rpc-chat.md.

What the engine's own test document shows is a MUST, what only its code shows a
SHOULD; what follows from RFC 6455, or protects other users, is a MUST anyway.
"""

from __future__ import annotations

from conformance.core.clause import Clause, Level

_MUST, _SHOULD = Level.MUST, Level.SHOULD

_SENTENCES = (
    (
        _MUST,
        "serve WebSocket connections, and send on them nothing but text messages, each a JSON "
        "object `{event, payload: {content, metadata}}` of a known event",
    ),
    (
        _MUST,
        "greet each connection with a `system_update` that says `✓ Engine ready.` and a "
        "`sync_state`, and say nothing more until it is asked",
    ),
    (
        _SHOULD,
        "greet with the metadata `{status: ok}`, and give `sync_state` the content "
        "`State synchronized` (as documented: none), all eleven keys and their types",
    ),
    (
        _MUST,
        "answer what has an answer, in order, whatever came before it on the connection",
    ),
    (
        _MUST,
        "answer `/world select ID` and `/character select ID` with a `system_update` that names ID",
    ),
    (
        _SHOULD,
        "answer a selection with its exact text and metadata, and one `sync_state` that has it",
    ),
    (
        _SHOULD,
        "answer `/session new` with `✓ New session: ID` of 12 hex digits, a `sync_state` that "
        "has it, and a `chat_history` with the world's start message, if it has one",
    ),
    (
        _MUST,
        "answer a prompt without world, character or session with a `system_update` that says "
        "`Prepare the stage`, and generate nothing",
    ),
    (
        _SHOULD,
        "answer `/session new` without world or character with `✗ Select world/char first.`",
    ),
    (
        _SHOULD,
        "answer `/session continue ID` with the `chat_history`, then a `sync_state` with the "
        "session's world, character and model, and without a `system_update`",
    ),
    (
        _SHOULD,
        "list sessions, those used last first, and forget one on `/session delete ID`, telling so "
        "for any id; the active one's deletion unsets `session_id`",
    ),
    (
        _SHOULD,
        "answer `/model ID` with one `system_update`: `Hot-swapped model to ID` and its metadata, "
        "or that ID `is not recognized`",
    ),
    (
        _SHOULD,
        "activate a rule once however often it is added, deactivate all on `/rules clear`, and "
        "tell each with the `active_rules` and a `sync_state`",
    ),
    (
        _SHOULD,
        "say nothing to an unknown command, one that lacks its argument, an unknown rule or "
        "session, or `/cancel` with nothing to cancel",
    ),
    (
        _SHOULD,
        "take a text that is no JSON object as the prompt or the command itself; ignore keys that "
        "it does not know, and take a missing `prompt` as an empty one",
    ),
    (
        _SHOULD,
        "answer a binary message, or a `prompt` that is no string, with an `error`, and keep the "
        "connection (the original drops it)",
    ),
    (
        _MUST,
        "live through whatever a client sends; one client's trouble is no other's",
    ),
    (
        _MUST,
        "stream the model's text as `chat_chunk`s, in order, nothing lost, added or altered",
    ),
    (
        _MUST,
        "pass each piece of text on as soon as it came",
    ),
    (
        _MUST,
        "end each answer with exactly one `chat_end`, after its last chunk, with an integer "
        "`total_tokens`",
    ),
    (
        _SHOULD,
        "count in `total_tokens` the chunks that were sent",
    ),
    (
        _SHOULD,
        "give each chunk `model`, `world_id` (text) and `tokens_per_second` (a number from 0 up)",
    ),
    (
        _MUST,
        "announce an answer, if at all, by one `system_update` `...` without metadata, before its "
        "first chunk (the document's server does, the original's code does not)",
    ),
    (
        _MUST,
        "ask the model once for each prompt, with its text unaltered as the last user message",
    ),
    (
        _SHOULD,
        "tell the model what was said before in the session",
    ),
    (
        _SHOULD,
        "keep what was said, the last 50 messages of which a continued session shows, oldest "
        "first, also after a restart",
    ),
    (
        _SHOULD,
        "answer a prompt that is sent as soon as the `chat_end` before it has come (the original "
        "loses every other one)",
    ),
    (
        _MUST,
        "confirm a cancel with a `system_update` that says `cancelled`, and send no chunk of that "
        "answer after it",
    ),
    (
        _SHOULD,
        "confirm with `✗ Stream cancelled by user.` and a `chat_end` that counts what was sent, "
        "and keep the partial text",
    ),
    (
        _MUST,
        "end the request to the model when its answer was cancelled, or its client has left",
    ),
    (
        _MUST,
        "answer the next prompt whole, after a cancelled or failed answer, with nothing of the "
        "old one in it",
    ),
    (
        _MUST,
        "let nothing that one conversation says reach another, and serve many at once",
    ),
    (
        _SHOULD,
        "tell no connection of another's commands, and give each a stage of its own (the "
        "original: one to all) unless it asks to share one",
    ),
    (
        _MUST,
        "give one answer at a time on a connection, and never mix two",
    ),
    (
        _SHOULD,
        "drop a prompt that comes while an answer is streamed, without a word",
    ),
    (
        _MUST,
        "tell the client with an `error` that the model failed: refused, broke off, or sent an "
        "error",
    ),
    (
        _SHOULD,
        "end a failed answer with a `chat_end` that counts what was sent; keep the prompt, and "
        "not the partial text",
    ),
    (
        _MUST,
        "take text cut into fragments anywhere; close with 1007 on text that is no UTF-8 "
        "(RFC 6455 5.6, 8.1)",
    ),
    (
        _MUST,
        "fail the connection with 1002 on a frame that breaks RFC 6455 5",
    ),
    (
        _MUST,
        "answer a ping with its payload, also during an answer and between fragments "
        "(RFC 6455 5.5.2)",
    ),
    (
        _MUST,
        "answer a close with a close, send nothing after it, and no code that is reserved "
        "(RFC 6455 5.5.1, 7.4.1)",
    ),
    (
        _SHOULD,
        "on SIGTERM close connections with 1001 and exit 0",
    ),
    (
        _MUST,
        "bound what a large message, or a client that does not read, makes it hold",
    ),
    (
        _SHOULD,
        "close with 1009 where a message is larger than it takes",
    ),
    (
        _MUST,
        "keep the connection, and the request to the model, while the model is silent and "
        "its time limit is not over",
    ),
    (
        _SHOULD,
        "ping a client to whom nothing was said for a minute: what is on the way takes a silent "
        "connection for a dead one",
    ),
)

CLAUSES = tuple(
    Clause(f"RC{number}", level, sentence)
    for number, (level, sentence) in enumerate(_SENTENCES, start=1)
)

UNTESTABLE: dict[str, str] = {}
