"""The table of faults: bugs that can be switched on one by one, and the clauses they break.

A fault is a mistake of a tired developer that passes the developer's own tests. It is not
sabotage. Each one is a small deviation at its real place in the code (`if fault("NAME")`).
It names all clauses that a red check may cite while it is on. tests/faulty/test_faults.py
compares this table with the code.

The daemon starts dozens of times for each fault. So rarely used modules are imported where
they are used.
"""

from __future__ import annotations

from entry import Fault


def _bug(description: str, clauses: str, *, daemon: str = "handoff", **rest: str) -> Fault:
    return Fault(description, tuple(clauses.split()), daemon, **rest)


EVERYTHING = (
    "H1 H2 H3 H4 H5 H6 H7 H8 H9 H10 R1 R2 R3 R4 R5 R6 R7 R8 R9 "
    "U1 U2 U3 U4 U5 U6 U7 U8 U9 L1 L2 L3 L4 S1 S2"
)

_MINIATURES = {
    "dead": _bug("ends before it listens", EVERYTHING),
    "closes": _bug("takes handoffs and closes the client at once", EVERYTHING),
    "silent": _bug("takes handoffs and never answers", EVERYTHING),
    "empty": _bug("answers 200 with an empty stream and never calls the API", EVERYTHING),
    "canned": _bug("answers the same words to everybody and never calls the API", EVERYTHING),
    "drops_pattern": _bug("does not pass test_pattern on", EVERYTHING),
}

_HANDOFF = {
    "stream_read_once": _bug(
        "takes the first read for the whole JSON", "H1 H2 H3", daemon="handoff-stream"
    ),
    "payload_cut_at_64k": _bug("receives into 64 KiB and does not look at MSG_TRUNC", "H2"),
    "bad_data_closes": _bug("closes the client without a word when the data is wrong", "H3"),
    "bad_data_asks_api": _bug("asks the API before it answers 400 to wrong data", "H3"),
    "types_unchecked": _bug("sends whatever type a field has on to the API", "H3"),
    "backlog_of_one": _bug("has room for one handoff in its queue", "H1 L2 L4"),
    "doubled_key_dies": _bug("dies, and serves nobody, where a key stands twice", "H3 L4"),
    "no_descriptor_calls_api": _bug("looks for the descriptor only after calling the API", "H4"),
    "extra_descriptors_leaked": _bug(
        "takes the first descriptor and forgets the rest", "H5 H6 H10 L4"
    ),
    "timeout_until_data": _bug(
        "bounds only the time until a handoff's first data", "H7", daemon="handoff-stream"
    ),
    "handoffs_one_at_a_time": _bug("waits for a handoff's data in the accept loop", "H7 L4"),
    "full_means_gone": _bug(
        "takes EAGAIN of a non-blocking client for a broken connection", "H8 U6 R2 R4 L4"
    ),
    "inheritable_descriptors": _bug("receives without MSG_CMSG_CLOEXEC", "H9"),
    "left_before_leaks": _bug("forgets a client that had left before its handoff", "H10 U5"),
    "client_leaked_when_served": _bug("duplicates the descriptor for writing, closes one", "H10"),
}

