"""The command `rpc-chat`."""

from __future__ import annotations

import asyncio
import logging
import sys

from rpc_chat import options
from rpc_chat.redaction import RedactingFormatter, Redaction


def main() -> int:
    """Serve until SIGTERM or SIGINT and return the exit status."""
    given = options.parse(sys.argv[1:])

    # Imported late, so that a wrong option is reported at once.
    from rpc_chat.engine import Engine  # noqa: PLC0415
    from rpc_chat.server import serve  # noqa: PLC0415

    try:
        engine = Engine(given)
    except OSError as error:
        print(f"rpc-chat: --data {given.data}: {error.strerror}", file=sys.stderr)
        return 2
    _log_to_stderr(given.log_level, engine.model.redaction)
    return asyncio.run(serve(engine))


def _log_to_stderr(level: str, redact: Redaction) -> None:
    handler = logging.StreamHandler()
    layout = "rpc-chat: %(levelname)s: %(message)s"
    handler.setFormatter(RedactingFormatter(layout, redact))
    logging.basicConfig(handlers=[handler])
    # Only the engine's own logger: the client library logs request headers.
    logging.getLogger("rpc_chat").setLevel(level.upper())


if __name__ == "__main__":
    sys.exit(main())
