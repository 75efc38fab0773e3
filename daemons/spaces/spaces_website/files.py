"""Files that come with requests, and files that apps make of them.

A sender's file name is for display alone, and only its last part: on disk and
in its address a file has a random name and at most the suffix. Nothing that
was uploaded can run in a browser: sound, film and pictures are shown, anything
else is a download, and all of it is sandboxed.
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
"""Of one request, its app's included."""
SHOWN = re.compile(r"(audio|video)/[a-z0-9.+-]{1,40}|image/(png|jpeg|gif|webp|avif)", re.IGNORECASE)
"""What a browser may show; pictures in SVG can hold scripts."""


class Files:
    """A folder of files, and what is known of each."""

    def __init__(self, database: Database, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database = database
        self._folder = folder

    async def keep(self, request_id: str, upload: UploadFile) -> StoredFile | None:
        """Store an uploaded file; None if its request has enough of them."""
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
        """A file as a browser may have it."""
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
    """The last part of a file's name, in whatever system it was written, to be shown as text."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(char for char in last if char.isprintable()).strip()
    return printable[-LONGEST_NAME:] if printable.strip(".") else "file"


def _suffix(name: str) -> str:
    found = re.search(r"\.[a-z0-9]{1,8}$", name.lower())
    return found.group() if found and found.group().isascii() else ""


def _write(source: BinaryIO, target: Path) -> None:
    source.seek(0)
    with target.open("xb") as file:
        shutil.copyfileobj(source, file)
