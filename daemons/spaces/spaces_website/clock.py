"""What time it is: a seam, because quotas, cooldowns and time limits are about time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Protocol

BEIJING = timedelta(hours=8)
"""A day of the quota begins at midnight in Beijing, which knows no summer time."""


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The time in UTC, without a zone: as records keep it and the API shows it."""


class SystemClock:
    """The machine's clock: records outlive the process, so it is not the monotonic one."""

    def now(self) -> datetime:
        """The time in UTC, without a zone."""
        return datetime.now(UTC).replace(tzinfo=None)


def beijing_day(now: datetime) -> date:
    """The day of the quota to which a time in UTC belongs."""
    return (now + BEIJING).date()
