"""Conformance suite for servers that stream LLM output."""

__version__ = "0.1.0"
