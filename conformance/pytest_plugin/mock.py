"""The fixture `conformance_mock`: the misbehaving API, for tests of any client."""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from conformance.core.evidence import JournalEntry
from conformance.core.script import Script
from conformance.mock.addresses import Addresses
from conformance.mock.client import MockClient
from conformance.pytest_plugin.suite import Suite
from conformance.running.background import Background


class Mocks:
    """The session's mock API; starts it when it is first used."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._stack = MockClient.attach(suite.addresses)
        self._client = suite.background.run(self._stack.__aenter__())
        self._numbers = itertools.count(1)

    @contextmanager
    def opened(self) -> Iterator[Mock]:
        """The mock API, with a key that is known until the block ends."""
        name = f"pytest.{os.getpid()}.{next(self._numbers)}"
        mock = Mock(name, self._suite.addresses, self._client, self._suite.background)
        try:
            yield mock
        finally:
            mock.close()

    def close(self) -> None:
        """Close the connection to the mock API."""
        self._suite.background.run(self._stack.__aexit__(None, None, None))


class Mock:
    """The mock API, as one test sees it: only this test's requests carry its key."""

    def __init__(
        self, name: str, addresses: Addresses, client: MockClient, background: Background
    ) -> None:
        self.url = addresses.http
        """The base URL, with `/v1`."""
        self.tls_url = addresses.https
        """The same over TLS; a CA of its own signed the certificate."""
        self.ca_file = addresses.ca_file
        """PEM file of that CA."""
        self.key = f"sk-{secrets.token_hex(16)}"
        """The API key of this test. The mock API attributes requests by it."""
        self._name, self._client, self._background = name, client, background
        self._scripts: list[str] = []
        background.run(client.register_key(name, self.key))

    @property
    def requests(self) -> tuple[JournalEntry, ...]:
        """The requests with this test's key, in order of arrival, as they are now."""
        return self._background.run(self._client.by_key(self._name))

    def wait(self, within: float = 5.0) -> tuple[JournalEntry, ...]:
        """Wait until there is a request and every one has ended; the requests.

        within: in seconds; then the requests as they are.
        """
        waiting = self._client.wait_by_key(self._name, state="ended", within=within)
        return self._background.run(waiting)

    def script(self, script: Script) -> str:
        """Register a script until the test ends; the pattern that asks for it.

        Raises MockApiError for a wrong script.
        """
        name = f"{self._name}.{len(self._scripts)}"
        self._background.run(self._client.put_script(name, script))
        self._scripts.append(name)
        return f"script:{name}"

    def close(self) -> None:
        """Forget the key and the scripts."""
        for name in self._scripts:
            self._background.run(self._client.drop_script(name))
        self._background.run(self._client.forget_key(self._name))