_RESPONSE = {
    "no_accel_buffering": _bug("forgets the header X-Accel-Buffering", "R1"),
    "response_headers_ignored": _bug("ignores response_headers altogether", "R1"),
    "header_controls_let_through": _bug("copies CR and LF in response_headers", "R1 S1"),
    "first_delta_dropped": _bug("takes a first chunk with a role for one without text", "R2"),
    "last_delta_dropped": _bug(
        "looks one delta ahead, and flushes it only at finish_reason stop", "R2 R7"
    ),
    "coalesced_reversed": _bug(
        "puts an event that a read completes behind the next of that read", "R2"
    ),
    "named_events_relayed": _bug("takes every named event for a chunk", "R2 U2 R4 R6"),
    "first_finish_is_the_end": _bug("ends at the first finish_reason it sees", "R2 R4 R6"),
    "every_chunk_finishes": _bug("says finish_reason stop in every chunk", "R2 R6"),
    "unknown_fields_dropped": _bug("encodes chunks anew from the fields it knows", "R2"),
    "simple_by_hand": _bug(
        "assembles the simple format's JSON without escaping line ends and backslashes",
        "R3 R2 R4 S1",
        variant="simple",
    ),
    "invalid_utf8_dies": _bug("dies while decoding invalid UTF-8", "R6 R4 U2 L4"),
    "line_limit_64k": _bug("loses lines above 64 KiB", "R3 R2"),
    "done_missing": _bug("sends [DONE] only after finish_reason stop", "R4"),
    "done_twice": _bug(
        "adds a missing [DONE] where the body ends, and again where it closes", "R4"
    ),
    "done_as_content": _bug("relays [DONE] as text where no space precedes it", "R2 R3 U2"),
    "done_in_text": _bug("looks for [DONE] anywhere in the data", "R4 R6 R2 R3"),
    "reads_on_after_done": _bug("passes [DONE] on and reads on until the response ends", "R4 R8"),
    "done_not_synthesised": _bug("fails an answer that ended after finish without [DONE]", "R4"),
    "truncation_looks_finished": _bug("sends [DONE] however the stream ended", "R4 R6 U4"),
    "head_before_the_api": _bug("sends 200 before it has asked the API", "R5"),
    "errors_are_500": _bug("answers every failure of the API with 500", "R5"),
    "retry_after_lost": _bug("does not pass Retry-After on", "R5"),
    "content_type_unchecked": _bug("reads any 200 as a stream", "R5 U4"),
    "content_type_whole": _bug("compares the content type as it stands", "U4 R2"),
    "stream_error_ignored": _bug("relays an error object in the stream as a chunk", "R6 R4 R2 S2"),
    "error_null_fails": _bug("takes an error that is null for an error", "R2 R4"),
    "non_json_skipped": _bug("skips events that are no JSON", "R6 R4 R2"),
    "role_means_opening": _bug("takes every chunk with a role for one without text", "R2"),
    "one_field_a_delta": _bug("loses text beside reasoning and tool calls", "R2"),
    "calls_need_an_index": _bug("loses a tool call without an index", "R2"),
    "content_parts_lost": _bug("loses content that is a list", "R2 R6", variant="simple"),
    "unknown_content_lost": _bug("skips content of unknown types", "R6 R2", variant="simple"),
    "content_by_pattern": _bug(
        "searches the JSON for `content` instead of reading it", "R2 R3 R6 U2", variant="simple"
    ),
    "empty_finish_finishes": _bug("takes an empty finish_reason for one", "R6 R4"),
    "empty_finish_is_the_end": _bug("ends at an empty finish_reason", "R2 R4 R6"),
    "empty_data_fails": _bug("takes an event without data for a failure", "U2 R2 R4"),
    "choices_hide_error": _bug("looks for an error only where no choices are", "R6 R4"),
    "error_must_be_object": _bug("takes only an object for an error", "R6 R4"),
    "error_needs_its_key": _bug("takes an error's bare fields for a chunk", "R6 R4"),
    "bare_error_ignored": _bug(
        "ignores the field `error`, and an error event without data", "R6 R4"
    ),
    "buffers_16k": _bug("writes through a buffer of 16 KiB", "R7"),
    "nagle_left_on": _bug("does not set TCP_NODELAY on the client's socket", "R7"),
    "one_behind": _bug("sends an event when the next one has come", "R7"),
    "cr_waits_for_lf": _bug("waits after CR to see whether LF follows", "R7 U2"),
    "gzip_decoded_at_the_end": _bug("decompresses when all has come", "R7"),
    "closed_without_linger": _bug("closes over unread bytes", "R8"),
    "lingers_for_ever": _bug("waits for the client's end without a bound", "R8 H10 L3"),
}

