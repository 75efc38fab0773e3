"""The clauses of the `spaces` profile; docs/contract-spaces.md explains them.

What the testing guide shows is a MUST where this project did not decide otherwise;
what only the website's code shows is a SHOULD. What protects users from each
other, or a request from loss, is a MUST anyway.
"""

from __future__ import annotations

from conformance.core.clause import must, numbered, should

CLAUSES = numbered(
    "SP",
    must(
        "answer `register` with one `register_response`, before any request: `success`, "
        "`message`, `connection_id` (UUID), `space_id`"
    ),
    should(
        "answer a missing or empty `space_name`, or a payload that is not an object, with "
        "`success: false`, and let the socket try again"
    ),
    must("refuse a name that no WebSocket space has in exactly this case, then disconnect"),
    must(
        "refuse a name that several WebSocket spaces have, then disconnect; find a renamed "
        "space at once"
    ),
    must("refuse a second app of a space, disconnect it, and continue to serve the first"),
    must(
        "free a space as soon as its app's connection ends, in any way; the next app gets a new "
        "`connection_id`"
    ),
    should(
        "let a socket serve one space: a registration for another fails, and neither takes "
        "nor frees a space"
    ),
    must(
        "refuse a submission without login with 401, to an unknown space or one of another "
        "type with 404, without an app with 503, in this order"
    ),
    should(
        "keep a cooldown for each user and space: 429 with `error` and `retry_after`, whole "
        "seconds from 1 to the rest"
    ),
    should(
        "keep a daily quota for each user, 5 by default: 403 that names it; simultaneous "
        "submissions do not exceed it"
    ),
    must(
        "take a prompt without an audio link (`account=guide`); refuse it with 400 (`account=code`)"
    ),
    must(
        "answer an accepted submission with `success` and a new `request_id` (UUID), and a "
        "refused one with `error` and without `success`"
    ),
    must(
        "give each accepted request to its space's app, once, and to no other app, as "
        "`inference_request` with `request_id`, `username` and `payload` (`prompt` and "
        "`audio` unaltered, `timestamp`)"
    ),
    must("give requests in the order of the queue"),
    must("name uploaded files in the payload (`account=guide`)"),
    should(
        "answer a status query without id with 400, of an unknown id with 404, else with "
        "`request_id`, `status`, `result`, `created_at`, `updated_at` (null before the first "
        "report)"
    ),
    must(
        "show under a request's id its app's report (`processing`, `completed`, `failed`, and "
        "the unaltered result), and `queued` before the first report"
    ),
    should("keep the result when a report has an empty result, or none"),
    must("refuse reports from any socket except the one that was given the request"),
    should(
        "ignore reports of unknown requests, of other states, or with a result that is not an "
        "object, and keep the app"
    ),
    must(
        "count a space's unfinished requests as its queue (`account=guide`), or all requests "
        "that its app was given (`account=code`)"
    ),
    must(
        "queue a lost app's unfinished requests again, and give them to the next app, in "
        "order, without a new submission"
    ),
    must(
        "fail a request without a result after its time limit, whether or not its app is connected"
    ),
    must("lose no request, user or space over a restart, also after SIGKILL"),
    must("show connections and queues to admins only, as JSON"),
    must(
        "show each viewer of a space's page whether an app is connected, the form to users "
        "who may use it, and the queue by positions from 1, in the texts of this contract"
    ),
    must("show everything from users, admins and apps as text"),
    must(
        "log in with the right password only (302 to `/`; else a 200 page); register names of "
        "`[a-zA-Z0-9_]+` once (302 to `/login`; else a 200 page)"
    ),
    must(
        "refuse posts from another site's page with 403; take posts that do not name their "
        "origin; keep sessions in cookies that are SameSite and HttpOnly"
    ),
    must(
        "take an app's upload for a known request (401, 403, 400 otherwise); keep a file whose "
        "name is a path out of any other path"
    ),
    must(
        "survive any frame and any body: at most the sender's connection ends; report unreadable "
        "input as the sender's mistake (4xx)"
    ),
    should("answer in English if `Accept-Language` prefers it"),
    should("close sockets with 1001 on SIGTERM, and exit with 0"),
    must("keep the app, the queue and the cooldown of each space apart from all others"),
    must(
        "serve HTTP, and Socket.IO 5 (Engine.IO 4) by WebSocket, by polling, and by an upgrade "
        "from polling; acknowledge an event that asks for it after handling it"
    ),
    should("refuse in the exact words of the website's code"),
    must(
        "let admins add spaces, of any name, and redirect to `/admin/space/edit/ID` with the new "
        "id; redirect all other users away"
    ),
)
