"""The command `agent-chat`. It reads the options first, so that a wrong one is reported at once."""

from __future__ import annotations

import gc
import os
import sqlite3
import sys

from agent_chat import log, options


def main() -> int:
    """Serve until SIGTERM or SIGINT and return the exit status."""
    given = options.parse(sys.argv[1:])
    log.configure(given.log_format, given.log_level)

    # LangGraph could trace conversations to a service. They go to the model only.
    for name in ("TRACING", "TRACING_V2"):
        os.environ.pop(f"LANGSMITH_{name}", None)
        os.environ.pop(f"LANGCHAIN_{name}", None)

    # The imports create half a million permanent objects. Without the garbage collector, the
    # program starts in two thirds of the time and exits almost at once.
    gc.disable()
    from agent_chat.app import create_app  # noqa: PLC0415
    from agent_chat.database import NewerDatabaseError  # noqa: PLC0415
    from agent_chat.server import Server  # noqa: PLC0415
    from agent_chat.service import Service  # noqa: PLC0415

    gc.freeze()
    gc.enable()

    try:
        service = Service(given)
    except (OSError, sqlite3.Error, NewerDatabaseError) as error:
        print(f"agent-chat: --data {given.data} cannot be used: {error}", file=sys.stderr)
        return 2
    Server(create_app(service), service).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
