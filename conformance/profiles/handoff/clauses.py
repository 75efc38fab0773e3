"""The clauses of the `handoff` profile: docs/contract.md.

H is the handoff, R the response, U the upstream, L the lifecycle, S security.
"""

from __future__ import annotations

from conformance.core.clause import Clause, Level

CLAUSES = (
    Clause(
        "H1",
        Level.MUST,
        "serve handoffs of one JSON object and one descriptor on a SOCK_SEQPACKET Unix "
        "socket (a SOCK_STREAM daemon says so in its manifest: the JSON ends at EOF, one "
        "handoff per connection)",
    ),
    Clause(
        "H2",
        Level.MUST,
        "take payloads up to 131,072 bytes whole; a larger one whole or with 413, never cut",
    ),
    Clause(
        "H3",
        Level.MUST,
        "answer 400, without calling the API, when the data is empty, a lone 0x00, not a "
        "JSON object, has wrongly typed fields, or neither prompt nor messages (H5 and H6 "
        "come first)",
    ),
    Clause(
        "H4",
        Level.MUST,
        "drop a message without a descriptor, calling nobody",
    ),
    Clause(
        "H5",
        Level.MUST,
        "let the first descriptor decide and close all others; on MSG_CTRUNC close what "
        "arrived and call nobody (a receiver with room for one may get two: whether the "
        "first is then served or closed is free)",
    ),
    Clause(
        "H6",
        Level.MUST,
        "close a descriptor that is no connected stream socket, writing nothing to it",
    ),
    Clause(
        "H7",
        Level.MUST,
        "give up on a peer that connects and sends nothing (T, 5 s), delaying nobody "
        "meanwhile; a peer that connects and closes is no handoff and no error",
    ),
    Clause(
        "H8",
        Level.MUST,
        "work with blocking and non-blocking descriptors alike",
    ),
    Clause(
        "H9",
        Level.MUST,
        "receive descriptors close-on-exec (visible in /proc/PID/fdinfo)",
    ),
    Clause(
        "H10",
        Level.MUST,
        "hold no descriptor once an exchange has ended, however it ended",
    ),
    Clause(
        "R1",
        Level.MUST,
        "send the head above; add valid `response_headers` (strings, token names, no "
        "control characters) to it and to error responses; drop silently what is invalid "
        "and Content-Type, Cache-Control, Connection, Transfer-Encoding, Content-Length, "
        "Content-Encoding, X-Accel-Buffering",
    ),
    Clause(
        "R2",
        Level.MUST,
        "relay every event in order, none lost, none repeated, none invented",
    ),
    Clause(
        "R3",
        Level.MUST,
        "preserve text exactly: any Unicode, any escape, any white space, any size up to "
        "1 MiB an event (a lone surrogate escape may become U+FFFD)",
    ),
    Clause(
        "R4",
        Level.MUST,
        "send `[DONE]` exactly once, last, and only when the API finished: its `[DONE]`, "
        "or a finish_reason for every choice seen followed by a clean end (zero chunk, "
        "length met, END_STREAM, FIN where nothing frames the body; under TLS only after "
        "close_notify)",
    ),
    Clause(
        "R5",
        Level.MUST,
        "before the first byte (the daemon's own head, sendable once the API's head has "
        "arrived): answer an upstream failure with 502 (unreachable, broken, 3xx, 5xx, "
        "wrong content type), 504 (too late), or the API's own 4xx (401 and 403 may "
        "become 502), Retry-After kept, and a JSON body shaped as in R6",
    ),
    Clause(
        "R6",
        Level.MUST,
        "after the first byte: end a failed stream with one event `data: "
        '{"error":{"message","type","code"}}`, on an event boundary, then EOF; invent no '
        "finish_reason, send no `[DONE]`",
    ),
    Clause(
        "R7",
        Level.MUST,
        "pass each event on when it arrives, waiting for nothing further",
    ),
    Clause(
        "R8",
        Level.MUST,
        "make the client see EOF although the sender still holds a copy, and lose no tail "
        "to unread client bytes: after the last byte shut down the sending side, discard "
        "what comes for at most 1 s or 1 MiB, close; until then the exchange counts as "
        "held",
    ),
    Clause(
        "R9",
        Level.MAY,
        "serve a client on that shut down only its sending side (which looks the same as "
        "leaving until something is written), provided that one that left is still "
        "noticed as U5 asks",
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
        "parse the API's stream as server-sent events (WHATWG rules), on byte-stream "
        "boundaries only",
    ),
    Clause(
        "U3",
        Level.MUST,
        "verify TLS (also against `OPENAI_CA_FILE`) unless told not to; speak at least "
        "one of HTTP/1.1, HTTP/2 by ALPN, HTTP/1.1 over a Unix socket, and every one that "
        "it declares",
    ),
    Clause(
        "U4",
        Level.MUST,
        "treat anything but a complete event stream as failure: non-2xx, other content "
        "types, truncation, bad framing",
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
        "still; deliver the whole tail when the client resumes",
    ),
    Clause(
        "U7",
        Level.MUST,
        "bound connect, first byte and idle time (T each), and put no total limit on a "
        "stream that flows",
    ),
    Clause(
        "U8",
        Level.MUST,
        "retry only what the API certainly did not process (a reused connection closed "
        "before any response byte, REFUSED_STREAM, a stream above GOAWAY's last id), "
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
        "replace a stale socket file; refuse to start over a live daemon's socket or over "
        "anything that is no socket; remove on exit only its own",
    ),
    Clause(
        "L2",
        Level.MUST,
        "on SIGTERM serve what is already queued, stop accepting, finish running streams "
        "within T, end the rest per R5/R6, exit 0; stalled clients do not extend T; a "
        "second SIGTERM ends it at once",
    ),
    Clause(
        "L3",
        Level.MUST,
        "refuse handoffs above max-connections with 503, and serve again when there is room",
    ),
    Clause(
        "L4",
        Level.MUST,
        "survive descriptor exhaustion, EPIPE, EINTR and any client's behaviour; one "
        "client's trouble is no other's",
    ),
    Clause(
        "S1",
        Level.MUST,
        "let no CR, LF or NUL from any field reach a header or add an event",
    ),
    Clause(
        "S2",
        Level.MUST,
        "keep the API key out of everything a client or a log can see",
    ),
)


UNTESTABLE = {
    "handoff_other_cmsg": "credentials (SCM_CREDENTIALS) in front of the descriptor reach only a "
    "receiver that set SO_PASSCRED on its own socket, and no sender can make it; so whether a "
    "daemon walks all control messages does not show from outside (unix(7)).",
}
