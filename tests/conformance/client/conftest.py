"""Puts the miniature daemon, which the tests here share, within their reach."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
