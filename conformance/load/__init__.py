"""Load tests: many concurrent clients of a server, and how long each one waits.

The verdict is only whether every client was served. Waiting times are reported without
a verdict.
"""
