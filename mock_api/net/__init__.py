"""Sockets: listeners, TLS, connections, and the process that supervises the server."""
