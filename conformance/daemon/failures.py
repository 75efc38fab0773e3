"""The errors of each step of a daemon's life.

    read the manifest      ManifestError (toml_positions.py)
    build                  BuildError
    start the program      SpawnError
    wait until it serves   DiedBeforeReadyError, NeverReadyError, WrongTypeError
    find a served socket   NotServedError
    probe what is served   WiringError

All of them are about one daemon: its scenarios are not judged, and other daemons are
not touched. Each message says what was expected, what was found and what to do. The
end of the log is a field of its own.
"""

from __future__ import annotations

from conformance.daemon.child import describe


class DaemonError(Exception):
    """A daemon could not be built, started or found."""

    def __init__(self, message: str, *, log: str = "") -> None:
        self.message = message
        self.log = log
        """The end of the command's or the daemon's output."""
        tail = "\n".join(f"    | {line}" for line in log.splitlines())
        super().__init__(f"{message}\n{tail}" if tail else message)


class BuildError(DaemonError):
    """The manifest's [build] command failed."""


class StartError(DaemonError):
    """An instance was started and does not serve."""


class SpawnError(StartError):
    """The program could not be executed."""


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
    """The process runs, but does not accept on its socket."""


class NotPreparedError(StartError):
    """The daemon serves, and cannot be prepared as [setup] says."""


class WrongTypeError(StartError):
    """The daemon listens on another type of socket than its manifest says."""


class NotServedError(DaemonError):
    """A socket or URL that should be served already is not served."""


class WiringError(DaemonError):
    """A daemon is served already, and cannot be judged as it is wired: its key, model or API."""
