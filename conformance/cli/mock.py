"""`conformance mock`: the mock API by itself."""

from __future__ import annotations

import sys

import click

from mock_api.__main__ import main as serve


@click.command(
    "mock",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Serve the mock API by itself; `conformance mock --help` lists its options."""
    sys.exit(serve(list(arguments)))
