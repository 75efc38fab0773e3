"""The administrator's command: create a space, and look at spaces, connections and requests.

    spaces-admin setup-space     create a space, as an admin of a running website
    spaces-admin spaces          list the WebSocket spaces in a data folder
    spaces-admin connections     list the connected apps and their queues
    spaces-admin request ID      show the status of a request

The commands that need a login read the password from SPACES_ADMIN_PASSWORD.
"""

from __future__ import annotations

import argparse
import http.cookiejar
import json
import os
import shlex
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SECONDS = 60.0
"""Limit for one answer of the website."""


class CommandError(Exception):
    """The command failed. The message says what the user can do."""


class Website:
    """An HTTP client with a session on a running website."""

    def __init__(self, host: str) -> None:
        self._host = host.rstrip("/")
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
        )

    def get(self, path: str) -> Any:
        """The JSON at a path."""
        return json.loads(self._open(path)[1])

    def log_in(self, name: str, password: str) -> None:
        """Begin a session. Raises CommandError if the website does not accept the password."""
        address, _ = self._open("/login", username=name, password=password)
        if urllib.parse.urlsplit(address).path == "/login":
            raise CommandError(
                f"{self._host} does not accept the password of {name!r}; "
                "set SPACES_ADMIN_PASSWORD to the password of the website's --admin"
            )

    def add_space(self, name: str) -> str:
        """Create a space with prompts and return its id."""
        address, _ = self._open(
            "/admin/space/add", name=name, card_type="websockets", ws_enable_prompt="on"
        )
        path = urllib.parse.urlsplit(address).path
        if not path.startswith("/admin/space/edit/"):
            raise CommandError("the account is not an admin's; start the website with --admin NAME")
        return path.rsplit("/", 1)[1]

    def _open(self, path: str, **form: str) -> tuple[str, bytes]:
        """The final address and the body."""
        data = urllib.parse.urlencode(form).encode() if form else None
        try:
            with self._opener.open(self._host + path, data, SECONDS) as response:
                return response.url, response.read()
        except urllib.error.HTTPError as error:
            body = error.read().decode(errors="replace").strip()
            raise CommandError(f"{self._host}{path} answered {error.code}: {body[:200]}") from None
        except OSError as error:
            raise CommandError(
                f"cannot reach {self._host}: {getattr(error, 'reason', error)}; start the website"
            ) from None
        except ValueError as error:
            raise CommandError(f"--host {self._host}: {error}") from None


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    options = _parser().parse_args(argv)
    try:
        options.run(options, os.environ)
    except CommandError as error:
        print(f"spaces-admin: {error}", file=sys.stderr)
        return 1
    return 0


def setup_space(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    """Create a space and print the command that starts its app."""
    name = options.name or f"TestSpace_{int(time.time())}"
    print(f"Creating a WebSocket space...\nHost: {options.host}\nAdmin user: {options.admin}\n")
    space = _logged_in(options, environ).add_space(name)
    print(f"✓ Space created: {name}\n  Page: {options.host.rstrip('/')}/ai_project/{space}\n")
    print("Now run the app with:")
    print(f"  python app.py --host {options.host} --spaces {shlex.quote(name)}")


def spaces(options: argparse.Namespace, _: Mapping[str, str]) -> None:
    """List the WebSocket spaces in a data folder with their configuration."""
    # Imported here: the other commands need the standard library only.
    from spaces_website.catalog import Catalog  # noqa: PLC0415
    from spaces_website.clock import SystemClock  # noqa: PLC0415
    from spaces_website.database import Database  # noqa: PLC0415
    from spaces_website.tables import WEBSOCKETS  # noqa: PLC0415

    if not (options.data / "spaces.db").exists():
        raise CommandError(f"--data {options.data}: expected a folder with spaces.db")
    database = Database(options.data)
    for space in Catalog(database, SystemClock()).all():
        if space.card_type == WEBSOCKETS:
            names = ("enable_prompt", "enable_audio", "enable_video", "enable_file_upload")
            configuration = {name: getattr(space, name) for name in (*names, "cooldown")}
            print(f"Space: {space.name} (ID: {space.id})\n  Config: {json.dumps(configuration)}")
    database.close()


def connections(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    """List the connected apps and the queue of each space."""
    status = _logged_in(options, environ).get("/admin/websockets/status")
    names = [connection["space_name"] for connection in status["connections"]]
    print(f"Connected spaces: {', '.join(names) or 'none'}")
    for connection in status["connections"]:
        print(
            f"  {connection['space_name']} ({connection['space_id']}): "
            f"{connection['queue_size']} requests in the queue, "
            f"connected since {connection['connected_at']}"
        )


def request(options: argparse.Namespace, _: Mapping[str, str]) -> None:
    """Print the status of a request as JSON."""
    query = urllib.parse.urlencode({"request_id": options.id})
    status = Website(options.host).get(f"/websockets/status?{query}")
    print(json.dumps(status, indent=2, ensure_ascii=False))


def _logged_in(options: argparse.Namespace, environ: Mapping[str, str]) -> Website:
    password = environ.get("SPACES_ADMIN_PASSWORD", "")
    if not password:
        raise CommandError("expected the admin's password in SPACES_ADMIN_PASSWORD, found nothing")
    website = Website(options.host)
    website.log_in(options.admin, password)
    return website


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spaces-admin",
        description="Create a space, and look at spaces, connections and requests.",
        epilog="Environment: SPACES_ADMIN_PASSWORD, the password of --admin.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run in (
        ("setup-space", setup_space),
        ("spaces", spaces),
        ("connections", connections),
        ("request", request),
    ):
        help_text = (run.__doc__ or "").strip()
        command = commands.add_parser(name, help=help_text, description=help_text)
        command.set_defaults(run=run)
        if run is spaces:
            command.add_argument("--data", type=Path, default=Path("spaces-data"), metavar="DIR")
            continue
        command.add_argument("--host", default="http://localhost:5001", metavar="URL")
        if run is request:
            command.add_argument("id")
        else:
            command.add_argument("--admin", default="admin", metavar="NAME")
        if run is setup_space:
            command.add_argument("--name", help="default: TestSpace_ and the time")
    return parser
