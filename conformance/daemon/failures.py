"""How each step of a daemon's life may fail.

    read the manifest      ManifestError (document.py)
    build                  BuildError
    start the program      SpawnError
    wait until it serves   DiedBeforeReadyError, NeverReadyError, WrongTypeError
    find a served socket   NotServedError

All of them are about a daemon, not about the suite: they cost its own
scenarios and nobody else's. Each message says what was expected, what was
found and what to do; the log's tail is a field of its own.
"""

from __future__ import annotations

from conformance.daemon.child import describe


class DaemonError(Exception):
    """A daemon could not be built, started or found."""

    def __init__(self, message: str, *, log: str = "") -> None:
        self.message = message
        self.log = log
        """The end of what the command or the daemon wrote."""
        tail = "\n".join(f"    | {line}" for line in log.splitlines())
        super().__init__(f"{message}\n{tail}" if tail else message)


class BuildError(DaemonError):
    """The manifest's [build] command failed."""


class StartError(DaemonError):
    """An instance was to be started and does not serve."""


class SpawnError(StartError):
    """The program could not be executed at all."""


class DiedBeforeReadyError(StartError):
    """The process ended before its socket accepted."""

    def __init__(self, who: str, returncode: int, *, log: str) -> None:
        self.returncode = returncode
        hint = (
            "; its command must stay in the foreground"
            if returncode == 0
            else "; its log's end" + (" is below" if log else " is empty")
        )
        super().__init__(f"{who} {describe(returncode)} before its socket accepted{hint}", log=log)


class NeverReadyError(StartError):
    """The process runs, but nothing accepts on its socket."""


class SetupError(StartError):
    """The daemon serves, and cannot be prepared as [setup] says."""


class WrongTypeError(StartError):
    """It listens on another type of socket than its manifest says."""


class NotServedError(DaemonError):
    """Nobody serves the socket that somebody else was to serve."""
