"""The faults of the gateway, and the clauses that each one violates.

As in the handoff daemon's table: a fault is a mistake that a tired programmer makes, or a
default of a gateway in use. The code consults it where the mistake would be
(`if fault("NAME")`). It names the clauses of the contract that it violates, all of them and
no more. The gateway itself is daemons/gateway; the modules here replace parts of it.
"""

from __future__ import annotations

from entry import Fault


def _bug(description: str, clauses: str, variant: str = "default") -> Fault:
    return Fault(description, tuple(clauses.split()), "gateway", variant)


EVERYTHING = (
    "R1 R2 R3 R4 R5 R6 R7 R8 R9 U1 U2 U3 U4 U5 U6 U7 U8 U9 L2 L3 L4 S1 S2 "
    "G1 G2 G3 G4 G5 G6 G7 G8 G9"
)

UNSERVED = EVERYTHING.replace(" R9", "")
"""What a client may miss that is refused, or whose gateway dies."""

_MINIATURES = {
    "dead": _bug("ends before it listens", EVERYTHING),
    "closes": _bug("accepts connections and closes them at once", EVERYTHING),
    "silent": _bug("accepts connections and never answers", EVERYTHING),
    "empty": _bug("answers 200 with an empty stream and never calls the API", EVERYTHING),
    "canned": _bug("answers the same words to everybody and never calls the API", EVERYTHING),
    "drops_pattern": _bug("does not pass the field X-Test-Pattern on", EVERYTHING),
}

_EVENTS = {
    "parses_per_read": _bug("takes each read for whole lines", "U2 U6 R2 R3 R4 R6 R7 G2"),
    "splits_codepoint": _bug("decodes each read by itself", "U2 R3"),
    "unicode_line_ends": _bug("splits lines as str.splitlines() does", "U2 R2 R3 R4 R6"),
    "lf_only": _bug("removes CR, and ends lines at LF only", "U2 R2 R4 R6 R7"),
    "crlf_cut_ends_twice": _bug("counts a CRLF cut between two reads as two line ends", "U2 R2"),
    "cr_waits_for_lf": _bug("waits after CR to see whether LF follows", "U2 R7"),
    "bom_kept": _bug("loses the first event to a byte order mark", "U2 R2 R3"),
    "space_needed": _bug("reads only fields with a space after the colon", "U2 R2 R4 R6"),
    "comments_are_data": _bug("takes a comment for data", "U2 R2 R3 R4 R6 R7"),
    "comments_limited": _bug("fails after 1 MiB of comments", "U2 R2 R4"),
    "dataless_block_fails": _bug("decodes the data of a block without data", "U2 R2 R3 R4 R6"),
    "last_data_line_wins": _bug("keeps only the last data line", "U2 R2 R4 R6"),
    "named_events_relayed": _bug("takes every named event for a chunk", "U2 R2 R4 R6"),
    "unterminated_event_lost": _bug("drops a last event without its blank line", "U2 R2 R4"),
    "line_limit_64k": _bug("loses lines above 64 KiB", "R3 R2 R6 U6"),
    "endless_line_buffered": _bug("buffers a line however long it is", "U6 R2 R3 R6"),
    "invalid_bytes_passed": _bug("passes bytes on that are not UTF-8", "R3 R6"),
}

