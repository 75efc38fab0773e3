"""A customer-support chat over WebSocket: a supervisor, agents with tools, approvals."""

__version__ = "0.1.0"
