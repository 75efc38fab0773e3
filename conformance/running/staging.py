"""Staging: start the instance that a scenario is played on, or find one that is served."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from conformance.core.scenario import Start
from conformance.daemon.instance import Attached, Instance, Remote
from conformance.daemon.manifest import Manifest, Variant
from conformance.daemon.process import DaemonProcess
from conformance.mock.client import MockClient
from conformance.mock.failing_apis import addresses_of
from conformance.profiles.environment import SILENCE, Environment
from conformance.running.limits import Limits


class Staging:
    """Makes Environments of one variant of one daemon."""

    def __init__(
        self,
        manifest: Manifest,
        variant: Variant,
        upstream: MockClient,
        limits: Limits,
        *,
        scale: float,
        silence: float = SILENCE,
    ) -> None:
        self.scale = scale
        """By which time bounds are stretched; a later measurement may raise it."""
        self._manifest, self._variant = manifest, variant
        self._upstream, self._limits = upstream, limits
        self._silence = silence

    @asynccontextmanager
    async def environment(self, start: Start) -> AsyncIterator[Environment]:
        """An Environment with a running instance, which is stopped at the end.

        Raises DaemonError when the daemon does not start or is not served.
        """
        served = self._manifest.served
        async with AsyncExitStack() as stack:
            if served is None:
                instance: Instance = await stack.enter_async_context(self._started(start))
            else:
                instance = await found(self._manifest, self._upstream)
            yield Environment(
                instance=instance,
                upstream=self._upstream,
                manifest=self._manifest,
                variant=self._variant,
                scale=self.scale,
                silence=self._silence,
            )

    @asynccontextmanager
    async def _started(self, start: Start) -> AsyncIterator[Instance]:
        async with AsyncExitStack() as stack:
            async with self._limits.start():
                addresses = await stack.enter_async_context(
                    addresses_of(start.api, self._upstream.addresses)
                )
                instance = await stack.enter_async_context(
                    DaemonProcess.start(
                        self._manifest,
                        self._variant,
                        self._upstream,
                        options=self._stretched(start.options),
                        env=start.env,
                        nofile=start.nofile,
                        addresses=addresses,
                        scale=self.scale,
                    )
                )
            yield instance

    def _stretched(self, options: Mapping[str, str]) -> dict[str, str]:
        """The options, with their time limits stretched like every other time bound."""
        return {
            name: f"{float(value) * self.scale:g}" if name.endswith("_timeout") else value
            for name, value in options.items()
        }


async def found(manifest: Manifest, upstream: MockClient) -> Instance:
    """The instance that is served already; its key is known to the mock API from now on.

    Raises NotServedError.
    """
    served = manifest.served
    assert served is not None, "the suite starts every other daemon"
    instance = Remote(served.url) if served.socket is None else Attached(served.socket)
    if served.api_key:
        await upstream.register_key(manifest.name, served.api_key)
    return instance
