"""Clients for the tests of the mock API, and the mock API as a process."""
