"""The faults of the backend, and the clauses that each one violates.

As in the handoff daemon's table: a fault is a mistake that a tired programmer makes.
The code consults it where the mistake would be (`if fault("NAME")`). It names the
clauses of the contract that it violates, all of them and no more.
The backend itself is daemons/agent-chat; the modules here replace parts of it.
"""

from __future__ import annotations

from entry import Fault


def _bug(description: str, clauses: str) -> Fault:
    return Fault(description, tuple(clauses.split()), "agent-chat")


EVERYTHING = " ".join(f"AC{number}" for number in range(1, 49))

_MINIATURES = {
    "dead": _bug("ends before it listens", EVERYTHING),
    "closes": _bug("accepts sockets and closes them at once", EVERYTHING),
    "silent": _bug("accepts sockets and never answers", EVERYTHING),
    "canned": _bug("completes every message and never calls the model", EVERYTHING),
}

_FRAMES = {
    "greets": _bug("sends a welcome as soon as a client connects", "AC1"),
    "binary_frames": _bug("sends its JSON in binary messages", "AC1"),
    "whitespace_tidied": _bug("tidies the user's white space before it asks the model", "AC2"),
    "tokens_joined": _bug("collects the model's text and sends one token at the end", "AC3"),
    "tokens_overtake": _bug(
        "sends some tokens from tasks of their own, so that others overtake them", "AC3"
    ),
    "tokens_stripped": _bug("strips white space off tokens", "AC3"),
    "last_token_lost": _bug("keeps one token back for a look-ahead, and loses it", "AC3"),
    "agent_missing": _bug("does not name the agent of a token", "AC3"),
    "tool_call_missing": _bug("runs tools without a tool_call", "AC4"),
    "args_as_text": _bug("passes a tool's arguments on as the model's text", "AC4"),
    "result_before_call": _bug("reports a tool_call after the tool ran", "AC4 AC5"),
    "completes_before_last_token": _bug(
        "gathers the tokens of a long answer, and completes it before the last", "AC3 AC6"
    ),
    "completes_twice": _bug("completes a turn after its tool, and again at its end", "AC6 AC7"),
    "usage_after_complete": _bug("reports the token usage after message_complete", "AC6"),
    "complete_without_thread": _bug("does not name the completed thread", "AC6 AC26"),
    "unknown_type_ignored": _bug("does not answer frames of an unknown type", "AC7 AC38"),
    "nothing_said_not_completed": _bug("completes only turns with text", "AC7"),
}

_APPROVALS = {
    "executes_before_asking": _bug("executes an action, then asks for approval", "AC8 AC10 AC18"),
    "completes_after_interrupt": _bug("sends message_complete after an interrupt", "AC7 AC8"),
    "interrupt_without_action": _bug("asks for approval without naming the action", "AC8"),
    "executes_twice": _bug("executes an approved action again when its node runs again", "AC9"),
    "executes_rejected": _bug("takes any decision for an approval", "AC10"),
    "rejection_is_error": _bug("reports a rejection as an error", "AC10"),
    "rejection_untold": _bug("tells the model that a rejected action was executed", "AC10"),
    "interrupt_never_expires": _bug("ignores an approval's age", "AC18"),
    "late_answer_executes": _bug("reports a late decision as expired, and executes it", "AC18"),
    "late_answer_is_no_pending": _bug("forgets an approval the moment it expires", "AC18"),
    "approved_coerced": _bug(
        "takes bool() of the client's decision, so that 'false' approves", "AC19"
    ),
    "nothing_pending_completes": _bug(
        "completes the turn of an approval without a pending action", "AC19"
    ),
    "answered_stays_pending": _bug("does not note that an approval was answered", "AC8 AC19"),
    "message_drops_pending": _bug("lets a new message end a pending approval", "AC20"),
    "interrupt_forgotten_on_reconnect": _bug("keeps approvals with the socket", "AC21"),
    "interrupt_forgotten_on_restart": _bug("keeps approvals in memory", "AC21"),
}

_THREADS = {
    "history_forgotten": _bug("begins each turn with an empty conversation", "AC11 AC21"),
    "third_turn_fails": _bug(
        "counts the graph's steps over a thread's turns, and fails at the third", "AC11 AC22 AC37"
    ),
    "histories_shared": _bug("sends the model all threads' messages", "AC11 AC12"),
    "tokens_to_newest_thread": _bug(
        "labels tokens with the thread of the newest message", "AC12 AC26"
    ),
    "frames_to_newest_socket": _bug("sends frames to the newest socket", EVERYTHING),
    "threads_wait_for_each_other": _bug("plays the turns of a socket one by one", "AC12"),
    "turns_overlap": _bug("plays a thread's turns at the same time", "AC32"),
}

