"""Accounts: users and their passwords.

Passwords are hashed with Argon2id. A hash takes about 20 ms on purpose, so a thread
computes it. A login takes the same time whether the name exists or not. The website
does not have a built-in account: an option of the server creates the first admin.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from enum import Enum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select

from spaces_website.clock import Clock
from spaces_website.database import Database
from spaces_website.tables import User

NAME = re.compile(r"[a-zA-Z0-9_]{1,64}")
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 1024
AT_ONCE = 2
"""Concurrent hashes. The limit keeps many simultaneous logins at 40 MiB of memory."""


class Refusal(Enum):
    """The reason why a registration fails. The value is the name of the page's text."""

    BAD_NAME = "bad_name"
    BAD_PASSWORD = "bad_password"  # noqa: S105 - the name of a text
    TAKEN = "name_taken"


class Accounts:
    """Users and their passwords."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        # OWASP's minimum for Argon2id: 19 MiB, two passes, one lane.
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._decoy = self._hasher.hash("the password of an unknown name")
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def register(self, name: str, password: str) -> User | Refusal:
        """Create an account, or return the reason why it fails."""
        if not NAME.fullmatch(name):
            return Refusal.BAD_NAME
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            return Refusal.BAD_PASSWORD
        hashed = await self._hash(password)
        with self._database.begin() as session:
            if session.scalar(select(User.id).where(User.name == name)) is not None:
                return Refusal.TAKEN
            user = User(name=name, password=hashed, created_at=self._clock.now())
            session.add(user)
        return user

    async def log_in(self, name: str, password: str) -> User | None:
        """The user with this name and password. None: one of them is wrong."""
        with self._database.begin() as session:
            user = session.scalar(select(User).where(User.name == name))
        matches = await self._matches(user.password if user else self._decoy, password)
        return user if matches else None

    async def make_admin(self, name: str, password: str) -> None:
        """Make sure that this account exists, is an admin's, and has this password.

        If a user has registered the name before, the user's password and sessions become
        invalid.
        """
        if not NAME.fullmatch(name):
            raise SystemExit(f"--admin: expected a name of a-z, A-Z, 0-9 and _, found {name!r}")
        with self._database.begin() as session:
            user = session.scalar(select(User).where(User.name == name))
        known = user is not None and await self._matches(user.password, password)
        hashed = user.password if user and known else await self._hash(password)
        with self._database.begin() as session:
            if user is None:
                user = User(name=name, password=hashed, created_at=self._clock.now())
            user.admin, user.password = True, hashed
            session.merge(user)

    def find(self, user_id: int) -> User | None:
        """The user with this number."""
        with self._database.begin() as session:
            return session.get(User, user_id)

    def all(self) -> list[User]:
        """All users, in the order of their registration."""
        with self._database.begin() as session:
            return list(session.scalars(select(User).order_by(User.id)))

    def set_plan(self, name: str, plan: str) -> bool:
        """Change a user's plan. False if the user does not exist."""
        with self._database.begin() as session:
            user = session.scalar(select(User).where(User.name == name))
            if user is not None:
                user.plan = plan
        return user is not None

    async def _hash(self, password: str) -> str:
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, _bytes(password))

    async def _matches(self, hashed: str, password: str) -> bool:
        if len(password) > LONGEST_PASSWORD:
            return False
        async with self._turn:
            try:
                return await asyncio.to_thread(self._hasher.verify, hashed, _bytes(password))
            except (VerificationError, InvalidHashError):
                return False


def stamp(user: User) -> str:
    """The part of the password's hash that a session stores. A new password ends the session."""
    return hashlib.sha256(user.password.encode()).hexdigest()[:16]


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
