"""The clauses of the `agent-chat` profile: docs/contract-agent-chat.md.

What the origin's end-to-end tests show is a MUST, what its commits and logs show
a SHOULD. What neither shows binds only a backend whose manifest declares it, and
is then a MUST; so is what follows from RFC 6455, or protects other customers.
"""

from __future__ import annotations

from conformance.core.clause import Clause, Level

_MUST, _SHOULD = Level.MUST, Level.SHOULD

_SENTENCES = (
    (
        _MUST,
        "take and send JSON objects with a `type`, one in each text message, and send nothing "
        "before the client has",
    ),
    (
        _MUST,
        "ask the model for each `message` with the user's text, unaltered, as the last user "
        "message",
    ),
    (
        _MUST,
        "send each chunk of the model's text as one `token` with `content` and `agent`, in order, "
        "nothing lost, added or altered, as it arrives",
    ),
    (
        _MUST,
        "send one `tool_call` with `tool` and `args` (an object) for each call, before the tokens "
        "that it leads to",
    ),
    (
        _SHOULD,
        "send one `tool_result` for each tool that ran, after its call",
    ),
    (
        _MUST,
        "finish a turn with one `message_complete` with the thread's id, after its last token",
    ),
    (
        _MUST,
        "lead each frame of a client to exactly one terminal frame: `message_complete`, "
        "`interrupt`, `interrupt_expired`, `clarification` or `error`",
    ),
    (
        _MUST,
        "send `interrupt` with `thread_id` and `action` before a write, execute nothing until it "
        "is answered, and send no `message_complete` for that turn",
    ),
    (
        _MUST,
        "execute an approved action, once, then stream the agent's words and complete",
    ),
    (
        _MUST,
        "not execute a rejected action, tell the agent so, stream its words and complete, without "
        "an error",
    ),
    (
        _MUST,
        "continue a thread's conversation from turn to turn",
    ),
    (
        _MUST,
        "keep threads apart, on one socket or several: no frame and no history of one reaches "
        "another, and none waits for another",
    ),
    (
        _MUST,
        "answer a frame over 32,768 characters with an `error` that says `too large`, before "
        "looking at its JSON",
    ),
    (
        _MUST,
        "answer what is no JSON with an `error` that says `Invalid JSON`",
    ),
    (
        _MUST,
        "answer a missing thread id with an `error` that names `thread_id`",
    ),
    (
        _MUST,
        "answer empty content with an `error`",
    ),
    (
        _MUST,
        "answer a message to an expired session with an `error` that says `expired`",
    ),
    (
        _SHOULD,
        "answer a late `interrupt_response` with `interrupt_expired`, and execute nothing",
    ),
    (
        _MUST,
        "answer an `interrupt_response` with nothing pending, a repeated one, or one whose "
        "`approved` is no boolean, with an `error` (where declared: `no_pending_error`)",
    ),
    (
        _MUST,
        "answer a `message` while an approval is pending with an `error`, and keep the approval "
        "(where declared: `one_pending`)",
    ),
    (
        _MUST,
        "keep a thread, its pending approval included, over a reconnect and a restart (where "
        "declared: `resume_after_reconnect`, `resume_after_restart`)",
    ),
    (
        _SHOULD,
        "admit 10 messages in 10 s a thread, and refuse the next with an `error`, other threads "
        "unaffected",
    ),
    (
        _SHOULD,
        "answer an ambiguous message with `clarification`, without asking the model",
    ),
    (
        _MUST,
        "report a failed or broken-off answer of the model as one `error` of generic text, and go "
        "on with the thread (where declared: `model_failure_error`)",
    ),
    (
        _MUST,
        "keep the socket open after every error (where declared: `errors_keep_socket`)",
    ),
    (
        _MUST,
        "say on every frame of a turn, errors included, which thread it belongs to, and the "
        "client's `message_id` if it gave one (where declared: `correlation`)",
    ),
    (
        _SHOULD,
        "when a key is set, refuse a socket without the right `token` with 1008 before any frame, "
        "and REST routes without the right `X-API-Key`",
    ),
    (
        _MUST,
        "answer `GET /api/v1/health` with 200 and a top-level `status` of `ok`",
    ),
    (
        _SHOULD,
        "wrap every other REST answer, errors included, in `{success, data, error}`",
    ),
    (
        _MUST,
        "end the request to the model at once when the client has left",
    ),
    (
        _MUST,
        "bound what is kept for a client that does not read, and serve the others meanwhile",
    ),
    (
        _MUST,
        "play the turns of a thread one after the other, in the order of their frames (where "
        "declared: `serial_threads`)",
    ),
    (
        _SHOULD,
        "on SIGTERM close sockets with 1001, end the requests to the model, and exit 0",
    ),
    (
        _SHOULD,
        "answer JSON that is no object with an `error`",
    ),
    (
        _SHOULD,
        "answer a thread id other than 1 to 128 letters, digits, `_` and `-` with an `error` that "
        "names `thread_id`",
    ),
    (
        _SHOULD,
        "answer content of nothing but white space, or of more than 10,000 characters, with an "
        "`error`, and take 10,000",
    ),
    (
        _SHOULD,
        "restart a session's time to live with every accepted message and with no refused one; an "
        "expired thread stays expired",
    ),
    (
        _MUST,
        "answer another or missing `type` with an `error` (where declared: `refuses_unknown_type`)",
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
        "close with 1009 where a message is larger than it takes",
    ),
    (
        _MUST,
        "live through whatever a client sends; one client's trouble is no other's",
    ),
    (
        _SHOULD,
        "serve each of several intents in one message, one after the other",
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
    (
        _MUST,
        "bound what a large message makes it hold",
    ),
)

CLAUSES = tuple(
    Clause(f"AC{number}", level, sentence)
    for number, (level, sentence) in enumerate(_SENTENCES, start=1)
)

UNTESTABLE: dict[str, str] = {}
