"""The first probe: before a daemon that is served already is judged, is it wired rightly?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from conformance.core.scenario import Scenario
from conformance.daemon.manifest import Manifest
from conformance.mock.client import MockClient
from conformance.profiles.environment import Environment
from conformance.profiles.registry import profile_named
from conformance.running.selection import Case
from conformance.running.staging import found

PATIENCE = 15.0
"""Seconds that the exchange may take: a gateway may try an API again that it cannot reach."""


async def probed(
    cases: Sequence[Case],
    upstream: MockClient,
    *,
    scale: float,
    notify: Callable[[str], None],
) -> tuple[Case, ...]:
    """The cases, their manifest completed by what the probe of their daemon found.

    Raises DaemonError where the daemon cannot be reached, or is not wired to the mock API.
    A daemon that the suite starts is not probed. notify: called with what was found.
    """
    manifest, variant = cases[0].manifest, cases[0].variant
    if manifest.served is None or not manifest.declares("mock", variant):
        return tuple(cases)
    declared = manifest.capabilities
    environment = Environment(
        instance=await found(manifest, upstream),
        upstream=upstream,
        manifest=manifest,
        variant=variant,
        scale=scale,
    )
    if manifest.served.socket is None:  # behind a socket, the user gives the key
        await upstream.register_next_key(f"{manifest.name[:44]}.own")
    profile = profile_named(manifest.profile)
    bench = profile.bench(_scenario(manifest), environment)
    try:
        shown = {} if profile.first_probe is None else await profile.first_probe(bench)
    finally:
        await bench.aclose()
    found_out = {name: values for name, values in shown.items() if name not in declared}
    if found_out:
        words = (f"{name}={','.join(values)}" for name, values in found_out.items())
        notify(f"the first probe found {' '.join(words)}; --declare NAME=VALUE overrides it")
    completed = replace(manifest, capabilities={**shown, **declared})
    return tuple(replace(case, manifest=completed) for case in cases)


def _scenario(manifest: Manifest) -> Scenario:
    """The scenario that a bench needs; it is not played."""
    return Scenario(
        name="first_probe",
        category="",
        description="",
        profile=manifest.profile,
        deadline=PATIENCE,
        function=_scenario,
    )
