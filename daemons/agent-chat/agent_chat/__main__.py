"""The command: options first, so that a wrong one is told before anything big is loaded."""

from __future__ import annotations

import gc
import logging
import sys

from agent_chat import options


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
    given = options.parse(sys.argv[1:])
    logging.basicConfig(format="agent-chat: %(levelname)s: %(message)s")

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
    except OSError as error:
        print(f"agent-chat: --data {given.data}: {error.strerror}", file=sys.stderr)
        return 2
    Server(create_app(service), service).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
