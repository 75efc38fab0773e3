"""Questions, actions and approvals: the flows of the origin document in detail."""

from __future__ import annotations

import base64
import json
from typing import Any

from conftest import Backend, Chat, Mock, call, kinds, text, text_of


def test_a_status_question_looks_the_order_up_and_answers(
    chat: Chat, mock: Mock, thread: str
) -> None:
    script = mock.script(call("get_order_status", order_id="1042"), text("Order 1042 is shipped."))
    frames = chat.say(thread, f"What is the status of order 1042? {script}")
    assert kinds(frames) == ["tool_call", "tool_result", "token", "message_complete"]
    about = {"agent": "order_lookup", "thread_id": thread}
    assert frames[0] == {
        "type": "tool_call",
        "tool": "get_order_status",
        "args": {"order_id": "1042"},
        **about,
    }
    assert frames[1]["result"] == {"order_id": "1042", "status": "shipped"}
    assert frames[2] == {"type": "token", "content": "Order 1042 is shipped.", **about}
    assert frames[3] == {"type": "message_complete", "thread_id": thread}
    chat.fence()


def test_each_token_is_sent_as_soon_as_the_model_sends_it(
    chat: Chat, mock: Mock, thread: str
) -> None:
    deltas = ("Your order ", "1042 ", "was delivered ", "yesterday.")
    steps = [step for n, delta in enumerate(deltas, 1) for step in ({"delta": delta}, {"gate": n})]
    script = mock.script({"steps": [*steps, {"finish": "stop"}, {"done": True}]})
    chat.send("message", thread, content=f"Where is my order? {script}")
    for number, delta in enumerate(deltas, 1):
        assert chat.receive()["content"] == delta
        mock.open_gate(script, number)
    assert kinds(chat.turn()) == ["message_complete"]
    chat.fence()


def test_a_write_waits_for_approval_and_then_runs_once(
    chat: Chat, mock: Mock, backend: Backend, thread: str
) -> None:
    script = mock.script(call("cancel_order", order_id="1100"), text("It is cancelled."))
    frames = chat.say(thread, f"Cancel order 1100 {script}")
    assert kinds(frames) == ["tool_call", "interrupt"]
    assert frames[1]["action"] == "cancel_order"
    assert frames[1]["params"] == {"order_id": "1100"}
    assert frames[1]["thread_id"] == thread
    chat.fence()
    assert backend.executions("1100") == 0

    frames = chat.decide(thread, True)
    assert kinds(frames) == ["tool_result", "token", "message_complete"]
    assert frames[0]["result"] == {"order_id": "1100", "status": "cancelled", "executed": True}
    assert frames[1]["agent"] == "order_actions"
    assert backend.executions("1100") == 1
    assert chat.decide(thread, True)[0]["code"] == "no_pending"
    assert backend.executions("1100") == 1


def test_a_rejected_write_does_not_run_and_the_model_learns_that(
    chat: Chat, mock: Mock, backend: Backend, thread: str
) -> None:
    script = mock.script(call("cancel_order", order_id="1101"), text("It will remain active."))
    assert kinds(chat.say(thread, f"Cancel order 1101 {script}"))[-1] == "interrupt"
    frames = chat.decide(thread, False)
    assert kinds(frames) == ["token", "message_complete"]
    assert text_of(frames) == "It will remain active."
    assert backend.executions("1101") == 0
    replay = backend.get(f"/api/v1/replay/{thread}")[1]["data"]
    assert [approval["approved"] for approval in replay["approvals"]] == [False]
    results = [message for message in replay["messages"] if message["role"] == "tool"]
    assert "did not approve" in results[0]["content"]


def test_a_resumed_turn_may_ask_again(
    chat: Chat, mock: Mock, backend: Backend, thread: str
) -> None:
    script = mock.script(
        call("cancel_order", order_id="1102"), call("cancel_order", order_id="1103"), text("Done.")
    )
    assert kinds(chat.say(thread, f"Cancel both {script}"))[-1] == "interrupt"
    frames = chat.decide(thread, True)
    assert frames[-1]["type"] == "interrupt"
    assert frames[-1]["params"] == {"order_id": "1103"}
    assert kinds(chat.decide(thread, False)) == ["token", "message_complete"]
    assert backend.executions("1102") == 1
    assert backend.executions("1103") == 0


