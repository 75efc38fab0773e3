"""Each client reports what the table says, or deviates as documented."""

from __future__ import annotations

import os

import pytest

from tests.clients.playing import command, play
from tests.clients.table import CLIENTS, DEVIATIONS, Client
from tests.mock_api.clients.mock import Mock

REQUIRED = os.environ.get("REQUIRE_CLIENTS", "").split(",")
"""The toolchains whose clients may not be skipped: `python`, `node`, `go`."""


@pytest.fixture(scope="session")
def url() -> object:
    """The base URL of a mock."""
    mock = Mock()
    yield mock.ready["http"]
    mock.stop()


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_client_reports_what_was_sent(client: Client, url: str) -> None:
    run = command(client)
    if isinstance(run, str):
        assert client.toolchain not in REQUIRED, run
        pytest.skip(run)
    wrong = {}
    for case, seen in play(client, run, url, "sk-test"):
        differences = case.differences(seen)
        if differences:
            wrong[case.name] = differences
    known = {name for owner, name in DEVIATIONS if owner == client.name}
    assert wrong.keys() - known == set(), wrong
    assert known - wrong.keys() == set(), "does not deviate any more: update the table"


def test_deviations_name_clients_and_cases() -> None:
    names = {(client.name, case.name) for client in CLIENTS for case in client.cases()}
    assert DEVIATIONS.keys() <= names
