"""The ledger: every request from its arrival to its result.

    queued ──give──► held by one app ──report──► completed, failed
      ▲                     │                          ▲
      └──────release────────┘           the time limit ┘

A request is queued until an app holds it. The app that receives it holds it, and only
that app's reports count: `processing` any number of times, then `completed` or `failed`.
The same app may correct a final report but not withdraw it. When the app is lost, its
unfinished requests return to their places in the queue. The ledger writes each change to
the database first, so a restarted website finds the state of the last one.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select

from spaces_website.clock import Clock
from spaces_website.database import Database
from spaces_website.tables import UNFINISHED, Request, Space, Status, User

log = logging.getLogger(__name__)

REPORTED = (Status.PROCESSING, Status.COMPLETED, Status.FAILED)
"""The states that an app may report. `queued` is set by the website only."""


@dataclass(frozen=True, slots=True)
class Place:
    """A request's place in its space's queue."""

    position: int
    """The first place is 1."""
    request_id: str
    username: str
    status: str


class Ledger:
    """The requests of all spaces."""

    def __init__(
        self, database: Database, clock: Clock, *, time_limit: timedelta, drains: bool
    ) -> None:
        self._database = database
        self._clock = clock
        self._time_limit = time_limit
        self._drains = drains

    def accept(self, request_id: str, space: Space, user: User, payload: dict[str, Any]) -> Request:
        """Put a request at the end of the space's queue."""
        now = self._clock.now()
        request = Request(
            id=request_id,
            space_id=space.id,
            user_id=user.id,
            username=user.name,
            payload=payload,
            status=Status.QUEUED,
            created_at=now,
            deadline=now + self._time_limit,
        )
        with self._database.begin() as session:
            session.add(request)
        return request

    def give(self, space_id: str, holder: str) -> Request | None:
        """Give the space's oldest waiting request to `holder` and return it."""
        with self._database.begin() as session:
            request = session.scalar(
                select(Request)
                .where(Request.space_id == space_id, _unfinished(), Request.holder.is_(None))
                .order_by(Request.number)
                .limit(1)
            )
            if request is not None:
                request.holder = holder
        return request

    def release(self, holder: str | None = None) -> int:
        """Requeue the unfinished requests of this app or of all apps; return their number."""
        held = Request.holder.is_not(None) if holder is None else Request.holder == holder
        with self._database.begin() as session:
            taken_back = session.scalars(select(Request).where(held, _unfinished())).all()
            for request in taken_back:
                request.holder = None
                if request.status != Status.QUEUED:
                    request.status = Status.QUEUED
                    request.updated_at = self._clock.now()
        return len(taken_back)

    def report(self, request_id: object, holder: str, status: object, result: object) -> str | None:
        """Record an app's report, or return the reason why it is ignored."""
        if not isinstance(request_id, str) or not is_id(request_id):
            return "request_id: expected the id of a request"
        if status not in REPORTED:
            return f"status: expected one of {', '.join(REPORTED)}, found {status!r}"
        reported = _json_object(result)
        if result is not None and reported is None:
            return "result: expected a JSON object"
        with self._database.begin() as session:
            request = session.scalar(select(Request).where(Request.id == request_id))
            if request is None:
                return "request_id: unknown"
            if request.holder != holder:
                return "the request belongs to another app"
            if status == Status.PROCESSING and request.status not in UNFINISHED:
                return "the request is finished"
            request.status = Status(str(status))
            if reported:
                request.result = reported
            request.updated_at = self._clock.now()
        return None

    def expire(self, message: str) -> list[Request]:
        """Fail the requests whose deadline has passed and return them."""
        now = self._clock.now()
        with self._database.begin() as session:
            late = session.scalars(
                select(Request).where(_unfinished(), Request.deadline <= now)
            ).all()
            for request in late:
                request.status = Status.FAILED
                request.result = {"error": message}
                request.updated_at = now
        return list(late)

    def next_deadline(self) -> datetime | None:
        """The next deadline."""
        with self._database.begin() as session:
            return session.scalar(select(func.min(Request.deadline)).where(_unfinished()))

    def find(self, request_id: str) -> Request | None:
        """The request with this id."""
        if not is_id(request_id):
            return None
        with self._database.begin() as session:
            return session.scalar(select(Request).where(Request.id == request_id))

    def queues(self, apps: Mapping[str, str | None]) -> Mapping[str, Sequence[Place]]:
        """The queues of these spaces.

        apps: the space's app, or None. If queues do not drain, a queue has all requests that
        its app has received.
        """
        waiting: ColumnElement[bool] = _unfinished()
        spaces: Iterable[str] = apps
        if not self._drains:
            held = {space: app for space, app in apps.items() if app is not None}
            waiting, spaces = Request.holder.in_(held.values()) | waiting, held
        return self._places(apps, Request.space_id.in_(spaces), waiting)

    def _places(
        self, spaces: Iterable[str], *conditions: ColumnElement[bool]
    ) -> dict[str, list[Place]]:
        wanted = select(Request.space_id, Request.id, Request.username, Request.status)
        queues: dict[str, list[Place]] = {space: [] for space in spaces}
        with self._database.begin() as session:
            for space, *row in session.execute(wanted.where(*conditions).order_by(Request.number)):
                queues[space].append(Place(len(queues[space]) + 1, *row))
        return queues

    def recent(self, space_id: str, user_id: int, count: int) -> Sequence[Request]:
        """A user's newest requests to a space, the newest first."""
        wanted = select(Request).where(Request.space_id == space_id, Request.user_id == user_id)
        with self._database.begin() as session:
            return session.scalars(wanted.order_by(Request.number.desc()).limit(count)).all()


def new_id() -> str:
    """A random id for a request. A client that knows it may read the result."""
    return str(uuid.uuid4())


def is_id(text: str) -> bool:
    """Whether the text has the form of an id. Other texts do not reach the database."""
    return len(text) == 36 and text.isascii()


def _unfinished() -> ColumnElement[bool]:
    return Request.status.in_(UNFINISHED)


def _json_object(value: object) -> dict[str, Any] | None:
    """The value if it is an object that JSON can represent, so without bytes and NaN."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
