"""Requests, quotas, accounts and files, with faults."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from argon2 import PasswordHasher
from spaces_website.accounts import Accounts, Refusal
from spaces_website.allowance import Allowance, TooSoon, UsedUp
from spaces_website.catalog import Catalog
from spaces_website.clock import Clock
from spaces_website.database import Database
from spaces_website.files import Files
from spaces_website.ledger import Ledger, Place
from spaces_website.tables import UNFINISHED, LastRequest, Request, Space, Status, StoredFile, User
from sqlalchemy import func, select, update
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse
from switch import fault

FINAL = (Status.COMPLETED, Status.FAILED)


class FaultyLedger(Ledger):
    """The requests of all spaces."""

    _began = False

    def accept(self, request_id: str, space: Space, user: User, payload: dict[str, Any]) -> Request:
        """Put a request at the end of the queue."""
        request = super().accept(request_id, space, user, payload)
        if fault("updated_from_the_start"):
            self._set(request_id, updated_at=request.created_at)
        if fault("canned"):
            self._set(request_id, status=Status.COMPLETED, result={"text": "Certainly!"})
        return request

    def give(self, space_id: str, holder: str) -> Request | None:
        """Give the oldest waiting request."""
        if fault("requeued_backwards"):
            waiting = (
                select(Request)
                .where(Request.space_id == space_id, Request.status.in_(UNFINISHED))
                .where(Request.holder.is_(None))
                .order_by(Request.number.desc())
            )
            with self._database.begin() as session:
                request = session.scalars(waiting).first()
                if request is not None:
                    request.holder = holder
            return request
        return super().give(space_id, holder)

    def release(self, holder: str | None = None) -> int:
        """Take an app's requests back."""
        if holder is None and not self._began:
            self._began = True
            if fault("restart_empties_queue"):
                with self._database.begin() as session:
                    for request in session.scalars(
                        select(Request).where(Request.status.in_(UNFINISHED))
                    ):
                        session.delete(request)
            if fault("restart_keeps_holders"):
                return 0
        elif fault("lost_with_the_app"):
            return 0
        elif fault("fails_with_the_app"):
            with self._database.begin() as session:
                session.execute(
                    update(Request)
                    .where(Request.holder == holder, Request.status.in_(UNFINISHED))
                    .values(status=Status.FAILED, result={"error": "the app left"})
                )
        return super().release(holder)

    def report(self, request_id: object, holder: str, status: object, result: object) -> str | None:
        """Note an app's report."""
        if fault("result_of_another"):
            newest = select(Request.id).where(Request.holder == holder)
            with self._database.begin() as session:
                request_id = session.scalars(newest.order_by(Request.number.desc())).first()
        if fault("processing_unseen") and status == Status.PROCESSING:
            return None
        if fault("result_reworded") and isinstance(result, dict) and result:
            result = {"text": str(result)}
        if fault("any_app_reports") or fault("any_socket_reports"):
            found = self.find(request_id) if isinstance(request_id, str) else None
            holder = found.holder or holder if found else holder
        refused = super().report(request_id, holder, status, result)
        if isinstance(request_id, str):
            if fault("any_state_kept") and refused and refused.startswith("status"):
                self._set(request_id, status=str(status), result=result)
            if fault("empty_result_kept") and not refused and not result:
                self._set(request_id, result={})
        return refused

    def expire(self, message: str) -> list[Request]:
        """Fail requests after their time limit."""
        if fault("time_stands_still"):
            return []
        if fault("time_limit_of_the_connected"):
            later = self._clock.now() + timedelta(days=1)
            with self._database.begin() as session:
                session.execute(
                    update(Request)
                    .where(Request.holder.is_(None), Request.status.in_(UNFINISHED))
                    .values(deadline=later)
                )
        return super().expire(message)

    def queues(self, apps: Mapping[str, str | None]) -> Mapping[str, Sequence[Place]]:
        """The queues of these spaces."""
        mine, unfinished = Request.space_id.in_(apps), Request.status.in_(UNFINISHED)
        if fault("queue_never_drains"):
            return self._places(apps, mine)
        if fault("given_is_not_waiting"):
            return self._places(apps, mine, Request.holder.is_(None), unfinished)
        queues = super().queues(apps)
        if fault("queue_of_all_spaces"):
            return {space: [p for each in queues.values() for p in each] for space in queues}
        return queues

    def _set(self, request_id: str, **values: Any) -> None:
        with self._database.begin() as session:
            session.execute(update(Request).where(Request.id == request_id).values(**values))


