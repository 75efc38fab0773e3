"""The placeholders that a manifest may use, and options that stand in files."""

from __future__ import annotations

import re
from collections.abc import Iterable

from conformance.daemon.manifest import PLACE, PlacedOption
from conformance.daemon.toml_positions import Document, Table, nearest

BUILD_PLACES = ("build", "dir", "python")
RUN_PLACES = (
    "socket",
    "host",
    "port",
    "port_tls",
    "port_admin",
    "state",
    *BUILD_PLACES,
    "api_key",
    "api_base",
    "api_base_plain",
    "api_address",
    "api_address_tls",
    "api_host",
    "api_port",
    "api_socket",
    "ca_file",
    "cert_file",
    "cert_key_file",
)
"""The placeholders that may stand everywhere but in [build], which knows fewer."""


def check_places(
    table: Table, key: str, texts: Iterable[str], valid: tuple[str, ...], *, where: str = ""
) -> None:
    """Raise ManifestError for a placeholder that is not valid. `where` names a line of a file."""
    if valid is RUN_PLACES:
        valid += tuple(f"option_{name}" for name in placed_options(table.document))
    for text in texts:
        for place in PLACE.findall(text):
            if place not in valid:
                known = ", ".join(f"{{{name}}}" for name in valid)
                fix = f"{nearest(place, valid)}{table.name} knows {known}"
                raise table.error(key, f"unknown placeholder {{{place}}}{where}", fix=fix)


def read_path(table: Table, key: str, default: str) -> str:
    """A URL path; the default where the key is absent."""
    path = table.text(key, default)
    if path and not path.startswith("/"):
        raise table.error(key, f"{path!r} is not a path", fix=f'write {key} = "/{path}"')
    return path


def is_placed(table: Table, key: str) -> bool:
    """Whether an option stands in a file, and is not passed as an argument."""
    return isinstance(table.values[key], dict)


def placed_options(document: Document) -> dict[str, PlacedOption]:
    """Read the options that stand in files: `idle = { default = "60s", format = "{s}s" }`."""
    table, placed = Table(document, "options"), {}
    for key in table.values:
        if is_placed(table, key):
            option = Table(document, "options", key)
            option.allow("default", "format")
            option.require("default", 'default = "60s"')
            text = option.text("format", "{}")
            if not re.search(r"\{(|s|ms)\}", text):
                fix = 'write {} for the value, {s} for whole seconds, or {ms}: format = "{s}s"'
                raise option.error("format", f"{text!r} has no place for the value", fix=fix)
            placed[key] = PlacedOption(option.text("default"), text)
    return placed
