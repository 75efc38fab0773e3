"""Turns that end early: the model fails, the client disconnects, the server stops."""

from __future__ import annotations

import contextlib
import signal
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import KEY, PATIENCE, Backend, Chat, Mock, call, kinds, text, text_of
from websockets.exceptions import ConnectionClosed

FAILURES = (
    "status:429",
    "status:500",
    "status:401",
    "html:200",
    "empty:503",
    "abort:3",
    "error:3",
    "fin:2",
    "reset:2",
)


@pytest.mark.parametrize("pattern", FAILURES)
def test_a_model_that_fails_is_one_error_and_the_thread_goes_on(
    chat: Chat, mock: Mock, thread: str, pattern: str
) -> None:
    frames = chat.say(thread, f"hello [[test:{pattern}]]")
    assert set(kinds(frames[:-1])) <= {"token"}
    assert frames[-1] == {
        "type": "error",
        "code": "model_failed",
        "message": "The assistant failed. Please try again.",
        "thread_id": thread,
    }
    assert text_of(chat.say(thread, f"hello {mock.script(text('hi'))}")) == "hi"
    chat.fence()


@pytest.mark.parametrize(
    "pattern",
    ["unicode", "short", "odd", "marker", "choices", "reasoning", "usage", "role", "crlf+bytes",
     "comments+multiline+joined", "gzip", "junk", "bom+mixed+tight"],
)  # fmt: skip
def test_the_answers_of_real_providers(chat: Chat, mock: Mock, thread: str, pattern: str) -> None:
    frames = chat.say(thread, f"hello [[test:{pattern};t={thread}]]")
    assert kinds(frames)[-1] == "message_complete"
    assert text_of(frames)


def test_a_call_of_a_tool_that_cannot_be_read_is_a_failure(
    chat: Chat, mock: Mock, thread: str
) -> None:
    bad = call("get_order_status")
    bad["steps"][2]["event"]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] = "["
    frames = chat.say(thread, f"Where is it? {mock.script(bad)}")
    assert [frame.get("code") for frame in frames] == ["model_failed"]


def test_a_model_that_never_stops_calling_tools_is_stopped(
    chat: Chat, mock: Mock, thread: str
) -> None:
    frames = chat.say(thread, f"Where is it? {mock.script(call('get_order_status', order_id='1'))}")
    assert frames[-1]["code"] == "too_many_steps"
    assert 2 < len(frames) < 60
    assert text_of(chat.say(thread, f"hello {mock.script(text('hi'))}")) == "hi"


def _leave_by_closing(chat: Chat) -> None:
    chat.connection.close()


def _leave_by_resetting(chat: Chat) -> None:
    chat.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    chat.connection.socket.close()


def _leave_by_half_closing(chat: Chat) -> None:
    chat.connection.socket.shutdown(socket.SHUT_WR)


LEAVING = (_leave_by_closing, _leave_by_resetting, _leave_by_half_closing)


@pytest.mark.parametrize("leave", LEAVING)
def test_a_client_that_leaves_ends_the_models_request(
    backend: Backend, mock: Mock, thread: str, leave: Callable[[Chat], None]
) -> None:
    script = mock.script({"steps": [{"delta": "one"}, {"stall": True}]})
    with contextlib.suppress(ConnectionClosed, OSError), backend.chat() as connection:
        chat = Chat(connection)
        chat.send("message", thread, content=f"hello {script}")
        assert chat.receive()["content"] == "one"
        leave(chat)
        (entry,) = mock.entries(script, **{"for": "ended"})
        assert entry["end"] == "client_gone"
    with backend.chat() as connection:
        again = mock.script(text("hi"))
        assert text_of(Chat(connection).say(thread, f"hello {again}")) == "hi"


def test_a_client_that_leaves_before_the_first_token_ends_the_request_too(
    backend: Backend, mock: Mock, thread: str
) -> None:
    script = mock.script({"steps": [], "hold": 1})
    with backend.chat() as connection:
        Chat(connection).send("message", thread, content=f"hello {script}")
        mock.entries(script, **{"for": "received"})
    (entry,) = mock.entries(script, **{"for": "ended"})
    assert entry["end"] == "client_gone"


