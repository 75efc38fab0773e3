"""The clauses of the `agent-chat` profile; docs/contract-agent-chat.md explains them.

What the origin's end-to-end tests show is a MUST, what its commits and logs show
is a SHOULD. What neither shows binds only a backend whose manifest declares it, and
is then a MUST. What follows from RFC 6455, or protects other customers, is a MUST.
"""

from __future__ import annotations

from conformance.core.clause import must, numbered, should
from conformance.profiles.websocket import clauses as websocket

CLAUSES = numbered(
    "AC",
    must(
        "take and send JSON objects with a `type`, one in each text message, and send nothing "
        "before the client sends"
    ),
    must(
        "ask the model for each `message`, with the user's text unaltered as the last user message"
    ),
    must(
        "send each chunk of the model's text as one `token` with `content` and `agent`, in order, "
        "nothing lost, added or altered, as it arrives"
    ),
    must(
        "send one `tool_call` with `tool` and `args` (an object) for each call, before the tokens "
        "that it leads to"
    ),
    should("send one `tool_result` for each tool that ran, after its call"),
    must("finish a turn with one `message_complete` with the thread's id, after its last token"),
    must(
        "lead each frame of a client to exactly one terminal frame: `message_complete`, "
        "`interrupt`, `interrupt_expired`, `clarification` or `error`"
    ),
    must(
        "send `interrupt` with `thread_id` and `action` before a write, execute nothing until the "
        "client answers it, and send no `message_complete` for that turn"
    ),
    must("execute an approved action, once, then stream the agent's words and complete"),
    must(
        "not execute a rejected action; pass the rejection to the agent, stream its words and "
        "complete, without an error"
    ),
    must("continue a thread's conversation from turn to turn"),
    must(
        "keep threads apart, on one socket or several: no frame and no history of one reaches "
        "another, and no thread waits for another"
    ),
    must(
        "answer a frame over 32,768 characters with an `error` that says `too large`, before "
        "looking at its JSON"
    ),
    must("answer a frame that is not JSON with an `error` that says `Invalid JSON`"),
    must("answer a missing thread id with an `error` that names `thread_id`"),
    must("answer empty content with an `error`"),
    must("answer a message to an expired session with an `error` that says `expired`"),
    should("answer a late `interrupt_response` with `interrupt_expired`, and execute nothing"),
    must(
        "answer an `interrupt_response` with an `error` if nothing is pending, if it repeats "
        "another, or if `approved` is not a boolean (where declared: `no_pending_error`)"
    ),
    must(
        "answer a `message` while an approval is pending with an `error`, and keep the approval "
        "(where declared: `one_pending`)"
    ),
    must(
        "keep a thread, its pending approval included, over a reconnect and a restart (where "
        "declared: `resume_after_reconnect`, `resume_after_restart`)"
    ),
    should(
        "admit 10 messages in 10 s a thread, and refuse the next with an `error`, other threads "
        "unaffected"
    ),
    should("answer an ambiguous message with `clarification`, without asking the model"),
    must(
        "report a failed or broken-off answer of the model as one `error` of generic text, and "
        "continue the thread (where declared: `model_failure_error`)"
    ),
    must("keep the socket open after every error (where declared: `errors_keep_socket`)"),
    must(
        "put the thread's id on every frame of a turn, errors included, and the client's "
        "`message_id` if it sent one (where declared: `correlation`)"
    ),
    should(
        "when a key is set, refuse a socket without the right `token` with 1008 before any frame, "
        "and REST routes without the right `X-API-Key`"
    ),
    must("answer `GET /api/v1/health` with 200 and a top-level `status` of `ok`"),
    should("wrap every other REST answer, errors included, in `{success, data, error}`"),
    must("end the request to the model at once when the client leaves"),
    must("bound what it keeps for a client that does not read, and serve the others meanwhile"),
    must(
        "play the turns of a thread one after the other, in the order of their frames (where "
        "declared: `serial_threads`)"
    ),
    should("close sockets with 1001 on SIGTERM, end the requests to the model, and exit with 0"),
    should("answer JSON that is not an object with an `error`"),
    should(
        "answer a thread id other than 1 to 128 letters, digits, `_` and `-` with an `error` that "
        "names `thread_id`"
    ),
    should(
        "answer content of white space only, or of more than 10,000 characters, with an `error`, "
        "and take 10,000"
    ),
    should(
        "restart a session's time to live with every accepted message and with no refused one; an "
        "expired thread stays expired"
    ),
    must(
        "answer an unknown or missing `type` with an `error` (where declared: "
        "`refuses_unknown_type`)"
    ),
    websocket.TEXT,
    websocket.FRAMES,
    websocket.PING,
    websocket.CLOSE,
    websocket.TOO_BIG,
    websocket.ROBUST,
    should("serve each of several intents in one message, one after the other"),
    websocket.SILENCE,
    websocket.KEEPALIVE,
    must("bound the memory that a large message takes"),
)
