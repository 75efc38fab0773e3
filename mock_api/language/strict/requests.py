"""The fields of each API's requests, from the APIs' own references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mock_api.language.errors import Fault
from mock_api.language.strict import histories
from mock_api.language.strict.values import (
    Check,
    InvalidError,
    anything,
    array,
    boolean,
    bounded,
    fields,
    mapping,
    one_of,
    string,
    text_or_array,
    text_or_object,
)

_SAMPLING: dict[str, Check] = {
    "temperature": bounded("decimal", 0, 2),
    "top_p": bounded("decimal", 0, 1),
}
_SHARED: dict[str, Check] = {
    "model": string,
    "stream": boolean,
    "stream_options": mapping,
    "metadata": mapping,
    "user": string,
    "safety_identifier": string,
    "prompt_cache_key": string,
    "prompt_cache_retention": string,
    "service_tier": string,
    "store": boolean,
    **_SAMPLING,
}
_PENALTIES: dict[str, Check] = {
    "frequency_penalty": bounded("decimal", -2, 2),
    "presence_penalty": bounded("decimal", -2, 2),
    "logit_bias": mapping,
    "n": bounded("integer", 1, 128),
    "seed": bounded("integer", -(2**63), 2**63 - 1),
    "stop": text_or_array,
    "max_tokens": bounded("integer", 1),
}
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
_VERBOSITIES = one_of("low", "medium", "high")


class _Request(NamedTuple):
    checks: Mapping[str, Check]
    required: tuple[str, ...]


REQUESTS = {
    "chat completions": _Request(
        {
            **_SHARED,
            **_PENALTIES,
            "messages": histories.chat,
            "audio": mapping,
            "function_call": text_or_object,
            "functions": array,
            "logprobs": boolean,
            "max_completion_tokens": bounded("integer", 1),
            "modalities": array,
            "moderation": anything,
            "parallel_tool_calls": boolean,
            "prediction": mapping,
            "reasoning_effort": one_of(*_EFFORTS),
            "response_format": mapping,
            "tool_choice": text_or_object,
            "tools": array,
            "top_logprobs": bounded("integer", 0, 20),
            "verbosity": _VERBOSITIES,
            "web_search_options": mapping,
        },
        ("model", "messages"),
    ),
    "completions": _Request(
        {
            **_SHARED,
            **_PENALTIES,
            "prompt": text_or_array,
            "best_of": bounded("integer", 0, 20),
            "echo": boolean,
            "logprobs": bounded("integer", 0, 5),
            "suffix": string,
        },
        ("model", "prompt"),
    ),
    "responses": _Request(
        {
            **_SHARED,
            "input": histories.items,
            "background": boolean,
            "context_management": anything,
            "conversation": text_or_object,
            "include": array,
            "instructions": text_or_array,
            "max_output_tokens": bounded("integer", 16),
            "max_tool_calls": bounded("integer", 1),
            "parallel_tool_calls": boolean,
            "previous_response_id": string,
            "prompt": mapping,
            "reasoning": mapping,
            "text": mapping,
            "tool_choice": text_or_object,
            "tools": array,
            "top_logprobs": bounded("integer", 0, 20),
            "truncation": one_of("auto", "disabled"),
        },
        ("model", "input"),
    ),
    "messages": _Request(
        {
            "model": string,
            "messages": histories.anthropic,
            "max_tokens": bounded("integer", 1),
            "cache_control": mapping,
            "container": anything,
            "context_management": mapping,
            "inference_geo": string,
            "mcp_servers": array,
            "metadata": mapping,
            "output_config": mapping,
            "service_tier": one_of("auto", "standard_only"),
            "stop_sequences": array,
            "stream": boolean,
            "system": text_or_array,
            "temperature": bounded("decimal", 0, 1),
            "thinking": mapping,
            "tool_choice": mapping,
            "tools": array,
            "top_k": bounded("integer", 0),
            "top_p": bounded("decimal", 0, 1),
        },
        ("model", "messages", "max_tokens"),
    ),
    "embeddings": _Request(
        {
            "model": string,
            "input": text_or_array,
            "dimensions": bounded("integer", 1),
            "encoding_format": one_of("float", "base64"),
            "user": string,
        },
        ("model", "input"),
    ),
}
"""By the name of the encoder."""

_STREAM_OPTIONS: dict[str, Check] = {"include_usage": boolean, "include_obfuscation": boolean}


def invalid(name: str, body: Mapping[str, Any]) -> Fault | None:
    """What is wrong with a request to this API; None: it is valid."""
    request = REQUESTS[name]
    try:
        fields("", body, request.checks, request.required)
        options = body.get("stream_options")
        if options is not None:
            if not body.get("stream"):
                raise InvalidError(
                    "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                    None,
                    "stream_options",
                )
            fields("stream_options", options, _STREAM_OPTIONS)
        if body.get("tool_choice") is not None and not body.get("tools"):
            raise InvalidError(
                "'tool_choice' is only allowed when 'tools' are specified.", None, "tool_choice"
            )
    except InvalidError as error:
        return error.fault
    return None