_UPSTREAM = {
    "messages_ignored": _bug("sends the prompt and ignores messages", "U1"),
    "system_ignored": _bug("ignores the system prompt", "U1"),
    "request_id_lost": _bug("does not pass request_id on", "U1"),
    "key_lost_when_sent_again": _bug("sends a request that is repeated without its key", "U1"),
    "prompt_unescaped": _bug("mangles backslashes in the prompt", "U1"),
    "request_numbers_as_floats": _bug("decodes the request's numbers as doubles", "U1"),
    "zero_is_unset": _bug("takes temperature 0 for unset", "U1"),
    "usage_always_asked": _bug("asks for a usage chunk that nobody wanted", "U1 R2"),
    "proxy_trusted": _bug("goes through the proxy that the environment names", "U1 S2"),
    "parses_per_read": _bug("takes each read for whole lines", "U2 R2 R3 R4 R6 U6"),
    "splits_codepoint": _bug("decodes each read by itself", "U2 R3"),
    "unicode_line_ends": _bug("splits lines as str.splitlines() does", "U2 R3 R2 R4 R6"),
    "lf_only": _bug("does not take a bare CR for a line's end", "U2 R2 R4 R6 R7"),
    "crlf_cut_ends_twice": _bug("counts a CRLF cut between two reads as two line ends", "U2 R2"),
    "bom_kept": _bug("loses the first event to a byte order mark", "U2 R2"),
    "last_data_line_wins": _bug("keeps only the last data line", "U2 R2 R4 R6"),
    "unterminated_event_lost": _bug("drops a last event without its blank line", "R2 R4 U2"),
    "tls_unverified": _bug("does not verify certificates", "U3", variant="tls"),
    "insecure_flag_ignored": _bug("verifies although told not to", "U3 U1", variant="tls"),
    "tls_cut_is_an_end": _bug(
        "takes a cut TLS connection for the end of the body", "R4 R6 U4", variant="tls"
    ),
    "short_body_accepted": _bug("accepts less than Content-Length, or a chunk's size", "U4 R4 R6"),
    "head_limit_8k": _bug("refuses a header field of more than 8 KiB", "U4 R1 R5 R2"),
    "informational_is_final": _bug("takes 103 for the final answer", "U4 R5"),
    "leaving_unseen_in_silence": _bug("notices that a client left when it writes", "U5 H10 L4"),
    "leaving_unseen_before_head": _bug("watches the client from the API's head on", "U5 H10"),
    "input_is_leaving": _bug("takes any input of the client for its end", "R8 R2 R4 L4"),
    "unbounded_queue": _bug("reads the API on while the client is stalled", "U6"),
    "endless_line_buffered": _bug("buffers a line however long it is", "U6 R6"),
    "shared_overflow": _bug("keeps what does not fit in one buffer for all", "L4 U6 R2 R3 R4"),
    "pending_moved": _bug(
        "moves its buffers while writes from them are pending", "L4 R2 R3 R4 R6 U6"
    ),
    "no_write_timeout": _bug("waits for a stalled client for ever", "U7 H10 L3 L4"),
    "no_first_byte_timeout": _bug("has no bound on the API's head", "U7 R5"),
    "no_idle_timeout": _bug("has no bound on the API's silence", "U7 R5 R6"),
    "total_timeout": _bug("counts the idle time from the stream's start", "U7 R2 R4"),
    "heartbeats_prolong": _bug("lets comments alone hold a finished stream open", "U7"),
    "retried_after_output": _bug("starts the answer again in the middle", "U8 R2 R6"),
    "redirect_followed": _bug("follows a redirect, key in hand", "U8 S2 R5"),
    "returned_unfinished": _bug("keeps a connection before its response has ended", "U9 R5 H10"),
}

