"""Commands: their replies and what they change."""

from __future__ import annotations

import pytest
from conftest import MODELS
from rpc_chat import catalogue
from rpc_chat.commands import Commands
from rpc_chat.options import Flavour
from rpc_chat.stage import Stage
from rpc_chat.store import Store


@pytest.fixture
def stage() -> Stage:
    return Stage("small", world_id="darkwood", character_id="ranger")


def test_choosing_a_world_and_a_character(commands: Commands) -> None:
    stage = Stage("small")
    reply, sync = commands.run(stage, "/world select harbor")
    assert (reply.content, reply.metadata) == (
        "Active world set to harbor",
        {"world_id": "harbor"},
    )
    assert sync.event == "sync_state"
    assert sync.metadata is not None
    assert sync.metadata["world_id"] == "harbor"
    assert not stage.cast
    commands.run(stage, "/character select scholar")
    assert stage.cast


def test_a_session_needs_world_and_character(commands: Commands) -> None:
    (reply,) = commands.run(Stage("small"), "/session new")
    assert reply.content == "✗ Select world/char first."


def test_a_new_session_begins_with_the_start_message(commands: Commands, stage: Stage) -> None:
    reply, sync, history = commands.run(stage, "/session new")
    assert stage.session_id
    assert stage.session_id in reply.content
    assert (sync.event, history.event) == ("sync_state", "chat_history")
    start = {"role": "assistant", "content": catalogue.WORLDS["darkwood"].start}
    assert history.metadata == {"history": [start]}


def test_a_continued_session_has_its_world_and_character(commands: Commands, stage: Stage) -> None:
    commands.run(stage, "/session new")
    other = Stage("small")
    history, sync = commands.run(other, f"/session continue {stage.session_id}")
    assert (other.world_id, other.character_id) == ("darkwood", "ranger")
    assert (history.event, sync.event) == ("chat_history", "sync_state")


def test_a_deleted_session_cannot_be_continued(commands: Commands, stage: Stage) -> None:
    commands.run(stage, "/session new")
    session = stage.session_id
    commands.run(stage, f"/session delete {session}")
    assert stage.session_id == ""
    assert commands.run(stage, f"/session continue {session}") == []


def test_rules_are_added_once_and_cleared(commands: Commands, stage: Stage) -> None:
    for _ in range(2):
        reply, _ = commands.run(stage, "/rules add concise")
        assert reply.metadata == {"active_rules": ["concise"]}
    commands.run(stage, "/rules clear")
    assert stage.rules == []


def test_a_new_model_is_saved_with_the_session(
    commands: Commands, store: Store, stage: Stage
) -> None:
    commands.run(stage, "/session new")
    (reply,) = commands.run(stage, "/model deepseek-chat")
    assert reply.content == "Hot-swapped model to deepseek-chat"
    session = store.find(stage.session_id)
    assert session is not None
    assert session.model == "deepseek-chat"
    (refused,) = commands.run(stage, "/model odd")
    assert refused.content == "Error: odd is not recognized."
    assert stage.model == "deepseek-chat"


@pytest.mark.parametrize(
    "text",
    [
        "/",
        "/odd",
        "/world",
        "/world select",
        "/world select  ",
        "/rules add odd",
        "/model",
        "/model ",
    ],
)
def test_commands_without_a_reply(commands: Commands, stage: Stage, text: str) -> None:
    assert commands.run(stage, text) == []


def test_ids_keep_their_spaces(commands: Commands, stage: Stage) -> None:
    commands.run(stage, "/world select my own world")
    assert stage.world_id == "my own world"


def test_the_content_of_sync_state_depends_on_the_variant(store: Store, stage: Stage) -> None:
    contents = {
        flavour: Commands(store, models=MODELS, flavour=flavour).sync(stage).content
        for flavour in Flavour
    }
    assert contents == {Flavour.CODE: "State synchronized", Flavour.DOCUMENTED: ""}
