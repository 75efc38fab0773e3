"""The fields of the handoff data, and the head of the answer."""

from conformance.checks import Checks
from conformance.core import exact_json
from conformance.core.scenario import scenario
from conformance.core.script import script, write
from conformance.profiles.handoff.bench import HandoffBench

CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
TEXT_PART = {"type": "text", "text": "What is here?"}
IMAGE = {
    "type": "image_url",
    "image_url": {"url": "data:image/png;base64,iVBORw0K", "detail": "low"},
}


@scenario(clause=("R1", "R4"), everywhere=True)
def basic_response(response: Checks) -> None:
    """The daemon answers with the head of an event stream and one `[DONE]`, last."""
    (
        response.no_error()
        .http_status(200)
        .header_contains("Content-Type", "text/event-stream")
        .header("Cache-Control", "no-cache")
        .header("Connection", "close")
        .header("X-Accel-Buffering", "no")
        .no_header("Content-Length")
        .no_header("Transfer-Encoding")
        .sse_format()
        .done_marker()
    )


@scenario(
    pattern="short",
    clause="U1",
    request={
        "prompt": "not this",
        "system": "nor this",
        "messages": [
            {"role": "system", "content": "You are terse."},
            {"role": "user", "content": [TEXT_PART, {**TEXT_PART, "text": "And here?"}, IMAGE]},
            {"role": "assistant", "content": "", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": '{"celsius": 21}'},
        ],
    },
)
def basic_messages(response: Checks) -> None:
    """The API receives messages unchanged, with parts and tool calls, and without the prompt."""
    response.no_error().request_unchanged().done_marker()


@scenario(pattern="short", clause="U1", request={"request_id": "req/7f:0 b"})
def basic_request_id(response: Checks) -> None:
    """The daemon sends the request id to the API as X-Request-Id."""
    response.no_error().request_unchanged().done_marker()


@scenario(
    pattern="short",
    clause="U1",
    request={"conversation": "c-1", "stream": False, "n": 4, "functions": [], "Model": "other"},
)
def basic_unknown_keys(response: Checks) -> None:
    """The daemon ignores unknown keys of the handoff data."""
    response.no_error().request_unchanged().nothing_added().done_marker()


@scenario(
    pattern="short", clause="U1", needs=("body",), request={"body": {"stream": False, "seed": 0}}
)
def basic_stream_forced(response: Checks) -> None:
    """The daemon asks for a stream even if the body has `stream: false`."""
    response.request_unchanged().http_status(200, clause="U1").done_marker()


@scenario(clause="U1")
async def basic_default_model(bench: HandoffBench) -> None:
    """The daemon asks for its own model where the handoff data names none."""
    response = await bench.respond(pattern="short")
    response.no_error().nothing_added().done_marker()
    for entry in response.observation.upstream:
        model = exact_json.decode(entry.body).get("model")
        bench.check(
            isinstance(model, str) and model != "",
            "model",
            expected="the daemon's own model, by its name",
            actual=f"model: {model!r}",
        )


@scenario(
    pattern="short",
    clause="R1",
    request={
        "response_headers": {
            "X-Conversation": "c-1",
            "Access-Control-Allow-Origin": "https://example.com",
            "Set-Cookie": "seen=1; Path=/; HttpOnly",
        }
    },
)
def basic_response_headers(response: Checks) -> None:
    """The head of the stream has the headers that the handoff asks for."""
    (
        response.no_error()
        .header("X-Conversation", "c-1")
        .header("Access-Control-Allow-Origin", "https://example.com")
        .header("Set-Cookie", "seen=1; Path=/; HttpOnly")
        .sse_format()
        .done_marker()
    )


@scenario(
    pattern="short",
    clause="R1",
    request={
        "response_headers": {
            "Content-Type": "text/html",
            "cache-control": "max-age=60",
            "Connection": "keep-alive",
            "Transfer-Encoding": "chunked",
            "Content-Length": "5",
            "CONTENT-ENCODING": "gzip",
            "X-Accel-Buffering": "yes",
            "X-Fine": "yes",
        }
    },
    evidence='BerriAI/litellm#29557 "disable proxy buffering on SSE"',
)
def basic_response_headers_reserved(response: Checks) -> None:
    """The daemon ignores requested headers that would break the stream."""
    (
        response.no_error()
        .header_contains("Content-Type", "text/event-stream")
        .header("Cache-Control", "no-cache")
        .header("Connection", "close")
        .header("X-Accel-Buffering", "no")
        .header("X-Fine", "yes")
        .no_header("Transfer-Encoding")
        .no_header("Content-Length")
        .no_header("Content-Encoding")
        .sse_format()
        .done_marker()
    )


@scenario(
    pattern="short",
    clause="R1",
    request={
        "response_headers": {
            "X Space": "1",
            "X-Colon:": "1",
            "": "1",
            "X-Ünicode": "1",
            "X-Number": 5,
            "X-Null": None,
            "X-List": ["1"],
            "X-Bell": "a\x07b",
            "X-Delete": "a\x7fb",
            "X-Fine": "yes",
        }
    },
)
def basic_response_headers_invalid(response: Checks) -> None:
    """The daemon drops headers that HTTP does not allow, and adds the others."""
    response.no_error().sse_format().header("X-Fine", "yes")
    for name in ("X", "X-Colon", "X-Number", "X-Null", "X-List", "X-Bell", "X-Delete"):
        response.no_header(name)
    response.done_marker()


@scenario(
    script=script(write("no"), status=503, headers={"content-type": "text/plain"}),
    clause=("R1", "R5"),
    request={"response_headers": {"X-Conversation": "c-1", "Content-Type": "text/html"}},
)
def basic_response_headers_on_errors(response: Checks) -> None:
    """An error response has the headers that the handoff asks for."""
    (
        response.http_error(502)
        .header("X-Conversation", "c-1")
        .header_contains("Content-Type", "application/json", clause="R5")
    )
