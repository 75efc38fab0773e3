"""What holds for a whole run, whatever it judges."""

from __future__ import annotations

import math
from dataclasses import dataclass

from conformance.profiles.environment import SILENCE


class SettingsError(ValueError):
    """A setting makes no sense."""


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

    def __post_init__(self) -> None:
        """Raise SettingsError for times that are not."""
        if self.deadline is not None and not 0 < self.deadline < math.inf:
            raise SettingsError(
                f"expected a deadline of more than 0 seconds, found {self.deadline:g}; "
                "give a number of seconds, as in --deadline 30, or leave it out"
            )
        if not 0 <= self.silence < math.inf:
            raise SettingsError(
                f"expected a silence of 0 seconds or more, found {self.silence:g}; "
                "give a number of seconds, as in --silence 300, or leave it out"
            )
