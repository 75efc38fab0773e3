"""Files: the attachments of requests, and the files that apps upload.

The website shows the last part of a sender's file name only. On disk and in its address,
a file has a random name with the sender's suffix. An uploaded file cannot run in a
browser: the browser shows sound, film and pictures, downloads everything else, and
sandboxes all of it.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import func, select
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse

from spaces_website.database import Database
from spaces_website.tables import StoredFile

LONGEST_NAME = 120
MOST_FILES = 16
"""Limit for one request, including the files of its app."""
SHOWN = re.compile(r"(audio|video)/[a-z0-9.+-]{1,40}|image/(png|jpeg|gif|webp|avif)", re.IGNORECASE)
"""The types that a browser may show. SVG is not one of them, because it can hold scripts."""


class Files:
    """A folder of files and their records."""

    def __init__(self, database: Database, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database = database
        self._folder = folder

    async def keep(self, request_id: str, upload: UploadFile) -> StoredFile | None:
        """Store an uploaded file. None: its request has reached the limit."""
        with self._database.begin() as session:
            wanted = select(func.count()).where(StoredFile.request_id == request_id)
            if (session.scalar(wanted) or 0) >= MOST_FILES:
                return None
        name = display_name(upload.filename or "")
        stored = StoredFile(
            key=secrets.token_hex(16) + _suffix(name),
            request_id=request_id,
            filename=name,
            content_type=(upload.content_type or "application/octet-stream")[:100],
            size=upload.size or 0,
        )
        await asyncio.to_thread(_write, upload.file, self._folder / stored.key)
        with self._database.begin() as session:
            session.add(stored)
        return stored

    def response(self, key: str) -> FileResponse | None:
        """The response with a file, with the headers that make it safe for a browser."""
        with self._database.begin() as session:
            stored = session.get(StoredFile, key) if key.isascii() else None
        if stored is None:
            return None
        shown = SHOWN.fullmatch(stored.content_type) is not None
        return FileResponse(
            self._folder / stored.key,
            media_type=stored.content_type if shown else "application/octet-stream",
            filename=stored.filename,
            content_disposition_type="inline" if shown else "attachment",
            headers={"Content-Security-Policy": "sandbox; default-src 'none'"},
        )


def display_name(name: str) -> str:
    """The last part of a file's name, as text. The path may have any system's form."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(char for char in last if char.isprintable()).strip()
    return printable[-LONGEST_NAME:] if printable.strip(".") else "file"


def _suffix(name: str) -> str:
    suffix = re.search(r"\.[a-z0-9]{1,8}$", name.lower())
    return suffix.group() if suffix and suffix.group().isascii() else ""


def _write(source: BinaryIO, target: Path) -> None:
    source.seek(0)
    with target.open("xb") as file:
        shutil.copyfileobj(source, file)
