"""The mock API as a process, its client, and APIs that fail."""
