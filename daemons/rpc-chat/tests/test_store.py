"""The database."""

from __future__ import annotations

from pathlib import Path

from rpc_chat.stage import Stage
from rpc_chat.store import LISTED, SHOWN, TITLE, UNTITLED, Store

STAGE = Stage("small", world_id="darkwood", character_id="ranger")


def test_sessions_are_listed_by_their_last_use(store: Store) -> None:
    ids = [store.begin(STAGE, "") for _ in range(LISTED + 1)]
    assert [session.id for session in store.sessions()] == ids[:0:-1]
    store.use(ids[0])
    assert store.sessions()[0].id == ids[0]


def test_the_last_messages_are_shown_in_order(store: Store) -> None:
    session = store.begin(STAGE, "")
    for number in range(SHOWN + 3):
        store.say(session, "user", str(number))
    shown = [message["content"] for message in store.history(session)]
    assert shown == [str(number) for number in range(3, SHOWN + 3)]


def test_the_first_answered_prompt_is_the_title(store: Store) -> None:
    session = store.begin(STAGE, "")
    assert store.sessions()[0].title == UNTITLED
    store.entitle(session, "x" * (TITLE + 1))
    store.entitle(session, "another")
    assert store.sessions()[0].title == "x" * TITLE + "…"


def test_a_deleted_session_takes_no_messages(store: Store) -> None:
    session = store.begin(STAGE, "Welcome.")
    store.delete(session)
    store.say(session, "assistant", "too late")
    assert store.find(session) is None
    assert store.history(session) == []


def test_only_a_session_without_a_prompt_is_unused(store: Store) -> None:
    unused, used = store.begin(STAGE, "Welcome."), store.begin(STAGE, "Welcome.")
    store.say(used, "user", "Hello")
    for session in (unused, used):
        store.delete_unused(session)
    assert store.find(unused) is None
    assert len(store.history(used)) == 2


def test_half_a_surrogate_pair_does_not_break_the_database(store: Store) -> None:
    session = store.begin(STAGE, "")
    store.say(session, "user", "half \ud83d")
    assert store.history(session) == [{"role": "user", "content": "half \ufffd"}]


def test_everything_is_kept_after_a_restart(tmp_path: Path) -> None:
    first = Store(tmp_path)
    session = first.begin(STAGE, "Welcome.")
    first.attach("darkwood", "Wolves fear lanterns.")
    kept = Stage("small", "table", "darkwood", "ranger", session, True, ["concise"])
    first.keep(kept)
    first.close()
    second = Store(tmp_path)
    assert second.history(session) == [{"role": "assistant", "content": "Welcome."}]
    assert second.lore("darkwood") == ["Wolves fear lanterns."]
    stage = second.stage("table", "other")
    assert (stage.model, stage.world_id, stage.rules) == ("small", "darkwood", ["concise"])
    assert stage.session_id == "", "a session is not part of a saved stage"
    assert second.stage("unknown", "other") == Stage("other", "unknown")
    second.close()
