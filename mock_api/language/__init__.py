"""The language of patterns: what the mock API answers, as values. Nothing here does I/O."""
