"""The faults of the website, and the clauses that each one violates.

As in the handoff daemon's table: a fault is a mistake that a tired programmer makes.
The code consults it where the mistake would be (`if fault("NAME")`). It names the
clauses of the contract that it violates, all of them and no more.
The website itself is daemons/spaces; the modules here replace parts of it.
"""

from __future__ import annotations

from entry import Fault


def _bug(description: str, clauses: str) -> Fault:
    return Fault(description, tuple(clauses.split()), "spaces")


EVERYTHING = " ".join(f"SP{number}" for number in range(1, 38))

_MINIATURES = {
    "dead": _bug("ends before it listens", EVERYTHING),
    "closes": _bug("accepts connections and closes them at once", EVERYTHING),
    "silent": _bug("accepts connections and never answers", EVERYTHING),
    "canned": _bug("completes every request by itself and asks no app", EVERYTHING),
}

_REGISTRATION = {
    "space_id_untold": _bug("does not send an app the id of its space", "SP1"),
    "requests_before_answer": _bug("gives requests before it answers the registration", "SP1"),
    "unnamed_disconnected": _bug("disconnects a socket without a space's name", "SP2"),
    "strange_payload_unanswered": _bug("does not answer a payload that is not an object", "SP2"),
    "name_in_any_case": _bug("compares names without regard to case", "SP3"),
    "any_card_type": _bug("lets an app serve a space of any type", "SP3"),
    "unknown_stays": _bug("does not disconnect a socket with an unknown name", "SP3"),
    "first_of_twins": _bug("takes the first of two spaces with the same name", "SP4"),
    "newcomer_takes_over": _bug("lets the second app of a space replace the first", "SP5"),
    "newcomer_stays": _bug("does not disconnect the second app of a space", "SP5"),
    "space_never_freed": _bug("does not free a space when its app leaves", "SP6 SP22"),
    "silence_tolerated": _bug("waits an hour for the answer to a ping", "SP6"),
    "broken_frame_holds_space": _bug("leaves a broken connection to the next ping", "SP6 SP31"),
    "connection_id_reused": _bug("sends a space's apps its own id as theirs", "SP6 SP25"),
    "two_spaces_a_socket": _bug("lets a socket serve several spaces, frees the last", "SP6 SP7"),
}

_SUBMISSION = {
    "stranger_redirected": _bug("sends a submission without login to the login page", "SP8"),
    "app_before_space": _bug("checks the app before it checks the space", "SP8"),
    "queued_without_app": _bug("accepts submissions without an app", "SP8"),
    "refusals_reworded": _bug("refuses submissions in words of its own", "SP36"),
    "refusals_have_success": _bug("adds `success: false` to refusals", "SP12"),
    "ids_are_numbers": _bug("counts requests instead of giving them UUIDs", "SP12"),
    "cooldown_ignored": _bug("ignores the space's cooldown", "SP9"),
    "cooldown_of_all_users": _bug("keeps one cooldown for all users of a space", "SP9"),
    "cooldown_of_all_spaces": _bug("keeps one cooldown for all spaces of a user", "SP9 SP34"),
    "retry_after_zero": _bug("rounds the time until the next try down", "SP9"),
    "quota_ignored": _bug("does not count requests", "SP10"),
    "quota_off_by_one": _bug("admits one request more than the quota", "SP10"),
    "quota_of_all_users": _bug("counts all users' requests together", "SP9 SP10"),
    "prompt_required_to_sing": _bug("refuses a prompt without an audio link", "SP11"),
}

_GIVING = {
    "given_twice": _bug("gives each request twice", "SP13"),
    "given_to_all": _bug("gives each request to every app", "SP1 SP13 SP34"),
    "prompt_tidied": _bug("strips a prompt's white space", "SP13"),
    "audio_dropped": _bug("forgets the audio link", "SP13"),
    "order_lost": _bug("gives each request in a task of its own", "SP14"),
    "files_unnamed": _bug("drops uploaded files", "SP15"),
}

