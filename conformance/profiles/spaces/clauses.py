"""The clauses of the `spaces` profile: docs/contract-spaces.md.

What the testing guide shows is a MUST where this project did not decide otherwise,
what only the website's code shows a SHOULD; what protects users from each other,
or a request from being forgotten, is a MUST anyway.
"""

from __future__ import annotations

from conformance.core.clause import Clause, Level

_MUST, _SHOULD = Level.MUST, Level.SHOULD

_SENTENCES = (
    (
        _MUST,
        "answer `register` with one `register_response`, before any request: `success`, "
        "`message`, `connection_id` (UUID), `space_id`",
    ),
    (
        _SHOULD,
        "answer a `space_name` that is missing or empty, or a payload that is no object, with"
        " `success: false`, and let the socket try again",
    ),
    (
        _MUST,
        "refuse a name that no WebSocket space has in this very case, then disconnect",
    ),
    (
        _MUST,
        "refuse a name that several WebSocket spaces have, then disconnect; a space that is "
        "renamed is found at once",
    ),
    (
        _MUST,
        "refuse a second app of a space, disconnect it, and go on serving the first",
    ),
    (
        _MUST,
        "free a space as soon as its app's connection has ended, however it ended; the next "
        "app gets a new `connection_id`",
    ),
    (
        _SHOULD,
        "let a socket serve one space: a registration for another fails, and neither takes "
        "nor frees anything",
    ),
    (
        _MUST,
        "refuse a submission without login with 401, to an unknown space or one of another "
        "type with 404, without an app with 503, in this order",
    ),
    (
        _SHOULD,
        "keep a cooldown for each user and space: 429 with `error` and `retry_after`, whole "
        "seconds from 1 to what is left",
    ),
    (
        _SHOULD,
        "keep a daily quota for each user, of 5 by default: 403 that names it; simultaneous "
        "submissions do not get past it",
    ),
    (
        _MUST,
        "take a prompt without an audio link (`account=guide`); refuse it with 400 "
        "(`account=code`)",
    ),
    (
        _MUST,
        "answer an accepted submission with `success` and a new `request_id` (UUID), and a "
        "refused one with `error` and without `success`",
    ),
    (
        _MUST,
        "give each accepted request to its space's app, once, and to nobody else, as "
        "`inference_request` with `request_id`, `username` and `payload` (`prompt` and "
        "`audio` as they were sent, `timestamp`)",
    ),
    (
        _MUST,
        "give requests in the order of the queue",
    ),
    (
        _MUST,
        "name uploaded files in the payload (`account=guide`)",
    ),
    (
        _SHOULD,
        "answer a status query without id with 400, of an unknown id with 404, else with "
        "`request_id`, `status`, `result`, `created_at`, `updated_at` (null before the first "
        "report)",
    ),
    (
        _MUST,
        "show under a request's id what its app reported of it (`processing`, `completed`, "
        "`failed`, and the result as it is), and `queued` before",
    ),
    (
        _SHOULD,
        "keep the result when a report has none, or an empty one",
    ),
    (
        _MUST,
        "refuse reports from any socket but the one that was given the request",
    ),
    (
        _SHOULD,
        "ignore reports of unknown requests, of other states, or whose result is no object, "
        "and keep the app",
    ),
    (
        _MUST,
        "count a space's unfinished requests as its queue (`account=guide`), or all that its "
        "app was given (`account=code`)",
    ),
    (
        _MUST,
        "queue a lost app's unfinished requests again, and give them to the next app, in "
        "order, without being asked",
    ),
    (
        _MUST,
        "fail a request that has no result when its time is over, whether or not its app is "
        "connected",
    ),
    (
        _MUST,
        "lose no request, user or space when the website is started again, also after it was "
        "killed",
    ),
    (
        _MUST,
        "show connections and queues to admins as JSON, and to nobody else",
    ),
    (
        _MUST,
        "show each viewer of a space's page whether an app is connected, the form to users "
        "who may use it, and the queue by positions from 1, in the texts below",
    ),
    (
        _MUST,
        "show whatever comes from users, admins and apps as text",
    ),
    (
        _MUST,
        "log in with the right password only (302 to `/`; else a 200 page); register names of"
        " `[a-zA-Z0-9_]+` once (302 to `/login`; else a 200 page)",
    ),
    (
        _MUST,
        "refuse with 403 what a page of another site posts; take posts that do not say where "
        "they are from; keep sessions in cookies that are SameSite and HttpOnly",
    ),
    (
        _MUST,
        "take an app's upload for a known request (401, 403, 400 otherwise); no file's name "
        "leads anywhere",
    ),
    (
        _MUST,
        "survive any frame and any body: at most the connection that sent it ends; what cannot "
        "be read is told as the sender's mistake (4xx)",
    ),
    (
        _SHOULD,
        "speak English to an `Accept-Language` that prefers it",
    ),
    (
        _SHOULD,
        "on SIGTERM close sockets with 1001 and exit with 0",
    ),
    (
        _MUST,
        "keep spaces apart: one's app, queue and cooldown are none of another's",
    ),
    (
        _MUST,
        "serve HTTP, and Socket.IO 5 (Engine.IO 4) by WebSocket, by polling, and from this to "
        "that; acknowledge an event that asks for it when it was handled",
    ),
    (
        _SHOULD,
        "refuse in the very words of the website's code",
    ),
    (
        _MUST,
        "let admins add spaces, of any name, and tell the new one's id by a redirect to "
        "`/admin/space/edit/ID`; send everybody else away",
    ),
)

CLAUSES = tuple(
    Clause(f"SP{number}", level, sentence)
    for number, (level, sentence) in enumerate(_SENTENCES, start=1)
)

UNTESTABLE: dict[str, str] = {}
