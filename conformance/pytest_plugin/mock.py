"""The fixture `conformance_mock`: the misbehaving API, for tests of any client."""

from __future__ import annotations

import importlib
import itertools
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from conformance.core.evidence import JournalEntry
from conformance.core.script import Script, to_json
from conformance.mock.addresses import Addresses, MockApiError
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
        self._answers = False
        self._clients: list[Any] = []
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

    def answer(
        self,
        say: str | Sequence[str] | Script | None = None,
        *,
        when: str | Mapping[str, Any] | None = None,
        call: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        times: int | None = None,
        **fields: Any,
    ) -> None:
        """Answer this test's requests that name no pattern; earlier answers come first.

        say: what the model says, its deltas, or a script.
        when: the request's last user message contains this; or conditions (docs/mock.md).
        call: the tool to call, as `{"name": …, "arguments": {…}}`, or several.
        times: how often; None: always.
        fields: further fields of a rule (docs/mock.md): `think`, `finish`, `pattern`, …

        Raises MockApiError for a wrong rule.
        """
        if isinstance(say, Script):
            rule: dict[str, Any] = {"script": to_json(say)}
        else:
            rule = {} if say is None else {"say": say if isinstance(say, str) else list(say)}
        more = {"when": when, "call": call, "times": times, **fields}
        rule |= {name: value for name, value in more.items() if value is not None}
        self._add(rule, first=False)

    def fail_next(self, status: int = 500, *, times: int = 1) -> None:
        """Answer the next requests with the error that the API documents for this status."""
        self._add({"fail": status, "times": times}, first=True)

    def openai(self, **options: Any) -> Any:
        """An `openai.OpenAI`. It does not retry, unless `max_retries` says so."""
        return self._made("openai", "OpenAI", base_url=self.url, **options)

    def anthropic(self, **options: Any) -> Any:
        """An `anthropic.Anthropic`. It does not retry, unless `max_retries` says so."""
        base = self.url.removesuffix("/v1")
        return self._made("anthropic", "Anthropic", base_url=base, **options)

    def _made(self, package: str, name: str, **options: Any) -> Any:
        try:
            kind = getattr(importlib.import_module(package), name)
        except ModuleNotFoundError:
            raise MockApiError(
                f"the package {package} is not installed: pip install {package}"
            ) from None
        client = kind(**{"api_key": self.key, "max_retries": 0, **options})
        self._clients.append(client)
        return client

    def _add(self, rule: Mapping[str, Any], *, first: bool) -> None:
        self._background.run(self._client.add_answers(self._name, [rule], first=first))
        self._answers = True

    def close(self) -> None:
        """Forget the key, the answers and the scripts; close the clients."""
        for client in self._clients:
            client.close()
        if self._answers:
            self._background.run(self._client.drop_answers(self._name))
        for name in self._scripts:
            self._background.run(self._client.drop_script(name))
        self._background.run(self._client.forget_key(self._name))
