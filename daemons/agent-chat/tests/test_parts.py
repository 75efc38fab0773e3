"""The parts without a server: sessions, approvals, orders, rates, threads, intents, history."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from pathlib import Path

import pytest
from agent_chat import database, history, tools
from agent_chat.approvals import Approvals
from agent_chat.history import Call
from agent_chat.intent import classify
from agent_chat.options import Rate
from agent_chat.orders import Orders
from agent_chat.rate import RateLimit
from agent_chat.sessions import Sessions
from agent_chat.threads import Threads


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def base(tmp_path: Path) -> sqlite3.Connection:
    database.migrate(tmp_path / "test.sqlite")
    return database.connect(tmp_path / "test.sqlite")


def test_a_session_slides_and_stays_expired(base: sqlite3.Connection, clock: Clock) -> None:
    sessions = Sessions(base, 10, clock)
    assert not sessions.expired("t")
    for _ in range(3):
        sessions.touch("t")
        clock.now += 9.9
        assert not sessions.expired("t")
    clock.now += 0.1
    assert sessions.expired("t")
    assert not sessions.expired("other")
    assert Sessions(base, 10, clock).expired("t")
    session = sessions.find("t")
    assert session is not None
    assert session.messages == 3


def test_a_session_with_ttl_0_expires_at_the_second_message(
    base: sqlite3.Connection, clock: Clock
) -> None:
    sessions = Sessions(base, 0, clock)
    assert not sessions.expired("t")
    sessions.touch("t")
    assert sessions.expired("t")


def test_an_extended_session_runs_from_the_end_of_its_extension(
    base: sqlite3.Connection, clock: Clock
) -> None:
    sessions = Sessions(base, 10, clock)
    sessions.touch("t")
    sessions.extend("t", clock.now + 100)
    clock.now += 99
    sessions.touch("t")  # a message during the approval does not shorten the session
    clock.now += 10
    assert not sessions.expired("t")
    clock.now += 1
    assert sessions.expired("t")
    sessions.resume("t")
    clock.now += 9
    assert not sessions.expired("t")


def test_sessions_are_listed_by_pages(base: sqlite3.Connection, clock: Clock) -> None:
    sessions = Sessions(base, 10, clock)
    for name in "abc":
        clock.now += 1
        sessions.touch(name)
    assert sessions.count() == 3
    assert [session.thread_id for session in sessions.newest(skip=0, limit=2)] == ["c", "b"]
    assert [session.thread_id for session in sessions.newest(skip=2, limit=2)] == ["a"]


def test_an_approval_is_pending_until_it_is_answered_or_expires(
    base: sqlite3.Connection, clock: Clock
) -> None:
    approvals = Approvals(base, 10, clock)
    assert approvals.unanswered("t") is None
    approvals.ask("i1", "t", "cancel_order", {"order_id": "1"})
    pending = approvals.unanswered("t")
    assert pending is not None
    assert (pending.action, pending.params, pending.expired) == (
        "cancel_order",
        {"order_id": "1"},
        False,
    )
    approvals.answer("i1", approved=False)
    assert approvals.unanswered("t") is None
    assert [approval.approved for approval in approvals.of("t")] == [False]

    approvals.ask("i2", "t", "cancel_order", {})
    clock.now += 10
    late = approvals.unanswered("t")
    assert late is not None
    assert late.expired
    approvals.drop("t")
    assert approvals.unanswered("t") is None


def test_expired_approvals_are_purged_and_answered_ones_are_kept(
    base: sqlite3.Connection, clock: Clock
) -> None:
    approvals = Approvals(base, 10, clock)
    approvals.ask("i1", "answered", "cancel_order", {})
    approvals.answer("i1", approved=True)
    approvals.ask("i2", "late", "cancel_order", {})
    clock.now += 69
    assert approvals.purge(grace=60) == 0
    clock.now += 1
    assert approvals.purge(grace=60) == 1
    assert approvals.unanswered("late") is None
    assert len(approvals.of("answered")) == 1


def test_the_rate_is_a_sliding_window_of_each_thread(clock: Clock) -> None:
    rate = RateLimit(Rate(2, 10), clock)
    assert rate.admit("a")
    clock.now += 9
    assert rate.admit("a")
    assert not rate.admit("a")
    assert rate.admit("b")
    clock.now += 1
    assert rate.admit("a")
    assert not rate.admit("a")
    rate.purge()
    assert not rate.admit("a")
    clock.now += 10
    rate.purge()
    assert rate.admit("a")


def test_an_order_is_cancelled_once_and_a_delivered_one_is_not(base: sqlite3.Connection) -> None:
    orders = Orders(base)
    assert orders.cancel("1042")
    assert not orders.cancel("1042")
    assert not orders.cancel("1044")
    assert not orders.cancel("7")
    again = Orders(base)
    for order_id, status, executions in (("1042", "cancelled", 1), ("1044", "delivered", 0)):
        order = again.find(order_id)
        assert order is not None
        assert (order.status, order.executions) == (status, executions)


@pytest.mark.parametrize("arguments", [{}, {"order_id": None}, {"order_id": True}, {"order": "1"}])
def test_wrong_arguments_are_an_error_for_the_model(
    base: sqlite3.Connection, arguments: dict[str, object]
) -> None:
    assert "order_id" in tools.run(tools.GET_ORDER_STATUS, Orders(base), arguments)["error"]


def test_a_tool_accepts_numbers_and_reports_unknown_orders(base: sqlite3.Connection) -> None:
    orders = Orders(base)
    assert tools.run(tools.GET_ORDER_STATUS, orders, {"order_id": 1042})["status"] == "shipped"
    assert "not found" in tools.run(tools.CANCEL_ORDER, orders, {"order_id": "7"})["error"]
    assert tools.run(tools.CANCEL_ORDER, orders, {"order_id": "1044"}) == {
        "order_id": "1044",
        "status": "delivered",
        "executed": False,
    }


def test_a_thread_is_held_in_the_order_of_arrival_and_others_do_not_wait() -> None:
    async def play() -> list[str]:
        threads, order = Threads(), []
        first = asyncio.Event()

        async def turn(thread: str, name: str, wait: asyncio.Event | None = None) -> None:
            async with threads.hold(thread):
                if wait:
                    await wait.wait()
                order.append(name)

        async with asyncio.TaskGroup() as group:
            group.create_task(turn("a", "a1", first))
            cancelled = group.create_task(turn("a", "cancelled"))
            group.create_task(turn("a", "a2"))
            group.create_task(turn("a", "a3"))
            await group.create_task(turn("b", "b1"))
            cancelled.cancel()
            first.set()
        assert not threads._locks
        return order

    assert asyncio.run(play()) == ["b1", "a1", "a2", "a3"]


@pytest.mark.parametrize(
    ("content", "agents"),
    [
        ("What is the status of order 1042?", ["order_lookup"]),
        ("Cancel order 1042", ["order_actions"]),
        ("When will my order be cancelled?", ["order_actions"]),
        ("Can you track it?", ["order_lookup"]),
        ("Tell me a story", ["general"]),
        ("hello [[test:status:429;t=cancel]]", ["general"]),
        ("cancel 1042, then tell me where 1043 is", ["order_actions", "order_lookup"]),
        ("Where is 1042 and where is 1043 and cancel 1044", ["order_lookup", "order_actions"]),
        ("!", ["general"]),
        ("[[" * 5000, ["general"]),
        ("order" + " " * 9000 + "x", ["general"]),
    ],
)
def test_intents(content: str, agents: list[str]) -> None:
    assert list(classify(content).agents) == agents


@pytest.mark.parametrize("content", ["order 1042", "My order.", "It is about order no. 1042!"])
def test_a_message_that_only_names_an_order_is_ambiguous(content: str) -> None:
    intent = classify(content)
    assert intent.agents == ()
    assert intent.question is not None


def test_calls_without_a_result_are_not_sent_to_the_model() -> None:
    calls = [Call("1", "x", {}), Call("2", "y", {"a": "é"})]
    asked = history.calling("agent", "", calls)
    user = history.user("hi")
    assert history.for_model([user, asked, user]) == [user, user]
    done = history.result(calls[1], "{}")
    half = history.for_model([user, asked, done, user])
    assert [message["role"] for message in half] == ["user", "assistant", "tool", "user"]
    assert [sent["id"] for sent in half[1]["tool_calls"]] == ["2"]
    spoken = history.calling("agent", "Let me see.", calls)
    assert history.for_model([spoken, user]) == [
        {"role": "assistant", "content": "Let me see."},
        user,
    ]


def test_open_calls_are_the_calls_of_the_last_message_without_a_result() -> None:
    calls = [Call("1", "x", {}), Call("2", "y", {})]
    asked = history.calling("agent", "", calls)
    first = history.result(calls[0], "{}")
    assert history.open_calls([asked]) == calls
    assert history.open_calls([asked, first]) == calls[1:]
    # The same ids again: some models number the calls of each answer from 1.
    assert history.open_calls([asked, first, history.result(calls[1], "{}"), asked]) == calls


MESSAGES = (
    history.user("hi"),
    history.answer("agent", "Hello."),
    history.calling("agent", "", [Call("1", "x", {}), Call("2", "y", {})]),
    history.calling("agent", "Let me see.", [Call("2", "y", {})]),
    history.result(Call("1", "x", {}), "{}"),
    history.result(Call("2", "y", {}), "{}"),
)


def test_every_history_for_the_model_is_well_formed() -> None:
    """Turns can end after any message, so any order of messages can occur."""
    for length in range(6):
        for messages in itertools.product(MESSAGES, repeat=length):
            sent = history.for_model(messages)
            waiting: list[str] = []
            for message in sent:
                if message["role"] == "tool":
                    assert message["tool_call_id"] == waiting.pop(0)
                    continue
                assert waiting == [], "each call has its result before the next message"
                waiting = [called["id"] for called in message.get("tool_calls", ())]
                assert waiting or message["content"]
            assert waiting == []
