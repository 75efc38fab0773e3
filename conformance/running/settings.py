"""What holds for a whole run, whatever it judges."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.profiles.environment import SILENCE


@dataclass(frozen=True, slots=True)
class Settings:
    """How scenarios are judged."""

    deadline: float | None = None
    """Seconds that bound every scenario, in place of its own deadline."""
    silence: float = SILENCE
    """Length of the simulated model silence, in seconds."""
    mock_port: int | None = None
    """The port of the mock API's plain listener; None: that of MOCK_API_PORT, or any free one."""
    second_tries: bool = True
    """Whether a failure that timing alone could explain is retried once."""
    records: bool = False
    """Whether passes are recorded, too: what a report shows of both sides of the daemon."""
    keep_going: bool = False
    """Whether a daemon is judged on although it died, stopped answering, or failed the first
    scenarios all alike."""
