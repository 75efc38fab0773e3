"""The plain case: one question, one whole answer."""

from conformance.checks import Checks
from conformance.core.scenario import scenario
from conformance.core.script import chunk, delta, event, finished

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

AWKWARD = (
    'a "quoted" C:\\new\\table \\u0041 \\\\ </p> <!-- & \t\r\n \x01\x1f\x7f'
    " \u0085\u2028\u2029 \ufeff é e\u0301 ﬁ \u200d 👩‍💻 half \ud83d of a pair"
)
"""Text that wrong quoting, escaping, line splitting or normalising changes."""


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
    """The API receives the request as given, and the client receives every word of the answer."""
    response.relayed().request_unchanged().chunk_count(18)


@scenario(
    script=finished(
        event(chunk(role="assistant", content="")), *(delta(f"word {n} ") for n in range(20))
    ),
    clause=("R2", "R4"),
    everywhere=True,
    evidence='langwatch/langwatch#6196 "gateway drops role-carrying first delta"',
)
def basic_happy_path(response: Checks) -> None:
    """The client receives a role chunk, twenty deltas, the finish and `[DONE]`, in this order."""
    response.relayed().chunk_count(20).finish_reason("stop")


# The request to the API


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
    """The API receives emoji, unknown parameters, nested tools and every digit of numbers."""
    response.no_error().request_unchanged().nothing_added().done_marker()


@scenario(
    pattern="short",
    clause="U1",
    everywhere=True,
    request={"prompt": AWKWARD, "system": AWKWARD},
    evidence='elizaOS/eliza#30904 "emits lone surrogates"',
)
def basic_prompt_text(response: Checks) -> None:
    """The API receives escapes, control characters, line separators and lone surrogates."""
    response.no_error().request_unchanged().done_marker()


@scenario(
    pattern="short",
    clause="U1",
    everywhere=True,
    request={"temperature": 0, "max_tokens": 1, "user_id": "0"},
)
def basic_zero_values(response: Checks) -> None:
    """The daemon sends a value of zero to the API."""
    response.no_error().request_unchanged().done_marker()


# Headers that the web application adds
