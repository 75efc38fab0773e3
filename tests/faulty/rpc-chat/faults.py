"""The faults of the backend, and the clauses that each one violates.

As in the handoff daemon's table: a fault is a mistake that a tired programmer makes.
The code consults it where the mistake would be (`if fault("NAME")`). It names the
clauses of the contract that it violates, all of them and no more.
The backend itself is daemons/rpc-chat; the modules here replace parts of it.
"""

from __future__ import annotations

from entry import Fault


def _bug(description: str, clauses: str) -> Fault:
    return Fault(description, tuple(clauses.split()), "rpc-chat")


EVERYTHING = " ".join(f"RC{number}" for number in range(1, 47))

_MINIATURES = {
    "dead": _bug("ends before it listens", EVERYTHING),
    "closes": _bug("accepts sockets and closes them at once", EVERYTHING),
    "silent": _bug("accepts sockets and never answers", EVERYTHING),
    "canned": _bug("gives every prompt the same answer and never calls the model", EVERYTHING),
}

_MESSAGES = {
    "binary_frames": _bug("sends its JSON in binary messages", "RC1"),
    "envelope_flat": _bug("puts content and metadata next to the event, without payload", "RC1"),
    "greets_thrice": _bug("greets with a third message, a hint", "RC2"),
    "arrivals_announced": _bug("reports each arrival to all clients without a world", EVERYTHING),
    "prices_missing": _bug("lists models without their prices", "RC3"),
    "pipelined_backwards": _bug("answers piled-up commands last in, first out", "RC4"),
    "raw_text_refused": _bug("takes only JSON objects", "RC15"),
    "empty_prompt_refused": _bug("refuses an empty prompt", "RC15"),
    "wrong_type_drops": _bug("drops the connection on a prompt of another type", "RC16"),
    "binary_taken": _bug("takes binary messages for text", "RC16"),
    "nesting_kills": _bug("fails on deeply nested JSON", "RC17"),
}

_STAGE = {
    "selection_unnamed": _bug("does not name the selection", "RC5 RC6"),
    "selection_unsynced": _bug("sends no state after a selection", "RC6"),
    "half_a_stage_will_do": _bug("generates as soon as a world is selected", "RC8"),
    "stage_error_ends": _bug("sends chat_end after the stage error", "RC8"),
    "model_unconfirmed": _bug("does not confirm the selected model", "RC12"),
    "rules_pile_up": _bug("activates a rule as often as it is added", "RC13"),
    "unknown_command_told": _bug("answers unknown commands", "RC14"),
    "shared_stage_ignored": _bug("ignores the requested stage", "RC33"),
    "new_world_for_all": _bug(
        "moves clients without a world to a world that another client invented", "RC33 RC8 RC9"
    ),
    "one_stage_by_accident": _bug("takes all named stages for one", "RC33"),
    "commands_broadcast": _bug("sends each state to every client", EVERYTHING),
}

_SESSIONS = {
    "session_ids_long": _bug("makes ids other than 12 hex digits", "RC7"),
    "start_message_lost": _bug("begins without the world's start message", "RC7"),
    "session_without_cast": _bug("begins a session without a world and a character", "RC9"),
    "continue_tells": _bug("confirms that a session is continued", "RC10"),
    "continue_keeps_world": _bug("continues a session in another world", "RC10"),
    "continue_keeps_model": _bug("continues a session with another model", "RC10"),
    "sessions_oldest_first": _bug("lists the oldest sessions first", "RC11"),
    "use_unnoted": _bug("lists sessions in the order of their begin", "RC11"),
    "deleted_stays_active": _bug("leaves a deleted session active", "RC11"),
    "kept_in_memory": _bug("keeps sessions in memory", "RC26"),
    "history_newest_first": _bug("shows the newest messages first", "RC25 RC26 RC29 RC37"),
    "history_unlimited": _bug("shows the whole history", "RC26"),
    "answers_not_kept": _bug("keeps prompts only, not answers", "RC25 RC26 RC29"),
}

