"""Modifiers: each changes the bytes, the framing or the timing of any answer."""
