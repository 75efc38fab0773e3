"""Parsers from bytes to values. Nothing here does I/O."""
