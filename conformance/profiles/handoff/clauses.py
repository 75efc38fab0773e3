"""The clauses of the `handoff` profile: docs/contract.md.

H is the handoff, R the response, U the upstream, L the lifecycle, S security.
T marks a time that the daemon makes configurable.
"""

from __future__ import annotations

from conformance.core.clause import Clause, Level

CLAUSES = (
    Clause(
        "H1",
        Level.MUST,
        "serve a handoff of one JSON object and one descriptor on a SOCK_SEQPACKET Unix "
        "socket; a daemon on SOCK_STREAM declares that in its manifest, and there the JSON "
        "ends at EOF",
    ),
    Clause(
        "H2",
        Level.MUST,
        "take data of up to 131,072 bytes whole; take larger data whole or answer 413, and "
        "never cut it",
    ),
    Clause(
        "H3",
        Level.MUST,
        "answer 400, without calling the API, to data that is empty, a lone 0x00, not a "
        "JSON object, of wrong field types, or without prompt and messages; H5 and H6 come "
        "first",
    ),
    Clause(
        "H4",
        Level.MUST,
        "discard a message without a descriptor; do not call the API",
    ),
    Clause(
        "H5",
        Level.MUST,
        "serve or refuse by the first descriptor, and close all others; on MSG_CTRUNC close "
        "every descriptor and do not call the API; a receiver with room for one descriptor "
        "may get two, and may then serve or close the first",
    ),
    Clause(
        "H6",
        Level.MUST,
        "close a descriptor that is not a connected stream socket, without writing to it",
    ),
    Clause(
        "H7",
        Level.MUST,
        "close a peer that connects and sends nothing (T, 5 s), and serve others meanwhile; "
        "a peer that connects and closes is neither a handoff nor an error",
    ),
    Clause(
        "H8",
        Level.MUST,
        "serve blocking and non-blocking descriptors alike",
    ),
    Clause(
        "H9",
        Level.MUST,
        "receive descriptors close-on-exec (visible in /proc/PID/fdinfo)",
    ),
    Clause(
        "H10",
        Level.MUST,
        "hold no descriptor of an exchange that has ended, however it ended",
    ),
    Clause(
        "R1",
        Level.MUST,
        "send the head above; add valid `response_headers` (strings, token names, no "
        "control characters) to it and to error responses; ignore invalid ones, and "
        "Content-Type, Cache-Control, Connection, Transfer-Encoding, Content-Length, "
        "Content-Encoding and X-Accel-Buffering",
    ),
    Clause(
        "R2",
        Level.MUST,
        "relay every event in order, none lost, none repeated, none invented",
    ),
    Clause(
        "R3",
        Level.MUST,
        "preserve text exactly: any Unicode, any escape, any white space, any size up to 1 "
        "MiB an event (a lone surrogate escape may become U+FFFD)",
    ),
    Clause(
        "R4",
        Level.MUST,
        "send `[DONE]` exactly once, last, and only when the API finished: by its `[DONE]`, "
        "or by a finish_reason for every choice and then a clean end (zero chunk, length "
        "met, END_STREAM, FIN of an unframed body; under TLS only after close_notify)",
    ),
    Clause(
        "R5",
        Level.MUST,
        "before the first byte, answer a failure of the API with 502 (unreachable, broken, "
        "3xx, 5xx, wrong content type), 504 (too late), or the API's own 4xx (401 and 403 "
        "may become 502); keep Retry-After; send a JSON body shaped as in R6. The first "
        "byte is the daemon's own head, which it may send once the API's head has arrived",
    ),
    Clause(
        "R6",
        Level.MUST,
        "after the first byte, end a failed stream with one event `data: "
        '{"error":{"message","type","code"}}`, on an event boundary, then EOF; invent no '
        "finish_reason and send no `[DONE]`",
    ),
    Clause(
        "R7",
        Level.MUST,
        "relay each event when it arrives, without waiting for the next one",
    ),
    Clause(
        "R8",
        Level.MUST,
        "let the client see EOF although the sender still holds a copy of the descriptor, "
        "and lose no byte of the answer to unread input: after the last byte shut down the "
        "sending side, discard input for at most 1 s or 1 MiB, then close; until then the "
        "exchange counts as held",
    ),
    Clause(
        "R9",
        Level.MAY,
        "serve a client that shut down only its sending side, which looks like a client "
        "that left, provided that U5 holds for a client that left",
    ),
    Clause(
        "U1",
        Level.MUST,
        "POST `{base}/chat/completions` with `stream: true`, the key as bearer token, and "
        "the request's fields as the handoff data gives them",
    ),
    Clause(
        "U2",
        Level.MUST,
        "parse the API's stream as server-sent events (WHATWG rules), wherever reads cut it",
    ),
    Clause(
        "U3",
        Level.MUST,
        "verify TLS (also against `OPENAI_CA_FILE`) unless configured not to; speak at "
        "least one of HTTP/1.1, HTTP/2 by ALPN and HTTP/1.1 over a Unix socket, and each "
        "that the manifest declares",
    ),
    Clause(
        "U4",
        Level.MUST,
        "treat everything except a complete event stream as a failure: statuses other than "
        "2xx, other content types, truncation, bad framing",
    ),
    Clause(
        "U5",
        Level.MUST,
        "end the upstream request (HTTP/2: RST_STREAM; HTTP/1.1: close) within 2 s of the "
        "client's FIN or RST, also while the API is silent",
    ),
    Clause(
        "U6",
        Level.MUST,
        "bound memory by pausing the API: with 16 stalled clients and an endless answer "
        "each, at most 8 MiB of RSS a client beyond idle, and the API's sent count stands "
        "still; send the whole rest when the client resumes",
    ),
    Clause(
        "U7",
        Level.MUST,
        "bound the times to connect, to the first byte and of silence (T each), and put no "
        "total limit on a stream that flows",
    ),
    Clause(
        "U8",
        Level.MUST,
        "repeat a request only if the API certainly did not process it (a reused connection "
        "closed before any response byte, REFUSED_STREAM, a stream above GOAWAY's last id), "
        "once; follow no redirect",
    ),
    Clause(
        "U9",
        Level.MUST,
        "reuse connections without leaking one answer into the next",
    ),
    Clause(
        "L1",
        Level.MUST,
        "replace a stale socket file; refuse to start on a live daemon's socket, and on a "
        "file that is not a socket; remove only its own socket on exit",
    ),
    Clause(
        "L2",
        Level.MUST,
        "on SIGTERM serve queued handoffs, stop accepting, finish running streams within T, "
        "end the rest by R5 and R6, and exit with 0; stalled clients do not extend T; a "
        "second SIGTERM ends the daemon at once",
    ),
    Clause(
        "L3",
        Level.MUST,
        "answer 503 to handoffs above max-connections, and serve again when there is room",
    ),
    Clause(
        "L4",
        Level.MUST,
        "survive descriptor exhaustion, EPIPE, EINTR and any client's behaviour; one "
        "client's trouble does not affect another client",
    ),
    Clause(
        "S1",
        Level.MUST,
        "let no CR, LF or NUL of any field reach a header or add an event",
    ),
    Clause(
        "S2",
        Level.MUST,
        "keep the API key out of every response and every log line",
    ),
)

UNTESTABLE = {
    "handoff_other_cmsg": "Credentials (SCM_CREDENTIALS) reach only a receiver that set "
    "SO_PASSCRED on its own socket (unix(7)). A sender cannot make a daemon receive them, so a "
    "test from outside cannot show whether the daemon reads all control messages.",
}
"""Cases without a scenario, and why a test from outside cannot show them."""
