"""The clock. Tests replace it, because quotas, cooldowns and time limits depend on time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Protocol

BEIJING = timedelta(hours=8)
"""A day of the quota begins at midnight in Beijing, where clocks do not change in summer."""


class Clock(Protocol):
    """The interface of a clock."""

    def now(self) -> datetime:
        """The time in UTC without a zone, as in records and in the API."""


class SystemClock:
    """The wall clock, because records must be valid after a restart."""

    def now(self) -> datetime:
        """The time in UTC without a zone."""
        return datetime.now(UTC).replace(tzinfo=None)


def beijing_day(now: datetime) -> date:
    """The day of the quota at a time in UTC."""
    return (now + BEIJING).date()
