"""The document "agent-chat-e2e-flows" as one user story.

A developer takes the conftest of docs/agent-chat-testing.md and plays the document's flows
with Starlette's TestClient, which runs the application in a thread of its own.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from agent_chat.app import create_app
from agent_chat.options import Options
from agent_chat.service import Service
from conftest import KEY, TERMINAL, Mock, call, kinds, text
from starlette.testclient import TestClient, WebSocketTestSession

PAGE = Path(__file__).parents[3] / "docs" / "agent-chat-testing.md"

Frame = dict[str, Any]


@pytest.fixture
def documented() -> SimpleNamespace:
    """The names that the documented conftest defines."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks[0].splitlines()) <= 40
    names: dict[str, Any] = {}
    exec(compile(blocks[0], str(PAGE), "exec"), names)  # noqa: S102
    return SimpleNamespace(**names)


def turn(socket: WebSocketTestSession, kind: str, thread: str, **fields: Any) -> list[Frame]:
    """Send a frame and return its answer up to the terminal frame."""
    socket.send_json({"type": kind, "thread_id": thread, **fields})
    frames = [socket.receive_json()]
    while frames[-1]["type"] not in TERMINAL:
        frames.append(socket.receive_json())
    return frames


def error(socket: WebSocketTestSession, data: str) -> str:
    socket.send_text(data)
    frame = socket.receive_json()
    assert frame["type"] == "error"
    return str(frame["message"])


def test_a_developer_plays_the_documented_flows(documented: SimpleNamespace) -> None:
    _happy_path(documented)
    _approval_and_rejection(documented)
    _several_turns_and_threads(documented)
    _errors_and_health(documented)


def _happy_path(documented: SimpleNamespace) -> None:
    looked_up = documented.make_tool_chunk("get_order_status", {"order_id": "1042"})
    pieces = [documented.make_chunk(piece) for piece in ("It ", "was ", "delivered.")]
    app = documented.create_e2e_app(graph=documented.make_graph(chunks=[looked_up, *pieces]))
    with TestClient(app) as client, client.websocket_connect("/ws") as socket:
        frames = turn(socket, "message", "happy", content="Where is order 1042?")
    assert kinds(frames) == ["tool_call", "token", "token", "token", "message_complete"]
    assert frames[0]["args"] == {"order_id": "1042"}
    assert "".join(frame["content"] for frame in frames[1:4]) == "It was delivered."
    assert frames[-1]["thread_id"] == "happy"


def _approval_and_rejection(documented: SimpleNamespace) -> None:
    data = {"action": "cancel_order", "order_id": "1042"}
    for approved, outcome in ((True, "It is cancelled."), (False, "It will remain active.")):
        graph = documented.make_graph(
            state=documented.make_state(interrupt=True, data=data),
            resume_chunks=[documented.make_chunk(outcome, "order_actions")],
        )
        with (
            TestClient(documented.create_e2e_app(graph=graph)) as client,
            client.websocket_connect("/ws") as socket,
        ):
            (interrupt,) = turn(socket, "message", "write", content="Cancel order 1042")
            assert (interrupt["type"], interrupt["action"]) == ("interrupt", "cancel_order")
            assert interrupt["thread_id"] == "write"
            token, complete = turn(socket, "interrupt_response", "write", approved=approved)
        assert (token["content"], token["agent"]) == (outcome, "order_actions")
        assert complete["type"] == "message_complete"
        assert graph.astream.call_args_list[-1][0][0].resume is approved


def _several_turns_and_threads(documented: SimpleNamespace) -> None:
    graph = documented.make_graph(chunks=[documented.make_chunk("Shipped.")])
    app = documented.create_e2e_app(graph=graph)
    with TestClient(app) as client, client.websocket_connect("/ws") as socket:
        for content in ("What is the status of order 1042?", "When will it arrive?", "Thanks"):
            assert kinds(turn(socket, "message", "a", content=content))[-1] == "message_complete"
        for recorded in graph.astream.call_args_list:
            assert recorded[0][1]["configurable"]["thread_id"] == "a"
        turn(socket, "message", "b", content="Hello")
        while_open = [app.state.session_manager.get_state(name) for name in ("a", "b", "c")]
    after = [app.state.session_manager.get_state(name) for name in ("a", "b", "c")]
    for states in (while_open, after):
        assert [state and state.messages for state in states] == [3, 1, None]


def _errors_and_health(documented: SimpleNamespace) -> None:
    app = documented.create_e2e_app()
    with TestClient(app) as client, client.websocket_connect("/ws") as socket:
        assert "Invalid JSON" in error(socket, "not valid json")
        assert "thread_id" in error(socket, '{"type": "message", "content": "hello"}')
        assert "too large" in error(socket, "x" * 40_000).lower()
        assert kinds(turn(socket, "message", "empty", content="")) == ["error"]
        health = client.get("/api/v1/health")
        assert (health.status_code, health.json()["status"]) == (200, "ok")

    app = documented.create_e2e_app(session_ttl=0)
    with TestClient(app) as client, client.websocket_connect("/ws") as socket:
        assert kinds(turn(socket, "message", "old", content="Hi")) == ["message_complete"]
        (expired,) = turn(socket, "message", "old", content="Hi")
        assert "expired" in expired["message"].lower()


def test_the_real_graph_works_under_the_test_client_too(mock: Mock, tmp_path: Path) -> None:
    script = mock.script(call("cancel_order", order_id="1042"), text("It is cancelled."))
    options = Options(data=tmp_path, api_base=mock.base, model_key=KEY)
    for _ in range(2):  # an application can be opened again
        app = create_app(Service(options))
        with TestClient(app) as client, client.websocket_connect("/ws") as socket:
            frames = turn(socket, "message", "real", content="Hello [[test:finish:stop]]")
            assert kinds(frames)[-1] == "message_complete"
    with TestClient(app) as client, client.websocket_connect("/ws") as socket:
        frames = turn(socket, "message", "real", content=f"Cancel order 1042 {script}")
        assert kinds(frames) == ["tool_call", "interrupt"]
        frames = turn(socket, "interrupt_response", "real", approved=True)
        assert kinds(frames) == ["tool_result", "token", "message_complete"]
        order = client.get("/api/v1/orders/1042").json()["data"]
        assert (order["status"], order["executions"]) == ("cancelled", 1)
