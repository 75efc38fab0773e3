"""The catalog of spaces."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from spaces_website.clock import Clock
from spaces_website.database import Database
from spaces_website.tables import WEBSOCKETS, Space

LONGEST_COOLDOWN = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class SpaceForm:
    """The fields of a space that an admin sets."""

    name: str
    description: str
    cover: str
    cover_type: str
    card_type: str
    enable_prompt: bool
    enable_audio: bool
    enable_video: bool
    enable_file_upload: bool
    cooldown: int

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> SpaceForm:
        """Read a form. Only `on` checks a box. A cooldown that is not a number is 0."""

        def text(field: str, longest: int) -> str:
            return fields.get(field, "").strip()[:longest]

        seconds = fields.get("ws_rate_limit_seconds", "").strip()
        number = int(seconds) if re.fullmatch(r"[0-9]{1,9}", seconds) else 0
        return cls(
            name=text("name", 200),
            description=text("description", 4000),
            cover=text("cover", 1000),
            cover_type=text("cover_type", 40),
            card_type=text("card_type", 40) or "standard",
            enable_prompt=fields.get("ws_enable_prompt") == "on",
            enable_audio=fields.get("ws_enable_audio") == "on",
            enable_video=fields.get("ws_enable_video") == "on",
            enable_file_upload=fields.get("ws_enable_file_upload") == "on",
            cooldown=min(number, LONGEST_COOLDOWN),
        )


class Catalog:
    """Spaces by id and by name."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def add(self, form: SpaceForm) -> Space:
        """Add a space. Several spaces can have the same name."""
        space = Space(id=str(uuid.uuid4()), created_at=self._clock.now(), **_columns(form))
        with self._database.begin() as session:
            session.add(space)
        return space

    def change(self, space_id: str, form: SpaceForm) -> None:
        """Change a space."""
        with self._database.begin() as session:
            space = session.get_one(Space, space_id)
            for column, value in _columns(form).items():
                setattr(space, column, value)

    def find(self, space_id: str) -> Space | None:
        """The space with this id."""
        with self._database.begin() as session:
            return session.get(Space, space_id)

    def named(self, name: str) -> list[Space]:
        """The spaces with exactly this name that a remote app can serve."""
        if not _is_text(name):
            return []
        wanted = select(Space).where(Space.name == name, Space.card_type == WEBSOCKETS)
        with self._database.begin() as session:
            return list(session.scalars(wanted))

    def all(self) -> list[Space]:
        """All spaces, the newest first."""
        with self._database.begin() as session:
            return list(session.scalars(select(Space).order_by(Space.created_at.desc())))


def _is_text(name: str) -> bool:
    """Whether this is Unicode. JSON can also contain half a surrogate pair."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _columns(form: SpaceForm) -> dict[str, str | bool | int]:
    return {name: getattr(form, name) for name in SpaceForm.__dataclass_fields__}