def test_a_turn_of_a_client_that_left_makes_room_for_the_next_in_its_thread(
    backend: Backend, mock: Mock, thread: str
) -> None:
    stalled = mock.script({"steps": [{"delta": "one"}, {"stall": True}]})
    with backend.chat() as first, backend.chat() as second:
        Chat(first).send("message", thread, content=f"hello {stalled}")
        Chat(first).receive()
        Chat(second).send("message", thread, content=f"hello {mock.script(text('hi'))}")
        Chat(second).fence()
        first.close()
        assert text_of(Chat(second).turn()) == "hi"


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything(
    start: Callable[..., Backend], mock: Mock, signum: signal.Signals
) -> None:
    backend = start()
    script = mock.script({"steps": [{"delta": "one"}, {"stall": True}]})
    with backend.chat() as connection, backend.chat() as idle:
        chat = Chat(connection)
        chat.send("message", "t", content=f"hello {script}")
        chat.receive()
        status, log = backend.end(signum)
        assert status == 0
        assert log == ""
        for socket_of_client in (connection, idle):
            with pytest.raises(ConnectionClosed):
                socket_of_client.recv(PATIENCE)
            assert socket_of_client.close_code == 1001
    (entry,) = mock.entries(script, **{"for": "ended"})
    assert entry["end"] == "client_gone"


def test_a_client_that_does_not_read_holds_the_model_still(
    backend: Backend, mock: Mock, thread: str
) -> None:
    endless = mock.script({"steps": [{"repeat": {"steps": [{"delta": "x" * 1000}]}}]})
    with backend.chat(max_queue=1) as connection, backend.chat() as other:
        Chat(connection).send("message", thread, content=f"hello {endless}")
        before = _memory(backend)
        sent = -1
        while sent != (sent := int(mock.entries(endless, brief=1)[0]["events_sent"])):
            # Other clients are served meanwhile. If nothing moves then, all buffers are full.
            for number in range(5):
                frames = Chat(other).say(f"{thread}_{sent}_{number}", "hi [[test:drip:2]]")
                assert kinds(frames)[-1] == "message_complete"
        assert _memory(backend) - before < 32 << 20
        assert sent * 1000 < 64 << 20
        _leave_by_resetting(Chat(connection))
        (entry,) = mock.entries(endless, **{"for": "ended", "brief": 1})
        assert entry["end"] == "client_gone"


def test_the_server_stops_in_spite_of_a_client_that_does_not_read(
    start: Callable[..., Backend], mock: Mock
) -> None:
    backend = start()
    endless = mock.script({"steps": [{"repeat": {"steps": [{"delta": "x" * 1000}]}}]})
    with contextlib.suppress(ConnectionClosed), backend.chat(max_queue=1) as connection:
        Chat(connection).send("message", "t", content=f"hello {endless}")
        sent = -1
        while sent != (sent := int(mock.entries(endless, brief=1)[0]["events_sent"])):
            assert backend.get("/api/v1/health")[0] == 200
        assert backend.end() == (0, "")
        (entry,) = mock.entries(endless, **{"for": "ended", "brief": 1})
        assert entry["end"] == "client_gone"
        _leave_by_resetting(Chat(connection))


def test_invalid_utf8_is_logged_in_one_line(start: Callable[..., Backend]) -> None:
    backend = start()
    with backend.chat() as connection:
        with contextlib.suppress(ConnectionClosed):
            connection.send([b"\xff"], text=True)
            connection.recv(PATIENCE)
        assert connection.close_code == 1007
    _, log = backend.end()
    assert log.count("\n") == 1
    assert "UTF-8" in log


def test_neither_client_nor_log_see_the_models_key(
    start: Callable[..., Backend], mock: Mock
) -> None:
    backend = start()
    refusal = {"error": {"message": f"wrong key {KEY}", "type": "auth", "code": None}}
    steps = [{"write": str(refusal).replace("'", '"').replace("None", "null")}]
    script = mock.script(
        {"status": 401, "headers": {"content-type": "application/json"}, "steps": steps}
    )
    with backend.chat() as connection:
        (frame,) = Chat(connection).say("t", f"hello {script}")
        assert KEY not in str(frame)
    _, log = backend.end()
    assert "status=401" in log
    assert KEY not in log


def _memory(backend: Backend) -> int:
    """Resident bytes."""
    return int(Path(f"/proc/{backend.process.pid}/statm").read_text().split()[1]) * 4096
