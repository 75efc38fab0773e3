"""What is kept: users, spaces, requests, and the files that belong to requests.

Times are UTC without a zone. Whatever JSON came from outside is kept as ASCII
text, escapes and all, so that not even half a surrogate pair can spoil a row.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

WEBSOCKETS = "websockets"
"""The card type of spaces that a remote app serves."""


class Status(StrEnum):
    """How far a request has come. The last two are final."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


UNFINISHED = (Status.QUEUED, Status.PROCESSING)


class Base(DeclarativeBase):
    """All tables."""


class User(Base):
    """Somebody who can log in."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]
    """Hashed."""
    admin: Mapped[bool] = mapped_column(default=False)
    plan: Mapped[str] = mapped_column(default="standard")
    created_at: Mapped[datetime]


class Space(Base):
    """A page that offers one remote app's service. Names may be taken twice."""

    __tablename__ = "spaces"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    description: Mapped[str]
    cover: Mapped[str]
    cover_type: Mapped[str]
    card_type: Mapped[str]
    enable_prompt: Mapped[bool]
    enable_audio: Mapped[bool]
    enable_video: Mapped[bool]
    enable_file_upload: Mapped[bool]
    """The four shape the page's form, and nothing else."""
    cooldown: Mapped[int]
    """Seconds between two requests of one user; 0 for the website's default."""
    created_at: Mapped[datetime]


class Request(Base):
    """Something that a user asked of a space."""

    __tablename__ = "requests"
    __table_args__ = (Index("requests_by_space", "space_id", "status"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    """The order of arrival."""
    id: Mapped[str] = mapped_column(unique=True)
    space_id: Mapped[str] = mapped_column(ForeignKey("spaces.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    username: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    """As the app is sent it."""
    status: Mapped[str] = mapped_column(default=Status.QUEUED)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime | None]
    deadline: Mapped[datetime]
    holder: Mapped[str | None] = mapped_column(index=True)
    """The connection id of the app that was given it; kept when it is finished."""


class StoredFile(Base):
    """A file that came with a request, or that its app made of it."""

    __tablename__ = "files"

    key: Mapped[str] = mapped_column(primary_key=True)
    """Its name on disk and in its address: random, nothing of the sender's but the suffix."""
    request_id: Mapped[str] = mapped_column(index=True)
    filename: Mapped[str]
    """For display."""
    content_type: Mapped[str]
    size: Mapped[int]


class Usage(Base):
    """How many requests a user has made on a day of the quota."""

    __tablename__ = "usage"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(default=0)


class LastRequest(Base):
    """When a user last asked something of a space."""

    __tablename__ = "last_requests"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    space_id: Mapped[str] = mapped_column(ForeignKey("spaces.id"), primary_key=True)
    at: Mapped[datetime]
