"""A model behind an API that is almost OpenAI's."""

from conformance.profiles.websocket import dialects

BROKEN = ("RC36", "RC37", "RC31")

dialects.role_everywhere.declare(__name__, "dialect_role_everywhere", "RC18")
dialects.text_beside.declare(__name__, "dialect_text_beside", "RC18")
dialects.content_parts.declare(__name__, "dialect_content_parts", "RC18")
dialects.finish_empty.declare(__name__, "dialect_finish_empty", "RC18")
dialects.finish_empty_cut.declare(__name__, "dialect_finish_empty_cut", *BROKEN)
dialects.done_alone.declare(__name__, "dialect_done_alone", "RC18")
dialects.error_in_chunk.declare(__name__, "dialect_error_in_chunk", *BROKEN)
dialects.error_in_disguise.declare(__name__, "dialect_error_in_disguise", *BROKEN)
dialects.heartbeats.declare(__name__, "dialect_heartbeats", "RC18")