_ANSWERS = {
    "text_normalised": _bug("normalises text to NFKC", "RC18"),
    "long_delta_cut": _bug("cuts deltas at 64 KiB", "RC18"),
    "marker_swallowed": _bug("removes [DONE] from text", "RC18"),
    "one_behind": _bug("sends a chunk when the next one arrives", "RC19"),
    "end_overtakes": _bug("sends the last chunk of a long answer after its end", "RC20"),
    "ends_twice": _bug("ends a long answer where it ends and again around it", "RC20"),
    "empty_never_ends": _bug("ends only answers with text", "RC20 RC29"),
    "total_is_text": _bug("sends the count as text", "RC20 RC21 RC29 RC37"),
    "total_counts_characters": _bug("estimates tokens by characters", "RC21 RC29 RC37"),
    "rate_is_text": _bug("formats the rate for the user", "RC22"),
    "announced_twice": _bug("announces an answer twice", "RC23"),
    "prompt_trimmed": _bug("trims the user's white space before it asks the model", "RC24"),
    "history_forgotten": _bug("sends the model no earlier messages", "RC25"),
    "prompt_lost_after_end": _bug("looks for a cancel until 50 ms after the end", "RC27"),
    "next_message_lost_after_end": _bug(
        "takes the first message after the end for a cancel, and drops it", "RC27"
    ),
    "histories_shared": _bug("sends the model all clients' messages", "RC25 RC32"),
    "answers_to_the_newest": _bug("sends chunks to the newest connection", EVERYTHING),
    "second_prompt_mixes": _bug("answers two prompts at once on a connection", "RC34 RC35"),
    "second_prompt_queued": _bug("answers an early prompt later", "RC35"),
}

_CANCELS = {
    "cancel_ignored": _bug("ignores a cancel", "RC28 RC30"),
    "chunk_after_cancel": _bug("sends a pending chunk after the confirmation", "RC28 RC29"),
    "cancel_reworded": _bug("confirms a cancel in other words", "RC29"),
    "cancel_forgets_partial": _bug("forgets the text before a cancel", "RC29"),
    "request_runs_on": _bug(
        "reads the model's answer to its end after its client has left", "RC30"
    ),
    "leaving_unseen": _bug("notices a departure only when it sends something", "RC30"),
    "left_overs_served": _bug("begins an answer with the rest of a cancelled one", "RC31"),
}

_DIALECTS = {
    "role_means_opening": _bug("takes every chunk with a role for one without text", "RC18"),
    "one_field_a_delta": _bug("loses the text next to reasoning", "RC18"),
    "content_parts_lost": _bug("loses content that is a list", "RC18"),
    "empty_finish_finishes": _bug("takes an empty finish_reason for one", "RC36 RC37 RC31"),
    "empty_finish_is_the_end": _bug("ends at an empty finish_reason", "RC18 RC36 RC37 RC31"),
    "done_needs_finish": _bug(
        "takes `[DONE]` without a finish_reason for a broken answer", "RC18 RC36"
    ),
    "choices_hide_error": _bug("looks for an error only where no choices are", "RC36 RC37 RC31"),
    "error_field_ignored": _bug("ignores error events and the field `error`", "RC36 RC37 RC31"),
    "error_needs_its_key": _bug("ignores an error without the key `error`", "RC36 RC37 RC31"),
    "empty_data_fails": _bug("takes an event without data for a failure", "RC18 RC36"),
}

_FAILURES = {
    "failure_silent": _bug("ends a failed answer without an error", "RC36"),
    "failure_hangs": _bug("lets a failed answer hang", "RC36"),
    "model_hurried": _bug(
        "gives the model a second and a half to go on, not its time limit", "RC45"
    ),
    "truncation_finishes": _bug("takes a broken-off answer for a finished one", "RC36"),
    "failure_never_ends": _bug("sends no chat_end after an error", "RC37"),
    "partial_kept_on_failure": _bug("keeps the partial text of a failed answer", "RC37"),
}

_PROTOCOL = {
    "utf8_unchecked": _bug("replaces bytes that are not UTF-8", "RC38 RC16"),
    "fragments_are_messages": _bug("takes each fragment for a message", "RC38 RC16"),
    "broken_frames_internal": _bug("closes with 1011 on broken frames", "RC39"),
    "pongs_missing": _bug("does not answer pings", "RC40"),
    "pongs_empty": _bug("answers pings without their payload", "RC40"),
    "close_unanswered": _bug("does not answer a close", "RC41"),
    "close_reserved": _bug("answers a close without a code with 1005", "RC1 RC41"),
    "killed_by_sigterm": _bug("dies of SIGTERM", "RC42"),
    "unbounded_queue": _bug(
        "queues messages without bound for a client that does not read", "RC43"
    ),
    "message_unbounded": _bug("gathers messages of any size", "RC43 RC44"),
    "too_big_is_policy": _bug("closes with 1008 on a message that is too big", "RC44"),
}

PART = ("request_runs_on",)
"""The faults of the short proof."""

FAULTS: dict[str, Fault] = {
    **_MINIATURES,
    **_MESSAGES,
    **_STAGE,
    **_SESSIONS,
    **_ANSWERS,
    **_CANCELS,
    **_FAILURES,
    **_DIALECTS,
    **_PROTOCOL,
}
"""Every fault, by the name that `--fault` takes."""
