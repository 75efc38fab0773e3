"""Refusals on a real socket: the socket stays open, and each error names its thread."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import pytest
from conftest import PATIENCE, Backend, Chat, Mock, kinds, text
from websockets.exceptions import ConnectionClosed

SILENT = "[[test:finish:stop]]"


def test_bad_frames_get_their_error_and_the_socket_lives(chat: Chat, thread: str) -> None:
    for data, reason in (
        ("not valid json", "Invalid JSON"),
        ("x" * 40_000, "too large"),
        ("x" * 3_000_000, "too large"),
        ("[1]", "Invalid JSON"),
        (b"\x00\xff", "Invalid JSON"),
        ('{"type":"message","content":"hi"}', "thread_id"),
        ('{"type":"message","thread_id":"a!","content":"hi"}', "thread_id"),
        ('{"type":"dance","thread_id":"a"}', "type"),
    ):
        assert reason in chat.refused(data)["message"]
    for content in ("", "   ", "x" * 10_001, None):
        chat.send("message", thread, content=content)
        (frame,) = chat.turn()
        assert frame["type"] == "error"
        assert frame["thread_id"] == thread
        assert "content" in frame["message"]
    longest = SILENT.rjust(10_000, "x")
    assert kinds(chat.say(thread, longest))[-1] == "message_complete"
    chat.fence()


def test_a_message_above_the_limit_closes_with_1009(backend: Backend) -> None:
    with backend.chat(max_size=None) as connection:
        with contextlib.suppress(ConnectionClosed):  # when the server has read the length
            connection.send("x" * (5 << 20))
        with pytest.raises(ConnectionClosed):
            connection.recv(PATIENCE)
        assert connection.close_code == 1009


def test_a_broken_frame_gets_a_close_frame_and_then_the_connection_ends(
    backend: Backend,
) -> None:
    with backend.chat() as connection, connection.socket.dup() as raw:
        raw.sendall(b"\x83\x80\0\0\0\0")  # an undefined opcode
        with pytest.raises(ConnectionClosed):
            connection.recv(PATIENCE)
        assert connection.close_code == 1002


def test_the_eleventh_message_is_refused_and_other_threads_go_on(chat: Chat, thread: str) -> None:
    for _ in range(11):
        chat.send("message", thread, content=f"hello {SILENT}")
    endings = [chat.turn()[-1] for _ in range(11)]
    assert kinds(endings) == ["message_complete"] * 10 + ["error"]
    assert "rate limit" in endings[-1]["message"].lower()
    assert endings[-1]["code"] == "rate_limit"
    assert kinds(chat.say(f"{thread}_other", f"hello {SILENT}"))[-1] == "message_complete"
    chat.fence()


def test_the_rate_comes_before_the_content(start: Callable[..., Backend]) -> None:
    with start("--rate", "1/60").chat() as connection:
        chat = Chat(connection)
        assert chat.say("t", "")[0]["code"] == "invalid_content"
        assert chat.say("t", "")[0]["code"] == "rate_limit"
        chat.raw('{"type":"message","thread_id":"u"}')
        assert chat.turn()[0]["code"] == "invalid_content"


def test_a_session_with_ttl_0_ends_with_its_first_message(
    brief: Backend, mock: Mock, thread: str
) -> None:
    with brief.chat() as connection:
        chat = Chat(connection)
        script = mock.script(text("one"))
        for _ in range(2):
            chat.send("message", thread, content=f"hello {script}")
        assert kinds(chat.turn()) == ["token", "message_complete"]
        (late,) = chat.turn()
        assert late["message"] == "Session expired. Please start a new conversation."
        assert late["code"] == "session_expired"
        assert late["thread_id"] == thread
        assert len(mock.entries(script)) == 1
        assert kinds(chat.say(f"{thread}_2", f"hello {SILENT}"))[-1] == "message_complete"
        assert chat.say(thread, "hello")[0]["code"] == "session_expired"


def test_a_refused_frame_does_not_begin_a_session(brief: Backend, thread: str) -> None:
    with brief.chat() as connection:
        chat = Chat(connection)
        for _ in range(2):
            assert chat.say(thread, "  ")[0]["code"] == "invalid_content"
        assert chat.decide(thread, True)[0]["code"] == "no_pending"
        assert chat.decide(thread, 1)[0]["code"] == "invalid_approved"
        assert brief.get(f"/api/v1/replay/{thread}")[0] == 404
        assert kinds(chat.say(thread, f"hello {SILENT}"))[-1] == "message_complete"


def test_a_client_with_too_many_concurrent_turns_gets_an_error(chat: Chat, mock: Mock) -> None:
    script = mock.script({"steps": [{"gate": 1}, {"finish": "stop"}, {"done": True}]})
    for number in range(101):
        chat.send("message", f"many-{number}", content=f"hello {script}", message_id=f"m{number}")
    (first,) = chat.turn()
    assert (first["code"], first["message_id"]) == ("too_many", "m100")
    mock.open_gate(script, 1)
    answered = [chat.receive() for _ in range(100)]
    assert {frame["message_id"] for frame in answered} == {f"m{n}" for n in range(100)}
    assert set(kinds(answered)) == {"message_complete"}


def test_a_client_needs_the_key_if_one_is_set(start: Callable[..., Backend]) -> None:
    backend = start(ADMIN_API_KEY="s3cret-é")
    for query in ("", "?token=", "?token=s3c", "?token=wrong", "?api_key=s3cret-%C3%A9"):
        with backend.chat(query) as connection:
            with pytest.raises(ConnectionClosed):
                connection.recv(PATIENCE)
            assert connection.close_code == 1008
    with backend.chat("?token=s3cret-%C3%A9") as connection:
        assert kinds(Chat(connection).say("t", f"hello {SILENT}"))[-1] == "message_complete"
    assert backend.get("/api/v1/health")[0] == 200
    for headers in ({}, {"X-API-Key": "wrong"}):
        status, answer = backend.get("/api/v1/conversations", **headers)
        assert status == 401
        assert answer["success"] is False
    status, log = backend.end()
    assert status == 0
    assert "s3cret" not in log


def test_frames_contain_unicode_without_escapes(chat: Chat, mock: Mock, thread: str) -> None:
    chat.send("message", thread, content=f"hi {mock.script(text('文🚀'))}")
    raw = chat.connection.recv(PATIENCE)
    assert isinstance(raw, str)
    assert "文🚀" in raw
    assert json.loads(raw)["content"] == "文🚀"
