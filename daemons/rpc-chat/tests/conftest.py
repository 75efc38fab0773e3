"""A store in a folder of its own, and commands over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rpc_chat import catalogue
from rpc_chat.commands import Commands
from rpc_chat.options import Flavour
from rpc_chat.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def commands(store: Store) -> Commands:
    return Commands(store, models=catalogue.models("small"), flavour=Flavour.CODE)