_ANSWER = {
    "ids_invented": _bug("makes a new id for each chunk", "R2"),
    "burst_overtakes": _bug("sends the last event of a burst before the one before it", "R2"),
    "second_choice_dropped": _bug("relays only chunks of choice 0", "R2"),
    "odd_choices_fail": _bug("expects a delta in each choice, and a choice in each chunk", "R2 R4"),
    "usage_chunk_dropped": _bug("drops the usage chunk that the client asked for", "R2"),
    "finish_content_dropped": _bug("drops text that stands next to finish_reason", "R2 R3"),
    "finish_reason_unknown": _bug("says `stop` for every finish_reason it does not know", "R2"),
    "first_finish_is_the_end": _bug("ends at finish_reason", "R2 R4 R6 R7"),
    "empty_arguments_dropped": _bug("drops parts of tool calls without arguments", "R2"),
    "tool_index_lost": _bug("gives every part of a tool call the index 0", "R2"),
    "tool_calls_gathered": _bug("gathers a tool call, and sends it whole", "R2 R7"),
    "text_normalised": _bug("normalises text to NFKC", "R3"),
    "blank_deltas_dropped": _bug("drops deltas of white space", "R2 R3"),
    "lone_surrogate_fails": _bug("fails on half a surrogate pair", "R2 R3 R4"),
    "escapes_decoded_twice": _bug("decodes escapes in text that is decoded", "R3 S1"),
    "text_written_by_hand": _bug("puts chunks together without escaping line ends", "S1 R2 R3 R4"),
    "line_ends_in_data": _bug("passes data on that holds line ends", "S1 R2 R4"),
    "done_in_text": _bug("looks for [DONE] anywhere in the data", "R4 R2 R3 R6"),
    "done_not_added": _bug("sends no [DONE] where the API ends without one", "R4 R6"),
    "reads_on_after_done": _bug("passes [DONE] on and reads on until the answer ends", "R4 R8"),
    "done_invented": _bug("ends an answer that broke off with [DONE]", "R4 R6 U4"),
    "finish_reason_invented": _bug("ends an answer that broke off with `stop`", "R4 R6 R2 U4"),
    "cut_ends_cleanly": _bug("ends an answer that broke off with a clean last chunk", "R6 R4 U4"),
    "error_event_swallowed": _bug("skips error events of the API", "R6 R2 R4 S2"),
    "error_event_is_a_chunk": _bug("relays an error event as a chunk", "R6 R4 R2 S1 S2"),
    "error_null_fails": _bug("takes an error that is null for an error", "R2 R4"),
    "error_then_done": _bug("sends [DONE] after its error event", "R6 R4 R2"),
    "error_leaves_open": _bug(
        "never ends the message after an error event", "R6 R8 R1 G1 G2 G7 L4"
    ),
    "error_written_by_hand": _bug("puts an error's JSON together without escapes", "S1 R4 R5 R6"),
    "bad_event_skipped": _bug("skips events that are not JSON", "R6 R2 R4"),
}

_TIMES = {
    "one_behind": _bug("sends an event when the next one has arrived", "R7 R2"),
    "flushed_by_a_timer": _bug("flushes its buffer once a second", "R7"),
    "unbounded_queue": _bug("reads the API on while the client does not read", "U6"),
    "pause_drops": _bug("drops events for which a slow client has no room", "U6 R2 R3 R4 L4 G2"),
    "no_first_byte_timeout": _bug("has no bound on the API's head", "U7 R5"),
    "no_connect_timeout": _bug("has no bound on connecting", "U7 R5 L4"),
    "no_idle_timeout": _bug("has no bound on the API's silence", "U7 R6"),
    "total_timeout": _bug("bounds the time of a whole answer", "U7 R2 R4"),
    "client_pause_counts": _bug("counts a client's pause as the API's silence", "U7 R2 R4"),
    "heartbeats_prolong": _bug("lets comments alone hold a finished answer open", "U7"),
    "error_body_awaited": _bug("waits for an error's body without a bound", "U7 R5"),
    "write_limit_is_total": _bug("bounds the time of all writes to a client", "U7 R2 R4"),
}

_ERRORS = {
    "head_before_the_api": _bug("sends 200 before it has asked the API", "R5"),
    "errors_are_200": _bug("answers 200 with an error in JSON", "R5 R1 R2 R6 G9"),
    "errors_are_500": _bug("answers every failure of the API with 500", "R5"),
    "error_as_detail": _bug("answers errors in the form of its web framework", "R5 G9"),
    "retry_after_lost": _bug("does not pass Retry-After on", "R5"),
    "html_quoted": _bug("quotes the API's page of HTML in its error", "R5 U4 S2"),
    "content_type_unchecked": _bug("reads any 200 as a stream", "R5 U4 R4"),
    "content_type_whole": _bug("compares the content type as it stands", "U4 R2 R1"),
    "coding_asked_and_refused": _bug("asks for a coding that it then refuses", "U4"),
    "stream_false_streams": _bug("answers `stream: false` with a stream", "G4 G1"),
    "models_missing": _bug("does not serve /v1/models", "G4"),
    "unknown_path_closes": _bug("closes the connection for an unknown path", "L4"),
    "breaker": _bug("refuses everybody after six failures in a row", UNSERVED),
    "breaker_counts_departures": _bug("counts clients that left as failures", UNSERVED),
}

