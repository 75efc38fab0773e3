"""The command `llm-gateway [options]`; see README.md."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

from llm_api.redaction import OneLine, redactor

from llm_gateway.config import Config, parse_args
from llm_gateway.server import Server


def main() -> int:
    """Run the gateway; return the exit status."""
    config = parse_args(sys.argv[1:], os.environ)
    keys = (*(route.api.key for route in config.routes), *config.client_keys)
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine(redactor(*keys)))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    addresses = (place for route in config.routes for place in route.api.places)
    return asyncio.run(_serve(config, (*keys, *addresses)))


async def _serve(config: Config, secrets: tuple[str, ...]) -> int:
    try:
        await Server(config, secrets).run()
    except OSError as error:
        logging.error("cannot listen: %s", error)
        return 1
    # A name lookup under way cannot be cancelled, and the interpreter would wait for its thread.
    logging.shutdown()
    os._exit(0)
