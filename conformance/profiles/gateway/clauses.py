"""The clauses of the profile `gateway`: docs/contract-gateway.md.

R is the response, U the upstream, L the lifecycle, S security: their ids are those of the
profile `handoff`, and the sentences are the gateway's own. G is what only a gateway has.
Class `bytes` passes the body on as it is. Class `events` reads events and writes its own.
"""

from __future__ import annotations

from conformance.core.clause import Clause, Level

_MUST, _SHOULD, _MAY = Level.MUST, Level.SHOULD, Level.MAY

CLAUSES = tuple(
    Clause(number, level, sentence)
    for number, level, sentence in (
        (
            "R1",
            _MUST,
            "answer 200 with `text/event-stream`, parameters kept; frame the body by chunks, by a "
            "length or by the connection's end; send no Content-Encoding that the client did not "
            "accept, and pass on no hop-by-hop field",
        ),
        (
            "R2",
            _MUST,
            "relay every event in order, none lost, none repeated, none invented; class bytes: "
            "the body is equal byte for byte; class events: each choice's text, tool calls, "
            "finish_reason and number of text chunks are equal, and a stream has one id",
        ),
        (
            "R3",
            _MUST,
            "preserve text exactly: any Unicode, any escape, any white space, any size up to 1 MiB "
            "an event (a lone surrogate escape may become U+FFFD)",
        ),
        (
            "R4",
            _MUST,
            "class events: send `[DONE]` exactly once, last, and only when the API finished; class "
            "bytes: send it exactly as the API does",
        ),
        (
            "R5",
            _MUST,
            "before the first byte, class bytes: pass the API's status, fields and body on, and "
            "answer 502, 503 or 504 where the API cannot be reached; class events: answer with "
            "OpenAI's error shape, the API's 4xx kept, a 5xx as a 5xx; both keep Retry-After",
        ),
        (
            "R6",
            _MUST,
            "end a stream that the API did not finish so that it does not look finished: by an "
            "error event without `[DONE]`, or by a broken message (no last chunk, a length that is "
            "not met, RST_STREAM with an error code); only class bytes may pass on a body that "
            "ends cleanly without `[DONE]`",
        ),
        ("R7", _MUST, "pass each event on when it arrives, without waiting for the next one"),
        (
            "R8",
            _MUST,
            "end the client's message within 1 s of the API's end, then keep the connection or "
            "close it, as announced",
        ),
        (
            "R9",
            _MAY,
            "serve a client that shut down only its sending side, provided that U5 holds for a "
            "client that left",
        ),
        (
            "U1",
            _MUST,
            "send the client's request to the API; class bytes: the body unchanged; class events: "
            "every field digit for digit, except for the declared `adds` and `rewrites`",
        ),
        (
            "U2",
            _MUST,
            "class events: parse the API's stream as server-sent events (WHATWG rules)",
        ),
        ("U3", _MUST, "speak every protocol that `upstream` declares, and verify TLS"),
        (
            "U4",
            _MUST,
            "class events: treat everything but a complete event stream as a failure; class "
            "bytes: end a badly framed answer as R6 says",
        ),
        (
            "U5",
            _MUST,
            "end the upstream request within 2 s of the client's FIN, RST or RST_STREAM: in the "
            "middle of the stream, while the API is silent, and before the API's head (not "
            'judged where `disconnect = "drain"` is declared)',
        ),
        (
            "U6",
            _MUST,
            "pause the API while the client does not read: bound memory and disk, and deliver the "
            "whole tail when the client reads again",
        ),
        (
            "U7",
            _MUST,
            "put no total limit on a stream that flows, and do not fail for a silence shorter than "
            "`idle`; a silence that lasts longer ends as R6 says",
        ),
        (
            "U8",
            _MUST,
            "send at most `retries` further requests, and none after the first byte reached the "
            "client; follow no redirect to another origin",
        ),
        ("U9", _MUST, "reuse connections without leaking one answer into the next"),
        (
            "L2",
            _MUST,
            "stop gracefully as the manifest's [signals] say: accept no new connection, finish "
            "running streams, exit",
        ),
        (
            "L3",
            _MUST,
            "refuse clients above the declared limit with 503 or by closing, and serve again when "
            "there is room",
        ),
        (
            "L4",
            _MUST,
            "survive any client's and any API's behaviour; one client's trouble does not touch "
            "another client",
        ),
        ("S1", _MUST, "let no CR, LF or NUL from any field reach a header or add an event"),
        (
            "S2",
            _MUST,
            "keep the client's key and the API's key from the other side, from logs and from "
            "errors (the API's address: SHOULD)",
        ),
        (
            "G1",
            _MUST,
            "answer a second request on the same connection with its own answer: after a stream, "
            "after an error, and after an aborted upstream",
        ),
        (
            "G2",
            _MUST,
            "HTTP/2 client: send END_STREAM only at a good end and RST_STREAM otherwise; cancel "
            "only the upstream request of a stream that the client reset; let a stalled stream "
            "stall no other",
        ),
        (
            "G3",
            _MUST,
            "make at most one upstream request of an ambiguous request (Content-Length with "
            "Transfer-Encoding, two lengths, bad chunk sizes), and never split it into two; "
            "refusing it is best",
        ),
        ("G4", _MUST, "serve `stream: false` and `GET /v1/models`"),
        (
            "G5",
            _MUST,
            'where `key = "own"` is declared: send the API its own key and never the client\'s, '
            "and never send the client its own",
        ),
        (
            "G6",
            _MUST,
            "take out of the answer again what the gateway added to the request (a usage chunk "
            "that the client did not ask for)",
        ),
        (
            "G7",
            _MUST,
            "refuse no request because another one failed, unless a breaker is declared",
        ),
        ("G8", _MUST, "use a content coding only as negotiated, and keep its header"),
        (
            "G9",
            _SHOULD,
            "class events: refuse what is not a request (bad JSON, not an object, no messages, "
            "wrong types) with 4xx and OpenAI's error shape, without calling the API",
        ),
    )
)
