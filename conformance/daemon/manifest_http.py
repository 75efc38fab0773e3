"""The tables of a manifest for daemons that are reached over HTTP: [client], [files], [setup]."""

from __future__ import annotations

import signal

from conformance.daemon.manifest import Client, Setup, SetupRequest, Stop
from conformance.daemon.manifest_places import RUN_PLACES, check_places, read_path
from conformance.daemon.toml_positions import Document, Table

SIGNALS = sorted(number.name.removeprefix("SIG") for number in signal.Signals)


def read_client(table: Table, base: Client) -> Client:
    """Read [client]; what is not given there is as in `base`."""
    table.allow("scheme", "path", "model", "key", "headers")
    headers = table.mapping("headers") if "headers" in table else dict(base.headers)
    key = table.text("key", base.key)
    check_places(table, "key", [key], RUN_PLACES)
    check_places(table, "headers", headers.values(), RUN_PLACES)
    return Client(
        scheme=table.one_of("scheme", ("http", "https"), base.scheme),
        path=read_path(table, "path", base.path),
        model=table.text("model", base.model),
        key=key,
        headers=headers,
    )


def read_files(table: Table) -> dict[str, str]:
    """Read [files]: the text of each template, whose placeholders must be known.

    A value of several lines is the template itself, another one is the path of its file.
    """
    files = {}
    for name in table.values:
        if "/" in name or name in (".", ".."):
            fix = "the file is written into {state}: give a name without a folder"
            raise table.error(name, f"{name!r} is not a file's name", fix=fix)
        given = table.text(name)
        text, where = given, name
        if "\n" not in given:
            path = table.document.path.parent / given
            where = str(path)
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                fix = "give the path of a template, seen from the manifest's folder"
                raise table.error(name, f"{path} cannot be read: {error}", fix=fix) from None
        for number, line in enumerate(text.splitlines(), 1):
            check_places(table, name, [line], RUN_PLACES, where=f" in line {number} of {where}")
        files[name] = text
    return files


def read_setup(document: Document) -> Setup:
    table = Table(document, "setup")
    table.allow("command", "requests")
    command = table.texts("command")
    check_places(table, "command", command, RUN_PLACES)
    requests = []
    for value in table.tables("requests"):
        value.allow("method", "path", "headers", "body")
        value.require("path", 'path = "/api/channel"')
        headers, body = value.mapping("headers"), value.text("body")
        check_places(value, "body", [body], RUN_PLACES)
        check_places(value, "headers", headers.values(), RUN_PLACES)
        method = value.text("method", "POST")
        requests.append(SetupRequest(method, read_path(value, "path", ""), headers, body))
    return Setup(command=command, requests=tuple(requests))


def read_stop(table: Table) -> Stop:
    """Read [signals]: what asks the daemon to stop gracefully."""
    table.allow("stop", "stop_command")
    if "stop" in table and "stop_command" in table:
        fix = "keep the signal, or the command"
        raise table.error("stop_command", "both stop and stop_command are given", fix=fix)
    command = table.texts("stop_command")
    check_places(table, "stop_command", command, RUN_PLACES)
    return Stop(signal=table.one_of("stop", SIGNALS, "TERM"), command=command)
