"""The limits of a user's requests: a cooldown for each space and a quota for each day.

A request uses both, in the order of the checks. The cooldown therefore begins also if
the quota then refuses the request.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from spaces_website.clock import Clock, beijing_day
from spaces_website.database import Database
from spaces_website.tables import LastRequest, Space, Usage, User


@dataclass(frozen=True, slots=True)
class TooSoon:
    """The space's cooldown has not passed."""

    seconds: int
    """The rest of the cooldown, rounded up."""


@dataclass(frozen=True, slots=True)
class UsedUp:
    """The day's requests are used up."""

    limit: int


@dataclass(frozen=True, slots=True)
class Left:
    """The rest of a user's quota."""

    requests: int
    limit: int
    """The whole quota of a day."""


class Allowance:
    """The counters of all users."""

    def __init__(
        self, database: Database, clock: Clock, *, quotas: Mapping[str, int], cooldown: int
    ) -> None:
        self._database = database
        self._clock = clock
        self._quotas = quotas
        self._cooldown = cooldown

    def spend(self, user: User, space: Space) -> TooSoon | UsedUp | None:
        """Count one request. Returns the limit that refuses it, if one does."""
        now = self._clock.now()
        with self._database.begin() as session:
            last = session.get(LastRequest, (user.id, space.id))
            if last is not None:
                passed = (now - last.at).total_seconds()
                left = (space.cooldown or self._cooldown) - passed
                if left > 0 <= passed:
                    return TooSoon(math.ceil(left))
            session.merge(LastRequest(user_id=user.id, space_id=space.id, at=now))
            day = beijing_day(now)
            usage = session.get(Usage, (user.id, day))
            if usage is None:
                usage = Usage(user_id=user.id, day=day, used=0)
                session.add(usage)
            limit = self._quotas[user.plan]
            if usage.used >= limit:
                return UsedUp(limit)
            usage.used += 1
        return None

    def left(self, user: User) -> Left:
        """The rest of the user's quota today."""
        limit = self._quotas[user.plan]
        with self._database.begin() as session:
            usage = session.get(Usage, (user.id, beijing_day(self._clock.now())))
        return Left(max(limit - (usage.used if usage else 0), 0), limit)
