"""A model behind an API that is almost OpenAI's."""

from conformance.profiles.websocket import dialects

NEEDS = ("model_failure_error",)

dialects.role_everywhere.declare(__name__, "dialect_role_everywhere", "AC3")
dialects.text_beside.declare(__name__, "dialect_text_beside", "AC3")
dialects.content_parts.declare(__name__, "dialect_content_parts", "AC3")
dialects.finish_empty.declare(__name__, "dialect_finish_empty", "AC3")
dialects.finish_empty_cut.declare(__name__, "dialect_finish_empty_cut", "AC24", needs=NEEDS)
dialects.done_alone.declare(__name__, "dialect_done_alone", "AC3")
dialects.error_in_chunk.declare(__name__, "dialect_error_in_chunk", "AC24", needs=NEEDS)
dialects.error_in_disguise.declare(__name__, "dialect_error_in_disguise", "AC24", needs=NEEDS)
dialects.heartbeats.declare(__name__, "dialect_heartbeats", "AC3")
