"""Concurrent threads, and conversations that continue after a disconnect or a restart."""

from __future__ import annotations

import signal
from collections.abc import Callable

from conftest import Backend, Chat, Mock, call, done, finish, kinds, text, text_of


def test_turns_of_a_thread_wait_for_each_other_and_other_threads_do_not(
    chat: Chat, mock: Mock, thread: str
) -> None:
    held = mock.script({"steps": [{"delta": "1"}, {"gate": 1}, finish("stop"), done()]})
    next_one = mock.script(text("2"))
    chat.send("message", thread, content=f"hello {held}")
    assert chat.receive()["content"] == "1"
    chat.send("message", thread, content=f"hello {next_one}")
    chat.send("message", thread, content="")
    assert text_of(chat.say(f"{thread}_b", f"hello {mock.script(text('b'))}")) == "b"
    assert mock.ask("GET", f"/journal?token={next_one[-4:-2]}")["entries"] == []
    mock.open_gate(held, 1)
    assert kinds(chat.turn()) == ["message_complete"]
    assert text_of(chat.turn()) == "2"
    assert chat.turn()[0]["code"] == "invalid_content"
    chat.fence()


def test_turns_of_a_thread_wait_for_each_other_on_two_sockets(
    backend: Backend, mock: Mock, thread: str
) -> None:
    held = mock.script({"steps": [{"delta": "1"}, {"gate": 1}, finish("stop"), done()]})
    with backend.chat() as one, backend.chat() as two:
        Chat(one).send("message", thread, content=f"hello {held}")
        assert Chat(one).receive()["content"] == "1"
        Chat(two).send("message", thread, content=f"hello {mock.script(text('2'))}")
        Chat(two).fence()
        mock.open_gate(held, 1)
        assert kinds(Chat(one).turn()) == ["message_complete"]
        assert text_of(Chat(two).turn()) == "2"
        Chat(one).fence()


def test_many_threads_on_one_socket_keep_their_tokens_apart(
    chat: Chat, mock: Mock, thread: str
) -> None:
    names = [f"{thread}_{number}" for number in range(8)]
    scripts = {}
    for name in names:
        first, *rest = ({"delta": f"{name}-{n} "} for n in range(20))
        steps = [first, {"gate": 1}, *rest, finish("stop"), done()]
        scripts[name] = mock.script({"steps": steps})
    for name in names:
        chat.send("message", name, content=f"hello {scripts[name]}")
    received: dict[str, str] = dict.fromkeys(names, "")
    while not all(received.values()):
        frame = chat.receive()
        received[frame["thread_id"]] += frame["content"]
    for name in names:
        mock.open_gate(scripts[name], 1)
    completed = []
    while len(completed) < len(names):
        frame = chat.receive()
        if frame["type"] == "token":
            received[frame["thread_id"]] += frame["content"]
        else:
            assert frame["type"] == "message_complete"
            completed.append(frame["thread_id"])
    assert sorted(completed) == sorted(names)
    for name in names:
        assert received[name] == "".join(f"{name}-{n} " for n in range(20))
    chat.fence()


def test_an_interrupt_is_kept_after_a_disconnect(backend: Backend, mock: Mock, thread: str) -> None:
    script = mock.script(call("cancel_order", order_id="1200"), text("Cancelled."))
    with backend.chat() as connection:
        assert kinds(Chat(connection).say(thread, f"Cancel 1200 {script}"))[-1] == "interrupt"
    with backend.chat() as connection:
        chat = Chat(connection)
        chat.fence()
        frames = chat.decide(thread, True)
        assert kinds(frames) == ["tool_result", "token", "message_complete"]
    assert backend.executions("1200") == 1


def test_a_message_while_an_approval_is_pending_is_refused_and_keeps_it(
    chat: Chat, mock: Mock, backend: Backend, thread: str
) -> None:
    script = mock.script(call("cancel_order", order_id="1201"), text("Kept."))
    chat.say(thread, f"Cancel 1201 {script}")
    (frame,) = chat.say(thread, "hello")
    assert (frame["type"], frame["code"]) == ("error", "interrupt_pending")
    for approved in ("true", 1, None):
        assert chat.decide(thread, approved)[0]["code"] == "invalid_approved"
    assert kinds(chat.decide(thread, False)) == ["token", "message_complete"]
    assert backend.executions("1201") == 0


def test_a_late_answer_does_not_run_the_action_and_the_thread_goes_on(
    start: Callable[..., Backend], mock: Mock
) -> None:
    backend = start("--interrupt-ttl", "0")
    script = mock.script(call("cancel_order", order_id="1202"), text("hi again"))
    with backend.chat() as connection:
        chat = Chat(connection)
        assert kinds(chat.say("t", f"Cancel 1202 {script}"))[-1] == "interrupt"
        (late,) = chat.decide("t", True)
        assert (late["type"], late["action"]) == ("interrupt_expired", "cancel_order")
        assert late["thread_id"] == "t"
        assert late["message"]
        assert chat.decide("t", True)[0]["code"] == "no_pending"
        assert text_of(chat.say("t", f"hello {script}")) == "hi again"
        chat.fence()
    assert backend.executions("1202") == 0


def test_expired_approvals_are_purged_in_the_background(
    start: Callable[..., Backend], mock: Mock
) -> None:
    backend = start("--interrupt-ttl", "0", "--purge-interval", "0.05")
    with backend.chat() as connection:
        chat = Chat(connection)
        script = mock.script(call("cancel_order", order_id="1203"))
        assert kinds(chat.say("t", f"Cancel 1203 {script}"))[-1] == "interrupt"
        while backend.get("/api/v1/replay/t")[1]["data"]["approvals"]:
            pass
        assert chat.decide("t", True)[0]["code"] == "no_pending"


def test_a_pending_approval_extends_its_session(brief: Backend, mock: Mock, thread: str) -> None:
    script = mock.script(call("cancel_order", order_id="1204"), text("ok"))
    with brief.chat() as connection:
        chat = Chat(connection)
        chat.say(thread, f"Cancel 1204 {script}")
        assert chat.say(thread, "hello")[0]["code"] == "interrupt_pending"
        assert kinds(chat.decide(thread, True))[-1] == "message_complete"
        assert chat.say(thread, "hello")[0]["code"] == "session_expired"


def test_everything_is_kept_after_a_restart(start: Callable[..., Backend], mock: Mock) -> None:
    script = mock.script(call("cancel_order", order_id="1205"), text("It is cancelled."))
    first = start()
    with first.chat() as connection:
        chat = Chat(connection)
        assert text_of(chat.say("t", f"hello {mock.script(text('hi'))}")) == "hi"
        assert kinds(chat.say("t", f"Cancel 1205 {script}"))[-1] == "interrupt"
    # Killed: the backend writes before it acknowledges, so nothing is lost.
    first.end(signal.SIGKILL)

    second = start()
    with second.chat() as connection:
        frames = Chat(connection).decide("t", True)
        assert kinds(frames) == ["tool_result", "token", "message_complete"]
    assert second.executions("1205") == 1
    second.end()

    third = start("--session-ttl", "0")
    assert third.executions("1205") == 1
    data = third.get("/api/v1/replay/t")[1]["data"]
    roles = [message["role"] for message in data["messages"]]
    assert roles == ["user", "assistant", "user", "assistant", "tool", "assistant"]
    assert [approval["approved"] for approval in data["approvals"]] == [True]
    with third.chat() as connection:
        assert Chat(connection).say("t", "hello")[0]["code"] == "session_expired"
