"""The tables: users, spaces, requests and the files of requests.

Times are UTC without a zone. JSON from outside is stored as ASCII with escapes, so half a
surrogate pair cannot make a row unreadable.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

WEBSOCKETS = "websockets"
"""The card type of a space that a remote app serves."""


class Status(StrEnum):
    """The state of a request. The last two are final."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


UNFINISHED = (Status.QUEUED, Status.PROCESSING)


class Base(DeclarativeBase):
    """All tables."""


class User(Base):
    """A user with an account."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]
    """The hash of the password."""
    admin: Mapped[bool] = mapped_column(default=False)
    plan: Mapped[str] = mapped_column(default="standard")
    created_at: Mapped[datetime]


class Space(Base):
    """A page for one remote app. Several spaces can have the same name."""

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
    """These four change the page's form only."""
    cooldown: Mapped[int]
    """Seconds between two requests of one user; 0 for the website's default."""
    created_at: Mapped[datetime]


class Request(Base):
    """A user's request to a space."""

    __tablename__ = "requests"
    __table_args__ = (Index("requests_by_space", "space_id", "status"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    """The order of arrival."""
    id: Mapped[str] = mapped_column(unique=True)
    space_id: Mapped[str] = mapped_column(ForeignKey("spaces.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    username: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The payload that the app receives."""
    status: Mapped[str] = mapped_column(default=Status.QUEUED)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime | None]
    deadline: Mapped[datetime]
    holder: Mapped[str | None] = mapped_column(index=True)
    """The connection id of the app that holds it. It stays after the end of the request."""


class StoredFile(Base):
    """An attachment of a request, or a file from its app."""

    __tablename__ = "files"

    key: Mapped[str] = mapped_column(primary_key=True)
    """The random name on disk and in the address, with the sender's suffix."""
    request_id: Mapped[str] = mapped_column(index=True)
    filename: Mapped[str]
    """The sender's name of the file, for display."""
    content_type: Mapped[str]
    size: Mapped[int]


class Usage(Base):
    """The number of a user's requests on a day of the quota."""

    __tablename__ = "usage"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(default=0)


class LastRequest(Base):
    """The time of a user's last request to a space."""

    __tablename__ = "last_requests"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    space_id: Mapped[str] = mapped_column(ForeignKey("spaces.id"), primary_key=True)
    at: Mapped[datetime]