_REPORTS = {
    "updated_from_the_start": _bug("sets updated_at on arrival", "SP16"),
    "unknown_is_queued": _bug("answers that an unknown request is queued", "SP16"),
    "result_of_another": _bug("notes a result with the app's newest request", "SP17"),
    "result_reworded": _bug("turns a result into a text", "SP17"),
    "results_are_pages": _bug("labels its JSON as HTML", "SP27"),
    "processing_unseen": _bug("notes only the end of a request", "SP17"),
    "empty_result_kept": _bug("replaces a result by an empty one", "SP18"),
    "any_app_reports": _bug("takes reports from any app", "SP19"),
    "any_socket_reports": _bug("takes reports from any socket", "SP19"),
    "any_state_kept": _bug("keeps whatever state an app reports", "SP20"),
    "unknown_request_disconnects": _bug(
        "disconnects an app that reports an unknown request", "SP20"
    ),
}

_QUEUE = {
    "queue_never_drains": _bug("counts finished requests as waiting", "SP21"),
    "given_is_not_waiting": _bug("counts only requests that no app holds yet", "SP21"),
    "queue_of_all_spaces": _bug("counts the requests of all spaces", "SP21 SP34"),
    "lost_with_the_app": _bug("never gives a lost app's requests again", "SP22"),
    "fails_with_the_app": _bug("fails a lost app's requests at once", "SP22 SP24"),
    "requeued_backwards": _bug("gives waiting requests in reverse order", "SP14 SP22"),
    "returns_unnoticed": _bug("gives waiting requests only when a new one arrives", "SP22"),
    "time_stands_still": _bug("does not have a time limit", "SP23"),
    "time_limit_of_the_connected": _bug("limits only requests that an app holds", "SP23"),
    "restart_empties_queue": _bug("begins with an empty queue", "SP24"),
    "restart_keeps_holders": _bug("waits for apps from before the restart", "SP22 SP24"),
}

_PAGES = {
    "names_unique": _bug("refuses a name that another space has", "SP37"),
    "connections_unlisted": _bug("counts connections, and lists none", "SP25"),
    "connections_public": _bug("shows connections to all visitors", "SP25"),
    "page_always_connected": _bug("shows the state of the first rendering of a page", "SP26"),
    "form_for_strangers": _bug("shows a visitor a user's page", "SP26"),
    "names_unescaped": _bug("puts names into pages without escaping", "SP27"),
    "any_password": _bug("checks only the name", "SP28"),
    "bad_login_redirects": _bug("redirects after a failed log-in as well", "SP28"),
    "name_taken_over": _bug("registers a name again, with another password", "SP28"),
    "origin_ignored": _bug("ignores a post's origin", "SP29"),
    "session_for_all_sites": _bug("sends its cookie with other sites' posts", "SP29"),
    "origin_refused": _bug("refuses posts that name their origin", "SP29"),
    "origin_demanded": _bug("refuses posts that do not name their origin", "SP29"),
    "upload_for_anything": _bug("takes uploads for unknown requests", "SP30"),
    "upload_lost": _bug("forgets an uploaded file", "SP30"),
    "upload_served_as_sent": _bug("serves an upload with the type that its sender named", "SP27"),
    "upload_keeps_path": _bug("keeps the path of an uploaded file's name", "SP30"),
    "form_errors_uncaught": _bug("fails on an unreadable form", "SP31"),
    "ids_parsed": _bug("fails on an id that is not a UUID", "SP16 SP31"),
    "websocket_only": _bug("does not support polling", "SP35"),
    "chinese_only": _bug("answers every client in Chinese", "SP32"),
    "stops_as_uvicorn": _bug("ends as uvicorn does: 1012, and killed by the signal", "SP33"),
}

PART = ("any_app_reports",)
"""The faults of the short proof."""

FAULTS: dict[str, Fault] = {
    **_MINIATURES,
    **_REGISTRATION,
    **_SUBMISSION,
    **_GIVING,
    **_REPORTS,
    **_QUEUE,
    **_PAGES,
}
"""Every fault, by the name that `--fault` takes."""
