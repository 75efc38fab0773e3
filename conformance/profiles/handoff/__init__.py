"""The profile `handoff`: daemons that receive a client's socket from a web server."""
