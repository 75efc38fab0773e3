"""The API's chunk objects: every field and every number whole, and unusual objects tolerated.

In the simple format only the text of choice 0 is relayed. Scenarios about other
fields need the openai format; those that both formats must survive do not.
"""

from typing import Any

from conformance.checks import Checks
from conformance.core.scenario import scenario
from conformance.core.script import chunk, delta, done, event, finish, finished, script

OPENAI = ("format=openai",)


def _with(fields: dict[str, Any], *, reason: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk with further fields next to its choices."""
    return {**chunk(reason=reason, **more), **fields}


def _choices(*choices: dict[str, Any]) -> dict[str, Any]:
    """A chunk of several choices."""
    return {**chunk(), "choices": list(choices)}


def _choice(index: int, text: str | None = None, *, reason: str | None = None) -> dict[str, Any]:
    """One choice of a chunk."""
    fields = {} if text is None else {"content": text}
    return {"index": index, "delta": fields, "finish_reason": reason}


# The identity of an answer

IDENTITY = {
    "id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG",
    "created": 1_741_570_283,
    "model": "gpt-4.1-2025-04-14",
    "system_fingerprint": "fp_44709d6fcb",
}


@scenario(
    script=script(
        *(event(_with(IDENTITY, content=text)) for text in ("one", " two", " three")),
        event(_with(IDENTITY, reason="stop")),
        done(),
    ),
    clause="R2",
    needs=OPENAI,
    everywhere=True,
    evidence="OpenAI API reference, chat.completion.chunk; "
    'microsoft/foundry-local#144 "chunks have different IDs", open-webui/open-webui#23922',
)
def openai_id_created(response: Checks) -> None:
    """Every chunk keeps the API's id, time, model and fingerprint."""
    response.relayed()


# Usage

USAGE = {
    "prompt_tokens": 19,
    "completion_tokens": 2,
    "total_tokens": 21,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
}


@scenario(
    script=script(
        event(_with({"usage": None}, content="Hello")),
        event(_with({"usage": None}, reason="stop")),
        event({**chunk(), "choices": [], "usage": USAGE}),
        done(),
    ),
    clause=("R2", "R4"),
    request={"body": {"stream_options": {"include_usage": True}}},
    needs=("body",),
    everywhere=True,
    evidence="OpenAI API reference, stream_options; "
    'Portkey-AI/gateway#1629 "tolerate empty choices"',
)
def openai_usage_chunk(response: Checks) -> None:
    """The client receives the usage chunk that it asked for, before `[DONE]`."""
    response.request_unchanged()
    response.relayed()


@scenario(
    clause=("U1", "R2"),
    everywhere=True,
    evidence='Arthur-Ficial/apfel#100 "usage chunk sent unconditionally"',
)
def openai_usage_unrequested(response: Checks) -> None:
    """The daemon does not ask for usage, or send a usage chunk, on its own."""
    response.nothing_added()
    response.relayed()


# Choices

_AZURE = {"content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}


def _bare(**fields: Any) -> dict[str, Any]:
    """A chunk without choices, and with these fields."""
    return {key: value for key, value in chunk().items() if key != "choices"} | fields


ODD = (
    _bare(choices=[], prompt_filter_results=[{"prompt_index": 0, **_AZURE}]),
    _bare(choices=None),
    _bare(),
    _bare(choices=[{"index": 0, "delta": None, "finish_reason": None}]),
    _bare(choices=[{"index": 0, "finish_reason": None, **_AZURE}]),
    _bare(choices=[{"index": 0, "delta": {"content": None}, "finish_reason": None}]),
    _bare(choices=[{"index": 0, "delta": {}}]),
)


@scenario(
    script=script(
        *map(event, ODD), delta("Hello"), *map(event, ODD), finish("stop"), *map(event, ODD), done()
    ),
    clause=("R2", "R4"),
    everywhere=True,
    evidence='langchain-ai/langchain#18977 "content-filter chunk errors", '
    'microsoft/autogen#6465 "rogue chunk"',
)
def openai_odd_choices(response: Checks) -> None:
    """The daemon relays an answer with empty, null and absent choices and deltas."""
    response.chunk_count(1)
    response.relayed()


@scenario(
    script=script(
        *(event(_choices(_choice(n, text))) for text in ("a", " b") for n in (0, 1)),
        event(_choices(_choice(1, " c"), _choice(0, " c"))),
        event(_choices(_choice(0, reason="stop"))),
        *(event(_choices(_choice(1, text))) for text in (" d", " e")),
        event(_choices(_choice(1, reason="length"))),
        done(),
    ),
    clause=("R2", "R4"),
    everywhere=True,
    evidence='openai/openai-python#434 "n>1 finishes at different times"',
)
def openai_n2(response: Checks) -> None:
    """The client receives two choices complete that finish at different times."""
    response.relayed()


@scenario(
    script=script(
        event(_choices(_choice(0, "a"), _choice(1, "b"))),
        event(_choices(_choice(0, reason="stop"))),
    ),
    clause=("R4", "R6"),
    everywhere=True,
    evidence='openai/openai-python#434 "n>1 finishes at different times"',
)
def openai_n2_truncated(response: Checks) -> None:
    """The daemon fails an answer in which one of two choices did not finish."""
    response.content("a").no_done_marker().failed_stream()


# Tools


def _calls(*calls: dict[str, Any]) -> dict[str, Any]:
    return chunk(tool_calls=list(calls))


def _named(index: int, name: str, arguments: str = "") -> dict[str, Any]:
    """A call's first fragment, the only one with its id and name."""
    function = {"name": name, "arguments": arguments}
    return {"index": index, "id": f"call_{index}", "type": "function", "function": function}


def _more(index: int, arguments: str) -> dict[str, Any]:
    return {"index": index, "function": {"arguments": arguments}}


@scenario(
    script=script(
        event(chunk(role="assistant", content=None)),
        event(_calls(_named(0, "weather"))),
        event(_calls(_named(1, "time"))),
        event(_calls(_more(0, '{"pla'))),
        event(_calls(_more(1, '{"zone":'))),
        event(_calls(_more(1, '"CET"}'), _more(0, 'ce":"Zür'))),
        event(_calls(_more(0, 'ich"}'))),
        finish("tool_calls"),
        done(),
    ),
    clause="R2",
    needs=OPENAI,
    everywhere=True,
    evidence='maximhq/bifrost#1829 "deltas merge in parallel calling", '
    "microsoft/agent-framework#8336",
)
def openai_parallel_tools(response: Checks) -> None:
    """The client receives the fragments of two tool calls in order, each with its index."""
    response.finish_reason("tool_calls")
    response.relayed()


@scenario(
    script=script(
        event(chunk(role="assistant", content=None)),
        event(_calls(_named(0, "refresh"))),
        event(_calls(_more(0, ""))),
        event(_calls({"index": 1, "id": "call_1", "function": {"name": "stop"}})),
        finish("tool_calls"),
        done(),
    ),
    clause="R2",
    needs=OPENAI,
    everywhere=True,
    evidence='simonsmh/pi-provider-qoder#15 "call without arguments lost", '
    'vllm-project/vllm#9209 "wrong tool finish reason"',
)
def openai_tool_edge(response: Checks) -> None:
    """The daemon relays a tool call with empty arguments, and one without arguments."""
    response.finish_reason("tool_calls")
    response.relayed()


# Other fields

LOGPROBS = {
    "content": [{"token": "H", "logprob": -0.31725305, "bytes": [72], "top_logprobs": []}],
    "refusal": None,
}
CHOICE = {"index": 0, "delta": {"content": "Hello"}, "logprobs": LOGPROBS, "finish_reason": None}


@scenario(
    script=finished(
        event(_with({"service_tier": "default"}, role="assistant", content="", refusal=None)),
        event(chunk(reasoning_content="Let me see.", reasoning={"text": "…", "tokens": 3})),
        event({**chunk(), "choices": [CHOICE]}),
        event(
            _with({"x_groq": {"id": "req_1", "seed": 2**53 + 1, "hash": 2**64 + 1}}, content=" ")
        ),
        event(_with({"created": 2**53 + 1, "cost": 1.5e-07, "": [[], {}]}, content="world")),
        event(chunk(refusal="I cannot do that.", annotations=[], audio={"data": "AAA="})),
    ),
    clause=("R2", "R3"),
    needs=OPENAI,
    everywhere=True,
    evidence='Menci/Floway#481 "streamed logprobs dropped", NousResearch/hermes-agent#118490, '
    "NangoHQ/nango#5169",
)
def openai_extra_fields(response: Checks) -> None:
    """The client receives unusual fields and big integers as the API sent them."""
    response.relayed()