_HTTP2 = {
    name: _bug(description, clauses, variant="h2")
    for name, description, clauses in (
        ("h2_any_close_is_an_end", "takes whatever closes a stream for its end", "R4 R6 U4"),
        ("h2_reset_unseen", "waits on where a stream was reset with NO_ERROR", "U4 R6"),
        ("h2_reset_after_end_fails", "lets a reset after the end fail the answer", "R4 R6 U4"),
        ("h2_reset_asked_again", "asks again whatever a stream was reset for", "U8 R5"),
        ("h2_refusal_is_final", "does not ask again when a stream was refused", "U8"),
        ("h2_goaway_ends_all", "takes GOAWAY for the connection's end", "R2 R4"),
        ("h2_goaway_covers_all", "does not look at GOAWAY's last stream", "U8"),
        ("h2_left_running", "lets streams run on whose clients left", "U5 R2 U6 U7 L2 L4 H10"),
        ("h2_place_kept", "does not free the place of a stream that it cancelled", "U5 U7 L4"),
        ("h2_stream_limit_unread", "opens as many streams as it likes", "U3"),
        ("h2_request_ends_at_window", "sends what the API's window admits", "U1 U3"),
        ("h2_answer_after_request", "reads no answer before its request is sent", "R5"),
        ("h2_stream_window_kept", "gives room back to the connection only", "R2 R4 R6 R7 U3 U6"),
        (
            "h2_window_not_divided",
            "lets one stream have all of the connection's room",
            "L4 R2 U6",
        ),
        ("h2_unknown_frames_refused", "refuses frames of unknown types", "R2 U3"),
        ("h2_trailers_unexpected", "takes trailers for a second head", "R4 U4"),
        ("h2_length_unchecked", "does not compare the body with its length", "U4 R4 R6"),
    )
}

_LIFECYCLE = {
    "stale_socket_refused": _bug("does not start over a socket left behind", "L1"),
    "live_socket_replaced": _bug("replaces whatever socket it finds", "L1"),
    "any_file_is_stale": _bug("takes a regular file for a socket left behind", "L1"),
    "queue_dropped": _bug("closes at SIGTERM over what is queued", "L2"),
    "sigterm_is_an_error": _bug("exits with 143 after SIGTERM", "L2"),
    "stalled_extend_shutdown": _bug("waits for stalled clients beyond its time", "L2"),
    "limit_off_by_one": _bug("serves one more than its limit", "L3"),
    "slot_lost_when_client_left": _bug("frees a slot only on success", "L3"),
    "spins_when_exhausted": _bug("tries to accept without a pause at EMFILE", "L4"),
    "sigpipe_kills": _bug("dies of SIGPIPE", "L4"),
    "eintr_ends_the_loop": _bug("takes EINTR for a fatal error", "L4"),
    "asks_32_at_a_time": _bug("has a pool of 32 to wait for the API's heads", "L4"),
    "one_lock_for_writes": _bug("writes under one lock for all clients", "L4 U6"),
}

_SECURITY = {
    "request_header_injection": _bug("copies CR and LF into the API's request head", "S1"),
    "key_in_error": _bug("passes on an error message that holds the key", "S2"),
    "key_in_log": _bug("logs the API's request with the key", "S2"),
    "destination_from_request": _bug("lets the handoff data name the API", "S2 U1"),
}

SOUND = (
    ("handoff", "default"),
    ("handoff", "simple"),
    ("handoff", "h2"),
    ("handoff-stream", "default"),
)
"""The daemons and variants that must be green without a fault: both formats, both protocols,
both kinds of socket."""

PART = ("truncation_looks_finished",)
"""The faults of a proof that takes less than a minute."""

FAULTS: dict[str, Fault] = {
    **_MINIATURES,
    **_HANDOFF,
    **_RESPONSE,
    **_UPSTREAM,
    **_HTTP2,
    **_LIFECYCLE,
    **_SECURITY,
}
"""Every fault, by the name that `--fault` takes."""
