"""Types of command-line options that the daemons share."""

from __future__ import annotations

import argparse
import math


def seconds(text: str) -> float:
    """A time above 0; decimals are allowed."""
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"expected seconds above 0, found {text!r}")
    return value


def count(text: str) -> int:
    """A count of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a count of at least 1, found {text!r}")
    return value
