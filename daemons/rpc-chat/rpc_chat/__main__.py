"""The command."""

from __future__ import annotations

import asyncio
import logging
import sys

from rpc_chat import options


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
    given = options.parse(sys.argv[1:])
    logging.basicConfig(format="rpc-chat: %(levelname)s: %(message)s")

    # A wrong option is told before anything big is loaded.
    from rpc_chat.engine import Engine  # noqa: PLC0415
    from rpc_chat.server import serve  # noqa: PLC0415

    try:
        engine = Engine(given)
    except OSError as error:
        print(f"rpc-chat: --data {given.data}: {error.strerror}", file=sys.stderr)
        return 2
    return asyncio.run(serve(engine))


if __name__ == "__main__":
    sys.exit(main())