_REQUEST = {
    "numbers_as_floats": _bug("decodes the request's numbers as doubles", "U1"),
    "unknown_fields_dropped": _bug("passes only the fields on that it knows", "U1"),
    "zero_is_unset": _bug("takes a value of zero for unset", "U1"),
    "usage_always_asked": _bug("asks for a usage chunk that the client did not want", "U1 R2"),
    "control_characters_stripped": _bug("removes control characters from messages", "U1 S1"),
    "lone_surrogate_refused": _bug("refuses half a surrogate pair in messages", "U1 R1"),
    "body_limit_1m": _bug("refuses bodies above 1 MiB", "U1 R1"),
    "chunked_request_unread": _bug("takes a body in chunks for none", "U1 R1"),
    "expect_refused": _bug("answers Expect with 417", "U1 R1"),
    "requests_unchecked": _bug("asks the API whatever the client sent", "G9 R5"),
    "refusal_is_text": _bug("refuses requests in plain text", "G9 R5"),
    "length_and_chunked_taken": _bug("takes chunks where there is a length as well", "G3"),
    "first_length_wins": _bug("takes the first of two lengths", "G3"),
    "list_of_lengths_taken": _bug("takes the first number of a list of lengths", "G3"),
    "transfer_encoding_by_substring": _bug("looks for `chunked` anywhere in a field", "G3"),
    "crashes_on_bad_chunk": _bug("dies of a bad chunk size", UNSERVED),
    "client_key_forwarded": _bug("passes the client's Authorization on in another field", "G5"),
    "key_in_error": _bug("shows its configuration in errors", "S2 G5"),
    "key_in_log": _bug("logs the headers of requests", "S2"),
    "usage_passed_on": _bug("passes the usage chunk on that it asked for", "G6 R2", "usage"),
}

_CLIENTS = {
    "second_request_unanswered": _bug("reads one request of a connection", "G1"),
    "pipelined_at_once": _bug("answers pipelined requests at the same time", "G1 R1 R2 R4 R8"),
    "input_is_leaving": _bug("takes input during an answer for leaving", "R8 R2 R4 G1 U5 L4"),
    "close_ignored": _bug("keeps a connection that the client asked it to close", "R8 G1"),
    "coding_whatever_is_accepted": _bug("compresses for every Accept-Encoding", "G8 R1 R2"),
    "coding_held_back": _bug("compresses without flushing", "G8 R7"),
    "coding_header_lost": _bug("compresses without Content-Encoding", "G8 R1 R2 R7"),
    "leaving_unseen_until_written": _bug("notices a departure when it writes", "U5 G2 L4"),
    "cancels_from_the_head_on": _bug("never cancels before the API's head", "U5 G2 L4"),
    "never_cancels": _bug("reads an answer to its end after its client left", "U5 G2 L4 U6"),
    "broken_pipe_crashes": _bug("dies of a write to a client that left", UNSERVED),
    "descriptor_leaked_when_left": _bug("keeps a descriptor of each client that left", "L4 U5"),
    "client_reset_ignored": _bug("does not look at the client's RST_STREAM", "G2 U5"),
    "client_reset_cancels_all": _bug("takes RST_STREAM for the connection's end", "G2 L4 R2 R3 R4"),
    "streams_run_on_when_lost": _bug("forgets streams of a lost connection", "G2 U5"),
    "request_window_kept": _bug("does not open the window for a request", "G2 U1 R1 R7"),
    "stream_window_unseen": _bug("looks at the connection's window only", "G2 U6 R2 R4 R7 R8"),
    "stalled_stream_stalls_all": _bug("sends streams in one queue", "G2 L4 R7"),
    "answers_to_the_newest_stream": _bug("writes to the stream that began last", UNSERVED),
    "good_end_is_a_reset": _bug("resets a stream that has ended", "G2 R8"),
    "error_ends_connection": _bug("ends an HTTP/2 connection after an error", "G2 G1 R5 L4"),
}

_API = {
    "retries_like_an_sdk": _bug("tries three times, as client libraries do", "U8 R5"),
    "retried_after_output": _bug("starts the answer again in the middle", "U8 R2 R4 R6"),
    "redirect_followed": _bug("follows a redirect with the prompt and the key", "U8 S2 R5"),
    "waits_in_32_threads": _bug("has 32 threads to wait for the API's heads", "L4 U7 R5 U1"),
    "connects_one_at_a_time": _bug("opens one connection to the API at a time", "L4 U7 R5"),
    "certificate_unverified": _bug("does not verify certificates", "U3", "tls"),
    "insecure_flag_ignored": _bug("verifies although it was told not to", "U3 U1", "tls"),
    "tls_cut_is_an_end": _bug("takes a cut TLS connection for an end", "R4 R6 U4", "tls"),
    "informational_is_final": _bug("takes 103 for the final answer", "U4 R5"),
    "bad_head_forgiven": _bug("reads on after a head that it cannot parse", "R5 R6 R4 R2 U4"),
    "unframed_body_is_empty": _bug("takes a body without length for empty", "U4 R2 R4 R5 R6"),
    "length_before_chunks": _bug("reads Content-Length where there are chunks", "U4 R2 R4"),
    "short_body_accepted": _bug("accepts less than Content-Length, or a chunk's size", "U4 R4 R6"),
    "chunk_extension_fails": _bug("fails on chunk extensions", "U4 R2 R4"),
    "chunk_size_read_leniently": _bug("reads a chunk size as int() does", "U4 R4 R6 R7 R8 U9 L4"),
    "trailers_fail": _bug("takes trailer fields for a bad chunk", "U4 R2 R4"),
    "leftover_kept": _bug("takes bytes after an answer for the next answer", "U9 R2 R5"),
    "returned_unfinished": _bug(
        "reuses a connection whose answer was left", "U9 U5 U7 R1 R5 L4 G1 G7"
    ),
    "stale_connection_hangs": _bug("does not see that a reused connection ended", "U9 U8 R5 L4"),
    "answer_read_after_request": _bug("reads only after it has sent its request", "R5 U8 U1"),
    "failed_connection_kept": _bug("keeps connections whose answers failed", "L4 U7 U5"),
}