_REFUSALS = {
    "json_before_size": _bug("parses a frame before it checks the size", "AC13"),
    "null_sniffed": _bug("takes text that begins like null for null", "AC14"),
    "thread_id_optional": _bug("takes a message without a thread id into a common thread", "AC15"),
    "longest_thread_id_refused": _bug("is off by one in the length of a thread id", "AC35"),
    "empty_content_accepted": _bug("takes an empty message", "AC16"),
    "array_crashes": _bug("takes any JSON for an object", "AC25 AC34"),
    "thread_id_unchecked": _bug("takes any text for a thread id", "AC35"),
    "blank_content_accepted": _bug("takes white space for a message", "AC36"),
    "long_content_accepted": _bug("does not limit the length of a message", "AC36"),
    "longest_content_refused": _bug("is off by one in the length of a message", "AC36"),
    "error_closes_socket": _bug("closes the socket after an error", "AC25"),
    "error_without_message": _bug("does not repeat the message_id in an error", "AC26"),
    "error_without_thread": _bug("does not name the thread of an error", "AC26"),
}

_TIME = {
    "session_never_expires": _bug("ignores a session's age", "AC17 AC37"),
    "session_absolute": _bug("expires a session at a fixed time after its first message", "AC37"),
    "expired_session_revived": _bug("resets the clock of a session that has expired", "AC37"),
    "refused_message_touches": _bug("resets the clock before it checks the content", "AC37"),
    "rate_over_all_threads": _bug("counts the messages of a socket, not of a thread", "AC22"),
    "rate_never": _bug("has no rate limit", "AC22"),
    "rate_off_by_one": _bug("admits one message too many", "AC22"),
}

_MODEL = {
    "second_intent_ignored": _bug("serves only the first of several intents", "AC45"),
    "ambiguous_guessed": _bug("takes an unclear message for a question", "AC23"),
    "stack_trace_in_error": _bug("puts the exception into the error", "AC24"),
    "model_failure_silent": _bug("ends a turn without a frame when the model fails", "AC7 AC24"),
    "model_failure_completes": _bug("completes a turn whose model failed", "AC24"),
    "model_hurried": _bug(
        "gives the model a second and a half to go on, not its time limit", "AC46"
    ),
    "truncation_completes": _bug("takes a broken-off answer for a finished one", "AC24"),
    "failure_poisons_thread": _bug("never releases a thread after a failed turn", "AC7 AC24"),
    "upstream_runs_on": _bug("plays a turn to its end after the client has left", "AC30"),
    "leaving_unseen": _bug("reads the socket again only after the turn", "AC12 AC30 AC31"),
    "message_unbounded": _bug("gathers a message without limit", "AC43 AC48"),
    "unbounded_queue": _bug("queues frames without bound for a client that does not read", "AC31"),
}

_DIALECTS = {
    "role_means_opening": _bug("takes every chunk with a role for one without text", "AC3"),
    "one_field_a_delta": _bug("loses the text next to reasoning", "AC3"),
    "content_parts_lost": _bug("loses content that is a list", "AC3"),
    "empty_finish_finishes": _bug("takes an empty finish_reason for one", "AC24"),
    "empty_finish_is_the_end": _bug("ends at an empty finish_reason", "AC3 AC24"),
    "done_needs_finish": _bug(
        "takes `[DONE]` without a finish_reason for a broken answer", "AC3 AC6 AC24"
    ),
    "choices_hide_error": _bug("looks for an error only where no choices are", "AC24"),
    "error_field_ignored": _bug("ignores error events and the field `error`", "AC24"),
    "error_needs_its_key": _bug("ignores an error without the key `error`", "AC24"),
    "empty_data_fails": _bug("takes an event without data for a failure", "AC3 AC6 AC24"),
}

_WEBSOCKET = {
    "fragments_decoded_alone": _bug("decodes each fragment of a text by itself", "AC39"),
    "errors_close_unsaid": _bug(
        "disconnects on a broken frame, without a close", "AC39 AC40 AC42 AC43"
    ),
    "pongs_empty": _bug("answers pings without their payload", "AC41"),
    "close_unanswered": _bug("disconnects on a close frame", "AC42"),
    "binary_ends_server": _bug("ends the process on one client's exception", EVERYTHING),
}

_PROCESS = {
    "key_ignored": _bug("does not compare the key", "AC27"),
    "key_by_prefix": _bug("takes a prefix of the key for the key", "AC27"),
    "key_refused_normally": _bug("closes with 1000 on a wrong key", "AC27"),
    "health_enveloped": _bug("puts health into the envelope", "AC28"),
    "errors_not_enveloped": _bug("leaves errors to the framework's own form", "AC29"),
    "stops_as_uvicorn": _bug("ends as uvicorn does: 1012, and killed by the signal", "AC33"),
}

FAULTS: dict[str, Fault] = {
    **_MINIATURES,
    **_FRAMES,
    **_APPROVALS,
    **_THREADS,
    **_REFUSALS,
    **_TIME,
    **_MODEL,
    **_DIALECTS,
    **_WEBSOCKET,
    **_PROCESS,
}
"""Every fault, by the name that `--fault` takes."""
