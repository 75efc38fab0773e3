"""What the manifest of a support chat may declare."""

from __future__ import annotations

from conformance.core.capability import Capability, Vocabulary, choice

VOCABULARY = Vocabulary(
    capabilities={
        "correlation": choice(
            "what the frames of an answer carry to tell turns apart", "thread_id", "message_id"
        ),
        "error_code": Capability("an error frame carries a code"),
        "refuses_unknown_type": Capability("an unknown `type` is answered with an error"),
        "clarification": Capability("an ambiguous message is answered with a question"),
        "interrupt_expired": Capability("a late decision is answered with `interrupt_expired`"),
        "interrupt_details": Capability("an interrupt carries the details of the action"),
        "no_pending_error": Capability("a decision without a pending approval is an error"),
        "one_pending": Capability("a message while an approval is pending is an error"),
        "session_extended_by_interrupt": Capability("a pending approval keeps its session"),
        "rate_limit": Capability("it limits the messages of a client"),
        "serial_threads": Capability("the turns of a thread follow one after the other"),
        "resume_after_reconnect": Capability("a thread outlasts its connection"),
        "resume_after_restart": Capability("a thread outlasts the process"),
        "model_failure_error": Capability("a failed answer of the model is one `error`"),
        "errors_keep_socket": Capability("the socket stays open after an error"),
        "multiple_intents": Capability("one message may ask for several actions"),
        "close_codes": choice("the close codes that it sends", "1001", "1008", "1009"),
        "rest": choice(
            "its REST paths: `/conversations/…`, `/replay/…`, and `/orders/ID`, which counts "
            "how often an action was executed",
            *("conversations", "replay", "orders"),
        ),
    },
    options={
        "session_ttl": "seconds after which an idle session expires",
        "interrupt_ttl": "seconds after which a pending approval expires",
        "purge_interval": "seconds between two removals of expired sessions",
        "model_timeout": "seconds until a silent model fails the turn",
        "rate": "messages that a client may send: N/SECONDS",
        "api_key": "the key of the administrator's REST paths",
    },
)
