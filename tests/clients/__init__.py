"""Clients of other people against the mock API: what each reports for each pattern."""
