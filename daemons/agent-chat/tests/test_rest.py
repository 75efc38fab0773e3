"""The REST routes: health, the envelope, pages and replay."""

from __future__ import annotations

from conftest import Backend, Chat


def test_health_is_not_enveloped(backend: Backend) -> None:
    status, answer = backend.get("/api/v1/health")
    assert status == 200
    assert answer["status"] == "ok"


def test_errors_are_enveloped(backend: Backend) -> None:
    for path, expected in (
        ("/api/v1/nothing", 404),
        ("/nothing", 404),
        ("/api/v1/replay/unknown", 404),
        ("/api/v1/replay/a!b", 422),
        (f"/api/v1/replay/{'a' * 129}", 422),
        ("/api/v1/conversations?page=0", 422),
        ("/api/v1/conversations?per_page=x", 422),
        ("/api/v1/orders/7", 404),
    ):
        status, answer = backend.get(path)
        assert status == expected, path
        assert answer["success"] is False
        assert answer["data"] is None
        assert isinstance(answer["error"], str)


def test_conversations_and_their_replay(backend: Backend, chat: Chat, thread: str) -> None:
    chat.say(thread, "hello [[test:finish:stop]]")
    status, answer = backend.get("/api/v1/conversations?page=1&per_page=1")
    assert (status, answer["success"], answer["error"]) == (200, True, None)
    data = answer["data"]
    assert set(data) == {"conversations", "total", "page", "per_page"}
    assert (data["page"], data["per_page"]) == (1, 1)
    (newest,) = data["conversations"]
    assert newest["thread_id"] == thread
    assert newest["messages"] == 1

    status, answer = backend.get(f"/api/v1/replay/{thread}")
    assert status == 200
    question, reply = answer["data"]["messages"]
    assert question == {"role": "user", "content": "hello [[test:finish:stop]]"}
    assert (reply["role"], reply["agent"]) == ("assistant", "general")
    assert answer["data"]["approvals"] == []