_HTTP2_API = {
    name: _bug(description, clauses, "h2")
    for name, description, clauses in (
        ("h2_reset_unseen", "waits on where a stream was reset with NO_ERROR", "U4 R6 R5 R7"),
        ("h2_reset_is_an_end", "takes a reset for the end of an answer", "R4 R6 U4"),
        ("h2_reset_asked_again", "asks again whatever a stream was reset for", "U8 R5"),
        ("h2_refusal_is_final", "does not ask again when a stream was refused", "U8"),
        ("h2_goaway_ends_all", "takes GOAWAY for the connection's end", "R2 R4 U8"),
        ("h2_goaway_unread", "opens streams after GOAWAY", "U8 U9"),
        ("h2_loss_is_an_end", "takes a lost connection for the end of its streams", "R4 R6 U4"),
        ("h2_left_running", "lets streams run on whose clients left", "U5 G2 U7 L4"),
        ("h2_place_kept", "does not free the place of a stream that it cancelled", "U5 L4"),
        ("h2_stream_limit_unread", "opens as many streams as it likes", "U3 L4"),
        ("h2_request_ends_at_window", "sends what the API's window admits", "U1 U3 R1 G2"),
        ("h2_answer_after_request", "reads no answer before its request is sent", "R5 R7"),
        ("h2_stream_window_kept", "gives room back to the connection only", "R2 R4 R7 U3 U6"),
        ("h2_window_not_divided", "lets one stream have all of the room", "L4 R2 U6"),
        ("h2_unknown_frame_fails", "refuses frames of unknown types", "R2 U3"),
        ("h2_padding_kept", "takes padding for text", "R2 U3"),
        ("h2_trailers_unexpected", "takes trailers for a second head", "R4 U4"),
        ("h2_length_unchecked", "does not compare the body with its length", "U4 R4 R6"),
    )
}

_BYTES = {
    name: _bug(description, clauses, variant)
    for name, description, clauses, variant in (
        ("proxy_buffers", "buffers 16 KiB of an answer", "R7", "bytes"),
        ("passed_without_bound", "reads an answer on into memory", "U6", "bytes"),
        ("passed_cut_ends_cleanly", "ends a broken answer cleanly", "G2 R6 U4", "bytes_http2"),
        ("passed_events_reencoded", "decodes and encodes each event", "R2", "bytes"),
        ("passed_request_reencoded", "decodes and encodes the request", "U1", "bytes"),
        ("done_added", "adds the [DONE] that the API did not send", "R4 R2 R6", "bytes"),
        ("error_page_of_its_own", "replaces the body of an error", "R5", "bytes"),
        ("passed_refusal_is_502", "answers 502 to every error of the API", "R5", "bytes"),
        ("hop_by_hop_field_passed", "passes the API's Keep-Alive on", "R1", "bytes"),
        ("short_body_served", "asks before the request is complete", "G3 L4 U1", "bytes"),
    )
}

_LIFE = {
    "limit_off_by_one": _bug("serves one more than its limit", "L3"),
    "slot_not_freed": _bug("never frees the place of a request", "L3"),
    "stop_cuts_streams": _bug("exits at once when it is asked to stop", "L2 R2 R4"),
    "stop_waits_for_pool": _bug("waits for its pool when it is asked to stop", "L2"),
}

SOUND = tuple(("gateway", variant) for variant in ("default", "h2", "bytes", "bytes_http2"))
"""The daemons and variants that must be green without a fault: both classes, both protocols of
the API and of the client."""

PART = ("done_invented",)
"""The faults of the short proof."""

FAULTS: dict[str, Fault] = {
    **_MINIATURES,
    **_EVENTS,
    **_ANSWER,
    **_TIMES,
    **_ERRORS,
    **_REQUEST,
    **_CLIENTS,
    **_API,
    **_HTTP2_API,
    **_BYTES,
    **_LIFE,
}
"""Every fault, by the name that `--fault` takes."""
