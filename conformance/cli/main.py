"""The command's entry: a group whose commands are imported when they are called."""

from __future__ import annotations

from importlib import import_module

import click

import conformance
from conformance.cli.process import usable_streams

COMMANDS = {
    "run": "Judge daemons: names below daemons/, folders or manifests; this folder's without one.",
    "report": "Render a run that was written as JSON in any format, later.",
    "compare": "Compare two runs that were written as JSON; 1 where something got worse.",
    "list": "List the scenarios by category.",
    "explain": "Show what a scenario does, what must hold, and its source.",
    "steady": "Repeat a run and fail where a verdict differs; takes what `run` takes.",
    "load": "Measure how long many concurrent clients of a chat backend wait.",
    "fuzz": "Send random valid streams through daemons and compare their answers.",
    "mock": "Serve the mock API by itself; `conformance mock --help` lists its options.",
}
"""Each command is the `command` of the module of its name."""


class Commands(click.Group):
    """A group that imports only the command that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of this name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"conformance.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write names and descriptions without an import."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(conformance.__version__, prog_name="conformance")
def main() -> None:
    """Judge servers that stream LLM output, from both sides at once."""
    usable_streams()
