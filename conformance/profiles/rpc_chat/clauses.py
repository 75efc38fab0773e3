"""The clauses of the `rpc-chat` profile; docs/contract-rpc-chat.md explains them.

What the engine's own test document shows is a MUST; what only its code shows is a
SHOULD. What follows from RFC 6455, or protects other users, is a MUST anyway.
"""

from __future__ import annotations

from conformance.core.clause import must, numbered, should
from conformance.profiles.websocket import clauses as websocket

CLAUSES = numbered(
    "RC",
    must(
        "serve WebSocket connections, and send only text messages on them, each a JSON object "
        "`{event, payload: {content, metadata}}` of a known event"
    ),
    must(
        "greet each connection with a `system_update` that says `✓ Engine ready.` and a "
        "`sync_state`, and send nothing more until the client asks"
    ),
    should(
        "greet with the metadata `{status: ok}`, and give `sync_state` the content "
        "`State synchronized` (as documented: none), all eleven keys and their types"
    ),
    must(
        "answer every command that has an answer, in order, whatever came before on the connection"
    ),
    must(
        "answer `/world select ID` and `/character select ID` with a `system_update` that names ID"
    ),
    should("answer a selection with its exact text and metadata, and one `sync_state` that has it"),
    should(
        "answer `/session new` with `✓ New session: ID` of 12 hex digits, a `sync_state` that "
        "has it, and a `chat_history` with the world's start message, if it has one"
    ),
    must(
        "answer a prompt without world, character or session with a `system_update` that says "
        "`Prepare the stage`, and generate nothing"
    ),
    should("answer `/session new` without world or character with `✗ Select world/char first.`"),
    should(
        "answer `/session continue ID` with the `chat_history`, then a `sync_state` with the "
        "session's world, character and model, and without a `system_update`"
    ),
    should(
        "list sessions, the last used first; delete one on `/session delete ID`, and confirm "
        "this for any id; the deletion of the active one unsets `session_id`"
    ),
    should(
        "answer `/model ID` with one `system_update`: `Hot-swapped model to ID` and its metadata, "
        "or that ID `is not recognized`"
    ),
    should(
        "activate a rule once however often it is added, deactivate all on `/rules clear`, and "
        "confirm both with the `active_rules` and a `sync_state`"
    ),
    should(
        "send nothing on an unknown command, a missing argument, an unknown rule or session, or "
        "`/cancel` without an answer to cancel"
    ),
    should(
        "take a text that is not a JSON object as the prompt or the command itself; ignore "
        "unknown keys, and take a missing `prompt` as an empty one"
    ),
    should(
        "answer a binary message, or a `prompt` that is not a string, with an `error`, and keep "
        "the connection (the original drops it)"
    ),
    websocket.ROBUST,
    must("stream the model's text as `chat_chunk`s, in order, nothing lost, added or altered"),
    must("pass each piece of text on as soon as it arrives"),
    must(
        "end each answer with exactly one `chat_end`, after its last chunk, with an integer "
        "`total_tokens`"
    ),
    should("count in `total_tokens` the chunks that were sent"),
    should(
        "give each chunk `model`, `world_id` (text) and `tokens_per_second` (a number from 0 up)"
    ),
    must(
        "announce an answer, if at all, with one `system_update` `...` without metadata, before "
        "its first chunk (the document's server does, the original's code does not)"
    ),
    must("ask the model once for each prompt, with its text unaltered as the last user message"),
    should("send the model the session's earlier prompts and answers"),
    should(
        "keep prompts and answers, also over a restart; show the last 50 messages of a continued "
        "session, oldest first"
    ),
    should(
        "answer a prompt that is sent as soon as the `chat_end` before it arrives (the original "
        "loses every other one)"
    ),
    must(
        "confirm a cancel with a `system_update` that says `cancelled`, and send no chunk of that "
        "answer after it"
    ),
    should(
        "confirm with `✗ Stream cancelled by user.` and a `chat_end` that counts the sent chunks, "
        "and keep the partial text"
    ),
    must("end the request to the model when its answer is cancelled, or its client leaves"),
    must(
        "answer the next prompt whole, after a cancelled or failed answer, with nothing of the "
        "old one in it"
    ),
    must("keep each conversation's text from all others, and serve many at once"),
    should(
        "send a connection nothing about another's commands, and give each a stage of its own "
        "(the original: one for all) unless it asks to share one"
    ),
    must("give one answer at a time on a connection, and never mix two"),
    should("drop a prompt that arrives during an answer, and send nothing about it"),
    must("report with an `error` that the model failed: it refused, broke off, or sent an error"),
    should(
        "end a failed answer with a `chat_end` that counts the sent chunks; keep the prompt, and "
        "not the partial text"
    ),
    websocket.TEXT,
    websocket.FRAMES,
    websocket.PING,
    websocket.CLOSE,
    should("close connections with 1001 on SIGTERM, and exit with 0"),
    must("bound the memory that a large message, or a client that does not read, takes"),
    websocket.TOO_BIG,
    websocket.SILENCE,
    websocket.KEEPALIVE,
)