class FaultyAllowance(Allowance):
    """Counts users' requests."""

    def spend(self, user: User, space: Space) -> TooSoon | UsedUp | None:
        """Count one request."""
        before = dict(self._quotas)
        if fault("quota_off_by_one"):
            self._quotas = {plan: limit + 1 for plan, limit in before.items()}
        if fault("cooldown_of_all_users") or fault("cooldown_of_all_spaces"):
            self._share_cooldown(user, space)
        if fault("cooldown_ignored"):
            self._forget_cooldown(user, space)
        if fault("quota_of_all_users"):
            user = User(id=1, plan=user.plan)
        refused = super().spend(user, space)
        self._quotas = before
        if isinstance(refused, UsedUp) and fault("quota_ignored"):
            return None
        if isinstance(refused, TooSoon) and fault("retry_after_zero"):
            return TooSoon(max(0, refused.seconds - math.ceil(space.cooldown or 1)))
        return refused

    def _share_cooldown(self, user: User, space: Space) -> None:
        shared = (
            LastRequest.space_id == space.id
            if fault("cooldown_of_all_users")
            else LastRequest.user_id == user.id
        )
        with self._database.begin() as session:
            last = session.scalar(select(func.max(LastRequest.at)).where(shared))
            if last is not None:
                session.merge(LastRequest(user_id=user.id, space_id=space.id, at=last))

    def _forget_cooldown(self, user: User, space: Space) -> None:
        with self._database.begin() as session:
            last = session.get(LastRequest, (user.id, space.id))
            if last is not None:
                session.delete(last)


class FaultyAccounts(Accounts):
    """Accounts. Their hashes are cheap: the tests make thousands, and protect no secret."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)
        self._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        self._decoy = self._hasher.hash("the password of an unknown name")

    async def register(self, name: str, password: str) -> User | Refusal:
        """Register an account."""
        made = await super().register(name, password)
        if made is Refusal.TAKEN and fault("name_taken_over"):
            hashed = await self._hash(password)
            with self._database.begin() as session:
                user = session.scalars(select(User).where(User.name == name)).one()
                user.password = hashed
            return user
        return made

    async def log_in(self, name: str, password: str) -> User | None:
        """Log a user in."""
        if fault("any_password"):
            with self._database.begin() as session:
                return session.scalar(select(User).where(User.name == name))
        return await super().log_in(name, password)


class FaultyCatalog(Catalog):
    """The spaces."""

    def named(self, name: str) -> list[Space]:
        """The spaces of this name."""
        spaces = super().named(name)
        if fault("name_in_any_case"):
            wanted = [space for space in self.all() if space.name.lower() == name.lower()]
            spaces = [space for space in wanted if space.card_type == "websockets"]
        if fault("any_card_type"):
            spaces = [space for space in self.all() if space.name == name]
        return spaces[:1] if fault("first_of_twins") else spaces


class FaultyFiles(Files):
    """Files of requests and apps."""

    async def keep(self, request_id: str, upload: UploadFile) -> StoredFile | None:
        """Store a file."""
        stored = await super().keep(request_id, upload)
        if stored is not None and fault("upload_keeps_path"):
            stored.filename = upload.filename or ""
        return stored

    def response(self, key: str) -> FileResponse | None:
        """Serve a file."""
        if fault("upload_lost"):
            return None
        if fault("upload_served_as_sent"):
            with self._database.begin() as session:
                stored = session.get(StoredFile, key)
            if stored is not None:
                return FileResponse(self._folder / stored.key, media_type=stored.content_type)
        return super().response(key)
