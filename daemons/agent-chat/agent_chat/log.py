"""Structured logs on stderr by structlog: lines for people, or JSON for machines.

Records of the libraries (uvicorn, LangGraph) go through the same renderer. Tracebacks
are text without local variables, because these hold keys and the customers' words.
"""

from __future__ import annotations

import logging
import sys
from enum import StrEnum

import structlog
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.typing import Processor

LEVELS = ("debug", "info", "warning", "error")

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)

log: BoundLogger = structlog.wrap_logger(
    logging.getLogger("agent_chat"),
    processors=[structlog.stdlib.filter_by_level, *_SHARED, ProcessorFormatter.wrap_for_formatter],
    wrapper_class=BoundLogger,
)
"""The program's logger: `log.info(event, **fields)`."""


class LogFormat(StrEnum):
    """The form of a log line."""

    CONSOLE = "console"
    JSON = "json"


def configure(form: LogFormat, level: str) -> None:
    """Send the logs of the program and of its libraries to stderr."""
    renderers: list[Processor] = [ProcessorFormatter.remove_processors_meta]
    if form is LogFormat.JSON:
        renderers += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        renderers.append(
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        )
    handler = logging.StreamHandler()
    handler.setFormatter(ProcessorFormatter(foreign_pre_chain=_SHARED, processors=renderers))
    logging.basicConfig(handlers=[handler])
    logging.getLogger("agent_chat").setLevel(level.upper())
