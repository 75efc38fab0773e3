"""The command: options first, so that a wrong one is told before anything big is loaded."""

from __future__ import annotations

import gc
import logging
import os
import sqlite3
import sys

from agent_chat import options


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
    given = options.parse(sys.argv[1:])
    logging.basicConfig(format="agent-chat: %(levelname)s: %(message)s")

    # Conversations go to the model and nowhere else: LangGraph would trace them to a service.
    for name in ("TRACING", "TRACING_V2"):
        os.environ.pop(f"LANGSMITH_{name}", None)
        os.environ.pop(f"LANGCHAIN_{name}", None)

    # Importing makes half a million objects that live for ever. Not looking at them again and
    # again saves a third of the time to start, and nearly all of the time to exit.
    gc.disable()
    from agent_chat.app import create_app  # noqa: PLC0415
    from agent_chat.server import Server  # noqa: PLC0415
    from agent_chat.service import Service  # noqa: PLC0415

    gc.freeze()
    gc.enable()

    try:
        service = Service(given)
    except (OSError, sqlite3.Error) as error:
        print(f"agent-chat: --data {given.data} cannot be used: {error}", file=sys.stderr)
        return 2
    Server(create_app(service), service).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
