"""The plain case: one question, one whole answer."""

from conformance.checks import Checks
from conformance.core import exact_json as exact
from conformance.core.scenario import scenario
from conformance.core.script import chunk, delta, event, finished, script, write
from conformance.profiles.relay.bench import RelayBench

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "It's °C, not °F",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string", "enum": ["Zürich", "東京"]}},
            "required": ["place"],
            "additionalProperties": False,
        },
    },
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
TEXT_PART = {"type": "text", "text": "What is here?"}
IMAGE = {
    "type": "image_url",
    "image_url": {"url": "data:image/png;base64,iVBORw0K", "detail": "low"},
}

AWKWARD = (
    'a "quoted" C:\\new\\table \\u0041 \\\\ </p> <!-- & \t\r\n \x01\x1f\x7f'
    " \u0085\u2028\u2029 \ufeff é e\u0301 ﬁ \u200d 👩‍💻 half \ud83d of a pair"
)
"""What quoting, escaping, splitting into lines and normalising go wrong on."""


@scenario(clause=("R1", "R4"), everywhere=True)
def basic_response(response: Checks) -> None:
    """A request is answered with the head of an event stream and one `[DONE]`, last."""
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
    clause=("R2", "R3", "U1"),
    request={
        "system": "You answer in “plain” words.",
        "model": "conformance-1",
        "max_tokens": 64,
        "temperature": 0.25,
        "user_id": "user-7",
    },
    everywhere=True,
)
def basic_content(response: Checks) -> None:
    """The request reaches the API as given, and every word of the answer reaches the client."""
    (
        response.no_error()
        .request_unchanged()
        .chunk_count(18)
        .events_in_order()
        .content_as_sent()
        .done_marker()
    )


@scenario(
    script=finished(
        event(chunk(role="assistant", content="")), *(delta(f"word {n} ") for n in range(20))
    ),
    clause=("R2", "R4"),
    everywhere=True,
    evidence='langwatch/langwatch#6196 "gateway drops role-carrying first delta"',
)
def basic_happy_path(response: Checks) -> None:
    """A role chunk without text, twenty deltas, the finish and `[DONE]` arrive, in order."""
    (
        response.no_error()
        .http_status(200)
        .sse_format()
        .chunk_count(20)
        .events_in_order()
        .content_as_sent()
        .finish_reason("stop")
        .done_marker()
    )


# What the API is asked


@scenario(
    pattern="short",
    clause="U1",
    needs=("body",),
    request={
        "messages": [{"role": "user", "content": "How warm is it in 東京? 🌡️"}],
        "body": {
            "seed": 2**53 + 1,
            "top_p": 1.0,
            "presence_penalty": -0.1,
            "logit_bias": {"50256": -100, "198": 1e-07},
            "x_vendor": {"😀": [None, True, {"deep": [[2**64 + 1]]}]},
            "tools": [WEATHER],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
        },
    },
    everywhere=True,
    evidence='llm-d/llm-d-router#2518 "repackaging loses large-integer precision"',
)
def basic_request_fidelity(response: Checks) -> None:
    """Emoji, unknown parameters, nested tools and numbers reach the API digit for digit."""
    response.no_error().request_unchanged().nothing_added().done_marker()


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
    """Messages go to the API as they are, parts and tool calls included, and win over a prompt."""
    response.no_error().request_unchanged().done_marker()


@scenario(
    pattern="short",
    clause="U1",
    request={"prompt": AWKWARD, "system": AWKWARD},
    evidence='elizaOS/eliza#30904 "emits lone surrogates"',
)
def basic_prompt_text(response: Checks) -> None:
    """Escapes, control characters, line separators and half a surrogate pair reach the API."""
    response.no_error().request_unchanged().done_marker()


@scenario(pattern="short", clause="U1", request={"temperature": 0, "max_tokens": 1, "user_id": "0"})
def basic_zero_values(response: Checks) -> None:
    """A zero is a value, and reaches the API."""
    response.no_error().request_unchanged().done_marker()


@scenario(pattern="short", clause="U1", request={"request_id": "req/7f:0 b"})
def basic_request_id(response: Checks) -> None:
    """The request id travels to the API as X-Request-Id."""
    response.no_error().request_unchanged().done_marker()


@scenario(
    pattern="short",
    clause="U1",
    request={"conversation": "c-1", "stream": False, "n": 4, "functions": [], "Model": "other"},
)
def basic_unknown_keys(response: Checks) -> None:
    """Keys of the handoff data that mean nothing go nowhere."""
    response.no_error().request_unchanged().nothing_added().done_marker()


@scenario(
    pattern="short", clause="U1", needs=("body",), request={"body": {"stream": False, "seed": 0}}
)
def basic_stream_forced(response: Checks) -> None:
    """The answer is streamed even if the body says otherwise."""
    response.request_unchanged().done_marker(clause="U1")


@scenario(clause="U1")
async def basic_default_model(bench: RelayBench) -> None:
    """Where no model is given, the daemon asks for one of its own."""
    response = await bench.respond(pattern="short")
    response.no_error().nothing_added().done_marker()
    for entry in response.observation.upstream:
        model = exact.decode(entry.body).get("model")
        bench.expect(
            isinstance(model, str) and model != "",
            check="model",
            clause="U1",
            expected="the daemon's own model, by its name",
            actual=f"model: {model!r}",
        )


# Headers that the web application adds


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
    """Headers that the handoff asks for stand in the head of the stream."""
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
    """What the stream itself depends on cannot be changed from outside."""
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
    """Headers that HTTP does not allow are dropped in silence, and the others are added."""
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
    """An error response carries the headers that the handoff asks for, too."""
    (
        response.http_error(502)
        .header("X-Conversation", "c-1")
        .header_contains("Content-Type", "application/json", clause="R5")
    )
