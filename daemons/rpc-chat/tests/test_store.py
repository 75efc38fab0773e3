"""What outlives the process."""

from __future__ import annotations

from pathlib import Path

from rpc_chat.stage import Stage
from rpc_chat.store import LISTED, SHOWN, TITLE, UNTITLED, Store

STAGE = Stage("small", world_id="darkwood", character_id="ranger")


def test_sessions_are_listed_by_their_last_use(store: Store) -> None:
    ids = [store.begin(STAGE, "") for _ in range(LISTED + 1)]
    assert [each.id for each in store.sessions()] == ids[:0:-1]
    store.use(ids[0])
    assert store.sessions()[0].id == ids[0]


def test_the_last_messages_are_shown_in_order(store: Store) -> None:
    session = store.begin(STAGE, "")
    for number in range(SHOWN + 3):
        store.say(session, "user", str(number))
    shown = [each["content"] for each in store.history(session)]
    assert shown == [str(number) for number in range(3, SHOWN + 3)]


def test_the_first_answered_prompt_is_the_title(store: Store) -> None:
    session = store.begin(STAGE, "")
    assert store.sessions()[0].title == UNTITLED
    store.entitle(session, "x" * (TITLE + 1))
    store.entitle(session, "another")
    assert store.sessions()[0].title == "x" * TITLE + "…"


def test_nothing_is_said_in_a_session_that_was_deleted(store: Store) -> None:
    session = store.begin(STAGE, "Welcome.")
    store.delete(session)
    store.say(session, "assistant", "too late")
    assert store.find(session) is None
    assert store.history(session) == []


def test_half_a_surrogate_pair_does_not_break_the_database(store: Store) -> None:
    session = store.begin(STAGE, "")
    store.say(session, "user", "half \ud83d")
    assert store.history(session) == [{"role": "user", "content": "half \ufffd"}]


def test_all_of_it_is_there_after_a_restart(tmp_path: Path) -> None:
    first = Store(tmp_path)
    session = first.begin(STAGE, "Welcome.")
    first.attach("darkwood", "Wolves fear lanterns.")
    kept = Stage("small", "table", "darkwood", "ranger", session, True, ["concise"])
    first.keep(kept)
    first.close()
    second = Store(tmp_path)
    assert second.history(session) == [{"role": "assistant", "content": "Welcome."}]
    assert second.lore("darkwood") == ["Wolves fear lanterns."]
    found = second.stage("table", "other")
    assert (found.model, found.world_id, found.rules) == ("small", "darkwood", ["concise"])
    assert found.session_id == "", "a session is not a part of a stage"
    assert second.stage("unknown", "other") == Stage("other", "unknown")
    second.close()