def test_reads_before_a_write_are_not_repeated_when_the_turn_resumes(
    chat: Chat, mock: Mock, thread: str
) -> None:
    first = call("get_order_status", order_id="1104")
    second = call("cancel_order", "call_2", order_id="1104")
    for step in second["steps"][:3]:
        step["event"]["choices"][0]["delta"]["tool_calls"][0]["index"] = 1
    both = {"steps": [*first["steps"][:3], *second["steps"]]}
    script = mock.script(both, text("Cancelled."))
    frames = chat.say(thread, f"Cancel order 1104 {script}")
    assert kinds(frames) == ["tool_call", "tool_call", "tool_result", "interrupt"]
    assert kinds(chat.decide(thread, True)) == ["tool_result", "token", "message_complete"]


def test_an_ambiguous_message_gets_a_question_without_a_model(
    chat: Chat, mock: Mock, thread: str
) -> None:
    script = mock.script(text("not sent"))
    frames = chat.say(thread, f"Order 1042 {script}")
    assert kinds(frames) == ["clarification"]
    assert "1042" in frames[0]["message"]
    assert frames[0]["thread_id"] == thread
    script = mock.script(text("Shipped."))
    assert text_of(chat.say(thread, f"Where it is. {script}")) == "Shipped."
    (entry,) = mock.entries(script)
    assert [message["content"] for message in _messages(entry)[1:3]] == [
        _messages(entry)[1]["content"],
        frames[0]["message"],
    ]


def test_several_intents_are_served_one_agent_after_the_other(
    chat: Chat, mock: Mock, thread: str
) -> None:
    script = mock.script(text("Shipped."), call("cancel_order", order_id="1105"), text("Gone."))
    frames = chat.say(thread, f"Where is order 1106, and cancel order 1105. {script}")
    assert kinds(frames) == ["token", "tool_call", "interrupt"]
    assert [frame.get("agent") for frame in frames] == ["order_lookup", "order_actions", None]
    assert kinds(chat.decide(thread, True)) == ["tool_result", "token", "message_complete"]


def test_the_model_receives_the_whole_conversation_with_the_text_unchanged(
    chat: Chat, mock: Mock, thread: str
) -> None:
    first = mock.script(call("get_order_status", order_id="1042"), text("It is shipped."))
    chat.say(thread, f"Where is order 1042? {first}")
    second = mock.script(text("Tomorrow."))
    content = f'  When will it "arrive"?\n 🚀 {second} '
    assert text_of(chat.say(thread, content)) == "Tomorrow."
    (entry,) = mock.entries(second)
    messages = _messages(entry)
    roles = [message["role"] for message in messages]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]
    assert messages[-1]["content"] == content
    assert messages[2]["tool_calls"][0]["function"]["name"] == "get_order_status"
    assert set(messages[4]) == {"role", "content"}


def test_a_call_of_another_agents_tool_is_an_error_for_the_model(
    chat: Chat, mock: Mock, backend: Backend, thread: str
) -> None:
    script = mock.script(call("cancel_order", order_id="1107"), text("I cannot do that."))
    frames = chat.say(thread, f"Where is order 1107? {script}")
    assert kinds(frames) == ["tool_call", "token", "message_complete"]
    assert backend.executions("1107") == 0


def test_every_frame_of_a_turn_has_the_message_id(chat: Chat, mock: Mock, thread: str) -> None:
    script = mock.script(text("Hi"))
    frames = chat.say(thread, f"hello {script}", message_id="m-1")
    assert [frame["message_id"] for frame in frames] == ["m-1", "m-1"]


def _messages(entry: dict[str, Any]) -> list[dict[str, Any]]:
    return list(json.loads(base64.b64decode(entry["body"]))["messages"])
