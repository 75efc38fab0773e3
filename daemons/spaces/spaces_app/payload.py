"""The payload of a request: its text and its attachments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam


def messages(payload: dict[str, Any]) -> list[ChatCompletionMessageParam]:
    """A request as a conversation: its attachments, then the user's text unchanged."""
    attached = [f"sound: {payload['audio']}"] if payload.get("audio") else []
    attached += [f"file: {file}" for file in described_files(payload)]
    conversation: list[ChatCompletionMessageParam] = []
    if attached:
        content = "The user attached:\n" + "\n".join(attached)
        conversation.append({"role": "system", "content": content})
    conversation.append({"role": "user", "content": str(payload.get("prompt") or "")})
    return conversation


def described_files(payload: dict[str, Any]) -> list[str]:
    """The files of a request, one line each."""
    files = payload.get("files")
    described = []
    for file in files if isinstance(files, list) else []:
        if isinstance(file, dict):
            name, kind, size = (file.get(key) for key in ("filename", "content_type", "size"))
            described.append(f"{name} ({kind}, {size} bytes)")
    return described
